"""Measures of classification against scikit-learn's, and where it warns or has none, by hand."""

import numpy as np
import pytest
from sklearn import metrics as theirs

from elman.errors import InputError
from elman.evaluate.labels.metrics import (
    by_label,
    class_metrics,
    confusion,
    expected_calibration_error,
    log_loss,
    reliability,
)

RNG = np.random.default_rng(0)
P = RNG.dirichlet(np.ones(4), 300)
Y = np.where(RNG.random(300) < 0.5, P.argmax(axis=1), RNG.integers(0, 4, 300))


def test_all_measures_are_scikit_learns():
    guess = P.argmax(axis=1)
    found = class_metrics(Y, P)
    assert found["accuracy"] == pytest.approx(theirs.accuracy_score(Y, guess))
    assert found["balanced_accuracy"] == pytest.approx(theirs.balanced_accuracy_score(Y, guess))
    assert found["macro_f1"] == pytest.approx(theirs.f1_score(Y, guess, average="macro"))
    assert found["log_loss"] == pytest.approx(theirs.log_loss(Y, P))
    table = confusion(Y, guess, 4)
    assert (table == theirs.confusion_matrix(Y, guess)).all()
    recall, precision, f1 = by_label(table)
    for ours, score in (
        (recall, theirs.recall_score),
        (precision, theirs.precision_score),
        (f1, theirs.f1_score),
    ):
        np.testing.assert_allclose(ours, score(Y, guess, average=None))


def test_a_label_without_truth_or_guess_has_no_part_in_means():
    p = np.eye(4)[[0, 0, 1, 1]]
    recall, precision, f1 = by_label(confusion([0, 0, 1, 2], p.argmax(axis=1), 4))
    np.testing.assert_array_equal(recall, [1, 1, 0, np.nan])
    np.testing.assert_array_equal(precision, [1, 0.5, np.nan, np.nan])
    np.testing.assert_allclose(f1, [1, 2 / 3, 0, np.nan])
    found = class_metrics([0, 0, 1, 2], p)
    assert found["balanced_accuracy"] == pytest.approx(2 / 3) and found["macro_f1"] == pytest.approx(5 / 9)


def test_a_label_never_seen_costs_much_and_is_finite():
    assert log_loss([0, 1], [[1.0, 0.0], [1.0, 0.0]]) == pytest.approx(-np.log(np.finfo(float).eps) / 2)


def test_calibration_error_by_hand():
    p = np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.4, 0.6]])
    y = [0, 0, 1, 1, 1]
    assert expected_calibration_error(y, p, bins=10) == pytest.approx(3 / 5 * (0.9 - 2 / 3) + 2 / 5 * 0.1)
    count, accuracy, confidence = reliability(y, p, bins=10)
    assert count.tolist() == [0, 0, 0, 0, 0, 2, 0, 0, 3, 0]
    assert accuracy[[5, 8]] == pytest.approx([0.5, 2 / 3]) and confidence[[5, 8]] == pytest.approx([0.6, 0.9])
    assert np.isnan(accuracy[0]) and np.isnan(confidence[0])


def test_calibrated_probabilities_have_little_error_and_bold_ones_much():
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.ones(3), 20_000)
    y = (p.cumsum(axis=1) < rng.random((20_000, 1))).sum(axis=1)
    bold = p**4 / (p**4).sum(axis=1, keepdims=True)
    assert expected_calibration_error(y, p) < 0.015
    assert expected_calibration_error(y, bold) > 0.15


@pytest.mark.parametrize("sure", [1.0, 1 / 15, 0.5])
def test_every_row_has_its_bin(sure):
    p = np.full((7, 20), (1 - sure) / 19)
    p[:, 3] = sure
    assert reliability([3] * 7, p)[0].sum() == 7


@pytest.mark.parametrize(
    "truth, p, message",
    [
        ([0, 1], [[1.0, 0.0]], r"truth has shape \(2,\) and probabilities \(1, 2\)"),
        ([], np.zeros((0, 2)), "nothing can be scored"),
        ([2], [[0.5, 0.5]], "runs from 2 to 2: whole numbers from 0 to 1"),
        ([-1], [[0.5, 0.5]], "runs from -1 to -1"),
        ([0.0], [[0.5, 0.5]], "whole numbers"),
        ([0, 0], [[0.5, 0.5], [0.5, 0.6]], "row 1 is no distribution.*sums to 1.1"),
        ([0, 0], [[0.5, 0.5], [np.nan, 1.0]], "row 1 is no distribution.*sums to nan"),
        ([0], [[1.5, -0.5]], "row 0 is no distribution"),
    ],
)
def test_what_cannot_be_scored_is_said(truth, p, message):
    with pytest.raises(InputError, match=message):
        class_metrics(truth, p)
