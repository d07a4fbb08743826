"""Taking turns: who is called how often, what is counted, and what a row says of it."""

import time

import pytest
import torch

from elman.bench import bench, measure
from elman.bench.limits import Cost, Rates, Shape
from elman.bench.measure import TURN, taken
from elman.bench.workloads import Contest, Workload

FREE = Cost(0, 0)
RATES = Rates(flops=1e6, bytes=1e3)


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until somebody sleeps, so that seconds are exact."""

    class Clock:
        now = 0.0

        def sleep(self, seconds):
            self.now += seconds

    made = Clock()
    monkeypatch.setattr(measure.time, "perf_counter", lambda: made.now)
    monkeypatch.setattr(measure.time, "sleep", made.sleep)
    return made


def calling(log, clock, name, *seconds):
    """A call that writes its name and lasts the next of `seconds`, the last one for ever."""
    left = list(seconds)

    def call():
        log.append(name)
        clock.sleep(left.pop(0) if len(left) > 1 else left[0])

    return (call,)


def workload(calls, cost=FREE, **more):
    return Workload(Shape(1, 1, 1, 1), lambda shape, threads: Contest(calls, cost, **more))


def run(calls, cost=FREE, *, threads=(1,), seconds=0.0, **more):
    return bench({"work": workload(calls, cost, **more)}, threads=threads, seconds=seconds, rates=lambda: RATES)


def test_a_row_is_medians_ratios_and_the_share_of_the_limit(clock):
    calls = {"elman": calling([], clock, "elman", 0.02), "torch": calling([], clock, "torch", 0.05)}
    (row,) = run(calls, Cost(flops=5e3, bytes=10.0)).rows
    assert row == ("work", 1, 20.0, {"torch": 2.5}, pytest.approx(0.01 / 0.02), 15)


def test_the_median_is_not_moved_by_an_outlier(clock):
    warm = [0.01] * 8
    calls = {"elman": calling([], clock, "elman", *warm, 9.0, 0.01), "torch": calling([], clock, "torch", 0.03)}
    (row,) = run(calls).rows
    assert (row.ms, row.ratio) == (10.0, {"torch": 3.0})


def test_turns_are_taken_in_an_order_drawn_anew(clock):
    log = []
    contest = Contest({name: calling(log, clock, name, 0.01) for name in "abc"}, FREE)
    taken(contest, seconds=0, least_rounds=30)
    rounds = ["".join(log[-90:][at : at + 3]) for at in range(0, 90, 3)]
    assert {"".join(sorted(one)) for one in rounds} == {"abc"}
    assert len(set(rounds)) == 6


@pytest.mark.parametrize(("seconds", "rounds"), [(0.0, 4), (0.1, 4), (1.0, 34)])
def test_rounds_go_on_until_the_time_is_up(clock, seconds, rounds):
    contest = Contest({"elman": calling([], clock, "elman", 0.01), "torch": calling([], clock, "t", 0.02)}, FREE)
    times = taken(contest, seconds, least_rounds=4)
    assert {len(values) for values in times.values()} == {rounds}


def test_short_calls_are_repeated_within_a_turn(clock):
    log = []
    contest = Contest({"elman": calling(log, clock, "elman", TURN / 9.5)}, FREE)
    times = taken(contest, 0, least_rounds=2)
    assert len(log) == 4 + 2 * 10
    assert times["elman"] == pytest.approx([TURN / 9.5] * 2)


def test_the_fastest_of_several_stands_for_the_name(clock):
    log = []
    slow, fast = calling(log, clock, "slow", 0.05), calling(log, clock, "fast", 9.0, 0.03)
    times = taken(Contest({"torch": slow + fast}, FREE), 0, least_rounds=2)
    assert times["torch"] == pytest.approx([0.03] * 2)
    assert log[-2:] == ["fast", "fast"]


def test_settling_lets_others_come_to_rest_and_is_not_counted(clock):
    log = []
    contest = Contest({"elman": calling(log, clock, "elman", 0.01)}, FREE)
    before = clock.now
    times = taken(contest, 0, least_rounds=3, settle=True)
    assert times["elman"] == pytest.approx([0.01] * 3)
    assert len(log) == 4 + 3 * 2
    assert clock.now - before == pytest.approx(0.01 * len(log) + 3 * measure.PAUSE)


@pytest.mark.parametrize(("pools", "threads", "pauses"), [(True, 2, True), (True, 1, False), (False, 2, False)])
def test_only_threads_of_another_library_are_waited_for(clock, monkeypatch, pools, threads, pauses):
    slept = []
    monkeypatch.setattr(measure.time, "sleep", slept.append)
    ticking = iter(range(10**6))
    monkeypatch.setattr(measure.time, "perf_counter", lambda: float(next(ticking)))
    run({"elman": (lambda: None,)}, threads=(threads,), pools=pools)
    assert bool(slept) is pauses


def test_threads_are_set_for_the_work_and_given_back():
    torch.set_num_threads(1)
    seen = []
    run({"elman": (lambda: seen.append(torch.get_num_threads()),)}, threads=(2, 1), seconds=0)
    assert set(seen) == {1, 2}
    assert seen[0] == 2
    assert torch.get_num_threads() == 1


def test_threads_are_given_back_after_a_failure():
    def fail():
        raise KeyboardInterrupt

    torch.set_num_threads(1)
    with pytest.raises(KeyboardInterrupt):
        run({"elman": (fail,)}, threads=(2,))
    assert torch.get_num_threads() == 1


def test_work_that_cannot_run_here_is_left_out_and_said_once():
    def lacking(shape, threads):
        raise RuntimeError("a stepper needs the native library")

    works = {"step": Workload(Shape(1, 1, 1, 1), lacking), "work": workload({"elman": (lambda: None,)}, notes=("so",))}
    found = bench(works, threads=(1, 2), seconds=0, least_rounds=1, rates=lambda: RATES)
    assert [(row.workload, row.threads) for row in found.rows] == [("work", 1), ("work", 2)]
    assert found.notes == ["step: left out, a stepper needs the native library", "work: so"]


def test_the_machine_and_its_limits_are_recorded():
    watched = []
    found = bench({}, threads=(1, 2), rates=lambda: RATES, watch=watched.append)
    assert found.machine["limits"] == {
        "1": {"sgemm_gflops": 0.0, "stream_gbs": 0.0},
        "2": {"sgemm_gflops": 0.0, "stream_gbs": 0.0},
    }
    assert found.machine["torch"] == torch.__version__
    assert found.machine["library"]
    assert watched == ["1 thread: the limits of the machine", "2 threads: the limits of the machine"]


def test_a_real_clock_sees_who_is_slower():
    contest = Contest({"elman": (lambda: time.sleep(0.002),), "torch": (lambda: time.sleep(0.006),)}, FREE)
    times = taken(contest, 0, least_rounds=3)
    assert min(times["torch"]) > min(times["elman"]) >= 0.002
