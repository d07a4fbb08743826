"""The files of a model: what each JSON file may hold, task by task, and how long, wide and deep it may make anything.

Whoever writes a model directory chooses every number in it. Those that a network's tensors show are bounded by the
bytes of these (``outline.py``); all others that something is made, read or waited for by are bounded here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from elman.data.pictures.levels import MOST
from elman.data.series.clock import DAY, Clock
from elman.data.series.encoder import columns_of
from elman.data.sound.features import SoundEncoder
from elman.data.sound.vocoder import Vocoder
from elman.errors import InputError
from elman.evaluate.forecast.intervals import BANDS
from elman.evaluate.pictures.neighbours import NEAR
from elman.tasks.shapes import (
    LARGE,
    Shape,
    also,
    distinct,
    either,
    fields,
    flag,
    kinds,
    maybe,
    positive,
    real,
    refuse,
    rows,
    same_length,
    several,
    table,
    text,
    whole,
    word,
)
from elman.train.config import require

MOST_PIXELS = 1 << 24  # of a picture, or of the frames of a clip together
MOST_FILTERS = 1 << 23  # numbers of a filter bank of sound
MOST_LETTERS = 1 << 24  # of all labels, each as long as the longest
MOST_YEARS = 10_000  # ahead
STEPS = (1 << 31) - 1  # of a row, a season, a lag

# config.json, metrics.json and the logs.

# Settings that no tensor bounds, at most.
SETTINGS = {
    "beam": 1000,
    "join": 64,
    "horizon": 1 << 16,
    "bands": 1024,
    "stack": 1024,
    "rate": 1 << 19,
    "sample_rate": 192_000,
}
COUNTED = ("layers", "members")  # of each a network has no more than tensors

setting = either(flag, text, real(), maybe(rows(either(text, real()))))
estimates = rows(several(whole(), whole()))
HEAD_PLAN = fields(every=whole(1), record=estimates, threads=whole(1, 4096), last=maybe(whole()))
HEAD = fields(
    task=text,
    params=table(setting),
    config=table(setting),
    plan=HEAD_PLAN,
    source=maybe(text),
    notes=rows(text),
)
scores = table(maybe(real()))
METRICS = maybe(
    fields(
        task=text,
        metrics=scores,
        baselines=table(scores),
        skill=maybe(real()),
        verdict=text,
        good=maybe(flag),
        rows=whole(),
        seconds=real(0),
        notes=rows(text),
    )
)
flow = fields(
    name=text,
    cell=text,
    steps=whole(1),
    lags=rows(whole(), 1),
    norms=rows(real(), 1),
    verdict=word("vanishing", "exploding", "healthy"),
    memory=whole(),
    factor=real(),
    direct=real(),
    radius=table(real()),
    stuck=table(several(real(), real())),
    silent=whole(),
    units=whole(),
)


def _record(value: Any, place: str) -> None:
    """Of a validation: the step, and numbers, but for what was alarming."""
    fields(step=whole(), **{name: maybe(real()) for name in set(value) - {"step", "alarm"}})(
        {name: one for name, one in value.items() if name != "alarm"}, place
    )


LINES: Mapping[str, Shape] = {
    "log.jsonl": also(table(maybe(either(text, real()))), _record),
    "inside.jsonl": fields(
        step=whole(), inside=rows(also(flow, lambda value, place: same_length(value, place, "lags", "norms")))
    ),
}


# run.json of an unfinished fit.

number = either(real(), word("inf"))
seen = {"step": whole(), **dict.fromkeys(("loss", "valid", "grad_norm"), maybe(number))}
seen |= dict.fromkeys(("clipped", "moved", "lr", "seconds"), number)
pair = several(real(), real())


def _history(value: Any, place: str) -> None:
    fields(**seen, **({"alarm": text} if "alarm" in value else {}))(value, place)


def _place(value: Any, place: str) -> None:
    if not value["rate"] and value["progress"] < 1:
        raise refuse(value["rate"], f"{place}.rate", "more than 0, or the training would never end")


CHECKPOINT = fields(
    elman=text,
    identity=fields(task=text, params=table(setting), source=text, valid=text, test=text),
    config=table(setting),
    facts=fields(
        plan=fields(
            every=whole(1), record=rows(several(whole(), whole()), 1), threads=whole(1, 4096), last=maybe(whole())
        ),
        place=also(
            fields(step=whole(0, STEPS), progress=real(0, 1), rate=real(0, 1), replayed=estimates),
            _place,
        ),
        pace=maybe(several(positive, real(0), real())),
        taken=whole(0, STEPS),
        average=whole(),
        plateau=several(real(0, 1), whole()),
        history=rows(also(table(maybe(either(text, real()))), _history)),
        looks=rows(LINES["inside.jsonl"]),
        looking=pair,
        spoilt=rows(fields(step=whole(), why=text, rows=rows(whole()))),
        best_step=whole(),
        best_score=maybe(real()),
        waited=whole(),
        skipped=whole(),
        recent=rows(real()),
        norms=rows(real(0)),
        rate=real(0),
        moved=real(0),
        validating=flag,
        why=maybe(text),
        world=whole(1),
        seconds=real(0),
    ),
)


def check_settings(config: Any, tensors: int | None = None) -> None:
    """Raise InputError for settings with which no model is read, or none whose weights are so many ``tensors``."""
    counted = {} if tensors is None else dict.fromkeys(COUNTED, tensors)
    for name, most in {**SETTINGS, **counted}.items():
        value = getattr(config, name, None)
        require(value is None or value <= most, name, value, f"at most {most:,}")


# Vocabularies, scales, clocks: what encoders are made of.

symbols = distinct(text)
TOKENS = kinds(
    "level",
    {
        "byte": fields(level=text, lower=flag),
        "char": fields(level=text, lower=flag, symbols=symbols),
        "word": fields(level=text, lower=flag, symbols=symbols, lines=flag),
        "given": fields(level=text, lower=flag, symbols=symbols),
        "subword": fields(level=text, lower=flag, merges=rows(several(text, text))),
    },
)
SCALES = also(
    fields(mean=rows(real()), deviation=rows(positive)),
    lambda value, place: same_length(value, place, "mean", "deviation"),
)
CLOCK = fields(
    step=text, regular=flag, weekly_slots=maybe(distinct(whole())), day=maybe(whole(1, 31)), timezone=maybe(text)
)
SIZE = also(
    several(whole(1), whole(1), whole(1, 3)),
    lambda value, place: _at_most(value[0] * value[1], MOST_PIXELS, place, "pixels"),
)
# As the encoder of sound, but for the scale, whose length the others say.
sound = fields(
    rate=whole(1000, SETTINGS["rate"]),
    kind=word("mel", "mfcc"),
    bands=whole(1, SETTINGS["bands"]),
    window=real(0.001, 1),
    hop=real(0.001, 1),
    deltas=flag,
    mean=rows(real()),
    scale=rows(positive),
    coefficients=whole(2, 1024),
    centre=flag,
    stack=whole(1, SETTINGS["stack"]),
    floor=maybe(real(0, 1000)),
)
voice = fields(
    rate=whole(1000, SETTINGS["sample_rate"]),
    bands=whole(1, SETTINGS["bands"]),
    floor=real(1e-30, 1e30),
    mean=rows(real()),
    scale=rows(positive),
    window=real(0.001, 1),
    hop=real(0.001, 1),
)


def _at_most(found: int, most: int, place: str, what: str) -> None:
    if found > most:
        raise InputError(f"{place} makes {found:,} {what}, but {most:,} are read at most: do not use this model")


def _sound(value: Any, place: str) -> None:
    encoder = SoundEncoder(**{**value, "mean": None, "scale": None})
    _at_most(encoder.bands * encoder.n_fft // 2, MOST_FILTERS, place, "numbers of filters")
    same_length(value, place, "mean", "scale", length=encoder.features // encoder.stack)


def _voice(value: Any, place: str) -> None:
    vocoder = Vocoder(**value)
    _at_most(vocoder.bands * vocoder.n_fft // 2, MOST_FILTERS, place, "numbers of filters")
    same_length(value, place, "mean", "scale", length=vocoder.bands)


def _channels(value: Any, place: str) -> None:
    same_length(value, place, "mean", "deviation", length=value["shape"][2])
    _at_most(value["shape"][0] * value["shape"][1] * value.get("frames", 1), MOST_PIXELS, place, "pixels")


SOUND, VOICE = also(sound, _sound), also(voice, _voice)
ENCODER: Mapping[str, Shape] = {
    "text": TOKENS,
    "numbers": SCALES,
    "sound": SOUND,
    "pictures": also(
        fields(way=word("rows", "pixels", "permuted"), shape=SIZE, mean=rows(real()), deviation=rows(positive)),
        _channels,
    ),
    "clips": also(fields(shape=SIZE, frames=whole(1), mean=rows(real()), deviation=rows(positive)), _channels),
}


def sequences(*kinds_of: str, **own: Shape) -> Shape:
    """encoders.json of a task that reads sequences of these kinds, with its own fields."""
    spelling = maybe(fields(grams=symbols))
    found = {kind: fields(kind=text, encoder=ENCODER[kind], spelling=spelling, **own) for kind in kinds_of}
    return also(kinds("kind", found), _spelled)


def _spelled(value: Any, place: str) -> None:
    """Letters are those of words."""
    if value["spelling"] is not None and value["encoder"].get("level") not in ("word", "given"):
        raise refuse(value["spelling"], f"{place}.spelling", "left out: there are no words")


# encoders.json of a forecaster.

names = distinct(text)
READER = fields(
    targets=names,
    columns=names,
    time=names,
    group=maybe(text),
    duplicates=maybe(word("mean", "first", "last")),
    timezone=maybe(text),
    clock=CLOCK,
    layout=table(either(rows(text), word("number"))),
)
SERIES = fields(
    columns=distinct(text, 1),
    kin=distinct(whole(1)),
    known=distinct(whole(1)),
    masked=distinct(whole()),
    lags=also(distinct(whole(1, STEPS)), lambda value, place: _at_most(len(value), 64, place, "lags")),
    groups=distinct(text, 1),
    level=word("last", "window", "none"),
    horizon=whole(1, SETTINGS["horizon"]),
    target=SCALES,
    inputs=SCALES,
    factors=rows(rows(real())),
    clock=CLOCK,
    calendar=names,
)


def _forecast(value: Any, place: str) -> None:
    reader, series, place = value["reader"], value["series"], f"{place}.series"
    # A later table becomes the columns that its reader gives: these must be those that are encoded.
    read = [one for name in reader["columns"] for one in columns_of(name, reader["layout"])]
    if reader["clock"] != series["clock"] or series["columns"][1:] != read:
        raise refuse(series["columns"], f"{place}.columns", "what the reader's columns and clock give")
    if set(reader["layout"]) != set(reader["columns"]):
        raise refuse(reader["layout"], "encoders.json.reader.layout", "one of its columns")
    groups, columns = len(series["groups"]), len(series["columns"])
    same_length(series["target"], f"{place}.target", "mean", length=groups)
    same_length(series["inputs"], f"{place}.inputs", "mean", length=columns - 1)
    same_length(series, place, "factors", length=groups)
    for row in series["factors"]:
        same_length({"factors": row}, place, "factors", length=len(series["factors"][0]))
    for name in ("kin", "known", "masked"):
        rows(whole(0, columns - 1))(series[name], f"{place}.{name}")
    clock = Clock.from_json(series["clock"])
    step = clock.microseconds or 31 * DAY * (clock.months or 0)
    _at_most(series["horizon"] * step // (366 * DAY), MOST_YEARS, place, "years to forecast")
    if sorted(level for level, _ in value["widen"]) != sorted(BANDS):
        raise refuse(value["widen"], f"{place}.widen", f"a factor for each of {list(BANDS)}")


# encoders.json of every task.

label = either(flag, text, real())
linear = maybe(word("n-grams", "summaries"))


def _linear(value: Any, place: str) -> None:
    """Texts have n-grams, all else has numbers; what is not there says nothing."""
    share = value["weights"][1] if "weights" in value else 1 - value["share"]
    if value["linear"] is None and share:
        raise refuse(value["linear"], f"{place}.linear", "a linear model, of which a part of the answer is")
    if value["linear"] is not None and (value["linear"] == "n-grams") != (value["kind"] == "text"):
        raise refuse(value["linear"], f"{place}.linear", f"one of {value['kind']}")


def _classes(value: Any, place: str) -> None:
    _linear(value, place)
    same_length(value, place, "classes", "counts")
    # An array of texts has room for the longest at each place.
    longest = max(len(str(label)) for label in value["classes"])
    _at_most(longest * len(value["classes"]), MOST_LETTERS, f"{place}.classes", "characters")


ENCODERS: Mapping[str, Shape] = {
    "forecast": also(
        fields(
            reader=READER,
            series=SERIES,
            lookback=whole(1, STEPS),
            season=maybe(whole(1, STEPS)),
            seen_until=either(text, whole(-LARGE)),
            widen=rows(several(real(0, 1), real(0, 1e12))),
            groups=distinct(text, 1),
        ),
        _forecast,
    ),
    "classify": also(
        sequences(
            *ENCODER, linear=linear, classes=distinct(label, 2), counts=rows(whole()), weights=several(real(), real())
        ),
        _classes,
    ),
    "regress": also(
        sequences(
            *ENCODER,
            linear=linear,
            scaler=fields(mean=real(), deviation=positive),
            median=real(),
            share=real(0, 1),
        ),
        _linear,
    ),
    "tag": sequences("text", tags=distinct(text, 2), frequent=fields(tags=table(text), unseen=text)),
    "generate": fields(tokens=TOKENS, counted=flag),
    "paint": fields(
        shape=also(SIZE, lambda value, place: _at_most(value[0] * value[1], MOST, place, "pixels")),
        neighbours=whole(0, len(NEAR)),
    ),
    "translate": fields(source=TOKENS, target=TOKENS),
    "summarize": fields(
        tokens=TOKENS,
        readable=maybe(fields(spelled=table(text), joined=rows(several(text, text, flag)))),
        longest=whole(1, STEPS),
        lead=whole(0, STEPS),
    ),
    "transcribe": fields(sound=SOUND, target=TOKENS, most_frequent=text),
    "speak": fields(tokens=TOKENS, vocoder=VOICE, pace=real(0.01, 1000)),
    "recommend": fields(items=distinct(text)),
}
