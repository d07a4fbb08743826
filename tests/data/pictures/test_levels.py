"""Pictures of a few levels: two drawn by chance, more rounded."""

import pytest
import torch

from elman.data.pictures.levels import LevelPictures, levelled

VALUES = torch.arange(256, dtype=torch.uint8).reshape(4, 8, 8, 1)


@pytest.mark.parametrize("levels", [3, 4, 16, 256])
def test_more_than_two_levels_are_rounded(levels):
    found = levelled(VALUES, levels)
    assert found.dtype == torch.int64
    assert sorted(set(found.flatten().tolist())) == list(range(levels))
    assert (found * 255 / (levels - 1) - VALUES).abs().max() <= 255 / (levels - 1) / 2 + 1e-3


def test_all_levels_are_the_bytes_themselves():
    assert torch.equal(levelled(VALUES, 256), VALUES.long())


def test_of_two_levels_white_is_drawn_by_its_share():
    values = torch.tensor([0, 51, 204, 255], dtype=torch.uint8).expand(5000, 4)
    found = levelled(values, 2, torch.Generator().manual_seed(0))
    share = found.double().mean(0)
    assert share[0] == 0 and share[3] == 1
    torch.testing.assert_close(share[1:3], torch.tensor([0.2, 0.8]).double(), atol=0.02, rtol=0)


def test_what_is_learnt_from_is_drawn_anew_and_what_judges_once():
    rows = torch.tensor([2, 1])
    learnt, judged = LevelPictures(VALUES, 2), LevelPictures(VALUES, 2, seed=3)
    assert not torch.equal(learnt.batch(rows).y, learnt.batch(rows).y)
    assert torch.equal(judged.batch(rows).y, judged.batch(rows).y)
    assert torch.equal(judged.batch(rows).y, LevelPictures(VALUES, 2, seed=3).batch(torch.arange(4)).y[rows])
    assert not torch.equal(judged.batch(rows).y, LevelPictures(VALUES, 2, seed=4).batch(rows).y)


def test_learning_draws_by_torchs_own_generator():
    learnt, rows = LevelPictures(VALUES, 2), torch.arange(4)
    torch.manual_seed(0)
    first = learnt.batch(rows).y
    torch.manual_seed(0)
    assert torch.equal(learnt.batch(rows).y, first)


@pytest.mark.parametrize("seed", [None, 0])
def test_a_batch_is_its_own_answer(seed):
    pictures, rows = LevelPictures(VALUES, 256, seed), torch.tensor([3, 0])
    batch = pictures.batch(rows)
    assert len(pictures) == 4
    assert torch.equal(batch.y, VALUES[rows].long())
    assert batch.inputs["x"] is batch.y
    assert torch.equal(batch.rows, rows)
