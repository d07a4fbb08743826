"""Which models can be streamed, and by which reader."""

from __future__ import annotations

from typing import Any

from elman.deploy.stream.generated import Generated
from elman.deploy.stream.heard import Heard
from elman.deploy.stream.pooled import Pooled
from elman.deploy.stream.reader import Reader
from elman.deploy.stream.recommended import Recommended
from elman.deploy.stream.rows import Rows
from elman.deploy.stream.tagged import Tagged
from elman.errors import InputError

READERS: dict[str, type[Reader]] = {
    "forecast": Rows,
    "classify": Pooled,
    "regress": Pooled,
    "tag": Tagged,
    "generate": Generated,
    "recommend": Recommended,
    "transcribe": Heard,
}


def refusal(model: Any) -> str | None:
    """Why a model cannot be streamed, in a sentence; None where it can."""
    reader = READERS.get(model.name)
    if reader is None:
        return (
            f"a {model.name} model answers when it has read all, and cannot be streamed: "
            f"{', '.join(READERS)} models can"
        )
    return reader.refusal(model)


def reader_of(model: Any) -> type[Reader]:
    """The reader of a fitted model. Raises InputError for one that cannot be streamed, with what to do."""
    if not hasattr(model, "fitted"):
        raise InputError(f"a fitted model or its directory is needed, but this is a {type(model).__name__}")
    model.fitted()
    why = refusal(model)
    if why is not None:
        raise InputError(why)
    return READERS[model.name]
