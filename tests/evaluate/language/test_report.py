"""Evaluations and report sections of language models."""

import numpy as np
import pytest

from elman.errors import InputError
from elman.evaluate.language import report
from elman.evaluate.report import Report, Verbatim

RNG = np.random.default_rng(0)


def titles(pages):
    return [page.title for page in pages]


def test_language_metrics_by_hand():
    found = report.language_metrics([np.log(2), np.log(8)], characters=8)
    assert found == pytest.approx({"nats": np.log(4), "bits_per_character": 0.5, "perplexity": 4})
    for wrong in ([], [np.nan], [-1.0], [np.inf]):
        with pytest.raises(InputError, match="cost"):
            report.language_metrics(wrong, 3)
    with pytest.raises(InputError, match="of 0 characters"):
        report.language_metrics([1.0], 0)


def test_a_language_model_is_judged_by_bits_per_character():
    base = RNG.gamma(2, 1, 5000)
    rivals = {"unigram": base + 1, "kneser-ney": base + RNG.normal(0.3, 0.1, 5000).clip(0)}
    score = report.judge(base, rivals, characters=10_000)
    assert score.good is True and score.rows == 5000
    assert "Better than a smoothed n-gram model (the best of 2 baselines): bits per character" in score.verdict
    assert score.metrics["bits_per_character"] == pytest.approx(base.sum() / 10_000 / np.log(2))
    assert report.judge(rivals["unigram"], {"kneser-ney": base}, 5000).good is False
    noise = report.judge(base, {"kneser-ney": RNG.permutation(base)}, 5000)
    assert noise.good is None and "chance" in noise.verdict
    assert report.judge([1.0], {"kneser-ney": [2.0]}, 1).good is None


def test_the_pages_of_a_language_model():
    score = report.judge([1.0, 2.0, 0.1], {"unigram": [2.0, 2.0, 2.0]}, 3, notes=("3 characters",))
    pages = report.sections(score, {"at temperature 0.8": "To be,\nor not"}, list("abc"), [1.0, 2.0, 0.1])
    assert titles(pages) == ["Score", "Generated", "What surprised it", "Data"]
    assert pages[1].items == [Verbatim("To be,\nor not", "at temperature 0.8")]
    assert pages[2].items[0].shades == [("a", 25), ("b", 50), ("c", 0)]
    assert "<pre>To be,\nor not</pre>" in Report("t", sections=pages).render()
