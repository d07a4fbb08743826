"""Windows made anew: past and future change together, and what is not in the target's units keeps its size."""

import numpy as np
import pytest
import torch

from elman.data.augment import WAYS
from elman.data.series.augment import WindowChange
from elman.data.series.encoder import Tables
from elman.data.series.window import Windows

T, K = 12, 4
# past: target, one of its kin, another input, an indicator, a lag, a calendar column; future: lag, calendar
UNITS, NUMBERS, LAGS = (0, 1, 4), 3, 1


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def window(rows=6):
    past, future = torch.randn(rows, T + K, 6, generator=seeded(1)), torch.randn(rows, T + K, 2, generator=seeded(2))
    target = past[..., 0].clone()
    target[2, T + 1] = torch.nan
    return past, future, target


def changed(*ways, strength=1.0, seed=0, **given):
    return WindowChange(ways, T, NUMBERS, UNITS, LAGS, strength)(*(given.get("of") or window()), seeded(seed))


@pytest.mark.parametrize("way", WAYS)
def test_a_strength_of_0_changes_nothing_and_what_was_given_is_never_changed(way):
    given = window()
    for found, own in zip(changed(way, strength=0.0, of=given), window(), strict=True):
        torch.testing.assert_close(found, own, rtol=0, atol=0, equal_nan=True)
    changed(way, of=given)
    for left, own in zip(given, window(), strict=True):
        torch.testing.assert_close(left, own, rtol=0, atol=0, equal_nan=True)


def test_scaling_multiplies_past_and_truth_by_one_number_and_nothing_else():
    past, future, target = window()
    new_past, new_future, new_target = changed("scaling")
    size = new_target[:, :1] / target[:, :1]
    assert len(set(size.ravel().tolist())) == 6
    torch.testing.assert_close(new_target, target * size, equal_nan=True)
    torch.testing.assert_close(new_past[..., UNITS], past[..., UNITS] * size[..., None])
    torch.testing.assert_close(new_future[..., 0], future[..., 0] * size)
    assert torch.equal(new_past[..., [2, 3, 5]], past[..., [2, 3, 5]]) and torch.equal(
        new_future[..., 1], future[..., 1]
    )


@pytest.mark.parametrize("seed", range(5))
def test_a_warp_keeps_the_ends_and_bends_all_columns_alike(seed):
    clock = torch.arange(T + K, dtype=torch.float32).expand(3, -1)
    given = clock[..., None].repeat(1, 1, 6), clock[..., None].repeat(1, 1, 2), clock.clone()
    past, future, target = changed("warp", seed=seed, of=given)
    assert (target[:, 0] == 0).all() and (target.diff() > 0).all() and not torch.equal(target, clock)
    torch.testing.assert_close(target[:, -1], clock[:, -1])
    for found in (*past.unbind(-1), *future.unbind(-1)):
        torch.testing.assert_close(found, target)


@pytest.mark.parametrize("seed", range(5))
def test_a_slice_repeats_the_first_step_that_is_kept_and_leaves_the_rest(seed):
    past, future, target = window()
    found, *rest = changed("slice", seed=seed)
    cuts = []
    for row in range(len(past)):
        cut = int((found[row] != past[row]).any(-1).sum())
        cuts.append(cut)
        assert cut <= T // 2 and torch.equal(found[row, :cut], past[row, cut].expand(cut, -1))
        assert torch.equal(found[row, cut:], past[row, cut:])
    assert len(set(cuts)) > 1
    torch.testing.assert_close(tuple(rest), (future, target), equal_nan=True)


def test_jitter_touches_the_values_of_the_look_back_alone():
    past, future, target = window()
    found, *rest = changed("jitter")
    assert (found[:, :T, :NUMBERS] != past[:, :T, :NUMBERS]).all()
    assert torch.equal(found[:, T:], past[:, T:]) and torch.equal(found[..., NUMBERS:], past[..., NUMBERS:])
    torch.testing.assert_close(tuple(rest), (future, target), equal_nan=True)


def test_a_batch_of_windows_is_changed_as_a_whole_and_drawn_anew():
    rows = 60
    clock = torch.arange(rows, dtype=torch.float32)
    tables = Tables(
        clock[:, None].repeat(1, 6), clock[:, None].repeat(1, 2), clock, torch.ones(rows), *np.ones((2, rows))
    )
    origins, at = np.arange(20, 40), torch.tensor([3, 5])
    plain = Windows(tables, origins, T, K).batch(at)
    still = Windows(tables, origins, T, K, WindowChange((), T, NUMBERS, UNITS, LAGS)).batch(at)
    for name, own in plain.inputs.items():
        assert torch.equal(still.inputs[name], own)
    assert torch.equal(still.y, plain.y)

    windows = Windows(tables, origins, T, K, WindowChange(("warp",), T, NUMBERS, UNITS, LAGS))
    torch.manual_seed(0)
    first, second = windows.batch(at), windows.batch(at)
    torch.manual_seed(0)
    assert torch.equal(windows.batch(at).inputs["x"], first.inputs["x"])
    assert not torch.equal(first.inputs["x"], second.inputs["x"])
    # One line through look-back, known columns and truth: no step at the border between them.
    joined = torch.cat([first.inputs["x"][..., 0], first.y], 1)
    assert (joined.diff() > 0).all() and torch.equal(first.inputs["known"][..., 0], first.y)
