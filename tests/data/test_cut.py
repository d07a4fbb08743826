"""Rows cut for cross-validation: nothing is learnt from that judges, nothing comes before what it is learnt from."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from elman.data.cut import Dealt, Ordered
from elman.data.labelled import Labelled
from elman.errors import InputError


def steps(count):
    return Ordered(count, lambda begin, end: list(range(begin, end)))


def dealt(y, keys=None):
    rows = [f"row {at}" for at in range(len(y))]
    return Dealt(Labelled(rows, np.asarray(y)), np.asarray(y), keys)


@given(st.integers(20, 200), st.integers(2, 6), st.floats(0.05, 0.5))
def test_each_fold_of_a_series_judges_what_comes_after(count, folds, share):
    rest, judged = steps(count).parted(share, 0)
    assert rest.whole() + judged == list(range(count))
    if len(rest) < 2 * folds:
        return
    seen = []
    for train, judge in rest.folds(folds, 0):
        assert train == list(range(len(train)))
        assert judge[0] == len(train)
        seen += judge
    # The blocks follow each other up to the end, and half is never judged.
    assert seen == list(range(seen[0], len(rest)))
    assert seen[0] >= len(rest) / 2


def test_some_steps_are_the_most_recent_ones():
    rows = steps(40)
    assert rows.some(0.25, 0) == list(range(30, 40))
    assert rows.some(1.0, 0) == rows.whole()
    # Blocks of 5 after 20, 25, 30 and 35 steps.
    assert rows.overlap(4) == pytest.approx(np.mean([5 / 20, 5 / 25, 5 / 30, 5 / 35]))


@given(st.integers(0, 5), st.integers(2, 5))
def test_folds_of_rows_are_disjoint_complete_and_stratified(seed, folds):
    y = np.repeat([0, 1, 2], (60, 30, 30))
    rest, judged = dealt(y).parted(0.2, seed)
    assert sorted(rest.whole().x + judged.x) == sorted(f"row {at}" for at in range(120))
    assert np.bincount(judged.y).tolist() == [12, 6, 6]
    parts = rest.folds(folds, seed)
    assert sorted(text for _, part in parts for text in part.x) == sorted(rest.whole().x)
    for train, part in parts:
        assert set(train.x).isdisjoint(part.x)
        assert len(train) + len(part) == len(rest)
        assert np.abs(np.bincount(part.y, minlength=3) / len(part) - [0.5, 0.25, 0.25]).max() < 0.1


def test_equal_keys_are_never_parted():
    keys = [at // 4 for at in range(48)]
    rows = dealt([at % 2 for at in range(48)], keys)
    rest, judged = rows.parted(0.25, 0)

    def groups(part):
        return {int(text.split()[1]) // 4 for text in part.x}

    assert groups(rest.whole()).isdisjoint(groups(judged))
    for train, part in rest.folds(3, 0):
        assert groups(train).isdisjoint(groups(part))


def test_rows_are_grouped_by_a_column():
    rows = dealt([0, 1] * 12).grouped([at % 6 for at in range(24)], "speaker")
    for train, part in rows.folds(3, 0):
        assert {int(text.split()[1]) % 6 for text in train.x}.isdisjoint({int(text.split()[1]) % 6 for text in part.x})
    assert "rows of one speaker together" in rows.how
    with pytest.raises(InputError, match="names 3 rows, but 24 were read"):
        rows.grouped([1, 2, 3], "speaker")
    with pytest.raises(InputError, match="one name alone"):
        rows.grouped(["a"] * 24, "speaker")


@pytest.mark.parametrize("rows", [steps(5), dealt([0, 1, 0, 1, 0])])
def test_too_few_rows_for_the_folds_are_refused(rows):
    with pytest.raises(InputError, match="5 rows are left to search by, but 3 folds need 6: give more rows, or fewer"):
        rows.folds(3, 0)


def test_too_few_distinct_rows_for_the_folds_are_refused():
    with pytest.raises(InputError, match="fewer than 3 groups of equal ones"):
        dealt([0] * 12, ["same"] * 12).folds(3, 0)


def test_a_share_of_rows_has_each_label_in_its_proportion():
    some = dealt([0] * 40 + [1] * 20).some(0.5, 0)
    assert np.bincount(some.y).tolist() == [20, 10]
    assert isinstance(some, Labelled) and torch.is_tensor(torch.as_tensor(some.y))
