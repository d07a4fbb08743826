"""Each label is dealt out in the shares, and no text lies in two parts."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from elman.data.stratify import dealt_out, stratified
from elman.data.text.pairs import Pairs

SHARES = (0.8, 0.1, 0.1)
# What models that are saved were judged on: another deal would judge some by what they learnt.
KEPT = [[1, 2, 3, 5, 6, 8, 9, 10, 12, 13, 14, 16, 17, 19, 20, 21, 23], [4, 7, 15, 18], [0, 11, 22]]
ALONE = [[0, 1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 13, 14, 15, 17, 18, 19, 20, 22], [16, 21, 23], [6, 10]]


def dealt(labels, shares=SHARES, keys=None, seed=0):
    return stratified(np.asarray(labels), shares, torch.Generator().manual_seed(seed), keys)


def test_every_label_is_dealt_out_in_proportion():
    labels = np.repeat([0, 1, 2], [500, 300, 20])
    for part, share in zip(dealt(labels), SHARES, strict=True):
        counts = np.bincount(labels[part.numpy()], minlength=3)
        assert counts.tolist() == [500 * share, 300 * share, 20 * share]


def test_folds_are_of_one_size():
    assert [len(part) for part in dealt([0] * 50 + [1] * 50, (0.1,) * 10)] == [10] * 10


def test_a_rare_label_is_learnt_before_it_is_judged():
    for count in (1, 2, 3):
        train, valid, test = dealt([0] * 40 + [1] * count)
        assert set(range(40, 40 + count)) <= set(train.tolist())
        assert not {*valid.tolist(), *test.tolist()} & set(range(40, 40 + count))


@given(
    labels=st.lists(st.integers(0, 3), min_size=1, max_size=60),
    kinds=st.integers(1, 20),
    seed=st.integers(0, 5),
)
def test_each_row_lies_in_one_part_and_equal_keys_together(labels, kinds, seed):
    keys = [f"text {at * at % kinds}" for at in range(len(labels))]
    parts = dealt(labels, keys=keys, seed=seed)
    assert sorted(torch.cat(parts).tolist()) == list(range(len(labels)))
    assert all(torch.equal(part, part.sort().values) for part in parts)
    homes = [{keys[row] for row in part.tolist()} for part in parts]
    assert not homes[0] & homes[1] and not homes[0] & homes[2] and not homes[1] & homes[2]


def test_a_part_with_no_share_is_empty():
    train, valid, test = dealt([0, 1] * 20, (0.9, 0.1, 0.0), keys=[at // 2 for at in range(40)])
    assert len(test) == 0
    assert len(train) + len(valid) == 40


def test_the_deal_follows_its_generator():
    labels = [0, 1] * 50
    one, same, other = (dealt(labels, seed=seed)[1].tolist() for seed in (1, 1, 2))
    assert one == same != other


def test_a_part_that_is_given_takes_the_place_of_its_share():
    rows = Pairs([f"text {at // 2}" for at in range(40)], ["x"] * 40)
    settings = {"shares": {"valid": 0.1, "test": 0.2}, "seed": 0, "keys": rows.sources}
    own = dealt_out(rows, lambda part: part, {"valid": None, "test": None}, **settings)
    assert {name: len(part) for name, part in own.items()} == {"train": 28, "valid": 4, "test": 8}
    assert not set(own["train"].sources) & set(own["test"].sources)
    other = Pairs(["new"], ["y"])
    given = dealt_out(rows, lambda name: {"file": other}[name], {"valid": None, "test": "file"}, **settings)
    assert given["test"] is other and len(given["train"]) == 36 and len(given["valid"]) == 4


@given(labels=st.lists(st.integers(0, 3), min_size=1, max_size=60), kinds=st.integers(1, 40), seed=st.integers(0, 5))
def test_keys_that_are_numbers_deal_the_same(labels, kinds, seed):
    keys = [at * at % kinds for at in range(len(labels))]
    for one, other in zip(
        dealt(labels, keys=keys, seed=seed), dealt(labels, keys=np.array(keys), seed=seed), strict=True
    ):
        assert torch.equal(one, other)


def test_the_deal_is_what_it_was():
    labels, keys = [at * at % 3 for at in range(24)], [f"text {at * at % 11}" for at in range(24)]
    assert [part.tolist() for part in dealt(labels, keys=keys)] == KEPT
    assert [part.tolist() for part in dealt(labels)] == ALONE
