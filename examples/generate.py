"""Write text: learn Python's own help pages by character, then go on from a prompt as the characters are drawn."""

import sys
from pydoc_data.topics import topics

import elman


def main(minutes: float = 1.0) -> None:
    text = "\n".join(topics.values())[:200_000]
    model = elman.Generator(minutes=minutes).fit(text)
    print(model.evaluate())  # nats, bits per character and perplexity, beside models that only count

    prompt = "The class "
    print(prompt, end="")
    for piece in model.stream(prompt, length=300, temperature=0.7, seed=1):
        print(piece, end="", flush=True)
    print()


if __name__ == "__main__":
    main(*map(float, sys.argv[1:2]))
