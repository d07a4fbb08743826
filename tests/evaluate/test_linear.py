"""The linear models learn what they can, keep what they are, and read nothing they should not."""

import warnings

import numpy as np
import pytest

from elman.errors import InputError
from elman.evaluate import linear
from elman.evaluate.linear import Ngrams, Values, summaries

GOOD, BAD = ["fine", "lovely", "superb", "warm"], ["dull", "awful", "cold", "poor"]


def reviews(n, seed, join=" ", good=GOOD, bad=BAD, plain=("film", "plot", "actor", "scene")):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    texts = [join.join([*rng.choice(plain, 5), *rng.choice((bad, good)[label], 1)]) for label in y]
    return texts, y


@pytest.fixture(scope="module")
def fitted():
    return Ngrams.fit(*reviews(200, 0), *reviews(50, 1), 2)


def test_words_tell_texts_apart(fitted):
    texts, y = reviews(100, 2)
    p = fitted.predict(texts)
    assert p.shape == (100, 2) and (p.argmax(axis=1) == y).all()
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert not fitted.characters


def test_characters_are_read_where_words_are_not_parted():
    chinese = {"join": "", "good": ["很好", "漂亮"], "bad": ["很差", "难吃"], "plain": ("酒店", "房间", "早餐")}
    model = Ngrams.fit(*reviews(200, 0, **chinese), *reviews(50, 1, **chinese), 2)
    texts, y = reviews(100, 2, **chinese)
    assert model.characters and (model.predict(texts).argmax(axis=1) == y).all()


def test_it_is_kept_as_arrays(fitted):
    texts, _ = reviews(20, 3)
    again = Ngrams.from_arrays(fitted.arrays())
    np.testing.assert_array_equal(again.predict(texts), fitted.predict(texts))
    again = fitted.arrays()
    assert all(isinstance(array, np.ndarray) for array in again.values())


def test_one_sign_is_a_word_and_word_order_is_read():
    texts = ["what is it ?", "it is what ."] * 30
    model = Ngrams.fit(texts, [1, 0] * 30, texts, [1, 0] * 30, 2)
    assert model.predict(["?", "."])[:, 1].round().tolist() == [1, 0]
    assert model.predict(["what is it", "it is what"])[:, 1].round().tolist() == [1, 0]


def test_texts_without_known_words_get_a_distribution(fitted):
    p = fitted.predict(["", "   ", "🙂🙂", "x" * 3_000_000])
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert np.ptp(p, axis=0).max() < 1e-6  # nothing was seen in any of them


def test_a_label_without_rows_has_no_probability_and_one_in_validation_has():
    texts, y = reviews(100, 0)
    model = Ngrams.fit(texts, 2 * y, [*texts[:20], "odd odd one"], [*(2 * y[:20]), 3], 5)
    p = model.predict(texts)
    assert (p[:, [1, 4]] == 0).all() and (p[:, [0, 2, 3]] > 0).all()
    assert (p.argmax(axis=1) == 2 * y).all()


def test_numbers_are_learned_too():
    texts, y = reviews(200, 0)
    model = Ngrams.fit(texts, 10.0 * y + 3, *(reviews(50, 1)[0], 10.0 * reviews(50, 1)[1] + 3), None)
    texts, y = reviews(50, 2)
    assert np.abs(model.predict(texts) - (10 * y + 3)).max() < 2
    assert Ngrams.from_arrays(model.arrays()).predict(texts).shape == (50,)


def test_without_a_validation_part_it_fits_all_the_same():
    model = Ngrams.fit(*reviews(100, 0), [], [], 2)
    texts, y = reviews(50, 1)
    assert (model.predict(texts).argmax(axis=1) == y).all()


def test_of_very_much_text_some_is_read(monkeypatch):
    monkeypatch.setattr(linear, "CHARACTERS", 2000)
    texts, y = reviews(400, 0)
    model = Ngrams.fit(texts, y, *reviews(50, 1), 2)
    stride = -(-sum(map(len, texts)) // 2000)
    rarest = 1 + np.log((1 + len(texts[::stride])) / 3)  # of an n-gram in two of the texts that were read
    assert stride > 1 and model.idf.max() <= rarest + 1e-6 < Ngrams.fit(texts, y, [], [], 2).idf.max() + np.log(stride)


def test_with_many_labels_only_the_commonest_n_grams_are_kept(monkeypatch):
    monkeypatch.setattr(linear, "WEIGHTS", 40)
    model = Ngrams.fit(*reviews(200, 0), *reviews(50, 1), 2)
    assert len(model.columns) == 20


@pytest.mark.parametrize(
    "y, classes, message",
    [
        ([0] * 9, 2, r"y has shape \(14,\): give \(15,\)"),
        ([0] * 10, 2, "all training rows have the same label"),
        ([*range(10)], 5, "run from 0 to 9: they must lie from 0 to 4"),
    ],
)
def test_what_cannot_be_fitted_is_said(y, classes, message):
    with pytest.raises(InputError, match=message):
        Ngrams.fit(["a b"] * 10, y, ["a b"] * 5, [0] * 5, classes)


def test_summaries_by_hand():
    x = summaries([np.array([[1.0, 5.0], [3.0, np.nan]]), np.array([[2.0, np.nan]]), np.full((3, 2), 4.0)])
    #        mean      deviation  least     greatest  last      log T
    want = [
        [2, 5, 1, 0, 1, 5, 3, 5, 3, 5, np.log(2)],
        [2, 0, 0, 0, 2, 0, 2, 0, 2, 0, 0],
        [4, 4, 0, 0, 4, 4, 4, 4, 4, 4, np.log(3)],
    ]
    np.testing.assert_allclose(x, want)
    assert summaries([np.arange(4), np.arange(2)]).shape == (2, 6)


@pytest.mark.parametrize("wrong", [np.zeros((0, 2)), np.zeros((4, 3))])
def test_sequences_that_have_no_summary_are_named(wrong):
    with pytest.raises(InputError, match="sequence 1 has shape"):
        summaries([np.zeros((3, 2)), wrong])


@pytest.mark.parametrize("classes", [3, None])
def test_summaries_tell_sequences_apart(classes):
    rng = np.random.default_rng(0)

    def sample(n):
        y = rng.integers(0, 3, n)
        return [1e3 * rng.normal(label, 0.3, (rng.integers(5, 30), 2)) + 1e4 for label in y], y

    (x, y), (valid, valid_y), (test, test_y) = sample(150), sample(40), sample(60)
    model = Values.fit(summaries(x), y, summaries(valid), valid_y, classes)
    found = model.predict(summaries(test))
    np.testing.assert_array_equal(Values.from_arrays(model.arrays()).predict(summaries(test)), found)
    if classes:
        assert found.shape == (60, 3) and np.mean(found.argmax(axis=1) == test_y) > 0.95
    else:
        assert found.shape == (60,) and np.abs(found - test_y).mean() < 0.15


def test_a_constant_feature_is_no_trouble():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x = [np.column_stack([np.full(5, i % 2), np.ones(5)]) for i in range(20)]
        y = np.arange(20) % 2
        assert (Values.fit(summaries(x), y, summaries(x), y, 2).predict(summaries(x)).argmax(axis=1) == y).all()
