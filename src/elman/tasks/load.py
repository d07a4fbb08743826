"""The table of tasks, and loading: a saved model knows its task."""

from __future__ import annotations

from pathlib import Path

from elman.data.files import short
from elman.errors import InputError
from elman.tasks import store
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


def load(path: str | Path) -> Task:
    """Read a saved model directory; every file is checked against its SHA-256 first, and nothing in it is executed.

    Raises InputError when there is no model, when a file differs from what was saved, or when a newer elman wrote it.
    """
    files = store.read(Path(path))
    if "config.json" not in files:
        raise InputError(f"the model {path} lacks config.json: use the model as it was saved")
    head = store.parse_json(files["config.json"], "config.json")
    name = head.get("task") if isinstance(head, dict) else None
    if not isinstance(name, str) or name not in TASKS:
        raise InputError(
            f"the model {path} is for the task {short(name)}, but this elman knows {', '.join(TASKS)}: upgrade elman"
        )
    return TASKS[name].from_files(files, path)
