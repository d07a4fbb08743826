"""Streams: each answer is that of the whole so far, alone or among others, and a state goes on elsewhere."""

import json
import random

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import elman
from elman.deploy.stream import Streams
from elman.errors import InputError
from elman.nn import ctc

TEXTS = ["the film was very good", "not a fine plot and poor", "unheard words of gold"]
NAMES = [
    *("words", "letters, convolved", "concat", "last", "numbers", "regress", "tag", "generate", "generate words"),
    *("recommend", "recommend untied", "forecast", "sounds", "sounds, mel", "transcribe"),
]


def rows_of(frame):
    return [{"day": str(day), "y": y} for day, y in frame.iter_rows()]


def wave(seed, seconds=0.4, rate=8000):
    draw = np.random.default_rng(seed)
    tone = 0.3 * np.sin(2 * np.pi * draw.choice([300, 700]) * np.arange(round(seconds * rate)) / rate)
    return (tone + draw.normal(0, 0.01, len(tone))).astype(np.float32)


def steps_of(name, seed):
    """The single steps that a stream of this model is given."""
    draw = random.Random(seed)
    if name in ("words", "concat", "last", "regress", "tag"):
        return draw.choice(TEXTS).split()
    if name == "letters, convolved":
        return list(draw.choice(TEXTS).replace(" ", ""))
    if name == "generate":
        return list("good film\n" + draw.choice(TEXTS))
    if name == "generate words":
        return [f"{word} " for word in draw.choice(TEXTS).split()]
    if name == "numbers":
        return np.random.default_rng(seed).normal(size=(6, 3)).tolist()
    if name.startswith("recommend"):
        return [f"i{draw.randrange(15)}" for _ in range(6)]
    if name == "forecast":
        rows = 24
        days = np.datetime64("2020-07-19") + np.arange(rows)  # right after the data of the fit
        y = 50 + 10 * np.sin(np.arange(rows)) + np.random.default_rng(seed).normal(0, 1, rows)
        return [{"day": str(day), "y": value} for day, value in zip(days, y.tolist(), strict=True)]
    return [part.tolist() for part in np.array_split(wave(seed), 7)]


def joined(name, steps):
    """Several steps as one chunk."""
    if name.startswith("generate") or name == "letters, convolved":
        return "".join(steps)
    if isinstance(steps[0], str) and not name.startswith("recommend"):
        return " ".join(steps)
    if name in ("sounds", "sounds, mel", "transcribe"):
        return [sample for step in steps for sample in step]
    return steps


def numbers_in(answer):
    """All numbers of an answer, in order, and all else."""
    values, rest = [], []

    def walk(value):
        if isinstance(value, dict):
            for key in value:
                rest.append(key)
                walk(value[key])
        elif isinstance(value, list):
            for one in value:
                walk(one)
        elif isinstance(value, float):
            values.append(value)
        else:
            rest.append(value)

    walk(answer)
    return np.array(values), rest


def assert_alike(one, other, tolerance=1e-5):
    (a, rest), (b, others) = numbers_in(one), numbers_in(other)
    assert rest == others
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", NAMES)
def test_steps_give_what_a_chunk_gives(models, name):
    model, steps = models(name), steps_of(name, 3)
    whole, one = elman.stream(model), elman.stream(model)
    for step in steps:
        stepped = one.step(step)
    at_once = whole.step(joined(name, steps))
    if name == "tag":
        stepped, at_once = one.step("film"), whole.step("film")
    assert_alike(stepped, at_once, 1e-4 if name == "forecast" else 1e-5)
    assert_alike(one.finish(), whole.finish(), 1e-4 if name == "forecast" else 1e-5)
    json.dumps(stepped, allow_nan=False)


# The batch's own answers.


@pytest.mark.parametrize("name", ["words", "letters, convolved", "concat", "last"])
def test_labels_are_those_of_the_texts_so_far(models, name):
    model = models(name)
    for text in TEXTS:
        so_far, stream = [], elman.stream(model)
        for part in text.split():
            so_far.append(part)
            between = "" if name == "letters, convolved" else " "
            answer = stream.step(part)
            expected = model.predict_proba([between.join(so_far)])[0]
            np.testing.assert_allclose(list(answer["probabilities"].values()), expected, atol=1e-5)
            assert answer["label"] == model.classes_[expected.argmax()]


