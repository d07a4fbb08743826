"""One small model of each kind that can be streamed; none may change them."""

import random

import numpy as np
import polars as pl
import pytest
import soundfile

import elman

WORDS = ["good", "fine", "bad", "poor", "film", "plot", "the", "a", "of", "and", "was", "not", "very"]


def sentences(count=80, seed=0):
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=draw.randint(2, 9))) for _ in range(count)]


def mood(text):
    return "good" if ("good" in text or "fine" in text) else "bad"


def wave(seed, seconds=0.5, rate=8000):
    draw = np.random.default_rng(seed)
    tone = np.sin(2 * np.pi * draw.choice([300, 700, 1500]) * np.arange(round(seconds * rate)) / rate)
    return (0.4 * tone + draw.normal(0, 0.01, round(seconds * rate))).astype(np.float32)


def quick(kind, **settings):
    return kind(**{"steps": 8, "hidden": 12, "causal": True, "members": 2, **settings})


def classifier(**settings):
    texts = sentences()
    return quick(elman.Classifier, **settings).fit(texts, list(map(mood, texts)))


def numbers_classifier(**settings):
    x = np.random.default_rng(0).normal(size=(60, 8, 3))
    return quick(elman.Classifier, **settings).fit(x, (x[:, :, 0].sum(1) > 0).astype(int))


def regressor():
    texts = sentences()
    return quick(elman.Regressor).fit(texts, [float(len(text)) for text in texts])


def tagger():
    texts = [text.split() for text in sentences()]
    tags = [[word[0].upper() for word in words] for words in texts]
    return elman.Tagger(steps=8, hidden=12, causal=True, conv=3).fit(texts, tags)


def generator(**settings):
    text = "\n".join(sentences(200))
    return elman.Generator(**{"steps": 8, "hidden": 12, "members": 2, "batch_size": 8, **settings}).fit(text)


def recommender(**settings):
    draw = random.Random(0)
    rows = [(who, f"i{draw.randrange(15)}", 10 * who + k) for who in range(60) for k in range(draw.randint(3, 8))]
    frame = pl.DataFrame(rows, schema=["who", "what", "when"], orient="row")
    given = {"session": "who", "item": "what", "time": "when", "steps": 8, "hidden": 12, "batch_size": 8}
    return elman.Recommender(**{**given, **settings}).fit(frame)


def weekly(rows=200, seed=0):
    wave = 50 + 10 * np.sin(2 * np.pi * np.arange(rows) / 7)
    days = np.datetime64("2020-01-01") + np.arange(rows)
    return pl.DataFrame({"day": days, "y": wave + np.random.default_rng(seed).normal(0, 0.5, rows)})


def forecaster(**settings):
    return elman.Forecaster(**{"target": "y", "horizon": 3, "steps": 8, "hidden": 4, "lookback": 10, **settings}).fit(
        weekly()
    )


def sounds_in(folder):
    for at in range(24):
        label = folder / "abc"[at % 3]
        label.mkdir(exist_ok=True)
        soundfile.write(label / f"{at}.wav", wave(at), 8000)
    return folder


def transcriber(folder, **settings):
    lines = ["file\ttext"]
    for at in range(40):
        soundfile.write(folder / f"{at}.wav", wave(at), 8000)
        lines.append(f"{at}.wav\t{' '.join(random.Random(at).choices('ab', k=2))}")
    path = folder / "manifest.tsv"
    path.write_text("\n".join(lines) + "\n")
    given = {"sound": "file", "text": "text", "steps": 8, "hidden": 12, "bands": 20, "batch_size": 8, "causal": True}
    return elman.Transcriber(**{**given, **settings}).fit(path)


MADE = {
    "words": lambda _: classifier(),
    "letters, convolved": lambda _: classifier(level="char", conv=3, pool="dot", layers=2),
    "concat": lambda _: classifier(pool="concat", cell="gru", spelling=False),
    "last": lambda _: classifier(pool="last", members=1, longest=4),
    "numbers": lambda _: numbers_classifier(pool="mean", cell="rnn"),
    "regress": lambda _: regressor(),
    "tag": lambda _: tagger(),
    "generate": lambda _: generator(tied=True, layers=2),
    "generate words": lambda _: generator(level="word", cell="gru", members=1),
    "recommend": lambda _: recommender(),
    "recommend untied": lambda _: recommender(tied=False, repeats=False, embedding=7),
    "forecast": lambda _: forecaster(),
    "sounds": lambda folder: quick(elman.Classifier, pool="max").fit(sounds_in(folder)),
    "sounds, mel": lambda folder: quick(elman.Classifier, features="mel", deltas=False).fit(sounds_in(folder)),
    "transcribe": lambda folder: transcriber(folder, layers=2, join=2, target_level="char"),
}


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """The model of a name in MADE, fitted once."""
    found = {}

    def model(name):
        if name not in found:
            found[name] = MADE[name](tmp_path_factory.mktemp("streamed"))
        return found[name]

    return model
