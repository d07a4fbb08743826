"""A small file for each task, and the settings with which nothing in its training is random."""

import numpy as np

WORDS = ["red", "green", "blue", "warm", "cold", "near", "far", "old", "new", "slow"]


def write_rows(path, header, rows):
    path.write_text("\n".join("\t".join(map(str, row)) for row in [header, *rows]) + "\n")


# A fit of the series of `write_series`, in which nothing is random.
FIT = (
    "forecast",
    "a.csv",
    *["--target", "y", "--dropout", "0", "--hidden", "8", "--batch-size", "16", "--lookback", "12"],
)


def write_series(place, draw):
    """a.csv in the directory ``place``: a wave with noise."""
    values = np.sin(np.arange(160) / 5) + 0.1 * draw.normal(size=160)
    (place / "a.csv").write_text("y\n" + "".join(f"{value:.4f}\n" for value in values))


def sources(place):
    """Of each task its file in the directory ``place``, and its settings."""
    draw = np.random.default_rng(1)
    write_series(place, draw)
    texts = [f"{' '.join(draw.choice(WORDS, int(draw.integers(2, 9))))} {number}" for number in range(90)]
    write_rows(place / "labels.tsv", ["text", "label", "stars"], [(t, "yn"["red" in t], len(t.split())) for t in texts])
    write_rows(place / "pairs.tsv", ["source", "target"], [(t, " ".join(reversed(t.split()))) for t in texts])
    tagged = "\n\n".join("\n".join(f"{w} {'C' if w in WORDS[:3] else 'O'}" for w in t.split()) for t in texts)
    (place / "tags.conll").write_text(tagged + "\n")
    (place / "book.txt").write_text(" ".join(texts))
    events = [(session, f"i{int(draw.integers(12))}") for session in range(90) for _ in range(int(draw.integers(2, 8)))]
    write_rows(place / "clicks.tsv", ["session", "item", "time"], [(s, i, at) for at, (s, i) in enumerate(events)])
    calm = {"embedding_dropout": 0.0}
    pairs = {"source": "source", "target": "target", **calm}
    return {
        "forecast": ("a.csv", {"target": "y", "lookback": 12}),
        "classify": ("labels.tsv", {"text": "text", "label": "label", "class_weights": "balanced", **calm}),
        "regress": ("labels.tsv", {"text": "text", "target": "stars", **calm}),
        "tag": ("tags.conll", calm),
        "generate": ("book.txt", {}),
        "translate": ("pairs.tsv", pairs),
        "summarize": ("pairs.tsv", pairs),
        "recommend": ("clicks.tsv", {"session": "session", "item": "item", "time": "time", "input_dropout": 0.0}),
    }


TASKS = ["forecast", "classify", "regress", "tag", "generate", "translate", "summarize", "recommend"]
EXACT = {"dropout": 0.0, "hidden": 8, "batch_size": 16}