def test_labels_are_those_of_the_numbers_so_far(models):
    model, x = models("numbers"), np.random.default_rng(1).normal(size=(9, 3))
    stream = elman.stream(model)
    for t in range(1, 10):
        answer = stream.step(x[t - 1].tolist())
        np.testing.assert_allclose(list(answer["probabilities"].values()), model.predict_proba([x[:t]])[0], atol=1e-5)
    assert answer["steps"] == 9


def test_numbers_are_those_of_the_texts_so_far(models):
    model = models("regress")
    stream = elman.stream(model)
    assert stream.finish() == {"value": None, "steps": 0}
    for at in range(1, 6):
        answer = stream.step(TEXTS[0].split()[at - 1])
        (expected,) = model.predict([" ".join(TEXTS[0].split()[:at])])
        assert answer["value"] == pytest.approx(expected, abs=1e-4)


def test_tags_are_those_of_the_sentence(models):
    model, words = models("tag"), TEXTS[1].split()
    stream = elman.stream(model)
    assert [stream.step(word)["tags"][0] for word in words] == model.predict([words])[0]


@pytest.mark.parametrize("name", ["generate", "generate words"])
def test_what_is_next_and_what_is_written(models, name):
    model = models(name)
    stream = elman.stream(model)
    answer = stream.step("good film ")
    ids = model.tokens_.encode(["good film "]).values.long()[:, None]
    with torch.no_grad():
        z = model.network_.eval()(ids, fresh=True).mean(0)[-1, 0]
    z[:2] = -torch.inf
    shares, best = z.softmax(-1).topk(5)
    np.testing.assert_allclose([share for _, share in answer["next"]], shares, atol=1e-5)
    assert [symbol for symbol, _ in answer["next"]] == [model.tokens_.symbols[at] for at in best.tolist()]
    written = "".join(elman.stream(model).write(40, temperature=0))
    assert written == model.predict("", length=40, temperature=0)
    assert "".join(stream.write(30, seed=1)) == model.predict("good film ", length=30, seed=1)


@pytest.mark.parametrize("name", ["recommend", "recommend untied"])
def test_recommendations_are_those_of_the_session_so_far(models, name):
    model, session = models(name), ["i1", "i2", "i1", "nothing known", "i14"]
    stream = elman.stream(model)
    for at in range(1, 6):
        answer = stream.step(session[at - 1])
        expected = model.predict([session[:at]], top=10)
        np.testing.assert_allclose(answer["scores"], expected["probability"], atol=1e-6)
        assert answer["items"] == expected["item"].to_list()
        assert answer.get("unknown") == (["nothing known"] if at == 4 else None)


@pytest.mark.parametrize("begin", ["fit", "nothing"])
def test_forecasts_are_those_of_the_rows_so_far(models, begin):
    model, rows = models("forecast"), steps_of("forecast", 0)
    stream = elman.stream(model)
    fit = pl.DataFrame({"day": np.datetime64("2020-01-01") + np.arange(200), "y": weekly_y()})
    had = fit.with_columns(pl.col("day").cast(pl.String)).rows(named=True) if begin == "fit" else []
    if begin == "nothing":
        state = stream.state
        stream.state = {**state, "own.values": state["own.values"][:0], "own.times": state["own.times"][:0]}
    for at, row in enumerate(rows, 1):
        answer = stream.step(row)
        if begin == "nothing" and at < 10:
            assert answer == {"waiting": 10 - at}
            continue
        whole = had + rows[:at]
        expected = model.predict({"day": [row["day"] for row in whole], "y": [row["y"] for row in whole]})
        assert answer["time"] == [f"{time:%Y-%m-%dT%H:%M:%S}" for time in expected["time"]]
        for column in ("forecast", "lower", "upper", "lower_80", "upper_80"):
            np.testing.assert_allclose(answer[column], expected[column], rtol=1e-5)


