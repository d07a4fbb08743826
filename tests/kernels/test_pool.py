"""Memory used again: lent to one at a time, given back with the graph, never more than the limit, never waited for."""

import gc
import threading

import pytest
import torch
from cases import Case
from runs import gradients, leaves_of, run, same_bits

from elman.kernels import library, pool

ENOUGH = pool._SMALLEST // 4
LIKE = torch.empty(0)
BIG = {"steps": 20, "rows": 16, "hidden": 64}


@pytest.fixture(autouse=True)
def empty():
    gc.collect()
    pool._free.clear()
    yield
    pool._free.clear()


def places():
    return {tensor.data_ptr() for tensor in pool._free}


def test_what_was_given_is_taken_again():
    tensor = pool.take(ENOUGH, LIKE)
    place = tensor.data_ptr()
    pool.give(tensor)
    assert pool.take(ENOUGH, LIKE).data_ptr() == place
    assert not pool._free


def test_only_memory_of_the_right_type_and_size_is_taken():
    pool.give(torch.empty(4 * ENOUGH))
    for numbers, like in ((4 * ENOUGH + 1, LIKE), (ENOUGH, LIKE), (4 * ENOUGH, LIKE.double())):
        made = pool.take(numbers, like)
        assert made.dtype == like.dtype
        assert made.numel() == numbers
        assert made.data_ptr() not in places()
    assert pool.take(2 * ENOUGH, LIKE).numel() == 4 * ENOUGH


def test_small_and_huge_memory_goes_back_at_once():
    pool.give(torch.empty(ENOUGH - 1))
    pool.give(torch.empty(pool._LARGEST + 1, dtype=torch.uint8))
    assert not pool._free


def test_no_more_than_the_limit_is_kept_and_the_oldest_goes_first():
    size = pool._LARGEST // 4
    kept = [torch.empty(size, dtype=torch.uint8) for _ in range(7)]
    for tensor in kept:
        pool.give(tensor)
        assert sum(t.nbytes for t in pool._free) <= pool._LARGEST
    assert [t.data_ptr() for t in pool._free] == [t.data_ptr() for t in kept[3:]]


def test_a_busy_pool_lets_memory_go():
    with pool._lock:
        done = threading.Thread(target=pool.give, args=(torch.empty(ENOUGH),), daemon=True)
        done.start()
        done.join(5)
        assert not done.is_alive(), "a finaliser would wait for the thread that it interrupted"
    assert not pool._free


def test_loans_that_the_collector_ends_do_not_stop_the_pool():
    def work():
        for patience in range(1, 40):
            gc.set_threshold(patience)  # so that the collector comes at another place each time
            for _ in range(20):
                cycle = [pool.Loan(pool.take(ENOUGH, LIKE))]
                cycle.append(cycle)
                tensor = pool.take(ENOUGH, LIKE)
                del cycle
                pool.give(tensor)

    pool.give(torch.empty(9 * ENOUGH))
    threshold, worker = gc.get_threshold(), threading.Thread(target=work, daemon=True)
    try:
        worker.start()
        worker.join(20)
    finally:
        gc.set_threshold(*threshold)
    assert not worker.is_alive()


def test_a_loan_goes_back_with_its_last_reference():
    loan = pool.Loan(pool.take(ENOUGH, LIKE))
    other, place = loan, loan.tensor.data_ptr()
    del loan
    assert not pool._free
    del other
    assert places() == {place}


native = pytest.mark.skipif(library.native() is None, reason=library.which())
CELLS = pytest.mark.parametrize(
    "case", [Case(name, **BIG) for name in ("rnn", "lstm", "gru", "slstm")] + [Case("gru", **BIG, ragged=True)], ids=str
)


@native
@CELLS
def test_the_output_holds_the_loan(case):
    results = run(case, leaves_of(case))
    assert not pool._free
    place = results["y"].grad_fn.loan.tensor.data_ptr()
    del results
    assert places() == {place}


@native
@CELLS
def test_backward_gives_back_though_the_loss_is_held(case):
    leaves = leaves_of(case)
    results = run(case, leaves)
    place = results["y"].grad_fn.loan.tensor.data_ptr()
    gradients(case, results, leaves, retain_graph=True)
    assert place not in places()
    gradients(case, results, leaves)
    assert place in places()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        gradients(case, results, leaves)


@native
@CELLS
def test_two_passes_at_once_do_not_share_memory(case):
    leaves, others = leaves_of(case), {name: leaf * -2 for name, leaf in leaves_of(case).items()}
    expected = [gradients(case, run(case, own), own) for own in (leaves, others)]
    one, two = run(case, leaves), run(case, others)
    with torch.no_grad():
        run(case, leaves)
    same_bits(gradients(case, one, leaves, retain_graph=True), expected[0])
    three = run(case, others)
    same_bits(gradients(case, two, others), expected[1])
    same_bits(gradients(case, one, leaves), expected[0])
    same_bits(gradients(case, three, others), expected[1])
