"""What a request of each task becomes: rows for the model's ``predict``, and its answers as JSON. One table by task.

Everything in ``asked`` runs in the thread that owns the model, but ``check``, ``bound`` and ``key``. No text that comes
from outside is ever taken for the name of a file: what is passed to ``predict`` are lists, frames, and files that were
written here.
"""

from __future__ import annotations

from typing import Any

from elman.deploy.serve.asked.forecast import Forecasts
from elman.deploy.serve.asked.items import NextItems
from elman.deploy.serve.asked.kind import Kind
from elman.deploy.serve.asked.labelled import (
    PictureLabels,
    PictureNumbers,
    SequenceLabels,
    SequenceNumbers,
    SoundLabels,
    SoundNumbers,
    TextLabels,
    TextNumbers,
)
from elman.deploy.serve.asked.painting import Painting
from elman.deploy.serve.asked.words import Generating, Hearing, Speaking, Tags, Writing
from elman.deploy.serve.limits import Limits
from elman.errors import InputError

__all__ = ["Generating", "Kind", "kind_of"]

OF_MEDIA: dict[str, dict[str, type[Kind]]] = {
    "classify": {"text": TextLabels, "numbers": SequenceLabels, "sound": SoundLabels, "pictures": PictureLabels},
    "regress": {"text": TextNumbers, "numbers": SequenceNumbers, "sound": SoundNumbers, "pictures": PictureNumbers},
}
OF_TASKS: dict[str, type[Kind]] = {
    "forecast": Forecasts,
    "tag": Tags,
    "generate": Generating,
    "paint": Painting,
    "translate": Writing,
    "summarize": Writing,
    "transcribe": Hearing,
    "speak": Speaking,
    "recommend": NextItems,
}


def kind_of(task: Any, limits: Limits) -> Kind:
    """What is asked of a task. Raises InputError for one that is not served."""
    if task.name in OF_TASKS:
        return OF_TASKS[task.name](task, limits)
    held = task.encoders()["kind"]
    if held not in OF_MEDIA.get(task.name, {}):
        raise InputError(f"models that {task.name} {held} are not served, texts, numbers, sounds and pictures are")
    return OF_MEDIA[task.name][held](task, limits)
