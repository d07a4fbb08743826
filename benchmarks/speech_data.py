"""Sentences of a small grammar, spoken by espeak-ng: a voice that any machine can make again.

    python benchmarks/speech_data.py FOLDER [--count 1250] [--held-out 50]

Writes FOLDER/wav/*.wav at 16 kHz, and the manifests train.tsv and test.tsv with the columns file and text. No text is
in both. Needs espeak-ng on the PATH (Debian package espeak-ng).
"""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path
from random import Random

import soundfile
import soxr

RATE = 16_000


def words(text: str) -> list[str]:
    return text.split()


UNITS = words("zero one two three four five six seven eight nine")
TEENS = words("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen")
TENS = words("twenty thirty forty fifty sixty seventy eighty ninety")
ORDINALS = words("first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth")
MONTHS = words("january february march april may june july august september october november december")
DAYS = words("monday tuesday wednesday thursday friday saturday sunday")
TIMES = words("morning afternoon evening")
CITIES = words("london paris berlin madrid vienna dublin oslo lisbon prague warsaw")
PEOPLE = words("anna peter maria thomas susan david laura robert helen george")
THINGS = [*words("message password ticket address order name extension"), "account number", "phone number"]
ROOMS = words("kitchen garden bedroom office garage hallway bathroom library")
DEVICES = words("light heating radio window door alarm fan camera")
VERBS = words("enter change confirm repeat delete save record check")
FOODS = words("bread cheese coffee apples rice soup salad butter fish tea")
WEATHER = words("sunny cloudy rainy windy foggy cold warm dry")


def in_words(value: int) -> str:
    """A whole number below a thousand."""
    if value < 20:
        return [*UNITS, *TEENS][value]
    if value < 100:
        return TENS[value // 10 - 2] + (f" {UNITS[value % 10]}" if value % 10 else "")
    rest = f" and {in_words(value % 100)}" if value % 100 else ""
    return f"{UNITS[value // 100]} hundred{rest}"


def sentence(draw: Random) -> str:
    one, below = draw.choice, draw.randrange
    return one(
        [
            lambda: " ".join(one(UNITS) for _ in range(below(3, 7))),
            lambda: f"the {one(['answer', 'code', 'result', 'total'])} is {in_words(below(one([10, 100, 1000])))}",
            lambda: f"please {one(VERBS)} your {one(THINGS)}",
            lambda: f"press {one(UNITS)} to {one(VERBS)} your {one(THINGS)}",
            lambda: f"you have {in_words(below(2, 100))} new messages",
            lambda: f"turn {one(['on', 'off'])} the {one(DEVICES)} in the {one(ROOMS)}",
            lambda: f"the train to {one(CITIES)} leaves at {in_words(below(1, 13))} {one(TENS[:4])}",
            lambda: f"call {one(PEOPLE)} on {one(DAYS)} {one(TIMES)}",
            lambda: f"today is {one(DAYS)} the {one(ORDINALS)} of {one(MONTHS)}",
            lambda: f"it is {one(WEATHER)} and {one(WEATHER)} in {one(CITIES)}",
            lambda: f"{one(PEOPLE)} wants {one(FOODS)} and {one(FOODS)}",
            lambda: f"is the {one(DEVICES)} in the {one(ROOMS)} open or closed",
        ]
    )()


def sentences(count: int, seed: int = 0) -> list[str]:
    """So many different sentences, always the same ones."""
    draw = Random(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        found[sentence(draw)] = None
    return list(found)


def speak(text: str, path: Path) -> None:
    subprocess.run(["espeak-ng", "-v", "en", "-w", str(path), text], check=True)
    wave, rate = soundfile.read(path, dtype="float32")
    soundfile.write(path, soxr.resample(wave, rate, RATE), RATE)


def make(folder: Path, count: int = 1250, held_out: int = 50, seed: int = 0) -> tuple[Path, Path]:
    """The manifests to learn from and to be judged by."""
    (folder / "wav").mkdir(parents=True, exist_ok=True)
    lines = []
    for at, text in enumerate(sentences(count, seed)):
        path = folder / "wav" / f"{at:05}.wav"
        speak(text, path)
        lines.append(f"wav/{path.name}\t{text}\n")
    train, test = folder / "train.tsv", folder / "test.tsv"
    train.write_text("file\ttext\n" + "".join(lines[held_out:]))
    test.write_text("file\ttext\n" + "".join(lines[:held_out]))
    return train, test


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=1250)
    parser.add_argument("--held-out", type=int, default=50)
    arguments = parser.parse_args()
    for path in make(arguments.folder, arguments.count, arguments.held_out):
        print(path)


if __name__ == "__main__":
    main()