def weekly_y():
    return 50 + 10 * np.sin(2 * np.pi * np.arange(200) / 7) + np.random.default_rng(0).normal(0, 0.5, 200)


@pytest.mark.parametrize("name", ["sounds", "sounds, mel"])
def test_a_sound_heard_in_pieces_is_the_whole_sound(models, name, tmp_path):
    import soundfile

    model, heard = models(name), wave(5)
    soundfile.write(tmp_path / "x.wav", heard, 8000, subtype="FLOAT")
    for sizes in ([len(heard)], [1, 2, 3, 500, 40]):
        stream, at = elman.stream(model), 0
        assert stream.streams.rate == 8000
        for size in [*sizes, *[333] * 20]:
            if at < len(heard):
                stream.step(heard[at : at + size])
                at += size
        answer = stream.finish()
        expected = model.predict_proba([tmp_path / "x.wav"])[0]
        np.testing.assert_allclose(list(answer["probabilities"].values()), expected, atol=1e-5)


def test_what_is_heard_in_pieces_is_the_whole_text(models):
    model, heard = models("transcribe"), wave(7, 1.0)
    encoded = model.encoder_.encode([torch.from_numpy(heard)])
    with torch.no_grad():
        x, lengths = encoded.padded(torch.tensor([0]))
        y, lengths = model.network_.eval().hear(x, lengths)
        (best,) = ctc.decode(model.network_.said(y), lengths, beam=1, banned=(1,))
    stream, at, seen = elman.stream(model), 0, ""
    while at < len(heard):
        seen, before = stream.step(heard[at : at + 777])["text"], seen
        assert seen.startswith(before)
        at += 777
    assert stream.finish()["text"] == model.target_tokens_.decode(best[0].symbols)


# Many together.


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_nobody_changes_anybody_by_a_bit(models, name, data):
    model, count = models(name), 4
    many = Streams(model, most=6, together=data.draw(st.sampled_from([2, 6])))
    streams, alone = [many.open() for _ in range(count)], [Streams(model, most=1).open() for _ in range(count)]
    left = [steps_of(name, seed) for seed in range(count)]
    for _ in range(6):
        some = data.draw(st.lists(st.integers(0, count - 1), unique=True, min_size=1))
        some = [at for at in some if left[at]]
        chosen = [left[at].pop(0) for at in some]
        bad = data.draw(st.booleans())
        others, wrong = ([many.open()], [object()]) if bad and some else ([], [])
        answers = many.step_many([*[streams[at] for at in some], *others], [*chosen, *wrong])
        if others:
            assert isinstance(answers.pop(), InputError)
            others[0].close()
        assert answers == [alone[at].step(x) for at, x in zip(some, chosen, strict=True)]
    for one, other in zip(streams, alone, strict=True):
        for name_, part in one.state.items():
            assert torch.equal(part, other.state[name_]), name_


@pytest.mark.parametrize("name", NAMES)
def test_a_state_goes_on_elsewhere_to_the_bit(models, name, tmp_path):
    model, steps = models(name), steps_of(name, 1)
    stream, middle = elman.stream(model), len(steps) // 2
    for step in steps[:middle]:
        stream.step(step)
    copy = stream.fork()
    stream.save(tmp_path / "state")
    elsewhere = elman.stream(model, tmp_path / "state")
    expected = [stream.step(step) for step in steps[middle:]]
    assert [copy.step(step) for step in steps[middle:]] == expected
    assert [elsewhere.step(step) for step in steps[middle:]] == expected
    stream.reset()
    fresh = elman.stream(model)
    for step in steps[:3]:
        assert stream.step(step) == fresh.step(step)


@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_read_changes_nothing(models, name):
    stream = elman.stream(models(name))
    stream.step(steps_of(name, 2)[0])
    before = stream.dumps()
    wrong = [None, 7.5, [], "", {}, [None], float("nan"), [[float("nan")] * 3], {"x": 1}]
    for x in wrong:
        if x == 7.5 and name in ("sounds", "sounds, mel"):
            continue
        with pytest.raises(InputError):
            stream.step(x)
        assert stream.dumps() == before


