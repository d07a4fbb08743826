"""Small models of every task, and streams that are simple enough to be known by heart."""

import base64
import hashlib
import io
import wave

import numpy as np
import polars as pl
import pytest

import elman
from elman.errors import InputError

RATE = 8000


class Told:
    """A stream whose answer is a digest of all that it has read: whatever is lost, swapped or mixed up changes it."""

    def __init__(self, streams, state=b""):
        self.streams, self.digest, self.count = streams, hashlib.sha256(state), 0
        self.closed = False

    def step(self, x):
        assert not self.closed
        if x == "bad" or not isinstance(x, str):
            raise InputError(f"{x!r} is no text: give one")
        self.digest.update(x.encode())
        self.count += 1
        return {"steps": self.count, "read": self.digest.hexdigest()}

    def finish(self):
        return {"steps": self.count, "finished": True}

    def reset(self):
        self.digest, self.count = hashlib.sha256(), 0

    def dumps(self):
        return self.digest.digest() + self.count.to_bytes(4, "big")

    def write(self, length, **drawing):
        return (str(at % 10) for at in range(length))

    def close(self):
        self.closed = True
        self.streams.closed += 1


class ToldStreams:
    def __init__(self):
        self.closed, self.sizes = 0, []

    def open(self, state=None):
        found = Told(self, b"" if state is None else state[:-4])
        found.count = 0 if state is None else int.from_bytes(state[-4:], "big")
        return found

    def step_many(self, streams, xs):
        self.sizes.append(len(streams))
        answers = []
        for stream, x in zip(streams, xs, strict=True):
            try:
                answers.append(stream.step(x))
            except InputError as error:
                answers.append(error)
        return answers


def make_texts(count=60):
    draw = np.random.default_rng(0)
    words = ["good", "fine", "nice"], ["bad", "poor", "sad"]
    return [" ".join(draw.choice(words[at % 2], 5)) for at in range(count)], [
        ("up", "down")[at % 2] for at in range(count)
    ]


def make_wave(hertz, at=0, seconds=0.3):
    t = np.arange(round(seconds * RATE)) / RATE
    return 0.3 * np.sin(2 * np.pi * hertz * (1 + 0.01 * at) * t)


def wav(samples):
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return held.getvalue()


def in_base64(raw):
    return base64.b64encode(raw).decode()


def of_texts(folder):
    texts, labels = make_texts()
    return elman.Classifier(text="t", label="y", steps=30, hidden=8).fit(pl.DataFrame({"t": texts, "y": labels}))


def of_numbers(folder):
    x = np.random.default_rng(0).normal(size=(60, 6, 2)).cumsum(1)
    return elman.Regressor(steps=10, hidden=8).fit(x, x[:, -1, 0])


def of_sounds(folder):
    for name, hertz in {"high": 1500, "low": 300}.items():
        (folder / name).mkdir()
        for at in range(12):
            (folder / name / f"{at}.wav").write_bytes(wav(make_wave(hertz, at)))
    return elman.Classifier(steps=10, hidden=8).fit(folder)


def of_pictures(folder):
    draw = np.random.default_rng(0)
    x = draw.integers(0, 255, (40, 8, 8), dtype=np.uint8)
    x[::2, :4] = 250
    np.savez(folder / "p.npz", x=x, y=np.arange(40) % 2)
    return elman.Classifier(steps=10, hidden=8).fit(folder / "p.npz")


def of_tags(folder):
    lines = ["the\tD\ncat\tN\nsees\tV\na\tD\ndog\tN\n"] * 20
    (folder / "t.conll").write_text("\n".join(lines))
    return elman.Tagger(steps=10, hidden=8).fit(folder / "t.conll")


def of_prose(folder):
    (folder / "t.txt").write_text("the cat sees a dog. the dog sees a cat.\n" * 60)
    return elman.Generator(steps=10, hidden=8).fit(folder / "t.txt")


def of_pairs(folder):
    rows = [(f"{a} {b}", f"{b} {a}") for a in "abcdefg" for b in "abcdefg"]
    frame = pl.DataFrame(rows, schema=["en", "fr"], orient="row")
    return elman.Translator(source="en", target="fr", steps=10, hidden=8).fit(frame)


def of_sessions(folder):
    draw = np.random.default_rng(0)
    rows = [(s, str(i)) for s in range(60) for i in draw.integers(0, 9, 5)]
    frame = pl.DataFrame(rows, schema=["s", "i"], orient="row")
    return elman.Recommender(session="s", item="i", steps=10, hidden=8).fit(frame)


def of_days(folder):
    days = np.datetime64("2020-01-01") + np.arange(120)
    frame = pl.DataFrame({"day": days, "y": 50 + 10 * np.sin(np.arange(120) * 2 * np.pi / 7)})
    frame.write_csv(folder / "d.csv")
    return elman.Forecaster(target="y", horizon=3, steps=10, hidden=4, lookback=10).fit(folder / "d.csv")


def of_speech(folder):
    pytest.importorskip("jiwer")
    lines = ["file\ttext"]
    for at in range(24):
        (folder / f"{at}.wav").write_bytes(wav(make_wave(300 + 400 * (at % 3), at)))
        lines.append(f"{at}.wav\t{('low', 'mid', 'high')[at % 3]}")
    (folder / "s.tsv").write_text("\n".join(lines) + "\n")
    return elman.Transcriber(sound="file", text="text", steps=4, hidden=8, layers=1, bands=20).fit(folder / "s.tsv")


def of_voice(folder):
    lines = ["file\ttext"]
    for at in range(20):
        (folder / f"{at}.wav").write_bytes(wav(make_wave(300 + 300 * (at % 2), at)))
        lines.append(f"{at}.wav\t{('ab', 'ba')[at % 2]}")
    (folder / "v.tsv").write_text("\n".join(lines) + "\n")
    return elman.Speaker(text="text", sound="file", steps=4, hidden=8, bands=12).fit(folder / "v.tsv")


def of_strokes(folder):
    x = np.random.default_rng(0).integers(0, 2, (40, 6, 6), dtype=np.uint8) * 255
    np.savez(folder / "p.npz", x=x)
    return elman.Painter(steps=4, hidden=8).fit(folder / "p.npz")


MODELS = {
    "texts": of_texts,
    "numbers": of_numbers,
    "sounds": of_sounds,
    "pictures": of_pictures,
    "tags": of_tags,
    "prose": of_prose,
    "pairs": of_pairs,
    "sessions": of_sessions,
    "days": of_days,
    "speech": of_speech,
    "voice": of_voice,
    "strokes": of_strokes,
}
