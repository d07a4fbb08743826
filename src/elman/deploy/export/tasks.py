"""Which model is exported how."""

from __future__ import annotations

from elman.deploy.export.blend import linear_inside, without_linear
from elman.deploy.export.forecast import forecaster
from elman.deploy.export.form import Form
from elman.deploy.export.labels import pooled, tagger
from elman.deploy.export.language import generator, recommender
from elman.deploy.export.quantise import rounded
from elman.deploy.export.speech import transcriber
from elman.errors import InputError
from elman.tasks.base import Task
from elman.tasks.forecast import Forecaster
from elman.tasks.generate import Generator
from elman.tasks.pooled import PooledTask
from elman.tasks.recommend import Recommender
from elman.tasks.tag import Tagger
from elman.tasks.transcribe import Transcriber


def form_of(task: Task, streaming: bool) -> Form:
    """Raises InputError for a model whose answers are the work of a program, not of a graph, or which cannot stream."""
    if isinstance(task, PooledTask):
        return pooled(task, streaming)
    if isinstance(task, Tagger):
        return tagger(task, streaming)
    if isinstance(task, Recommender):
        return recommender(task, streaming)
    if isinstance(task, Generator):
        return generator(task)  # which streams always
    if streaming and isinstance(task, Forecaster | Transcriber):
        raise InputError(
            f"a {task.name} model reads its input whole, but --streaming is for classify and regress (--pool last), "
            "tag, generate and recommend models of one direction: leave it out"
        )
    if isinstance(task, Forecaster):
        return forecaster(task)
    if isinstance(task, Transcriber):
        return transcriber(task)
    raise InputError(
        f"a {task.name} model answers by a search that asks its network again and again, which is a program and no "
        "graph: forecast, classify, regress, tag, generate, recommend and transcribe (--by ctc) models are exported"
    )


def as_exported(task: Task, streaming: bool, int8: bool) -> Task:
    """The model in torch that answers as the exported one does: with its matrices, without what is left out."""
    if isinstance(task, PooledTask) and linear_inside(task, streaming) is None:
        task = without_linear(task)
    return rounded(task) if int8 else task
