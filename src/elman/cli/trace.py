"""The command that works a small network out by hand: its equations, and every step with its numbers."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.markup import escape

from elman.cli.answers import emit
from elman.cli.console import say
from elman.errors import InputError
from elman.evaluate.plots import states
from elman.explain.trace import ANSWER, EQUATIONS, GATES, Cell, Step, Weights, trace

NEED = 'a JSON object of lists, {"W": ..., "U": ..., "b": ..., "V": ..., "d": ...}, of which W and U are a must'


def run_trace(cell: Cell, inputs: tuple[float, ...], weights: Path | None, out: Path | None, as_json: bool) -> None:
    """Print, and draw into ``out``, what each step computes; where no weights are given, W is 0.5 and U 0.8."""
    if out is not None and out.suffix != ".svg":
        raise InputError(f"{out.name} ends in {out.suffix!r}, but an .svg is drawn: give another --out")
    gates = len(GATES[cell])
    given = {"W": [0.5] * gates, "U": [0.8] * gates} if weights is None else _read(weights)
    steps = trace(cell, given.pop("x", list(inputs)), Weights.of(cell, **given))
    if out is not None:
        out.write_text(states(_drawn(steps), f"A {cell}, step by step").svg, encoding="utf-8")
        say(f"Drew {escape(str(out))}")
    if as_json:
        emit({"cell": cell, "equations": [*EQUATIONS[cell], ANSWER], "steps": [asdict(step) for step in steps]})
        return
    lines = [*EQUATIONS[cell], ANSWER]
    for step in steps:
        x = ", ".join(f"{value:g}" for value in step.values["x"])
        lines += ["", f"step {step.t}, x = {x}", *(f"  {line}" for line in step.lines)]
    sys.stdout.write("\n".join(lines) + "\n")


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path} ({error.strerror}): {NEED} is needed") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not readable as JSON ({error}): {NEED} is needed") from None
    if not isinstance(found, dict) or not {"W", "U"} <= set(found) <= {"W", "U", "b", "V", "d", "x"}:
        raise InputError(f"{path} holds something else, but {NEED} is needed: correct it")
    return found


def _drawn(steps: list[Step]) -> dict[str, list[float]]:
    """Of the first unit x, h, c and the gates."""
    names = [name for name in steps[0].values if name != "y"]
    order = sorted(names, key=lambda name: name != "h")
    return {name: [step.values[name][0] for step in steps] for name in order}
