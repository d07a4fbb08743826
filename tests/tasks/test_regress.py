"""The regressor: a number for a text or a sequence, in the target's own unit."""

import numpy as np
import polars as pl
import pytest

from elman.errors import InputError
from elman.tasks.load import load
from elman.tasks.regress import Regressor

WORTH = {"awful": -2.0, "dull": -1.0, "fair": 0.0, "good": 1.0, "great": 2.0}


def rows(count=100, seed=0):
    """Texts whose stars are 100 and ten times what their words are worth."""
    draw = np.random.default_rng(seed)
    words = [list(draw.choice(list(WORTH), 3)) for _ in range(count)]
    return [f"{' '.join(own)} number {at}" for at, own in enumerate(words)], [
        100 + 10 * sum(WORTH[word] for word in own) for own in words
    ]


def frame(count=100, seed=0):
    texts, stars = rows(count, seed)
    return pl.DataFrame({"text": texts, "stars": stars})


def quick(**settings):
    return Regressor(**{"steps": 80, "hidden": 8, "learning_rate": 3e-2, "batch_size": 16, **settings})


@pytest.fixture(scope="module")
def fitted():
    return quick(target="stars").fit(frame())


def test_numbers_come_in_the_targets_unit(fitted):
    texts, stars = rows(40, seed=3)
    guess = fitted.predict(texts)
    assert guess.shape == (40,)
    assert np.abs(guess - stars).mean() < 0.5 * np.abs(np.array(stars) - np.median(stars)).mean()


def test_it_is_judged_beside_the_median_and_the_linear_model(fitted):
    found = fitted.evaluation_
    assert set(found.baselines) == {"median", "n-grams"}
    assert found.metrics["mae"] < found.baselines["median"]["mae"]
    new = fitted.evaluate(frame(30, seed=9))
    assert (new.rows, new.task) == (30, "regress")


def test_save_and_load_give_the_same(fitted, tmp_path):
    again = load(fitted.save(tmp_path / "m.elman"))
    assert isinstance(again, Regressor)
    texts = rows(9, seed=5)[0]
    np.testing.assert_array_equal(again.predict(texts), fitted.predict(texts))
    assert again.evaluate().to_json() == fitted.evaluate().to_json()
    assert again.evaluate(frame(9, seed=5)).metrics == fitted.evaluate(frame(9, seed=5)).metrics


def test_a_file_and_one_text_give_a_frame_named_as_the_target(fitted, tmp_path):
    table = frame(5, seed=6)
    table.write_csv(tmp_path / "new.csv")
    for source in (tmp_path / "new.csv", table):
        found = fitted.predict(source)
        assert found.columns == ["stars"]
        np.testing.assert_allclose(found["stars"].to_numpy(), fitted.predict(table["text"].to_list()))
    assert fitted.predict("good good good")["stars"][0] > fitted.predict("awful awful awful")["stars"][0]


@pytest.mark.parametrize("shape", ["(N, T)", "(N, T, F)", "ragged"])
def test_arrays_of_every_shape(shape):
    draw = np.random.default_rng(0)
    x = [draw.normal(size=(draw.integers(4, 9), 2)) + draw.normal() for _ in range(120)]
    y = np.array([row.mean() for row in x])
    if shape == "(N, T, F)":
        x = np.stack([row[:4] for row in x])
    elif shape == "(N, T)":
        x = np.stack([row[:4, 0] for row in x])
    model = quick(test_share=0.2).fit(x, y)
    assert model.score(x, y) > 0.5
    assert set(model.evaluation_.baselines) == {"median", "summaries"}


@pytest.mark.parametrize("pool", ["attention", "dot", "last", "mean", "max", "concat"])
def test_two_runs_with_one_seed_are_equal(pool):
    texts, stars = rows(40)
    first, second = (quick(steps=5, pool=pool).fit(texts, stars).predict(texts) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_target_that_never_changes_is_learnt():
    texts, _ = rows(30)
    guess = quick(steps=5).fit(texts, [7.0] * 30).predict(texts)
    np.testing.assert_allclose(guess, 7, atol=1)


def test_the_report_shows_the_score_and_the_worst(fitted):
    page = fitted.report()
    for words in (">Score", ">Training", "worst", "median"):
        assert words in page or words.capitalize() in page


@pytest.mark.parametrize(
    ("table", "settings", "said"),
    [
        ({"text": ["a", "b"], "stars": ["3", "many"]}, {}, "'stars' .* must hold numbers, but row 2 holds 'many'"),
        ({"text": ["a", "b"], "stars": ["3", "inf"]}, {}, "'stars' .* row 2 holds 'inf'"),
        ({"text": ["a", "b"], "stars": ["3", None]}, {}, "'stars' .* row 2"),
        ({"text": ["a", "b"], "stars": [3, 4]}, {"target": None}, "name its column with --target"),
        ({"text": ["a", "b"], "stars": [3, 4]}, {"target": "star"}, "has no column 'star'"),
    ],
)
def test_a_bad_target_is_one_sentence(table, settings, said):
    with pytest.raises(InputError, match=said) as caught:
        quick(**{"target": "stars", **settings}).fit(pl.DataFrame(table))
    assert "\n" not in str(caught.value)


def test_a_folder_has_no_numbers(tmp_path):
    with pytest.raises(InputError, match="is a folder, but a table with a column of numbers is needed"):
        quick(target="stars").fit(tmp_path)


@pytest.mark.parametrize("y", [["3", "many"], [3, None], [3.0, float("nan")], [3.0, float("inf")], [3, 1j]])
def test_targets_that_are_no_numbers_are_refused(y):
    with pytest.raises(ValueError, match=r"must be numbers|contains NaN|Complex data"):
        quick().fit(["a", "b"], y)
