"""The classifier from a source to labels and back: every kind of source, option and shape of sequence."""

import json
from dataclasses import asdict

import numpy as np
import polars as pl
import pytest
import torch

from elman.errors import InputError
from elman.tasks.classify import Classifier
from elman.tasks.load import load

MOODS = {
    "good": ["a fine film", "lovely, warm and fine", "I liked it"],
    "bad": ["a dull film", "cold, dull and long", "I hated it"],
    "so-so": ["a film", "neither here nor there", "I saw it"],
}


def rows(count=90, seed=0):
    """Texts and their moods, every text once."""
    draw = np.random.default_rng(seed)
    moods = [list(MOODS)[at % 3] for at in range(count)]
    return [f"{draw.choice(MOODS[mood])}, day {at}." for at, mood in enumerate(moods)], moods


def frame(count=90, seed=0):
    texts, moods = rows(count, seed)
    return pl.DataFrame({"review": texts, "mood": moods})


def quick(**settings):
    return Classifier(**{"steps": 25, "hidden": 8, "learning_rate": 2e-2, "batch_size": 16, **settings})


def named(**settings):
    return quick(text="review", label="mood", **settings)


@pytest.fixture(scope="module")
def fitted():
    """A model of three moods, which no test may change."""
    return named().fit(frame())


def trained(**settings):
    """A model that is not judged, which takes most of the time of so small a fit."""
    return named(test_share=0.0, **settings).fit(frame())


def waves(count=60, seed=0):
    """Slow and quick waves (T, 2) of different lengths."""
    draw = np.random.default_rng(seed)
    y = np.arange(count) % 2
    x = []
    for quick_one in y:
        steps = np.arange(draw.integers(8, 20))[:, None]
        x.append(np.sin(steps * (2.0 if quick_one else 0.3) + draw.uniform(0, 6, 2)) + draw.normal(0, 0.1, steps.shape))
    return x, np.where(y, "quick", "slow")


# Sources.


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet", "polars", "pandas", "folder", "lists"])
def test_the_same_rows_from_every_source(fitted, tmp_path, kind):
    data = frame()
    source = tmp_path / f"reviews.{kind}"
    match kind:
        case "csv":
            data.write_csv(source)
        case "tsv":
            data.write_csv(source, separator="\t")
        case "jsonl":
            data.write_ndjson(source)
        case "parquet":
            data.write_parquet(source)
        case "polars":
            source = data
        case "pandas":
            source = data.to_pandas()
        case "folder":
            source = tmp_path / "reviews"
            for at, (text, mood) in enumerate(data.iter_rows()):
                (source / mood).mkdir(parents=True, exist_ok=True)
                (source / mood / f"{at:03}.txt").write_text(text)
    if kind == "lists":
        model = quick(test_share=0.2).fit(data["review"].to_list(), data["mood"].to_list())
    else:
        model = (quick() if kind == "folder" else named()).fit(source)
    assert model.classes_.tolist() == ["bad", "good", "so-so"]
    assert model.evaluation_.rows == 18
    assert set(model.evaluation_.baselines) == {"majority", "n-grams"}
    some = rows(9, seed=5)[0]
    # A folder has its rows in another order, so other parts.
    if kind != "folder":
        np.testing.assert_array_equal(model.predict_proba(some), fitted.predict_proba(some))


def test_three_classes_are_learnt_and_their_probabilities_sum_to_one(fitted):
    texts, moods = rows(60, seed=3)
    p = fitted.predict_proba(texts)
    assert p.shape == (60, 3)
    np.testing.assert_allclose(p.sum(1), 1)
    assert (p >= 0).all()
    assert (fitted.predict(texts) == np.array(moods)).mean() > 0.9
    assert {"accuracy", "ece", "macro_f1", "log_loss"} <= set(fitted.evaluation_.metrics)


def test_parts_that_are_given_are_used():
    model = named().fit(frame(), valid=frame(12, seed=1), test=frame(30, seed=2))
    assert model.evaluation_.rows == 30
    assert any("90 rows train, 12 choose when to stop, 30 judge" in note for note in model.notes_)
    texts, moods = rows()
    pair = quick().fit(texts, moods, valid=rows(12, seed=1), test=rows(30, seed=2))
    assert pair.evaluation_.metrics == pytest.approx(model.evaluation_.metrics)


