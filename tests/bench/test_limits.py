"""The bounds: operations and bytes by hand, the slower of the two counts."""

import pytest
import torch

from elman.bench.limits import Cost, Rates, Shape, forward, least_seconds, rates, scan, training


def test_products_of_a_forward_pass():
    assert forward(Shape(64, 24, 7, 64), gates=3) == Cost(
        2 * 64 * 24 * 3 * 64 * (7 + 64), 4 * (64 * 24 * 7 + 64 * 24 * 64)
    )


@pytest.mark.parametrize(
    ("shape", "gates", "gigaflops"), [((64, 24, 7, 64), 3, 0.1257), ((32, 100, 256, 256), 4, 10.07)]
)
def test_training_is_three_times_the_products(shape, gates, gigaflops):
    cost = training(Shape(*shape), gates, kept=4)
    assert cost.flops == 3 * forward(Shape(*shape), gates).flops
    assert cost.flops / 1e9 == pytest.approx(gigaflops, rel=1e-3)


def test_bytes_of_training():
    x, y, weights = 2 * 3 * 5, 2 * 3 * 7, 4 * 7 * (5 + 7)
    assert training(Shape(2, 3, 5, 7), gates=4, kept=5).bytes == 4 * (3 * x + 3 * y + 2 * 5 * y + weights)


def test_blocks_directions_and_ragged_rows():
    whole = training(Shape(2, 10, 8, 8), gates=4, kept=5)
    assert training(Shape(2, 10, 8, 8), gates=4, kept=5, blocks=4).flops == whole.flops * (8 + 2) / (8 + 8)
    assert training(Shape(2, 10, 8, 8), gates=4, kept=5, directions=2).flops == 2 * whole.flops
    assert training(Shape(2, 10, 8, 8), gates=4, kept=5, positions=5).flops == whole.flops / 4


def test_a_scan_moves_eight_arrays():
    assert scan(Shape(16, 4096, 0, 256)).bytes == 8 * 4 * 16 * 4096 * 256


def test_costs_add():
    assert Cost(1, 2).both(Cost(10, 20)) == Cost(11, 22)


def test_the_slower_of_products_and_bytes_counts():
    rate = Rates(flops=100.0, bytes=10.0)
    assert least_seconds(Cost(200, 10), rate) == 2
    assert least_seconds(Cost(200, 50), rate) == 5


def test_rates_are_the_best_that_was_seen(monkeypatch):
    """A clock by hand: products of size 4 take 2, 1, 3 s, additions 5, 4, 6 s; the first, cold call is not timed."""
    took = iter([2, 1, 3, 5, 4, 6])
    now = [0.0, False]

    def clock():
        now[1] = not now[1]
        if not now[1]:
            now[0] += next(took)
        return now[0]

    calls = []
    monkeypatch.setattr("elman.bench.limits.time.perf_counter", clock)
    monkeypatch.setattr("elman.bench.limits.torch.mm", lambda a, b, out: calls.append(("mm", tuple(out.shape))))
    monkeypatch.setattr("elman.bench.limits.torch.add", lambda a, b, out: calls.append(("add", tuple(out.shape))))
    found = rates(sizes=(4,), stream=100, repeats=3)
    assert found == Rates(flops=2 * 4**3 / 1, bytes=3 * 4 * 100 / 4)
    assert calls == [("mm", (4, 4))] * 4 + [("add", (100,))] * 4


def test_rates_of_this_machine():
    torch.set_num_threads(1)
    found = rates(sizes=(64, 128), stream=2**16, repeats=2)
    assert 1e8 < found.flops < 1e14
    assert 1e8 < found.bytes < 1e14
