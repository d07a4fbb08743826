"""What the server counts, in the text format that Prometheus reads.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import accumulate

from elman.deploy.serve.limits import App, Message, Receive, Send

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
NAMED = "/predict", "/explain", "/model", "/healthz", "/metrics", "/openapi.json", "/stream", "/"


class Histogram:
    """Counts of observations up to each bound, their sum and their number."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds, self.counts, self.sum = bounds, [0] * (len(bounds) + 1), 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def lines(self, name: str, labels: str) -> list[str]:
        comma = "," if labels else ""
        own = f"{{{labels}}}" if labels else ""
        *upto, count = accumulate(self.counts)
        found = [
            f'{name}_bucket{{{labels}{comma}le="{bound:g}"}} {n}' for bound, n in zip(self.bounds, upto, strict=True)
        ]
        found.append(f'{name}_bucket{{{labels}{comma}le="+Inf"}} {count}')
        return [*found, f"{name}_sum{own} {self.sum:.9g}", f"{name}_count{own} {count}"]


class Metrics:
    """All that is counted; ``gauges`` are asked when somebody looks."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        self.seconds: dict[str, Histogram] = {}
        self.batches: dict[str, Histogram] = {}
        self.gauges: dict[str, tuple[str, Callable[[], float]]] = {}
        self.counters: Counter[str] = Counter()

    def answered(self, route: str, status: int, seconds: float) -> None:
        self.requests[route, status] += 1
        self.seconds.setdefault(route, Histogram(SECONDS)).observe(seconds)

    def turned_away(self) -> None:
        """A request that was refused before it was parsed."""
        self.requests["unread", 503] += 1

    def batch(self, lane: str, size: int) -> None:
        self.batches.setdefault(lane, Histogram(SIZES)).observe(size)

    def text(self) -> str:
        lines = ["# HELP elman_requests_total Requests by route and status.", "# TYPE elman_requests_total counter"]
        for (route, status), count in sorted(self.requests.items()):
            lines.append(f'elman_requests_total{{route="{route}",status="{status}"}} {count}')
        lines += _histograms("elman_request_seconds", "Seconds until a request was answered.", "route", self.seconds)
        lines += _histograms("elman_batch_items", "What the model was asked for at once.", "lane", self.batches)
        for name, count in sorted(self.counters.items()):
            lines += [f"# TYPE elman_{name}_total counter", f"elman_{name}_total {count}"]
        for name, (told, value) in self.gauges.items():
            lines += [f"# HELP elman_{name} {told}", f"# TYPE elman_{name} gauge", f"elman_{name} {value():g}"]
        return "\n".join(lines) + "\n"


def _histograms(name: str, told: str, label: str, held: dict[str, Histogram]) -> list[str]:
    lines = [f"# HELP {name} {told}", f"# TYPE {name} histogram"]
    for key in sorted(held):
        lines += held[key].lines(name, f'{label}="{key}"')
    return lines


class Counted:
    """Middleware, the outermost: every request with its status and its time, refused ones too."""

    def __init__(self, app: App, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            path = scope["path"]
            # Paths that anybody may invent are one route, so that nobody can make a line for each.
            route = path if path in NAMED else "/page" if path.startswith("/page/") else "other"
            self.metrics.answered(route, status, time.perf_counter() - began)
