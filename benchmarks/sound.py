"""Sounds on stated protocols, beside their baselines and the same in plain torch.

    python benchmarks/sound.py [--only digits] [--seeds 3] [--no-plain] [--minutes-scale 1.0] [--out FILE]

Needs the data folder beside the project (../shared/data); says so where it is absent. benchmarks/results/seq2seq.json
is brought up to date workload by workload.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from machine import DATA, RESULTS
from plain_sound import Part, plain_sounds
from plain_transcribe import plain_transcriber
from sound_strings import make, prompts
from workload import Run, Workload, run

import elman
from elman.data.sequences import Sequences
from elman.train.pace import threads

DIGITS = DATA / "sound" / "digits"


def part(*folders: str) -> Part:
    """The files of the spoken digits in these parts, and the digit of each."""
    files = sorted(file for folder in folders for file in (DIGITS / folder).glob("*/*.wav"))
    return list(map(str, files)), [file.parent.name for file in files]


def split(every: Part, speaker: str) -> tuple[Part, Part]:
    """The files of all other speakers, and those of one."""
    sides: tuple[Part, Part] = ([], []), ([], [])
    for file, label in zip(*every, strict=True):
        side = sides[Path(file).name.startswith(f"{speaker}_")]
        side[0].append(file)
        side[1].append(label)
    return sides


def official(seeds: int) -> Iterator[tuple[int, str, Part, Part]]:
    for seed in range(seeds):
        yield seed, "", part("train"), part("test")


def speakers(seeds: int) -> Iterator[tuple[int, str, Part, Part]]:
    every = part("train", "test")
    for speaker in sorted({Path(file).name.partition("_")[0] for file in every[0]}):
        yield 0, speaker, *split(every, speaker)


def commands(
    parts: Callable[[int], Iterator[tuple[int, str, Part, Part]]],
) -> Callable[[int, float, bool], Iterator[Run]]:
    def runs(seeds: int, minutes: float, plain: bool) -> Iterator[Run]:
        for seed, name, train, test in parts(seeds):
            model = elman.Classifier(minutes=minutes, seed=seed).fit(*train, test=test)
            judged = model.evaluate()
            data = model.unlabelled(test[0])
            guess = model.all_outputs(Sequences(model.encoded(data.x))).argmax(1)
            found: Run = {
                "metrics": judged.metrics,
                "baselines": judged.baselines,
                "minutes": model.seconds_ / 60,
                "alone": float((model.classes_[guess] == test[1]).mean()),
                "notes": [
                    *([f"{name} is left out"] if name else []),
                    f"{model.config_.hidden} units, {model.config_.members} members",
                    *model.notes_,
                    judged.verdict,
                ],
            }
            if plain:
                with threads(torch.get_num_threads()):
                    found["plain"] = plain_sounds(train, test, minutes=minutes, seed=seed)
            yield found

    return runs


def transcripts(
    manifests: Callable[[Path], tuple[Path, Path]], **settings: Any
) -> Callable[[int, float, bool], Iterator[Run]]:
    def runs(seeds: int, minutes: float, plain: bool) -> Iterator[Run]:
        with tempfile.TemporaryDirectory() as folder:
            train, test = manifests(Path(folder))
            for seed in range(seeds):
                model = elman.Transcriber(sound="file", text="text", minutes=minutes, seed=seed, **settings)
                judged = model.fit(train, test=test).evaluate()
                found: Run = {
                    "metrics": judged.metrics,
                    "baselines": judged.baselines,
                    "minutes": model.seconds_ / 60,
                    "notes": [f"{model.config_.hidden} units", *model.notes_, judged.verdict],
                }
                if plain:
                    attends, lower = settings.get("by") == "attention", settings.get("lower", False)
                    with threads(torch.get_num_threads()):
                        found["plain"] = plain_transcriber(
                            train, test, attends=attends, minutes=minutes, seed=seed, lower=lower
                        )
                yield found

    return runs


CONNECTED = (
    "strings of 3 to 7 spoken digits of one speaker, with gaps of 50 to 200 ms: 5,000 joined from the training takes, "
    "500 from the test takes"
)

WORKLOADS = {
    "digits": Workload(
        "spoken digits of 6 speakers, 8 kHz: the official training and test parts, which share the speakers",
        commands(official),
        "accuracy",
        0.995,
        minutes=3,
    ),
    "digits_speakers": Workload(
        "spoken digits: each of the 6 speakers left out in turn, whose 500 files judge; the notes are the first's",
        commands(speakers),
        "accuracy",
        0.88,
        minutes=3,
        repeats="speakers",
    ),
    "connected": Workload(
        f"{CONNECTED}; by ctc, beam 5",
        transcripts(lambda folder: make(folder, "connected")),
        "wer",
        0.03,
        minutes=15,
        seeds=1,
    ),
    "connected_attention": Workload(
        f"{CONNECTED}; by attention, beam 5",
        transcripts(lambda folder: make(folder, "connected"), by="attention", join=2, target_level="word"),
        "wer",
        0.05,
        minutes=15,
        seeds=1,
    ),
    "numerals": Workload(
        "speech translation: strings of 1 to 4 spoken digits to the Chinese numeral, 5,000 of the training takes, 500 "
        "of the test takes; by attention, beam 5",
        transcripts(lambda folder: make(folder, "numerals"), by="attention", join=2),
        "exact",
        0.9,
        minutes=15,
        seeds=1,
    ),
    "prompts": Workload(
        "540 telephone prompts of one voice, 8 kHz, a tenth held out by the hash of the name; small letters, by ctc, "
        "beam 5",
        transcripts(prompts, lower=True, batch_size=16, mask=0.15, dropout=0.4, layers=3, epochs=200),
        "cer",
        0.25,
        minutes=30,
        seeds=1,
    ),
}


if __name__ == "__main__":
    if not DIGITS.is_dir():
        sys.exit(f"{DIGITS} is absent: this benchmark needs the sounds that README names")
    run(__doc__, WORKLOADS, RESULTS / "seq2seq.json")
