"""A voice learnt from espeak-ng: does its attention focus, and is it understood by a transcriber that heard the same?

    python benchmarks/speak.py [--only speak] [--seeds 1] [--minutes-scale 1.0] [--out FILE]

Needs espeak-ng on the PATH. benchmarks/results/seq2seq.json is brought up to date workload by workload.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import speech_data
from machine import RESULTS
from workload import Run, Workload, run

import elman
from elman.cli.sounds import write_sounds

MINUTES = 30.0
LISTENING = 0.5  # of those minutes, for the transcriber


def spoken(seed: int, minutes: float) -> Run:
    """Fitted on 1,200 sentences; 50 others are spoken, and heard by a transcriber of the same 1,200 recordings."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train, test = speech_data.make(folder, 1250, 50)
        voice = elman.Speaker(text="text", sound="file", minutes=minutes, seed=seed).fit(train, test=test)
        write_sounds(voice, test, folder / "spoken", False, False)
        ear = elman.Transcriber(sound="file", text="text", minutes=LISTENING * minutes, test_share=0.0, seed=seed)
        ear.fit(train)
        judged = voice.evaluate()
        heard, own = (ear.evaluate(file).metrics["wer"] for file in (folder / "spoken" / "manifest.tsv", test))
    return {
        "metrics": judged.metrics | {"words_understood": 1 - heard, "words_understood_of_recordings": 1 - own},
        "baselines": judged.baselines,
        "minutes": voice.seconds_ / 60,
        "notes": [f"{voice.config_.hidden} units", *voice.notes_, judged.verdict, *ear.notes_],
    }


def runs(seeds: int, minutes: float, plain: bool) -> Iterator[Run]:
    for seed in range(seeds):
        yield spoken(seed, minutes)


PROTOCOL = (
    "espeak-ng, voice en, 16 kHz, 1,200 sentences of a small grammar (speech_data.py), 50 others held out; {}; the "
    "transcriber learns from the same 1,200 recordings in half the time"
)
FOCUS = PROTOCOL.format("focused is the share of held-out sentences with an attention focus of 0.7 at least")
WORDS = PROTOCOL.format("words_understood is 1 - the transcriber's word error rate on what was spoken")
WORKLOADS = {
    "speak": Workload(FOCUS, runs, "focused", 0.9, MINUTES, seeds=1),
    "speak_understood": Workload(WORDS, runs, "words_understood", 0.8, MINUTES, seeds=1),
}

if __name__ == "__main__":
    if which("espeak-ng") is None:
        sys.exit("espeak-ng is not on the PATH: install the Debian package espeak-ng")
    run(__doc__, WORKLOADS, RESULTS / "seq2seq.json")
