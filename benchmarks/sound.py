"""Sounds on stated protocols, beside their baselines and the same in plain torch.

    python benchmarks/sound.py [--only digits] [--seeds 3] [--no-plain] [--minutes-scale 1.0] [--out FILE]

Needs the data folder beside the project (../shared/data); says so where it is absent. benchmarks/results/seq2seq.json
is brought up to date workload by workload.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from machine import DATA, RESULTS
from plain_sound import Part, plain_sounds
from workload import Run, Workload, run

import elman
from elman.data.sequences import Sequences
from elman.train.loop import threads

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


WORKLOADS = {
    "digits": Workload(
        "spoken digits of 6 speakers, 8 kHz: the official training and test parts, which share the speakers",
        commands(official),
        "accuracy",
        0.995,
        minutes=3,
    ),
    "digits_speakers": Workload(
        "spoken digits: each of the 6 speakers left out in turn, all 500 files of whom judge; the notes are the first's",
        commands(speakers),
        "accuracy",
        0.88,
        minutes=3,
        repeats="speakers",
    ),
}


if __name__ == "__main__":
    if not DIGITS.is_dir():
        sys.exit(f"{DIGITS} is absent: this benchmark needs the sounds that README names")
    run(__doc__, WORKLOADS, RESULTS / "seq2seq.json")
