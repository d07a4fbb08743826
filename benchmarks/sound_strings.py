"""Strings of spoken digits joined from single takes, and prompts: folders of sound with manifests to learn from.

    python benchmarks/sound_strings.py FOLDER      writes connected/ and numerals/, each with train.tsv and test.tsv

A string has the takes of one speaker, with 50 to 200 ms between them that are filled with the noise of the takes' own
quietest moments. The takes of the test strings are those of the official test part.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from random import Random

import numpy as np
import soundfile
from machine import DATA
from numpy.typing import NDArray

from elman.data.table import read_table

DIGITS, PROMPTS = DATA / "sound" / "digits", DATA / "sound" / "prompts"
RATE = 8000
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
NUMERALS = "零一二三四五六七八九"
GAPS = 0.05, 0.2  # seconds between digits

Wave = NDArray[np.float32]
Takes = dict[str, dict[int, list[Wave]]]  # speaker -> digit -> takes


def takes(part: str) -> Takes:
    found: Takes = {}
    for path in sorted((DIGITS / part).rglob("*.wav")):
        wave, rate = soundfile.read(path, dtype="float32")
        assert rate == RATE, path
        speaker = path.stem.split("_")[0]
        found.setdefault(speaker, {}).setdefault(int(path.parent.name), []).append(wave)
    return found


def joined(waves: list[Wave], draw: Random) -> Wave:
    """One after the other, with gaps of noise as loud as the quietest tenth of the 10 ms pieces of the takes."""
    pieces = np.concatenate([wave[: len(wave) // 80 * 80].reshape(-1, 80) for wave in waves])
    quiet = float(np.quantile(pieces.std(axis=1), 0.1))
    noise = np.random.default_rng(draw.randrange(2**32))
    parts = [waves[0]]
    for wave in waves[1:]:
        gap = round(draw.uniform(*GAPS) * RATE)
        parts += [(quiet * noise.standard_normal(gap)).astype(np.float32), wave]
    return np.concatenate(parts)


def numeral(value: int) -> str:
    """A whole number below 10,000 as it is read in Chinese: 三百一十四, 十二, 一千零五."""
    if value == 0:
        return NUMERALS[0]
    text, gap = "", False
    for place, unit in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = value // place % 10
        if not digit:
            gap = bool(text)
            continue
        text += (NUMERALS[0] if gap else "") + NUMERALS[digit] + unit
        gap = False
    return text.removeprefix("一") if 10 <= value < 20 else text


def digit_words(draw: Random) -> tuple[list[int], str]:
    """3 to 7 digits, and their names."""
    digits = [draw.randrange(10) for _ in range(draw.randint(3, 7))]
    return digits, " ".join(WORDS[digit] for digit in digits)


def numbers(draw: Random) -> tuple[list[int], str]:
    """1 to 4 digits that do not begin with 0 unless there is but one, and the Chinese numeral."""
    count = draw.randint(1, 4)
    value = draw.randrange(10 ** (count - 1) if count > 1 else 0, 10**count)
    return [int(digit) for digit in str(value)], numeral(value)


def make(folder: Path, kind: str, train: int = 5000, test: int = 500) -> tuple[Path, Path]:
    """The manifests, columns file and text, of strings of a ``kind``, connected or numerals; always the same ones."""
    content = {"connected": digit_words, "numerals": numbers}[kind]
    manifests = []
    for part, count in (("train", train), ("test", test)):
        draw, known = Random(f"{kind} {part}"), takes(part)
        home = folder / kind / part
        home.mkdir(parents=True, exist_ok=True)
        lines = ["file\ttext\n"]
        for at in range(count):
            digits, text = content(draw)
            speaker = draw.choice(sorted(known))
            wave = joined([draw.choice(known[speaker][digit]) for digit in digits], draw)
            soundfile.write(home / f"{at:05}.wav", wave, RATE)
            lines.append(f"{part}/{at:05}.wav\t{text}\n")
        manifests.append(folder / kind / f"{part}.tsv")
        manifests[-1].write_text("".join(lines), encoding="utf-8")
    return manifests[0], manifests[1]


def prompts(folder: Path) -> tuple[Path, Path]:
    """Manifests of the prompts: a tenth of them, by the hash of their names, is to be judged by."""
    table = read_table(PROMPTS / "transcripts.tsv")
    parts: dict[str, list[str]] = {"train": [], "test": []}
    for name, text in zip(table["file"].to_list(), table["text"].to_list(), strict=True):
        held = int(hashlib.sha256(name.encode()).hexdigest(), 16) % 10 == 0
        parts["test" if held else "train"].append(f"{PROMPTS / name}\t{text}\n")
    folder.mkdir(parents=True, exist_ok=True)
    for part, lines in parts.items():
        (folder / f"{part}.tsv").write_text("file\ttext\n" + "".join(lines), encoding="utf-8")
    return folder / "train.tsv", folder / "test.tsv"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    for path in (*make(folder, "connected"), *make(folder, "numerals"), *prompts(folder / "prompts")):
        print(path)


if __name__ == "__main__":
    main()
