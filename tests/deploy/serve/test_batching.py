"""One thread, bounded lanes: who is answered with whom, who waits, and who is refused."""

import asyncio
import threading
import time

import pytest

from elman.deploy.serve.batching import Worker
from elman.deploy.serve.limits import Refused
from elman.deploy.serve.metrics import Metrics
from elman.errors import InputError


def doubled(items):
    if any(item == "bad" for item in items):
        raise InputError("bad")
    return [2 * item for item in items]


def running(test):
    """A test within a loop, with a worker that has begun."""

    def run():
        async def main():
            worker = Worker(Metrics())
            gate = threading.Event()
            held = worker.lane("held", lambda items: [gate.wait(5)] * len(items))
            worker.start()
            try:
                await test(worker, held, gate)
            finally:
                gate.set()
                worker.stop(5)

        asyncio.run(main())

    return run


async def taken(worker, lane, count=0):
    while len(lane.waiting) != count or (lane.name == "held" and not worker.running):
        await asyncio.sleep(0.001)


@running
async def test_what_waits_is_answered_together_and_one_that_fails_alone(worker, held, gate):
    sizes = []
    lane = worker.lane("double", lambda items: sizes.append(len(items)) or doubled(items), most=4)
    first = asyncio.ensure_future(worker.ask(held, None))
    await taken(worker, held)
    asks = [asyncio.ensure_future(worker.ask(lane, item)) for item in (1, 2, "bad", 4, 5)]
    await taken(worker, lane, 5)
    gate.set()
    found = await asyncio.gather(first, *asks, return_exceptions=True)
    assert found[1:3] == [2, 4] and isinstance(found[3], InputError) and found[4:] == [8, 10]
    assert sizes == [4, 1, 1, 1, 1, 1]


@running
async def test_other_keys_and_costs_are_other_batches_in_the_order_of_coming(worker, held, gate):
    batches = []
    lane = worker.lane("double", lambda items: batches.append(list(items)) or items, most=10)
    first = asyncio.ensure_future(worker.ask(held, None))
    await taken(worker, held)
    asks = [(1, "a", 1), (2, "b", 1), (3, "a", 1), (4, "a", 9), (5, "b", 99)]
    waiting = [asyncio.ensure_future(worker.ask(lane, item, key=key, cost=cost)) for item, key, cost in asks]
    await taken(worker, lane, 5)
    gate.set()
    assert await asyncio.gather(*waiting) == [1, 2, 3, 4, 5]
    assert batches == [[1, 3], [2], [4], [5]]
    await first


@running
async def test_who_is_late_or_gone_is_dropped_and_never_answered_for(worker, held, gate):
    seen = []
    lane = worker.lane("seen", lambda items: seen.extend(items) or items)
    first = asyncio.ensure_future(worker.ask(held, None))
    await taken(worker, held)
    gone = asyncio.ensure_future(worker.ask(lane, "gone"))
    await taken(worker, lane, 1)
    gone.cancel()
    with pytest.raises(Refused, match="the model had no answer"):
        await worker.ask(lane, "late", seconds=0.05)
    patient = asyncio.ensure_future(worker.ask(held, None, seconds=0.05, patient=True))
    with pytest.raises(Refused):  # it still waited, so that nothing was done
        await patient
    gate.set()
    assert await worker.ask(lane, "here") == "here" and await first
    assert seen == ["here"]


@running
async def test_patience_waits_for_what_is_under_way_and_impatience_does_not(worker, held, gate):
    patient = asyncio.ensure_future(worker.ask(held, None, seconds=0.05, patient=True))
    await taken(worker, held)
    await asyncio.sleep(0.1)
    assert not patient.done()
    gate.set()
    assert await patient
    gate.clear()
    began = time.monotonic()
    with pytest.raises(Refused):
        await worker.ask(held, None, seconds=0.05)
    assert time.monotonic() - began < 2


@running
async def test_lanes_take_turns(worker, held, gate):
    order = []
    slow, quick = (worker.lane(name, lambda items: order.extend(items) or items) for name in ("slow", "quick"))
    first = asyncio.ensure_future(worker.ask(held, None))
    await taken(worker, held)
    asks = [asyncio.ensure_future(worker.ask(slow, f"slow {at}")) for at in range(3)]
    await taken(worker, slow, 3)
    asks += [asyncio.ensure_future(worker.ask(quick, f"quick {at}")) for at in range(2)]
    await taken(worker, quick, 2)
    gate.set()
    await asyncio.gather(first, *asks)
    assert order == ["slow 0", "quick 0", "slow 1", "quick 1", "slow 2"]


@running
async def test_a_fault_is_the_asker_s_alone_and_the_thread_lives(worker, held, gate):
    lane = worker.lane("faulty", lambda items: [1 / item for item in items], most=8)
    gate.set()
    found = await asyncio.gather(*(worker.ask(lane, item) for item in (1, 0, 2)), return_exceptions=True)
    assert found[0] == 1 and isinstance(found[1], ZeroDivisionError) and found[2] == 0.5
