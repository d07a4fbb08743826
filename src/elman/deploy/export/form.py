"""What is exported: a graph, what stands beside it, and inputs by which it is checked; and how it is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from elman.data.files import at_once
from elman.deploy.export.check import Case, checked, differences
from elman.deploy.export.graph import OPSETS, Graph
from elman.errors import InputError

EXACT = 20  # the last opset whose int8 matrices ONNX Runtime makes float32 before it multiplies
LARGEST = 2_000_000_000  # bytes: what one protobuf file can hold

Cases = Iterable[Case]


@dataclass(frozen=True)
class Form:
    """One way to write a model down.

    ``build`` gives the graph, with matrices as int8 or not. ``cases`` gives random inputs, the same ones each time, and
    what the network in torch makes of them; ``rounded`` is the form of that network with matrices as int8 has them.
    ``beside`` is what a user needs besides the graph, as JSON; ``left_out`` says in sentences what the exported model
    does not do.
    """

    build: Callable[[bool], Graph]
    cases: Callable[[], Cases]
    rounded: Callable[[], Form]
    beside: dict[str, Any] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exported:
    """Where an export lies and how close it is: inputs and outputs as names to shapes, an axis of any size by its name.

    ``largest_difference`` is that of float32 weights, as a share of the outputs' reach. ``int8`` has the file's size as
    a share of the float32 one's, and the largest difference that the rounding makes. ``scores`` are those of elman's
    own answers and of the exported model's on a file.
    """

    onnx: Path
    json: Path | None
    bytes: int
    largest_difference: float
    inputs: dict[str, list[int | str]]
    outputs: dict[str, list[int | str]]
    left_out: tuple[str, ...]
    int8: dict[str, float] | None = None
    scores: dict[str, dict[str, float]] | None = None

    def to_json(self) -> dict[str, Any]:
        plain = {**self.__dict__, "onnx": str(self.onnx), "json": str(self.json) if self.json else None}
        return {**plain, "left_out": list(self.left_out)}


def write(form: Form, path: Path, *, int8: bool, opset: int, overwrite: bool) -> Exported:
    """Build, check and put in place: the graph at ``path``, a JSON file beside it where there is something to tell.

    Raises InputError where it cannot be written there, and ElmanError where ONNX Runtime answers otherwise than torch;
    then nothing is written.
    """
    side = path.with_suffix(".json") if form.beside else None
    check_path(path, side, overwrite)
    check_opset(opset, int8)
    graph = form.build(False)
    raw = _bytes(graph, opset)
    exact = checked(raw, form.cases())
    small: dict[str, float] | None = None
    if int8:
        before, graph = len(raw), form.build(True)
        raw = _bytes(graph, opset)
        checked(raw, form.rounded().cases())
        small = {"size_ratio": len(raw) / before, "largest_difference": differences(raw, form.cases())}
    inputs, outputs = (_shapes(values) for values in (graph.inputs, graph.outputs))
    with ExitStack() as files:
        files.enter_context(at_once(path)).write_bytes(raw)
        if side is not None:
            about = {**form.beside, "left_out": list(form.left_out), "inputs": inputs, "outputs": outputs}
            text = json.dumps(about, ensure_ascii=False, allow_nan=False, indent=1)
            files.enter_context(at_once(side)).write_text(text + "\n", encoding="utf-8")
    return Exported(path, side, len(raw), exact, inputs, outputs, form.left_out, small)


def check_opset(opset: int, int8: bool) -> None:
    """Raise InputError for an opset that is not written, or not with int8."""
    if opset not in OPSETS:
        raise InputError(f"--opset is {opset}, but {OPSETS[0]} to {OPSETS[-1]} are written: give one of these")
    if int8 and opset > EXACT:
        raise InputError(
            f"--opset is {opset}, but from {EXACT + 1} on ONNX Runtime multiplies int8 matrices with numbers of eight "
            f"bits, which loses more than --int8 says: give {EXACT} or less"
        )


def check_path(path: Path, side: Path | None, overwrite: bool) -> None:
    """Raise InputError unless these files may be written."""
    if path.suffix.lower() != ".onnx":
        raise InputError(f"{path} does not end in .onnx, which is what is written: give another name")
    if not path.parent.is_dir():
        raise InputError(f"there is no directory {path.parent} to write {path.name} into: create it, or give another")
    for file in (path, side):
        if file is not None and file.is_dir():
            raise InputError(f"{file} is a folder, but a file is written there: give another name")
        if file is not None and file.exists() and not overwrite:
            raise InputError(f"{file} exists: give another name, or --overwrite to replace it")


def _bytes(graph: Graph, opset: int) -> bytes:
    size = graph.size()
    if size > LARGEST:
        raise InputError(
            f"the weights have {size:,} bytes, but an ONNX file of one piece holds {LARGEST:,}: fit a smaller model"
        )
    return graph.model(opset).SerializeToString()


def _shapes(values: dict[str, Any]) -> dict[str, list[int | str]]:
    """Names to shapes, an axis of any size by its name."""
    return {
        name: [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for name, value in values.items()
    }
