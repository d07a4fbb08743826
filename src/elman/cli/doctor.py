"""The command that looks into how a model learnt: gradients through time, and what to change."""

from __future__ import annotations

from pathlib import Path

from rich.markup import escape

from elman.cli.answers import emit
from elman.cli.console import say
from elman.errors import InputError
from elman.tasks.load import load_task

COLOURS = {"problem": "red", "note": "yellow", "fine": "green"}


def run_doctor(path: Path, as_json: bool) -> None:
    """Print what stands out, problems first, each with its figures and the flags that may mend it."""
    model = load_task(path)
    if not model.history_:
        raise InputError(f"{path} has no record of its training: fit it again, with this version of elman")
    found = model.diagnose()
    if as_json:
        last = model.looks_[-1] if model.looks_ else {"inside": []}
        emit({"model": str(path), "findings": [finding.to_json() for finding in found], **last})
        return
    for look in (model.looks_[:1], model.looks_[-1:]):
        for flow in look[0]["inside"] if look else []:
            say(
                f"  step {look[0]['step']:,}: {escape(flow['name'])} {flow['verdict']}, remembers {flow['memory']} of "
                f"{flow['steps']} steps, a step back leaves {100 * flow['factor']:.3g} %"
            )
    for finding in found:
        say(f"[{COLOURS[finding.kind]}]{finding.kind}[/]  {escape(str(finding))}")
