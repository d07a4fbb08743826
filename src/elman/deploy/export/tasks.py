"""Which model is exported how."""

from __future__ import annotations

from elman.deploy.export.form import Form
from elman.deploy.export.labels import pooled, tagger
from elman.deploy.export.language import generator, recommender
from elman.errors import InputError
from elman.tasks.base import Task
from elman.tasks.generate import Generator
from elman.tasks.pooled import PooledTask
from elman.tasks.recommend import Recommender
from elman.tasks.tag import Tagger


def form_of(task: Task, streaming: bool) -> Form:
    """Raises InputError for a model whose answers are the work of a program, not of a graph."""
    if isinstance(task, PooledTask):
        return pooled(task, streaming)
    if isinstance(task, Tagger):
        return tagger(task, streaming)
    if isinstance(task, Generator):
        return generator(task)
    if isinstance(task, Recommender):
        return recommender(task, streaming)
    raise InputError(task.name)
