"""One kind of request: what may be asked, how much it may be, and how it is answered."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import islice
from typing import Any, ClassVar

from elman.deploy.serve import bodies
from elman.deploy.serve.limits import Limits
from elman.errors import InputError
from elman.tasks.explained import chosen_row


class Kind:
    """One kind of request: its ``body``, and how it is answered.

    ``together``: rows of several requests whose ``key`` is the same are answered in one call.
    """

    body: ClassVar[type[bodies.Body]]
    together: ClassVar[bool] = True

    def __init__(self, task: Any, limits: Limits) -> None:
        self.task, self.limits = task, limits

    def check(self, body: Any) -> None:
        """InputError for what is plainly too much, before it waits for the model and takes memory meanwhile."""

    def bound(self, body: Any) -> int:
        """Steps that the model reads and writes for a request, at most; cheaply told."""
        raise NotImplementedError

    def key(self, body: Any) -> Hashable:
        """Requests of different keys are not answered together: of other settings, or of far longer rows."""
        return None

    def rows(self, body: Any) -> list[Any]:
        """What is to be answered for; InputError where it is too much."""
        raise NotImplementedError

    def answers(self, rows: list[Any], body: Any) -> list[dict[str, Any]]:
        """An answer for each row."""
        raise NotImplementedError

    def replies(self, asked: Sequence[Any]) -> list[dict[str, Any]]:
        """What /predict says to each of the requests."""
        parts = [self.rows(body) for body in asked]
        left = iter(self.answers([row for part in parts for row in part], asked[0]))
        return [{"answers": list(islice(left, len(part)))} for part in parts]

    def explain(self, body: Any) -> Any:
        """Why one row's answer is as it is."""
        source = self.source(body)
        if isinstance(source, list):
            self.brief(self.steps(source[chosen_row(body.row, len(source))]))
        return self.task.explain(source, body.row)

    def source(self, body: Any) -> Any:
        """What ``explain`` reads."""
        return self.rows(body)

    def steps(self, row: Any) -> int:
        """How long a row is."""
        return len(row)

    def brief(self, steps: int) -> None:
        """InputError for a row that takes too long to explain: each of its steps is hidden in turn."""
        most = self.limits.max_explained
        if steps > most:
            raise InputError(f"the row has {steps:,} steps, but {most:,} are explained: send a shorter one")

    def few(self, count: int, longest: int, least: int) -> None:
        """InputError for too many rows, or too many steps; ``least`` is a bound that spares looking closer."""
        limits = self.limits
        if count > limits.max_rows:
            raise InputError(f"a request has {count:,} rows, but {limits.max_rows:,} are answered at once: send fewer")
        if min(least, count * longest) > limits.max_steps:
            raise InputError(
                f"a request has {count:,} rows of up to {longest:,} steps, together {count * longest:,}, but "
                f"{limits.max_steps:,} are read at once: send fewer or shorter ones"
            )


class Alone(Kind):
    """Requests that are answered one at a time."""

    together = False

    def reply(self, body: Any) -> dict[str, Any]:
        raise NotImplementedError

    def replies(self, asked: Sequence[Any]) -> list[dict[str, Any]]:
        return [self.reply(body) for body in asked]
