"""Models as ONNX files: built node by node from the weights, checked in ONNX Runtime, then put in place."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elman.errors import MissingDependency

if TYPE_CHECKING:
    from torch import nn

    from elman.deploy.export.form import Exported
    from elman.tasks.base import Task

__all__ = ["OPSET", "model", "module"]

OPSET = 18


def module(
    layer: nn.Module,
    path: str | Path,
    *,
    lengths: bool = True,
    int8: bool = False,
    opset: int = OPSET,
    overwrite: bool = False,
) -> Exported:
    """Write a recurrent layer of torch.nn or elman.nn as ONNX, with its states as inputs and outputs.

    ``lengths`` makes the rows' lengths an input. ``int8`` stores matrices as whole numbers.
    Raises InputError for another module and for a path that cannot be written, ElmanError where ONNX Runtime differs.
    """
    _needed()
    from elman.deploy.export.form import write
    from elman.deploy.export.layers import form, ours

    return write(form(ours(layer), lengths=lengths), Path(path), int8=int8, opset=opset, overwrite=overwrite)


def model(
    task: Task,
    path: str | Path,
    *,
    streaming: bool = False,
    int8: bool = False,
    test: Any = None,
    opset: int = OPSET,
    overwrite: bool = False,
) -> Exported:
    """Write a fitted model as ONNX, and beside it a JSON file of what else its answers need.

    ``streaming``: each call reads some steps more, with the states as inputs and outputs. ``int8`` stores matrices as
    whole numbers. ``test``: a file or frame on which elman's own answers and the exported model's are scored.
    Raises InputError for models that cannot be exported so and for a path that cannot be written, ElmanError where
    ONNX Runtime answers otherwise than torch.
    """
    _needed()
    from elman.deploy.export.form import write
    from elman.deploy.export.quantise import on_cpu
    from elman.deploy.export.tasks import as_exported, form_of

    task.fitted()
    task = on_cpu(task)
    form, scores = form_of(task, streaming), None
    if test is not None:
        answering = {"elman": task, "exported": as_exported(task, streaming, int8)}
        scores = {name: one.evaluate(test).metrics for name, one in answering.items()}
    found = write(form, Path(path), int8=int8, opset=opset, overwrite=overwrite)
    return replace(found, scores=scores)


def _needed() -> None:
    if find_spec("onnx") is None or find_spec("onnxruntime") is None:
        raise MissingDependency("models are exported by onnx and checked by ONNX Runtime: pip install 'elman[export]'")