def test_a_text_that_occurs_twice_is_not_judged_on_itself():
    texts, moods = rows(40)
    model = quick(test_share=0.3, valid_share=0.2).fit(texts * 2, moods * 2)
    # Forty pairs: every part has whole ones.
    note = next(note for note in model.notes_ if "rows train" in note)
    assert all(int(word) % 2 == 0 for word in note.replace(",", "").split() if word.isdigit())


@pytest.mark.parametrize("shape", ["(N, T)", "(N, T, F)", "ragged", "ragged one feature"])
def test_arrays_of_every_shape(shape):
    x, y = waves()
    if shape == "(N, T)":
        x = np.stack([row[:8, 0] for row in x])
    elif shape == "(N, T, F)":
        x = torch.from_numpy(np.stack([row[:8] for row in x]))
    elif shape == "ragged one feature":
        x = [row[:, 0] for row in x]
    model = quick(steps=40, test_share=0.25, valid_share=0.15).fit(x, y)
    assert set(model.evaluation_.baselines) == {"majority", "summaries"}
    assert model.score(x, y) > 0.9
    assert model.predict(x[:3]).tolist() == model.predict(x).tolist()[:3]
    assert "steps" in " ".join(model.notes_)


def test_labels_keep_their_kind(tmp_path):
    x, y = waves()
    for labels in (y == "slow", (y == "slow") * 7 - 3, np.where(y == "slow", "langsam", "schnell")):
        model = quick(steps=5).fit(x, labels)
        again = load(model.save(tmp_path / f"{labels.dtype}.elman"))
        for found in (model, again):
            assert found.classes_.dtype == labels.dtype
            assert set(found.predict(x).tolist()) <= set(labels.tolist())


# Options.


@pytest.mark.parametrize(
    "settings",
    [
        {"cell": "gru", "pool": "dot"},
        {"cell": "rnn", "pool": "last"},
        {"cell": "gru", "pool": "mean", "bidirectional": False, "blend": False},
        {"cell": "rnn", "pool": "max", "spelling": False},
        {"pool": "concat", "members": 2},
        {"conv": 3, "layers": 2, "residual": True},
        {"class_weights": "balanced", "label_smoothing": 0.1},
        {"word_drop": 0.2, "word_swap": 0.2, "embedding_dropout": 0.3, "weight_drop": 0.3},
        {"level": "char"},
        {"level": "subword", "vocabulary": 300},
        {"level": "byte", "lower": False},
        {"vocabulary": 10, "rarest": 1, "embedding": 5},
    ],
    ids=str,
)
def test_every_option_learns_and_is_saved(tmp_path, settings):
    model = trained(**settings)
    texts, moods = rows(30, seed=4)
    assert (model.predict(texts) == np.array(moods)).mean() > 0.6
    again = load(model.save(tmp_path / "m.elman"))
    np.testing.assert_array_equal(again.predict_proba(texts), model.predict_proba(texts))
    assert {name: getattr(again, name) for name in settings} == settings


@pytest.mark.parametrize(("weights", "share"), [(None, 0.1), ("balanced", 0.5)])
def test_balanced_weights_give_every_label_the_same_say(weights, share):
    labels = np.where(np.arange(100) % 10 == 0, "rare", "common")
    model = quick(steps=60, blend=False, valid_share=0.0, batch_size=50, class_weights=weights)
    p = model.fit(["nothing to tell"] * 100, labels).predict_proba(["nothing to tell"])
    assert p[0, 1] == pytest.approx(share, abs=0.08)


def test_smoothing_makes_sure_answers_rarer():
    texts, moods = rows()
    sure = {
        share: quick(steps=60, blend=False, valid_share=0.0, label_smoothing=share)
        .fit(texts, moods)
        .predict_proba(texts)
        .max(1)
        .mean()
        for share in (0.0, 0.3)
    }
    assert sure[0.3] < sure[0.0]


