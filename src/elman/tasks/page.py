"""The page of a fit: its verdict, what the task has to show, how it learnt, what went on inside, every setting."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from elman.evaluate import inside, plots
from elman.evaluate.report import Facts, Figure, Report, Section
from elman.version import __version__


def page_of(task: Any) -> Report:
    """The report of a task that was just fitted, before it is written in a language."""
    evaluation, training = task.evaluation_, task.training_
    settings = {key: told for key, value in asdict(task.config_).items() if (told := plain(value))}
    told = "Every choice, given or made, with which this fit can be repeated."
    sections = [
        *(task.judged_.sections if task.judged_ else ()),
        Section(
            "Training",
            f"{training.steps:,} steps in {training.seconds:.0f} s; {training.why}. "
            f"The weights kept are those of step {training.best_step:,}.",
            [Figure(plots.training(training.history).svg, "Loss while learning; the dot marks the weights kept.")],
        ),
        seen(task),
        Section("Settings", told, [Facts(settings)]),
    ]
    return Report(
        title=task.title(),
        subtitle=f"elman {__version__} · {task.name}" + (f" · {Path(task.source_).name}" if task.source_ else ""),
        verdict=evaluation.verdict if evaluation else "Not judged: no part of the data was held out.",
        good=evaluation.good if evaluation else None,
        sections=[section for section in sections if section],
    )


def seen(task: Any) -> Section | None:
    """What went on inside, with the doctor's findings; None of models of which that is not known."""
    return inside.section(task.looks_, [f"{finding}." for finding in task.diagnose()])


def plain(value: Any) -> str:
    """A setting in words, none where it was left out."""
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
