"""Evaluations and report sections of classifiers, taggers, language models and models of numbers."""

import numpy as np
import pytest

from elman.errors import InputError
from elman.evaluate import classify_report, language_report, regress_report, tag_report
from elman.evaluate.report import Report, Shaded, Verbatim
from elman.evaluate.tag_report import MostFrequent

RNG = np.random.default_rng(0)


def sure(y, every, C=3, p=0.8, first=0):
    """Probabilities that guess y, save for every so-manieth row."""
    guess = np.where(np.arange(len(y)) % every == first, (y + 1) % C, y)
    return np.where(np.eye(C)[guess] > 0, p, (1 - p) / (C - 1))


Y = RNG.integers(0, 3, 400)
GOOD, LINEAR = sure(Y, 10), sure(Y, 3)
MAJORITY = classify_report.majority(Y, 3)


def titles(pages):
    return [page.title for page in pages]


def test_a_classifier_is_judged_by_the_most_accurate_baseline():
    score = classify_report.judge(Y, GOOD, {"majority": MAJORITY, "n-grams": LINEAR}, notes=("400 texts",))
    assert score.task == "classify" and score.rows == 400 and score.good is True
    assert score.verdict.startswith("Better than a linear bag of n-grams (the best of 2 baselines): accuracy ")
    assert set(score.metrics) == set(score.baselines["majority"]) == set(score.baselines["n-grams"])
    assert score.baselines["majority"]["accuracy"] == pytest.approx(np.mean(MAJORITY.argmax() == Y))
    close = classify_report.judge(Y, GOOD, {"other": sure(Y, 10, first=5)}, words={"other": "the other"})
    assert close.good is None and "the other" in close.verdict and "McNemar" in close.verdict
    worse = classify_report.judge(Y, LINEAR, {"n-grams": GOOD})
    assert worse.good is False and "use a linear bag of n-grams instead" in worse.verdict
    with pytest.raises(InputError, match="at least one"):
        classify_report.judge(Y, GOOD, {})


def test_majority_is_the_shares():
    np.testing.assert_allclose(classify_report.majority([0, 0, 2], 4), [2 / 3, 0, 1 / 3, 0])
    with pytest.raises(InputError, match="no labels"):
        classify_report.majority([], 3)


def test_the_pages_of_a_classifier():
    score = classify_report.judge(Y, GOOD, {"majority": MAJORITY}, notes=("400 texts",))
    texts = [f"text <{i}> " + "long " * 100 for i in range(400)]
    labels = ["negative", "neutral", "positive"]
    shaded = [Shaded(["very", "good"], [0.2, 0.8], "positive, rightly")]
    pages, picture = classify_report.sections(score, Y, GOOD, labels, texts, shaded)
    assert titles(pages) == ["Score", "Label by label", "Worst mistakes", "What it looked at", "Data"]
    assert picture.title == "Confusion matrix"
    (table,) = pages[2].items
    wrong = np.flatnonzero(GOOD.argmax(axis=1) != Y)
    assert [row[0] for row in table.rows] == [texts[i][:300].rstrip() + "…" for i in wrong[:10]]
    assert all(row[1] != row[2] and row[3:] == [80, 10] for row in table.rows)
    html = Report("t", verdict=score.verdict, good=score.good, sections=pages).render()
    assert "text &lt;" in html and "<svg" in html
    each = pages[1].items[-1]
    assert [row[0] for row in each.rows] == labels and sum(row[-1] for row in each.rows) == 400


def test_a_perfect_classifier_has_no_mistakes_to_show():
    score = classify_report.judge(Y, np.eye(3)[Y], {"majority": MAJORITY})
    pages, _ = classify_report.sections(score, Y, np.eye(3)[Y], ["a", "b", "c"], ["x"] * 400)
    assert titles(pages) == ["Score", "Label by label"] and score.skill == 1


def test_many_labels_have_a_table_in_place_of_the_picture():
    y = RNG.integers(0, 40, 500)
    p = sure(y, 5, C=40)
    score = classify_report.judge(y, p, {"majority": classify_report.majority(y, 40)})
    pages, picture = classify_report.sections(score, y, p, [f"label {i}" for i in range(40)])
    assert picture is None
    confusions = pages[1].items[-1]
    assert confusions.columns == ["True label", "guessed to be", "rows"] and len(confusions.rows) == 20
    assert all((int(a.split()[1]) + 1) % 40 == int(b.split()[1]) for a, b, _ in confusions.rows)


TOKENS = [["Ann", "saw", "Rome", "."], ["Rome", "saw", "ann"], ["May", "sees", "May", "."]]
TAGS = [["B-PER", "O", "B-LOC", "O"], ["B-LOC", "O", "B-PER"], ["B-PER", "O", "O", "O"]]


def test_most_frequent_tags():
    model = MostFrequent.fit(TOKENS, TAGS)
    again = MostFrequent.from_json(model.to_json())
    # May is as often O as B-PER and O is later in the alphabet; of the words seen once two of three are names.
    assert again.predict([["May", "Rome", "Saw", "Unheard"], []]) == [["B-PER", "B-LOC", "O", "B-PER"], []]
    with pytest.raises(InputError, match="no token"):
        MostFrequent.fit([[]], [[]])