def test_word_vectors_from_a_file(tmp_path):
    path = tmp_path / "vectors.txt"
    draw = np.random.default_rng(0)
    words = ["fine", "dull", "film", "zebra"]
    path.write_text("".join(f"{word} {' '.join(f'{v:.3f}' for v in draw.normal(size=6))}\n" for word in words))
    model = trained(vectors=path, steps=np.int64(20))
    assert any("3 of them start from vectors.txt" in note for note in model.notes_)
    assert model.config_.embedding == 6
    saved = model.save(tmp_path / "m.elman")
    path.unlink()  # a saved model has what it needs
    texts = rows(9)[0]
    np.testing.assert_array_equal(load(saved).predict_proba(texts), model.predict_proba(texts))
    path.write_text("fine 1 2 3\ndull 1 2\n")
    with pytest.raises(InputError, match="line 2"):
        trained(vectors=path)
    path.write_text("fine 1 2 3\n")
    with pytest.raises(InputError, match="--embedding is 5, but the word vectors have 3 numbers"):
        trained(vectors=path, embedding=5)


def test_nothing_is_cut_unless_asked_and_then_it_is_said():
    texts, moods = rows()
    long = [f"{'word ' * 40}{text}" for text in texts]
    whole = quick(steps=40).fit(long, moods)
    assert not any("cut" in note for note in whole.notes_)
    assert whole.score(long, moods) > 0.9
    cut = quick(longest=20, blend=False).fit(long, moods)
    assert any("81 of 81 training rows are cut to their first 20 steps" in note for note in cut.notes_)
    # The first 20 steps are the same for all rows.
    assert len(np.unique(cut.predict_proba(long[:5]), axis=0)) == 1


# The same again.


def test_two_runs_with_one_seed_are_equal_and_another_seed_is_another():
    texts = rows(12, seed=1)[0]
    first, second, other = (trained(seed=seed).predict_proba(texts) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_a_saved_model_gives_the_same_and_keeps_its_calibration(fitted, tmp_path):
    again = load(fitted.save(tmp_path / "m.elman"))
    assert isinstance(again, Classifier)
    assert again.weights_ == fitted.weights_
    assert again.weights_[1] > 0
    np.testing.assert_array_equal(again.predict_proba(rows(9)[0]), fitted.predict_proba(rows(9)[0]))
    assert again.evaluate().to_json() == fitted.evaluate().to_json()
    new = frame(30, seed=8)
    assert again.evaluate(new).metrics == fitted.evaluate(new).metrics
    twice = load(again.save(tmp_path / "again.elman"))
    np.testing.assert_array_equal(twice.predict_proba(rows(9)[0]), fitted.predict_proba(rows(9)[0]))


def test_refit_by_the_recorded_plan_gives_the_same_bits():
    timed = trained(steps=None, minutes=0.02, hidden=None)
    again = Classifier(**asdict(timed.config_)).fit(frame(), plan=timed.plan_)
    assert again.plan_ == timed.plan_
    for name, weight in timed.network_.state_dict().items():
        assert torch.equal(weight, again.network_.state_dict()[name]), name


def test_no_blend_leaves_the_network_alone():
    model = named(blend=False).fit(frame())
    assert model.weights_[1] == 0
    assert "n-grams" in model.evaluation_.baselines
    assert any("calibrates the probabilities" in note for note in model.evaluation_.notes)


def test_a_temperature_does_not_change_the_labels_but_the_log_loss():
    texts, moods = rows(120)
    model = quick(blend=False, valid_share=0.3, steps=60).fit(texts, moods)
    before = model.predict_proba(texts)
    model.weights_ = (1.0, 0.0)
    after = model.predict_proba(texts)
    assert (before.argmax(1) == after.argmax(1)).all()
    assert not np.allclose(before, after)


# Answers.


def test_predict_of_one_text_a_file_a_frame_and_a_list(fitted, tmp_path):
    texts = rows(6, seed=7)[0]
    p = fitted.predict_proba(texts)
    table = pl.DataFrame({"review": texts})
    table.write_csv(tmp_path / "new.csv")
    for source in (tmp_path / "new.csv", str(tmp_path / "new.csv"), table):
        found = fitted.predict(source)
        assert found.columns == ["label", "probability", "p_bad", "p_good", "p_so-so"]
        np.testing.assert_allclose(found.select(pl.col("^p_.*$")).to_numpy(), p)
        assert found["label"].to_list() == fitted.predict(texts).tolist()
    assert type(fitted.predict(table.to_pandas())).__module__.startswith("pandas")
    one = fitted.predict(texts[0])
    assert one["label"].to_list() == [fitted.predict(texts)[0]]
    assert one["probability"][0] == pytest.approx(p[0].max())
    with pytest.raises(InputError, match=r"no such file: none\.csv"):
        fitted.predict("none.csv")
    with pytest.raises(InputError, match="the model reads texts, but numbers were given"):
        fitted.predict(np.zeros((2, 3)))


def test_evaluate_on_a_new_file_with_a_label_never_seen(fitted):
    new = frame(30, seed=9)
    known = fitted.evaluate(new)
    strange = pl.concat([new, pl.DataFrame({"review": ["a fine film, day 3."] * 10, "mood": ["odd"] * 10})])
    found = fitted.evaluate(strange)
    assert found.rows == 40
    assert found.metrics["accuracy"] == pytest.approx(known.metrics["accuracy"] * 30 / 40)
    assert any("10 rows have labels that the fit has not seen: odd; they count as wrong" in n for n in found.notes)


def test_a_judging_part_with_a_new_label_counts_it_as_wrong_and_says_so():
    test = pl.concat([frame(9, seed=2), pl.DataFrame({"review": ["hm"], "mood": ["odd"]})])
    model = named().fit(frame(), test=test)
    assert any("1 rows of the test part have labels that the training part lacks: odd" in note for note in model.notes_)
    assert model.evaluation_.metrics["accuracy"] <= 0.9
    assert "odd" in model.report()


def test_the_summaries_of_rows_of_one_length_are_a_fair_rival():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(80, 5)) + np.repeat([0, 3], 40)[:, None]
    model = quick(test_share=0.25).fit(x, np.repeat(["low", "high"], 40))
    assert model.evaluation_.baselines["summaries"]["accuracy"] > 0.9


