"""What is said of a speaker: its evaluation beside a sound without a change, and the pages of a report that show it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elman.errors import InputError
from elman.evaluate.alignment import alignment
from elman.evaluate.evaluation import Evaluation
from elman.evaluate.report import Cell, Figure, Item, Section, Sound, Table
from elman.evaluate.speech.metrics import cepstral_distance, focus
from elman.evaluate.verdict import paired_interval, verdict
from elman.evaluate.wording import Given, cut

Array = NDArray[np.float64]

FOCUSED = 0.7  # the focus from which an attention reads one symbol at a time
SHOWN = 4  # sounds with their alignments
LISTED = 20  # texts in the table


@dataclass(frozen=True)
class Trial:
    """One text as it was spoken: its frames (T, bands) and those of the recording (T', bands), both log magnitudes.

    ``weights`` (U, S) is the attention of its steps, ``symbols`` (S,) what it attended to, ``seconds`` its length, and
    ``mel_l1`` the mean absolute error of the frames that follow the recording's own.
    """

    text: str
    frames: ArrayLike
    truth: ArrayLike
    weights: ArrayLike
    symbols: Sequence[str]
    seconds: float
    stopped: bool
    mel_l1: float


def judge(
    trials: Sequence[Trial], still: ArrayLike, *, notes: tuple[str, ...] = (), began: float | None = None
) -> Evaluation:
    """Judge what was spoken by its mel-cepstral distance (mcd, in dB) from the recordings.

    It is read beside ``still`` (bands,), the mean frame of the training part, for as long as each recording lasts.
    focused is the share of texts with a focus of 0.7 at least, stopped the share that came to an end, length_ratio the
    mean of their frames to the recordings'. Raises InputError without trials.
    """
    began = time.perf_counter() if began is None else began
    if not trials:
        raise InputError("there is nothing to judge: give at least one recording with its text")
    own = np.array([cepstral_distance(trial.frames, trial.truth) for trial in trials])
    silent = np.asarray(still, np.float64)[None]
    other = np.array([cepstral_distance(silent, trial.truth) for trial in trials])
    focuses = np.array([focus(trial.weights) for trial in trials])
    metrics = {
        "mcd": float(own.mean()),
        "mel_l1": float(np.mean([trial.mel_l1 for trial in trials])),
        "focus": float(focuses.mean()),
        "focused": float((focuses >= FOCUSED).mean()),
        "stopped": float(np.mean([trial.stopped for trial in trials])),
        "length_ratio": float(np.mean([len(np.asarray(t.frames)) / len(np.asarray(t.truth)) for t in trials])),
    }
    flat = float(np.mean([np.abs(np.asarray(trial.truth) - silent).mean() for trial in trials]))
    baselines = {"mean_frame": {"mcd": float(other.mean()), "mel_l1": flat, "length_ratio": 1.0}}
    said = verdict(
        metrics, {"the mean frame": baselines["mean_frame"]}, by="mcd", interval=paired_interval(own, other, 1)
    )
    took = time.perf_counter() - began
    return Evaluation("speak", metrics, baselines, said.skill, said.sentence, said.good, len(trials), took, notes)


def sections(
    evaluation: Evaluation, trials: Sequence[Trial], sounds: Sequence[tuple[ArrayLike, ArrayLike]], rate: int
) -> tuple[Section, ...]:
    """Sections: the score, sounds to hear with their alignments, the texts one by one.

    ``sounds``, of the first trials, are pairs of waves (N,) at ``rate``: what was made and the recording.
    """
    heard: list[Item] = []
    for trial, (made, recorded) in zip(trials, sounds, strict=False):
        heard += [Sound(made, rate, f"{cut(trial.text)}: the model"), Sound(recorded, rate, "the recording")]
    figures = [Figure(_plot(trial), Given(cut(trial.text))) for trial in trials[: len(sounds)]]
    every = max(1, len(trials) // LISTED)
    rows: list[list[Cell]] = [
        [
            cut(trial.text),
            cepstral_distance(trial.frames, trial.truth),
            focus(trial.weights),
            trial.stopped,
            len(np.asarray(trial.frames)) / len(np.asarray(trial.truth)),
        ]
        for trial in trials[::every][:LISTED]
    ]
    return (
        evaluation.score_page(
            f"{evaluation.rows:,} texts that training has not seen. mcd is the mel-cepstral distance in dB after both "
            "sounds were aligned; focus the mean of the largest attention weight of a step; mel_l1 the error of a "
            "frame that follows the recording's own, in logarithms of magnitude."
        ),
        Section("To hear", "What the model makes of a text, beside the recording of it.", heard),
        Section("Alignment", "A line that falls evenly is a text read from its beginning to its end.", figures),
        Section(
            "Texts",
            "Evenly spaced over the judged part.",
            [Table(["text", "mcd", "focus", "stopped", "length ratio"], rows)],
        ),
        *evaluation.data_page(),
    )


def _plot(trial: Trial) -> str:
    weights = np.asarray(trial.weights).T
    return alignment(weights, trial.symbols, along=trial.seconds, label="seconds").svg