def test_a_tagger_is_judged_by_spans_or_by_tokens():
    truth, tokens = TAGS * 40, TOKENS * 40
    rival = MostFrequent.fit(TOKENS[:1], TAGS[:1]).predict(tokens)
    score = tag_report.judge(truth, truth, {"most_frequent": rival})
    assert score.good is True and score.rows == 11 * 40 and "span F1 100" in score.verdict
    assert "each word's commonest tag" in score.verdict
    few = tag_report.judge(TAGS[:1], TAGS[:1], {"most_frequent": [["O"] * 4]})
    assert few.good is None and "too little was scored" in few.verdict
    kinds = [["X" if tag == "O" else "Y" for tag in tags] for tags in truth]
    score = tag_report.judge(kinds, kinds, {"most_frequent": [["X"] * len(tags) for tags in truth]})
    assert score.good is True and "accuracy 100" in score.verdict and "span_f1" not in score.metrics


def test_the_pages_of_a_tagger():
    guess = [["B-PER", "O", "B-PER", "O"], TAGS[1], TAGS[2]]
    score = tag_report.judge(TAGS, guess, {"most_frequent": MostFrequent.fit(TOKENS, TAGS).predict(TOKENS)})
    pages, picture = tag_report.sections(score, TOKENS, TAGS, guess)
    assert titles(pages) == ["Score", "Spans", "Tag by tag", "Commonest mistakes"]
    assert pages[1].items[0].rows == [
        ["LOC", 0.5, 1.0, pytest.approx(2 / 3), 2],
        ["PER", 1.0, 0.75, pytest.approx(6 / 7), 3],
    ]
    assert pages[3].items[0].rows == [["Rome", "B-LOC", "B-PER", 1]]
    assert "<svg" in picture.svg and "<table" in Report("t", sections=pages).render()


def test_language_metrics_by_hand():
    found = language_report.language_metrics([np.log(2), np.log(8)], characters=8)
    assert found == pytest.approx({"nats": np.log(4), "bits_per_character": 0.5, "perplexity": 4})
    for wrong in ([], [np.nan], [-1.0], [np.inf]):
        with pytest.raises(InputError, match="cost"):
            language_report.language_metrics(wrong, 3)
    with pytest.raises(InputError, match="of 0 characters"):
        language_report.language_metrics([1.0], 0)


def test_a_language_model_is_judged_by_bits_per_character():
    base = RNG.gamma(2, 1, 5000)
    rivals = {"unigram": base + 1, "kneser-ney": base + RNG.normal(0.3, 0.1, 5000).clip(0)}
    score = language_report.judge(base, rivals, characters=10_000)
    assert score.good is True and score.rows == 5000
    assert "Better than a smoothed n-gram model (the best of 2 baselines): bits per character" in score.verdict
    assert score.metrics["bits_per_character"] == pytest.approx(base.sum() / 10_000 / np.log(2))
    assert language_report.judge(rivals["unigram"], {"kneser-ney": base}, 5000).good is False
    noise = language_report.judge(base, {"kneser-ney": RNG.permutation(base)}, 5000)
    assert noise.good is None and "chance" in noise.verdict
    assert language_report.judge([1.0], {"kneser-ney": [2.0]}, 1).good is None


def test_the_pages_of_a_language_model():
    score = language_report.judge([1.0, 2.0, 0.1], {"unigram": [2.0, 2.0, 2.0]}, 3, notes=("3 characters",))
    pages = language_report.sections(score, {"at temperature 0.8": "To be,\nor not"}, list("abc"), [1.0, 2.0, 0.1])
    assert titles(pages) == ["Score", "Generated", "What surprised it", "Data"]
    assert pages[1].items == [Verbatim("To be,\nor not", "at temperature 0.8")]
    assert pages[2].items[0].shades == [("a", 25), ("b", 50), ("c", 0)]
    assert "<pre>To be,\nor not</pre>" in Report("t", sections=pages).render()


def test_numbers_are_judged_by_absolute_error():
    y = RNG.normal(5, 2, 300)
    guess = y + RNG.normal(0, 0.5, 300)
    score = regress_report.judge(y, guess, {"median": np.median(y), "n-grams": y + RNG.normal(0, 1, 300)})
    assert score.good is True and "Better than a linear bag of n-grams (the best of 2 baselines): MAE" in score.verdict
    assert score.metrics["r2"] == pytest.approx(1 - np.mean((y - guess) ** 2) / np.var(y))
    assert score.baselines["median"]["r2"] == pytest.approx(0, abs=0.02)
    assert np.isnan(regress_report.regress_metrics([1.0, 1.0], [1.0, 2.0])["r2"])
    pages, picture = regress_report.sections(score, y, guess, [f"row {i}" for i in range(300)])
    assert titles(pages) == ["Score", "Guesses and truth", "Worst mistakes"]
    worst = pages[2].items[0].rows[0]
    assert worst[0] == f"row {np.abs(y - guess).argmax()}" and "<svg" in picture.svg
