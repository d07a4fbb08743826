"""A saved model of every kind that there is, each learnt in a few steps from a handful of rows."""

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from PIL import Image

from elman.tasks.base import Task
from elman.tasks.classify import Classifier
from elman.tasks.forecast import Forecaster
from elman.tasks.generate import Generator
from elman.tasks.paint import Painter
from elman.tasks.recommend import Recommender
from elman.tasks.regress import Regressor
from elman.tasks.speak import Speaker
from elman.tasks.summarize import Summarizer
from elman.tasks.tag import Tagger
from elman.tasks.transcribe import Transcriber
from elman.tasks.translate import Translator

QUICK: dict[str, Any] = {"steps": 2, "hidden": 2, "batch_size": 8, "precision": "float32"}
WORDS = ("red", "green", "blue", "dark", "light")
NEEDS = {
    "transcribe": ("soundfile", "jiwer"),
    "speak": ("soundfile",),
    "sounds": ("soundfile",),
    "translate": ("sacrebleu",),
}

Model = tuple[Task, Callable[[Task], Any]]  # and what it is asked


def texts(count: int = 24) -> list[str]:
    draw = np.random.default_rng(0)
    return [" ".join(draw.choice(WORDS, 4)) for _ in range(count)]


def labels(count: int = 24) -> list[str]:
    return [WORDS[at % 2] for at in range(count)]


def pictures(folder: Path, count: int = 24) -> Path:
    draw, path = np.random.default_rng(0), folder / "pictures.npz"
    np.savez(path, x=draw.integers(0, 256, (count, 4, 4), np.uint8), y=np.arange(count) % 2)
    return path


def manifest(folder: Path, count: int = 24) -> Path:
    """Sounds with a text and a label each."""
    import soundfile

    t, lines = np.arange(3200) / 8000, ["file\ttext\tlabel"]
    for at in range(count):
        soundfile.write(folder / f"{at}.wav", 0.3 * np.sin(2 * np.pi * (400 + 300 * (at % 2)) * t), 8000)
        lines.append(f"{at}.wav\t{WORDS[at % 5]}\t{at % 2}")
    path = folder / "sounds.tsv"
    path.write_text("\n".join(lines) + "\n")
    return path


def weekly(rows: int = 120) -> pl.DataFrame:
    """Two shops, a known price, and weather in words."""
    days, draw = np.datetime64("2020-01-01") + np.arange(rows), np.random.default_rng(0)
    shops = [
        pl.DataFrame(
            {
                "day": days,
                "shop": [shop] * rows,
                "y": 50 + 10 * np.sin(2 * np.pi * np.arange(rows) / 7) + draw.normal(0, 1, rows),
                "price": draw.normal(2, 0.1, rows),
                "weather": draw.choice(["dry", "rain"], rows),
            }
        )
        for shop in ("north", "south")
    ]
    return pl.concat(shops)


def forecast(folder: Path) -> Model:
    model = Forecaster(target="y", horizon=2, lookback=8, group="shop", known=("price",), **QUICK).fit(weekly())
    return model, lambda again: again.predict(weekly().with_columns(pl.col("y").shift(-2).over("shop")))


def classify(folder: Path) -> Model:
    model = Classifier(rarest=1, **QUICK).fit(texts(), labels(), test=(texts(8), labels(8)))
    return model, lambda again: again.predict_proba(texts(3))


def subwords(folder: Path) -> Model:
    model = Classifier(level="subword", embedding=2, blend=False, **QUICK).fit(texts(), labels())
    return model, lambda again: again.predict_proba(texts(3))


def numbers(folder: Path) -> Model:
    x = np.random.default_rng(0).normal(size=(24, 5, 2))
    return Classifier(**QUICK).fit(x, np.arange(24) % 3), lambda again: again.predict_proba(x[:3])


def pixels(folder: Path) -> Model:
    path = pictures(folder)
    return Classifier(position=2, **QUICK).fit(path), lambda again: again.predict_proba(path)


def sounds(folder: Path) -> Model:
    path = manifest(folder)
    model = Classifier(sound="file", label="label", bands=13, augment=False, **QUICK).fit(path)
    return model, lambda again: again.predict_proba(path)


def clips(folder: Path) -> Model:
    draw, home = np.random.default_rng(0), folder / "clips"
    for at in range(16):
        clip = home / WORDS[at % 2] / str(at)
        clip.mkdir(parents=True)
        for frame in range(3):
            Image.fromarray(draw.integers(0, 256, (8, 8), np.uint8)).save(clip / f"{frame}.png")
    return Classifier(size=8, frames=2, blend=False, **QUICK).fit(home), lambda again: again.predict_proba(home)


def regress(folder: Path) -> Model:
    model = Regressor(rarest=1, **QUICK).fit(texts(), np.arange(24.0))
    return model, lambda again: again.predict(texts(3))


def tag(folder: Path) -> Model:
    rows = [text.split() for text in texts()]
    tags = [[word[0] for word in row] for row in rows]
    return Tagger(rarest=1, **QUICK).fit(rows, tags), lambda again: again.predict(rows[:3])


def generate(folder: Path) -> Model:
    text = "\n".join(texts(60))
    model = Generator(chunk=8, embedding=2, members=2, valid_share=0.1, **QUICK).fit(text)
    return model, lambda again: (again.predict("red", length=5, seed=0), again.evaluate(text))


def paint(folder: Path) -> Model:
    path = pictures(folder)
    return Painter(**QUICK).fit(path), lambda again: (again.predict(count=2, seed=0), again.evaluate(path))


def translate(folder: Path) -> Model:
    pairs = {"left": texts(), "right": [text[::-1] for text in texts()]}
    model = Translator(source="left", target="right", source_level="char", vocabulary=300, beam=2, **QUICK).fit(pairs)
    return model, lambda again: again.predict(texts(2))


def summarize(folder: Path) -> Model:
    pairs = {"left": texts(), "right": [text.split()[0].capitalize() for text in texts()]}
    model = Summarizer(source="left", target="right", beam=2, **QUICK).fit(pairs)
    return model, lambda again: again.predict(texts(2))


def transcribe(folder: Path) -> Model:
    path = manifest(folder)
    model = Transcriber(sound="file", text="text", bands=13, target_level="char", stack=1, join=1, **QUICK).fit(path)
    return model, lambda again: again.predict(path)


def speak(folder: Path) -> Model:
    path, settings = manifest(folder), {"bands": 8, "embedding": 2, "frames_a_step": 2}
    return Speaker(text="text", sound="file", **settings, **QUICK).fit(path), lambda again: again.predict(["red"])


def recommend(folder: Path) -> Model:
    draw = np.random.default_rng(0)
    events = {"who": np.repeat(np.arange(30), 4), "what": [f"i{at}" for at in draw.integers(0, 6, 120)]}
    model = Recommender(session="who", item="what", time="when", chunk=2, **QUICK).fit(
        {**events, "when": np.arange(120)}
    )
    return model, lambda again: again.predict([["i1", "i2"]], top=3)


KINDS = (
    *(forecast, classify, subwords, numbers, pixels, sounds, clips, regress, tag, generate),
    *(paint, translate, summarize, transcribe, speak, recommend),
)


def tiny_models(folder: Path) -> Iterator[tuple[str, Path, Callable[[Task], Any]]]:
    """Each model's kind, the directory it is saved in, and what it is asked; without those that lack a library."""
    for make in KINDS:
        name = make.__name__
        if all(importlib.util.find_spec(one) for one in NEEDS.get(name, ())):
            home = folder / name
            home.mkdir()
            model, ask = make(home)
            yield name, model.save(home / "model"), ask
