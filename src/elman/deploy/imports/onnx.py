"""From ONNX files: a graph of recurrent operators and linear layers, as torch and elman export them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from elman.deploy.imports.imported import Imported, Unchecked, readable
from elman.deploy.imports.onnx_graph import RECURRENT, Walk
from elman.deploy.imports.onnx_values import Cells, Flow, States
from elman.errors import InputError, MissingDependency


def read_onnx(path: Path) -> Imported:
    """Raises InputError for a damaged file, and for a node that has no counterpart, by its name."""
    try:
        import onnx
    except ImportError:
        raise MissingDependency("ONNX files are read by onnx: pip install 'elman[export]'") from None
    with readable(path.name, "an ONNX model"):
        raw = path.read_bytes()
        model = onnx.load_model_from_string(raw)
        for tensor in _tensors(model.graph):
            if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
                raise InputError(
                    f"{tensor.name} of {path.name} lies in another file, which is not read: save it in one"
                )
        onnx.checker.check_model(model)
        return _imported(path, model, raw)


def _tensors(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for node in graph.node:
        yield from (attribute.t for attribute in node.attribute if attribute.HasField("t"))


def _imported(path: Path, model: Any, raw: bytes) -> Imported:
    import onnx

    graph = model.graph
    values: dict[str, Any] = {}
    if graph.sparse_initializer or not any(node.op_type in RECURRENT for node in graph.node):
        raise InputError(f"{path.name} holds no RNN, GRU or LSTM node with plain weights: export a recurrent model")
    for tensor in graph.initializer:
        values[tensor.name] = onnx.numpy_helper.to_array(tensor)
    inputs = {info.name: _dimensions(info) for info in graph.input if info.name not in values}
    for name, dimensions in inputs.items():
        values[name] = Flow(name, tuple(map(str, range(len(dimensions)))))
    opset = next((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), 0)
    walk = Walk(values, opset)
    for node in graph.node:
        attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
        tensors = {one.name: onnx.numpy_helper.to_array(one.t) for one in node.attribute if one.HasField("t")}
        walk.node(node, {**attributes, **tensors})
    place, answer = _answer(graph, walk, path.name)
    letters = walk.axes[answer.root]
    names = [letters.get(str(axis), "F") for axis in range(len(inputs[answer.root]))]
    sizes = dict(zip(names, inputs[answer.root], strict=True))
    others = {name: (walk.axes[name]["is"], inputs[name]) for name in inputs if "is" in walk.axes.get(name, {})}
    if idle := [name for name in inputs if name != answer.root and name not in others]:
        raise InputError(
            f"{path.name} reads {idle[0]!r} beside {answer.root!r}, but one input is possible: export a chain"
        )
    notes = tuple(
        f"{name} ({what}) is left out: layers begin at zero, lengths are an argument"
        for name, (what, _) in others.items()
    )
    original = _runtime(raw, place, answer, names, others)
    layers = answer.chain().layers(path.name)
    return Imported(layers, "ONNX graph", "ONNX Runtime", original, sizes["T"], sizes["B"], notes)


def _dimensions(info: Any) -> list[int | None]:
    """The sizes of an input, None where any will do."""
    return [one.dim_value or None for one in info.type.tensor_type.shape.dim]


def _answer(graph: Any, walk: Walk, file: str) -> tuple[int, Flow]:
    """The one output that is the chain's; states may stand beside it."""
    found = []
    for place, info in enumerate(graph.output):
        value = walk.values.get(info.name)
        if isinstance(value, Flow) and not value.raw:
            found.append((place, info.name, value))
        elif not isinstance(value, States | Cells):
            raise InputError(f"the output {info.name!r} of {file} is no output of the layers: export a chain of layers")
    if not found:
        raise InputError(f"{file} gives states alone, but the outputs of a layer are needed: export them as well")
    if len(found) > 1:
        raise InputError(
            f"{file} gives {found[0][1]!r} and {found[1][1]!r}, but one output is possible: export a chain"
        )
    return found[0][0], found[0][2]


def _runtime(
    raw: bytes, place: int, answer: Flow, names: list[str], others: dict[str, Any]
) -> Callable[[Tensor], Tensor]:
    """ONNX Runtime on the file's own graph, x and y turned to time first; states begin at zero, rows are whole."""

    def run(x: Tensor) -> Tensor:
        try:
            import onnxruntime
        except ImportError:
            raise Unchecked("ONNX Runtime is not here: pip install 'elman[export]', and import again") from None
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        letters = {"T": 0, "B": 1, "F": 2}
        given = x.permute([letters[name] for name in names]).contiguous()
        with readable("the file", "a model of ONNX Runtime"):
            session = onnxruntime.InferenceSession(raw, options, providers=["CPUExecutionProvider"])
            types = {one.name: one.type for one in session.get_inputs()}
            feeds = {answer.root: given.int() if types[answer.root] == "tensor(int32)" else given}
            for name, (what, sizes) in others.items():
                if what == "sequence_lens":
                    feeds[name] = torch.full((x.shape[1],), len(x), dtype=torch.int32)
                else:
                    feeds[name] = torch.zeros([size or x.shape[1] for size in sizes])
            arrays = {name: value.numpy() for name, value in feeds.items()}
            y = torch.from_numpy(session.run(None, arrays)[place])
        order = [answer.axes.index(letter) for letter in ("T", "B", "D", "F") if letter in answer.axes]
        y = y.permute(order)
        return y.flatten(-2) if "D" in answer.axes else y

    return run
