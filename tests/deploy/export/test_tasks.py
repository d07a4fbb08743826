"""Each task's model as ONNX gives elman's own answers, from a file's rows to what the user reads."""

import numpy as np
import polars as pl
import pytest
import torch

import elman
from elman.errors import InputError

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from elman.deploy import export

QUICK = {"steps": 20, "hidden": 8}
SLOW = {"mean", "max", "last", "a window's own level"}
POOLS = ["attention", "dot", "last", "mean", "max", "concat"]


def some(names):
    """All of these, those in SLOW left to `make check-slow`."""
    return [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in names]


@pytest.mark.parametrize("pool", some(POOLS))
def test_a_classifier_of_texts(pool, moods, tmp_path, answers):
    settings = {"level": "char", "conv": 3} if pool == "dot" else {"members": 2, "cell": "gru", "spelling": False}
    model = elman.Classifier(**QUICK, pool=pool, blend=False, **settings).fit(*moods)
    run, told = answers(export.model(model, tmp_path / "mood.onnx"))
    asked = moods[0][:5]
    tokens, lengths = model.encoder_.encode(asked).padded(torch.arange(5))
    found = run({"tokens": tokens.T.numpy(), "lengths": lengths.int().numpy()})
    np.testing.assert_allclose(found["probabilities"], model.predict_proba(asked), atol=1e-6)
    assert told["labels"] == ["bad", "good"] and told["left_out"] == [] and told["text"]["symbols"][0] == ""


def test_a_classifier_in_calls_is_the_classifier(moods, tmp_path, answers):
    model = elman.Classifier(
        **QUICK, pool="last", bidirectional=False, blend=False, layers=2, residual=True, spelling=False
    ).fit(*moods)
    run, _ = answers(export.model(model, tmp_path / "mood.onnx", streaming=True))
    (numbers,) = [row.numpy().astype(np.int64) for row in [model.encoder_.encode(moods[0][:1]).row(0)]]
    state = {name: np.zeros((2, 1, 8), np.float32) for name in ("h_0", "c_0")}
    for number in numbers:
        found = run({"tokens": np.array([[number]]), **state})
        state = {name: found[name.replace("_0", "_n")] for name in state}
    np.testing.assert_allclose(found["probabilities"], model.predict_proba(moods[0][:1]), atol=1e-6)


@pytest.mark.parametrize("kind", [elman.Classifier, elman.Regressor])
def test_sequences_of_numbers_with_their_linear_model(kind, tmp_path, answers):
    rng = np.random.default_rng(0)
    x = [1000 + 3 * rng.standard_normal((int(steps), 2)) for steps in rng.integers(2, 9, 90)]
    y = np.array([row[0, 0] for row in x])
    y = y > 1000 if kind is elman.Classifier else y
    model = kind(**QUICK).fit(x, y)
    run, told = answers(export.model(model, tmp_path / "numbers.onnx"))
    padded = np.zeros((4, 8, 2), np.float32)
    for at, row in enumerate(x[:4]):
        padded[at, : len(row)] = row
    found = run({"x": padded, "lengths": np.array([len(row) for row in x[:4]], np.int32)})
    if kind is elman.Classifier:
        np.testing.assert_allclose(found["probabilities"], model.predict_proba(x[:4]), atol=1e-4)
    else:
        np.testing.assert_allclose(found["number"], model.predict(x[:4]), rtol=1e-5)
    assert told["left_out"] == [] and told["features"] == 2


def test_a_linear_model_that_cannot_stream_is_left_out_aloud(moods, tmp_path):
    frame = pl.DataFrame({"text": moods[0], "label": moods[1]})
    model = elman.Classifier(**QUICK, text="text", label="label", pool="last", bidirectional=False).fit(frame)
    assert model.weights_[1] > 0 and not export.model(model, tmp_path / "whole.onnx").left_out
    done = export.model(model, tmp_path / "mood.onnx", streaming=True, test=frame)
    (said,) = done.left_out
    assert "linear model" in said and "--no-blend" in said
    assert done.scores["exported"]["log_loss"] != done.scores["elman"]["log_loss"]


def test_scores_are_those_of_what_is_exported(moods, tmp_path):
    frame = pl.DataFrame({"text": moods[0], "label": moods[1]})
    model = elman.Classifier(**QUICK, text="text", label="label").fit(frame)
    done = export.model(model, tmp_path / "mood.onnx", int8=True, test=frame)
    assert set(done.scores) == {"elman", "exported"}
    assert done.scores["elman"] == model.evaluate(frame).metrics
    assert done.scores["exported"]["log_loss"] != done.scores["elman"]["log_loss"]


def test_a_tagger(sentences, tmp_path, answers):
    model = elman.Tagger(**QUICK).fit(*sentences)
    done = export.model(model, tmp_path / "tags.onnx")
    assert set(done.inputs) == {"tokens", "grams", "lengths"}
    model = elman.Tagger(**QUICK, bidirectional=False, spelling=False).fit(*sentences)
    run, told = answers(export.model(model, tmp_path / "stream.onnx", streaming=True))
    words, state, tags = sentences[0][0], {name: np.zeros((1, 1, 8), np.float32) for name in ("h_0", "c_0")}, []
    for word in words:
        found = run({"tokens": model.encoder_.encode([[word]]).values.long().numpy()[None], **state})
        state = {name: found[name.replace("_0", "_n")] for name in state}
        tags.append(told["tags"][found["probabilities"][0, 0].argmax()])
    assert [tags] == model.predict([words])


