"""An exported model without elman and without torch: ONNX Runtime, NumPy, and the JSON file that lies beside it.

    elman export mood.elman mood.onnx
    python onnx_alone.py mood.onnx "The pool was rude and the staff noisy."

It answers for classifiers and regressors of texts, taggers, generators (levels char and word), and forecasters.
"""

import json
import re
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnxruntime


def tokens_of(text, told, longest=None):
    """A text as the network reads it: numbers of the vocabulary, and of the n-grams where words are spelled."""
    spelling, unknown = told.get("spelling"), told["unknown"]
    lower = str.lower if told["lower"] else str
    text = text if spelling else lower(text)
    level = told["level"]
    words = list(text) if level == "char" else text.split() if level == "given" else re.findall(told["pattern"], text)
    words = words[:longest] or [""]
    places = {symbol: at for at, symbol in enumerate(told["symbols"]) if at > unknown}
    feeds = {"tokens": np.array([[places.get(lower(word), unknown) for word in words]])}
    if spelling:
        grams = {gram: at for at, gram in enumerate(spelling["grams"], 1)}
        bags = [[grams[gram] for gram in pieces(word, spelling) if gram in grams] for word in words]
        most = max(1, *map(len, bags))
        feeds["grams"] = np.array([[bag + [0] * (most - len(bag)) for bag in bags]])
    return words, feeds


def pieces(word, spelling):
    framed = f"<{word.lower()}>"[: spelling["letters"]] if word else ""
    sizes = range(spelling["shortest"], spelling["longest"] + 1)
    found = {framed[at : at + size] for size in sizes for at in range(len(framed) - size + 1)}
    return found | ({spelling["capital"]} if word[:1] != word[:1].lower() else set())


def ngrams_of(text, told):
    """The n-grams that a linear model reads beside the network: their places in its columns, and how many there are."""
    text = text[: told["longest"]].lower()
    if told["characters"]:
        text = re.sub(r"\s\s+", " ", text)
        found = [text[at : at + size] for size in (1, 2, 3) for at in range(len(text) - size + 1)]
    else:
        words = re.findall(told["pattern"], text)
        found = words + [" ".join(pair) for pair in pairwise(words)]
    places = {slot: at for at, slot in enumerate(told["columns"])}
    counts = Counter(places.get(abs(murmur3(gram.encode())) % told["slots"]) for gram in found)
    counts.pop(None, None)
    return {"ngrams": np.array([[*counts] or [0]]), "counts": np.array([[*counts.values()] or [0]], np.float32)}


def murmur3(data):
    """MurmurHash3 of 32 bits, signed."""

    def turned(x, by):
        return (x << by | x >> 32 - by) & 0xFFFFFFFF

    h = 0
    for at in range(0, len(data), 4):
        four = data[at : at + 4]
        h ^= turned(int.from_bytes(four, "little") * 0xCC9E2D51 & 0xFFFFFFFF, 15) * 0x1B873593 & 0xFFFFFFFF
        h = turned(h, 13) * 5 + 0xE6546B64 & 0xFFFFFFFF if len(four) == 4 else h
    h ^= len(data)
    h = (h ^ h >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    h = (h ^ h >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    h ^= h >> 16
    return h - (h >> 31 << 32)


def written(session, told, prompt, length):
    """What follows the prompt, the likeliest symbol each time: the states that a call gives go into the next one."""
    empty = {one.name: [1 if size == "batch" else size for size in one.shape] for one in session.get_inputs()[1:]}
    state = {name: np.zeros(shape, np.float32) for name, shape in empty.items()}
    feeds = tokens_of(prompt or "\n", told["text"])[1]
    for _ in range(length):
        logits, *after = session.run(None, feeds | state)
        state = dict(zip(state, after, strict=True))
        best = int(logits[0, -1].argmax())
        feeds = {"tokens": np.array([[best]])}
        yield told["text"]["symbols"][best]


def main(path, text="", length="100"):
    session = onnxruntime.InferenceSession(path)
    told = json.loads(Path(path).with_suffix(".json").read_text(encoding="utf-8"))
    if told["task"] == "generate":
        print(("" if told["text"]["level"] == "char" else " ").join(written(session, told, text, int(length))))
    elif told["task"] == "forecast":  # from the end of the data of the fit
        feeds = {"values": np.array(told["context"]["values"], float)}
        feeds |= {"calendar": np.array(told["context"]["calendar"], np.float32)} if told["calendar"] else {}
        if len(told["groups"]) > 1:
            feeds["group"] = np.array([told["groups"].index(name) for name in told["context"]["groups"]])
        for times, *rows in zip(told["context"]["times"], *session.run(None, feeds), strict=True):
            for line in zip(times, *rows, strict=True):
                print(*line)
    else:
        words, feeds = tokens_of(text, told["text"], told["longest"])
        feeds |= ngrams_of(text, told["linear"]) if "linear" in told else {}
        (found,) = session.run(None, feeds | {"lengths": np.array([len(words)], np.int32)})
        if told["task"] == "tag":
            print(*(f"{word}/{told['tags'][row.argmax()]}" for word, row in zip(words, found[0], strict=True)))
        elif told["task"] == "classify":
            print(told["labels"][found[0].argmax()], *found[0])
        else:
            print(found[0])


if __name__ == "__main__":
    if not sys.argv[1:] or not Path(sys.argv[1]).is_file():
        sys.exit(__doc__)
    main(*sys.argv[1:])