# What is shown.


def test_the_report_shows_confusion_mistakes_calibration_and_attention():
    texts, moods = rows(120)
    moods[::5] = moods[1::5]  # labels that nobody could learn
    model = quick(test_share=0.4).fit([f"<b onload=x>{text}" for text in texts], moods)
    assert model.evaluation_.metrics["accuracy"] < 1
    page = model.report()
    for title in ("Score", "Confusion", "Training", "Settings"):
        assert f">{title}" in page
    for word in ("reliab", "worst mistakes", "attention"):
        assert word in page.lower()
    assert "<script" not in page
    assert "<b onload" not in page
    for label in MOODS:
        assert label in page


def test_metrics_are_json(fitted):
    assert json.loads(json.dumps(fitted.evaluation_.to_json(), allow_nan=False))["task"] == "classify"


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        ([np.zeros(3), np.array([0, np.nan])], ["a", "b"], "sequence 1 holds NaN .* at step 1"),
        ([np.zeros(3), np.array([np.inf])], ["a", "b"], "sequence 1 holds infinity .* at step 0"),
        (
            [np.zeros((3, 2)), np.zeros((3, 1))],
            ["a", "b"],
            r"sequence 1 has shape \(3, 1\), but sequence 0 has \(3, 2\)",
        ),
        ([np.zeros(3), np.zeros(0)], ["a", "b"], "sequence 1 has 0"),
        ([1.0, 2.0], ["a", "b"], "one sequence of numbers is no list of sequences"),
        (np.zeros((2, 3, 4, 5)), ["a", "b"], "the array has 4 dimensions"),
        (["a text", 7], ["a", "b"], "text 1 is 7, which is no text"),
        (["one", "two", "three"], ["a", "b"], "inconsistent numbers of samples: 3 sequences, 2 labels"),
        (["one", "two"], ["a", "a"], r"all 2 rows have one label, 'a' \(1 class\)"),
        (["one", "two"], None, "requires y to be passed, but the target y is None"),
        ("one text", ["a"], "'one text' is one text, but several are needed"),
    ],
)
def test_bad_sequences_and_labels_are_one_sentence(x, y, said):
    with pytest.raises(InputError, match=said) as caught:
        quick().fit(x, y)
    assert "\n" not in str(caught.value)


def test_without_a_source_there_is_nothing_to_answer_for(fitted):
    with pytest.raises(InputError, match="there is nothing to answer for"):
        fitted.predict()


def test_a_few_rows_that_choose_do_not_make_the_answer_sure():
    texts, moods = rows(60)
    few = quick(steps=60, valid_share=0.1).fit(texts, moods)
    assert len(few.linear_.before) == 6
    assert max(few.weights_) < 1.2
    assert any(
        "rows are too few to judge by" in note for note in quick(steps=5, test_share=0.1).fit(texts, moods).notes_
    )
