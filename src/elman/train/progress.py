"""A progress bar on stderr: loss, validation, gradient norm and the time left, and if wanted what goes on inside."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

BARS = "▁▂▃▄▅▆▇█"  # of a gradient that is whole, down to a thousandth or less
ACROSS = 24  # of them
LINES = 25  # of validations, where there is no terminal to draw on


class Inside(Progress):
    """The bar, with what was last seen inside above it."""

    lines: Sequence[str] = ()

    def get_renderables(self) -> Iterator[RenderableType]:
        yield from (Text(line, no_wrap=True, overflow="ellipsis") for line in self.lines)
        yield self.make_tasks_table(self.tasks)


class Bar:
    """Watches a training. On a terminal it redraws five times a second; elsewhere it prints some 25 lines.

    With ``inside`` each look prints a line for every layer: how much of the error comes back, from the last step (left)
    to the first.
    """

    def __init__(self, console: Console | None = None, *, inside: bool = False) -> None:
        self.console = console or Console(stderr=True)
        self.inside = inside
        self.progress: Inside | None = None
        self.valid = "-"
        self.drawn = 0.0
        self.printed = 0  # the step of the last line
        self.alarm: str | None = None

    def __call__(self, event: dict[str, Any]) -> None:
        kind = event["event"]
        if kind == "start" and self.console.is_terminal:
            self.progress = Inside(
                TextColumn("training"),
                BarColumn(),
                TextColumn("{task.completed:.0f}/{task.total:.0f}"),
                TextColumn("loss {task.fields[loss]}  valid {task.fields[valid]}  |grad| {task.fields[norm]}"),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=self.console,
                refresh_per_second=5,
            )
            self.task = self.progress.add_task("training", total=event["steps"], loss="-", valid="-", norm="-")
            self.progress.start()
        elif kind == "step" and self.progress and time.monotonic() - self.drawn > 0.2:
            self.drawn = time.monotonic()
            self.progress.update(
                self.task,
                completed=event["step"],
                total=event["steps"],
                loss=f"{event['loss']:.4f}",
                norm=f"{event['grad_norm']:.2f}",
                valid=self.valid,
            )
        elif kind == "spoilt":
            self.console.print(f"WARNING: {event['told']}", style="yellow", markup=False, highlight=False)
        elif kind == "look" and self.inside:
            lines = [_line(flow, event["step"], event["moved"]) for flow in event["inside"]]
            if self.progress:
                self.progress.lines = lines
            elif self.printed == event["step"]:
                for line in lines:
                    print(line, file=sys.stderr)
        elif kind == "valid":
            self.valid = f"{event['valid']:.4f} (best {event['best']:.4f})"
            last = event["step"] >= event["steps"]
            if not self.progress and (last or (event["step"] - self.printed) * LINES >= event["steps"]):
                self.printed = event["step"]
                loss, norm = (f"{x:.4g}" if x is not None else "-" for x in (event["loss"], event["grad_norm"]))
                print(
                    f"step {event['step']}/{event['steps']}  loss {loss}  valid {self.valid}  |grad| {norm}  "
                    f"{event['seconds']:.0f} s",
                    file=sys.stderr,
                )
            if event.get("alarm") and not self.alarm:
                self.console.print(f"WARNING: {event['alarm']}", style="yellow", markup=False, highlight=False)
            self.alarm = event.get("alarm")
        elif kind == "end" and self.progress:
            self.progress.stop()
            self.progress = None


def _line(flow: dict[str, Any], step: int, moved: float | None) -> str:
    bars = "".join(_bar(flow["norms"][at * len(flow["norms"]) // ACROSS]) for at in range(ACROSS))
    shares = [low + high for low, high in flow["stuck"].values()]
    facts = [f"{flow['verdict']}, remembers {flow['memory']} of {flow['steps']} steps"]
    facts += [f"radius {flow['radius']['h']:.2f}"] if "h" in flow["radius"] else []
    facts += [f"stuck {100 * sum(shares) / len(shares):.0f} %"] if shares else []
    facts += [f"silent {flow['silent']} of {flow['units']}"] if flow["silent"] else []
    facts += [f"a step moves {100 * moved:.2g} %"] if moved else []
    return f"step {step}  {flow['name']}  {bars}  {', '.join(facts)}"


def _bar(norm: float) -> str:
    share = 1 + math.log10(min(max(norm, 1e-3), 1.0)) / 3
    return BARS[round(share * (len(BARS) - 1))]
