"""The cost of pictures in nats and bits, beside the baselines', and the report of it."""

import math

import numpy as np
import pytest

from elman.errors import InputError
from elman.evaluate.pictures.report import judge, picture_metrics, sections

RANDOM = np.random.default_rng(0)
RIVALS = {"places": 60 + RANDOM.normal(0, 1, 200), "neighbours": 50 + RANDOM.normal(0, 1, 200)}


def test_metrics_by_hand():
    found = picture_metrics([10.0, 20.0], 5)
    assert found == {"nats": 15, "bits_per_dimension": pytest.approx(15 / 5 / math.log(2))}
    assert picture_metrics([100 * math.log(2)], 100)["bits_per_dimension"] == pytest.approx(1)


@pytest.mark.parametrize("costs", [[], [[1.0]], [np.nan], [np.inf], [-1.0]])
def test_what_is_no_cost_is_refused(costs):
    with pytest.raises(InputError, match="costs cannot be scored: give one of each picture, finite and from 0 on"):
        picture_metrics(costs, 5)


def test_it_is_judged_beside_the_best_baseline():
    found = judge(RIVALS["neighbours"] * 0.8, RIVALS, 20, notes=("said",))
    assert found.task == "paint" and found.rows == 200 and found.notes == ("said",)
    assert found.skill == pytest.approx(0.2)
    assert found.good is True
    assert "counts after the nearest pixels" in found.verdict
    assert set(found.baselines) == {"places", "neighbours"}
    assert found.baselines["places"] == picture_metrics(RIVALS["places"], 20)


def test_worse_is_said_and_chance_is_chance():
    assert judge(RIVALS["neighbours"] * 1.1, RIVALS, 20).good is False
    assert judge(RIVALS["neighbours"] + RANDOM.normal(0, 1, 200), RIVALS, 20).good is None


def test_the_report_shows_what_was_painted():
    evaluation = judge(RIVALS["neighbours"] * 0.8, RIVALS, 20, notes=("said",))
    shown = {"Drawn": np.zeros((4, 3, 3, 1), np.uint8), "Held out": np.zeros((4, 3, 3, 3), np.uint8)}
    score, painted, *_ = sections(evaluation, shown)
    assert "200 held-out pictures" in str(score)
    assert painted.title == "Painted"
    figures = str(painted)
    assert "Drawn" in figures and "Held out" in figures and figures.count("<svg") == 2
