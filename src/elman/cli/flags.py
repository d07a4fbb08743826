"""Flags that several commands have, and the settings of a task as flags."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Annotated, get_type_hints

from cyclopts import Parameter

from elman.tasks.base import Task

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print one JSON object on stdout.")]
Quiet = Annotated[bool, Parameter(name=["--quiet", "-q"], negative="", help="No progress.")]
Out = Annotated[Path | None, Parameter(name="--out")]
Overwrite = Annotated[bool, Parameter(negative="")]


def with_settings(command: Callable[..., None], task: type[Task]) -> Callable[..., None]:
    """The command, whose parameter ``config`` is filled from flags: one for each setting of the task."""
    # A setting inherited from another module names its type in words of that module; the library would not find them.
    task.Config.__init__.__annotations__ = get_type_hints(task.Config)
    command.__annotations__["config"] = Annotated[task.Config, Parameter(name="*", consume_multiple=True)]
    if all(f.default is not MISSING for f in fields(task.Config)):
        assert command.__kwdefaults__ is not None
        command.__kwdefaults__["config"] = task.Config()
    return command
