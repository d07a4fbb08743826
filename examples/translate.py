"""Translate: fit on pairs, read the score, ask for alternatives, look at what was attended to, save, load."""

import sys
from pathlib import Path
from tempfile import mkdtemp

import elman

DIGITS = "零一二三四五六七八九"


def chinese(number: int) -> str:
    """A number of three digits, none of them 0, as it is said: 314 is 三百一十四."""
    return "".join(DIGITS[int(digit)] + unit for digit, unit in zip(str(number), ["百", "十", ""], strict=True))


def main(steps: int = 300) -> None:
    numbers = [n for n in range(100, 1000) if "0" not in str(n)]
    pairs = {"digits": [str(n) for n in numbers], "chinese": [chinese(n) for n in numbers]}
    model = elman.Translator(source="digits", target="chinese", steps=steps, hidden=64, source_level="char").fit(pairs)
    print(model.evaluate())  # BLEU and chrF beside the source itself and the most similar known number

    print(model.predict(["314", "271"]), model.predict("999", best=3), sep="\n")
    ((best, *_),) = model.ranked(["314"])
    print(best.symbols, best.attention.argmax(1).tolist())  # each written symbol, and the digit that it looked at
    path = model.save(Path(mkdtemp()) / "numbers.elman")  # its report.html draws the attention
    assert elman.load(path).predict(["314"]) == model.predict(["314"])


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
