"""One thread owns the model: what is asked waits in lanes and is taken in batches.

A batch is what has come while the one before was being answered, so that an idle server answers at once and a busy one
answers many in one call.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from elman.deploy.serve.limits import busy
from elman.deploy.serve.metrics import Metrics
from elman.errors import ElmanError

Run = Callable[[Sequence[Any]], Sequence[Any]]


@dataclass(eq=False)
class Work:
    """One thing asked of the model, ``cost`` of what a batch may hold; only those of one ``key`` are taken together."""

    item: Any
    key: Hashable
    cost: int
    future: asyncio.Future[Any]
    waits: bool = True  # until it is taken


@dataclass(eq=False)
class Lane:
    """Work of one kind: ``run`` has an answer, or the exception, for each of the items that it is given.

    ``most`` is what the costs of a batch sum up to.
    """

    name: str
    run: Run
    most: int = 1
    waiting: deque[Work] = field(default_factory=deque)


class Worker:
    """The thread, which takes from each lane in turn, so that what takes long in one delays the others once."""

    def __init__(self, metrics: Metrics, begin: Callable[[], None] = lambda: None) -> None:
        self.metrics, self.begin = metrics, begin
        self.lanes: list[Lane] = []
        self.changed = threading.Condition()
        self.stopping = self.running = False
        self.thread = threading.Thread(target=self._work, name="elman-model", daemon=True)

    def lane(self, name: str, run: Run, *, most: int = 1) -> Lane:
        self.lanes.append(Lane(name, run, most))
        return self.lanes[-1]

    def start(self) -> None:
        """Begin; answers are handed over to the loop that runs now."""
        self.loop = asyncio.get_running_loop()
        self.thread.start()

    def stop(self, seconds: float) -> None:
        """End once all is answered; what takes longer than this ends with the process."""
        with self.changed:
            self.stopping = True
            self.changed.notify()
        self.thread.join(seconds)

    @property
    def idle(self) -> bool:
        return not self.running and not any(lane.waiting for lane in self.lanes)

    async def ask(
        self,
        lane: Lane,
        item: Any,
        *,
        key: Hashable = None,
        cost: int = 1,
        seconds: float | None = None,
        patient: bool = False,
    ) -> Any:
        """The answer to an item; raises what answering it raised.

        After ``seconds`` it is Refused, and dropped if it still waits. Where it is under way, a ``patient`` asker
        waits on, as one must who has to know what became of it.
        """
        work = Work(item, key, cost, self.loop.create_future())
        with self.changed:
            lane.waiting.append(work)
            self.changed.notify()

        def late() -> None:
            if (self._dropped(lane, work) or not patient) and not work.future.done():
                work.future.set_exception(busy(f"the model had no answer within {seconds:g} s"))

        timer = None if seconds is None else self.loop.call_later(max(0.0, seconds), late)
        try:
            return await work.future
        finally:
            self._dropped(lane, work)  # where whoever asked has gone
            if timer is not None:
                timer.cancel()

    def _dropped(self, lane: Lane, work: Work) -> bool:
        """Take back work that still waits."""
        with self.changed:
            if not work.waits:
                return False
            work.waits = False
            lane.waiting.remove(work)
            return True

    def _work(self) -> None:
        self.begin()
        while (taken := self._take()) is not None:
            lane, works = taken
            self.metrics.batch(lane.name, len(works))
            answers = self._answers(lane, works)
            self.loop.call_soon_threadsafe(_hand_over, works, answers)
            self.running = False

    def _take(self) -> tuple[Lane, list[Work]] | None:
        """What comes next: the first work of the lane whose turn it is, and what may be answered with it."""
        with self.changed:
            while not (some := [lane for lane in self.lanes if lane.waiting]):
                if self.stopping:
                    return None
                self.changed.wait()
            self.running = True
            lane = some[0]
            self.lanes.remove(lane)
            self.lanes.append(lane)
            first = lane.waiting.popleft()
            works, cost, left = [first], first.cost, []
            while lane.waiting and cost < lane.most:
                work = lane.waiting.popleft()
                if work.key == first.key and cost + work.cost <= lane.most:
                    works.append(work)
                    cost += work.cost
                else:
                    left.append(work)
            lane.waiting.extendleft(reversed(left))
            for work in works:
                work.waits = False
            return lane, works

    def _answers(self, lane: Lane, works: list[Work]) -> Sequence[Any]:
        try:
            return lane.run([work.item for work in works])
        except Exception as error:
            if len(works) == 1:
                if not isinstance(error, ElmanError):
                    traceback.print_exception(error, file=sys.stderr)
                return [error]
        # One that cannot be answered does not keep the others from their answers.
        return [answer for work in works for answer in self._answers(lane, [work])]


def _hand_over(works: list[Work], answers: Sequence[Any]) -> None:
    for work, answer in zip(works, answers, strict=True):
        if work.future.done():
            continue
        if isinstance(answer, Exception):
            work.future.set_exception(answer)
        else:
            work.future.set_result(answer)
