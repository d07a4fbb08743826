"""The table of tasks, and loading: a saved model knows its task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from elman.data.files import short
from elman.errors import InputError
from elman.nn.layers import Layers
from elman.tasks import layers, store
from elman.tasks.base import Task
from elman.tasks.classify import Classifier
from elman.tasks.forecast import Forecaster
from elman.tasks.generate import Generator
from elman.tasks.paint import Painter
from elman.tasks.recommend import Recommender
from elman.tasks.regress import Regressor
from elman.tasks.speak import Speaker
from elman.tasks.summarize import Summarizer
from elman.tasks.tag import Tagger
from elman.tasks.transcribe import Transcriber
from elman.tasks.translate import Translator

TASKS: dict[str, type[Task]] = {
    task.name: task
    for task in (
        Forecaster,
        Classifier,
        Regressor,
        Tagger,
        Generator,
        Painter,
        Translator,
        Summarizer,
        Transcriber,
        Speaker,
        Recommender,
    )
}


def load(path: str | Path) -> Any:
    """Read a saved model directory; every file is checked against its SHA-256 first, and nothing in it is executed.

    Returns the task that was fitted, or of imported layers an `elman.nn.layers.Layers`.
    Raises InputError when there is no model, when a file differs from what was saved, or when a newer elman wrote it.
    """
    files = store.read(Path(path))
    if "config.json" not in files:
        raise InputError(f"the model {path} lacks config.json: use the model as it was saved")
    head = store.parse_json(files["config.json"], "config.json")
    name = head.get("task") if isinstance(head, dict) else None
    if name == layers.NAME:
        return layers.restored(files, path)
    if not isinstance(name, str) or name not in TASKS:
        raise InputError(
            f"the model {path} is for the task {short(name)}, but this elman knows {', '.join(TASKS)}: upgrade elman"
        )
    return TASKS[name].from_files(files, path)


def load_task(path: str | Path) -> Task:
    """`load` for what only a task can do. Raises InputError for imported layers too."""
    found = load(path)
    if isinstance(found, Layers):
        raise InputError(
            f"{path} holds imported layers, which have no task: use them in Python, elman.load({str(path)!r})"
        )
    return found
