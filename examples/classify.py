"""Classify texts: fit, read the score beside a linear bag of n-grams, ask for labels and probabilities, save, load."""

import sys
from itertools import permutations
from pathlib import Path
from tempfile import mkdtemp

import elman

GOOD, BAD = ["lovely", "quiet", "spotless", "fresh"], ["dirty", "noisy", "rude", "stale"]


def main(steps: int = 100) -> None:
    rows = [
        (f"The {a} was {p} and the {b} {q}.", ("negative", "neutral", "positive")[(p in GOOD) + (q in GOOD)])
        for a, b in permutations(["room", "staff", "pool", "food"], 2)
        for p, q in permutations(GOOD + BAD, 2)
    ]
    model = elman.Classifier(steps=steps, hidden=32, test_share=0.2).fit(*zip(*rows, strict=True))
    print(model.evaluate())  # this model beside the commonest label and the n-grams, with a verdict

    asked = ["The pool was rude and the staff noisy.", "The view was lovely and the bed stale."]
    print(model.classes_, model.predict(asked), model.predict_proba(asked).round(2), sep="\n")
    path = model.save(Path(mkdtemp()) / "mood.elman")  # its report.html shades the words that were looked at
    assert (elman.load(path).predict(asked) == model.predict(asked)).all()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
