"""A progress bar on stderr: loss, validation, gradient norm and the time left."""

from __future__ import annotations

import sys
import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

LINES = 25  # of validations, where there is no terminal to draw on


class Bar:
    """Watches a training. On a terminal it redraws five times a second; elsewhere it prints some 25 lines."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self.progress: Progress | None = None
        self.valid = "-"
        self.drawn = 0.0
        self.printed = 0  # the step of the last line
        self.alarm: str | None = None

    def __call__(self, event: dict[str, Any]) -> None:
        kind = event["event"]
        if kind == "start" and self.console.is_terminal:
            self.progress = Progress(
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