# Slots.


def test_slots_are_given_out_once_and_come_back_clean(models):
    streams = Streams(models("words"), most=2)
    first, second = streams.open(), streams.open()
    with pytest.raises(InputError, match="2 streams are open, and no more can be: close one"):
        streams.open()
    fresh = second.dumps()
    first.step("good film")
    first.close()
    first.close()
    with pytest.raises(InputError, match="this stream is closed"):
        first.step("good")
    with streams.open() as third:
        assert third.dumps() == fresh
        with pytest.raises(InputError, match="a stream is given twice"):
            streams.step_many([third, third], ["a", "b"])
    assert streams.open().dumps() == fresh


def test_states_of_others_are_refused(models, tmp_path):
    stream = elman.stream(models("words"))
    with pytest.raises(InputError, match="not one of this model's streams"):
        stream.streams.open(elman.stream(models("tag")).dumps())
    with pytest.raises(InputError, match="not readable"):
        stream.streams.open(b"nothing")
    with pytest.raises(InputError, match="is no saved stream"):
        elman.stream(models("words"), tmp_path / "nowhere")
    state = stream.state
    with pytest.raises(InputError, match="another size"):
        stream.state = {**state, "part.steps": torch.zeros(2, dtype=torch.int64)}


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("recommend", {"own.had": torch.tensor([10**9])}),
        ("forecast", {"own.values": torch.zeros(3, 1, dtype=torch.float64)}),
        ("sounds", {"own.done": torch.tensor(9)}),
        ("transcribe", {"own.heard": torch.tensor([-1])}),
        ("transcribe", {"own.pile.1": torch.zeros(50, 12)}),
    ],
)
def test_states_that_no_stream_can_have_are_refused(models, name, change):
    stream = elman.stream(models(name))
    before = stream.dumps()
    with pytest.raises(InputError, match="not one of this model's streams"):
        stream.state = {**stream.state, **change}
    assert stream.dumps() == before


# What cannot be streamed.


def test_models_that_wait_for_the_end_are_refused():
    texts = ["good", "bad"] * 20
    both = elman.Classifier(steps=2, hidden=4).fit(texts, texts)
    with pytest.raises(InputError, match=r"reads each sequence from both ends, and has to wait.*--causal"):
        elman.stream(both)
    ahead = elman.Classifier(steps=2, hidden=4, bidirectional=False, conv=3).fit(texts, texts)
    with pytest.raises(InputError, match=r"--conv 3 of this model looks ahead.*--causal"):
        elman.stream(ahead)
    with pytest.raises(InputError, match="not fitted yet"):
        elman.stream(elman.Classifier())


def test_models_that_write_are_refused(models):
    class Fitted:
        name = "translate"

        def fitted(self):
            pass

    with pytest.raises(InputError, match="a translate model answers when it has read all, and cannot be streamed"):
        elman.stream(Fitted())
    with pytest.raises(InputError, match="a tag model writes nothing"):
        elman.stream(models("tag")).write()


def test_wrong_use_is_told(models):
    streams = Streams(models("words"), most=3)
    opened = [streams.open(), streams.open()]
    with pytest.raises(InputError, match="2 streams are given and 1 steps: give one for each"):
        streams.step_many(opened, ["good"])
    with pytest.raises(InputError, match="most is 0 and together 128"):
        Streams(models("words"), most=0)
    with pytest.raises(InputError, match="but this is a int"):
        elman.stream(3)
    state = opened[0].state
    with pytest.raises(InputError, match="holds NaN"):
        opened[0].state = {**state, "stack.0.0": torch.full_like(state["stack.0.0"], torch.nan)}


def test_the_directory_of_a_model_and_a_frame_will_do(models, tmp_path):
    models("forecast").save(tmp_path / "m.elman")
    frame = pl.DataFrame({"day": np.array(["2020-07-19"], "datetime64[D]"), "y": [51.0]})
    answer = elman.stream(tmp_path / "m.elman").step(frame)
    assert answer == elman.stream(models("forecast")).step({"day": "2020-07-19", "y": 51.0})
