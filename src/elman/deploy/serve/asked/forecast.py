"""The next values of a series, from rows, a CSV, or the data of the fit."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.data.files import as_text, parsed
from elman.data.frames import columns_of, plain
from elman.deploy.serve import bodies
from elman.deploy.serve.asked.kind import Alone
from elman.errors import InputError

MOST_HISTORY = 1_000  # values of the past that are told beside a forecast


class Forecasts(Alone):
    """The next values of a series, with the end of what came before them."""

    body = bodies.Rows

    def bound(self, body: bodies.Rows) -> int:
        return len(body.rows or ()) + (body.csv or "").count("\n")

    def source(self, body: bodies.Rows) -> Any:
        if body.rows is not None and body.csv is not None:
            raise InputError("both rows and csv are given: give one of them")
        if self.bound(body) > self.limits.max_steps:
            raise InputError(
                f"the series has {self.bound(body):,} rows, but {self.limits.max_steps:,} are read: send its end alone"
            )
        if body.csv is not None:
            return parsed(as_text(body.csv.encode(), "the file"), "the file")
        return None if body.rows is None else columns_of(body.rows)

    def explain(self, body: Any) -> Any:
        # Of a series each part is shuffled some times, which takes far less than hiding every step of it.
        most = 10 * self.limits.max_explained
        if self.bound(body) > most:
            raise InputError(
                f"the series has {self.bound(body):,} rows, but {most:,} are explained: send its end alone"
            )
        return super().explain(body)

    def reply(self, body: bodies.Rows) -> dict[str, Any]:
        source = self.source(body)
        found = self.task.predict(source)
        return {"answers": plain(found.to_dicts()), "history": self._history(source)}

    def _history(self, source: Any) -> list[dict[str, Any]]:
        """The end of each series that the forecast goes on from, its missing values left out."""
        task = self.task
        series = task.context_ if source is None else task.reader_.read(source)
        when = "step" if series.clock.step == "row" else "time"
        each = max(1, MOST_HISTORY // len(series.groups))
        told = []
        for name, begin, end in zip(series.groups, series.starts, series.starts[1:], strict=False):
            for at in range(max(begin, end - each), end):
                if not np.isnan(value := float(series.values[at, 0])):
                    own = {} if series.groups == ("",) else {task.config_.group or "series": name}
                    told.append({**own, when: series.times[at].item(), "value": value})
        return plain(told)