@pytest.mark.parametrize("settings", [{"members": 2, "layers": 2}, {"tied": True, "embedding": 16, "cell": "gru"}])
def test_a_generator(settings, moods, tmp_path, answers):
    model = elman.Generator(**QUICK, **settings).fit("\n".join(moods[0]))
    done = export.model(model, tmp_path / "text.onnx")
    run, _ = answers(done)
    ids = model.tokens_.encode(["The room"]).values.tolist()
    state = {name: np.zeros((shape[0], 1, shape[2]), np.float32) for name, shape in list(done.inputs.items())[1:]}
    text, feeds = "", np.array([ids])
    for _ in range(30):
        found = run({"tokens": feeds, **state})
        state = {name: found[name.replace("_0", "_n")] for name in state}
        feeds = found["logits"][:, -1:].argmax(-1)
        text += model.tokens_.symbols[int(feeds[0, 0])]
    assert text == model.predict("The room", length=30, temperature=0)
    assert np.isneginf(found["logits"][0, 0, :2]).all()


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("settings", [{}, {"repeats": True, "tied": False, "embedding": 12, "cell": "lstm"}])
def test_a_recommender(settings, streaming, tmp_path, answers):
    rng = np.random.default_rng(0)
    events = {"user": np.arange(600) // 6, "song": [f"s{at}" for at in rng.integers(0, 30, 600)], "at": np.arange(600)}
    model = elman.Recommender(session="user", item="song", time="at", **QUICK, **settings).fit(pl.DataFrame(events))
    done = export.model(model, tmp_path / "songs.onnx", streaming=streaming)
    run, told = answers(done)
    items = np.array([[told["items"].index(name) for name in ("s1", "s2", "s1")]])
    if streaming:
        feeds = {
            name: np.zeros([1 if size == "batch" else size for size in shape], np.float32)
            for name, shape in done.inputs.items()
            if name != "items"
        }
        for at in range(3):
            found = run({"items": items[:, at : at + 1], **feeds})
            feeds = {name: found[name.replace("_0", "_n")] for name in feeds}
    else:
        found = run({"items": items, "lengths": np.array([3], np.int32)})
    best = model.predict([["s1", "s2", "s1"]], top=30)
    own = [found["probabilities"][0, told["items"].index(name)] for name in best["item"]]
    np.testing.assert_allclose(own, best["probability"], atol=1e-6)


CASES = {
    "rows as steps": ({}, ["price"]),
    "a window's own level": ({"level": "window", "cell": "gru", "point": "mean"}, ["price"]),
    "a calendar": ({}, ["day", "price"]),
    "all there is": (
        {"known": ("holiday",), "level": "none", "layers": 2},
        ["day", "price", "high", "rain", "holiday"],
    ),
}


@pytest.mark.parametrize("case", some(CASES))
def test_a_forecaster(case, daily, tmp_path, answers):
    settings, columns = CASES[case]
    model = elman.Forecaster(target="price", horizon=4, **QUICK, **settings).fit(daily.select(columns))
    done = export.model(model, tmp_path / "price.onnx")
    assert done.largest_difference < 1e-4 and done.inputs["values"][2] == len(columns) - ("day" in columns)
    if "holiday" in columns:
        return
    run, told = answers(done)
    feeds = {"values": np.array(told["context"]["values"], float)}
    if told["calendar"]:
        feeds["calendar"] = np.array(told["context"]["calendar"], np.float32)
    found, right = run(feeds), model.predict()
    for name in ("forecast", "lower", "upper", "lower_80", "upper_80"):
        np.testing.assert_allclose(found[name][0], right[name], rtol=1e-8)


@pytest.mark.parametrize("count", [2, 9])
def test_many_series_in_one_call(count, daily, tmp_path, answers):
    """Nine have factors in common, so that all are forecast together."""
    shops = [daily.select("day", pl.col("price") * (at + 1), shop=pl.lit(f"shop {at}")) for at in range(count)]
    model = elman.Forecaster(target="price", horizon=4, group="shop", **QUICK).fit(pl.concat(shops))
    run, told = answers(export.model(model, tmp_path / "price.onnx"))
    assert bool(model.encoder_.factors.size) == (count == 9)
    feeds = {
        "values": np.array(told["context"]["values"], float),
        "calendar": np.array(told["context"]["calendar"], np.float32),
        "group": np.arange(count),
    }
    right = model.predict()
    np.testing.assert_allclose(run(feeds)["forecast"].ravel(), right["forecast"], rtol=1e-8)
    assert told["groups"] == right["shop"].unique(maintain_order=True).to_list()


def test_what_is_no_graph_is_refused(daily, moods, tmp_path):
    pairs = (["one", "two", "three", "four"] * 10, ["eins", "zwei", "drei", "vier"] * 10)
    translator = elman.Translator(source="en", target="de", **QUICK)
    translator.fit(pl.DataFrame({"en": pairs[0], "de": pairs[1]}))
    forecaster = elman.Forecaster(target="price", horizon=4, **QUICK).fit(daily.select("price"))
    both_ways = elman.Classifier(**QUICK, pool="last").fit(*moods)
    attentive = elman.Classifier(**QUICK, bidirectional=False).fit(*moods)
    for model, streaming, said in (
        (translator, False, "a search that asks its network again and again"),
        (forecaster, True, "reads its input whole"),
        (both_ways, True, "fit with --no-bidirectional"),
        (attentive, True, "fit with --pool last"),
        (elman.Classifier(), False, "is not fitted yet"),
    ):
        with pytest.raises(InputError, match=said):
            export.model(model, tmp_path / "none.onnx", streaming=streaming)
    assert not list(tmp_path.iterdir())
