"""A mood after each word, a state that goes on elsewhere, a thousand streams in a call: python examples/stream.py"""

from __future__ import annotations

import elman
from elman.deploy.stream import Streams

TEXTS = [
    "a good film",
    "a bad film",
    "the plot was good",
    "the plot was bad",
    "good and very fine",
    "poor and bad",
] * 20
MOODS = ["good", "bad", "good", "bad", "good", "bad"] * 20


def main(steps: int = 300) -> None:
    # causal: no answer depends on what comes later.
    model = elman.Classifier(causal=True, hidden=32, steps=steps).fit(TEXTS, MOODS)

    stream = elman.stream(model)
    for word in ["the", "film", "was", "very", "good"]:
        answer = stream.step(word)
        print(f"{word:6} {answer['label']:5} {max(answer['probabilities'].values()):.2f}")

    # What was read fits in a file, and any process that has the model goes on from it.
    state = stream.dumps()
    print(f"the state has {len(state):,} bytes")
    elsewhere = elman.stream(model, state)
    assert elsewhere.step("indeed") == stream.step("indeed")

    # Each stream of a thousand gets the same bits as alone.
    streams = Streams(model, most=1000)
    opened = [streams.open() for _ in range(1000)]
    answers = streams.step_many(opened, ["good" if at % 2 else "bad" for at in range(1000)])
    print({answer["label"] for answer in answers[1::2]}, {answer["label"] for answer in answers[::2]})


if __name__ == "__main__":
    main()
