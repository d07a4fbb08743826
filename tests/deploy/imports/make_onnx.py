"""ONNX graphs made node by node, with random weights."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def arrays(kind, inputs=3, hidden=4, ways=1, bias=True, peephole=False, seed=0):
    draw = np.random.default_rng(seed)
    gates = GATES[kind]
    shapes = {"W": (ways, gates * hidden, inputs), "R": (ways, gates * hidden, hidden)}
    if bias:
        shapes["B"] = (ways, 2 * gates * hidden)
    if peephole:
        shapes["P"] = (ways, 3 * hidden)
    return {name: draw.normal(0, 0.7, shape).astype("float32") for name, shape in shapes.items()}


def graph(nodes, held, given, gives, opset=17):
    """A model; ``given`` and ``gives`` are names with their dimensions, an int type where the name is ids."""
    kinds = {"ids": TensorProto.INT64, "lens": TensorProto.INT32}
    inputs = [
        helper.make_tensor_value_info(name, kinds.get(name, TensorProto.FLOAT), dims) for name, dims in given.items()
    ]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, dims) for name, dims in gives.items()]
    weights = [numpy_helper.from_array(np.asarray(array), name) for name, array in held.items()]
    made = helper.make_graph(nodes, "made", inputs, outputs, weights)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def recurrent(kind, given=("", ""), held=None, gives=("y", "h"), **attributes):
    """One node; ``given`` are sequence_lens and initial_h, and of an LSTM initial_c."""
    own = held or {}
    states = (*given, "")[: 3 if kind == "LSTM" else 2]
    names = ["x", "W", "R", "B" if "B" in own else "", *states, *(["P"] if "P" in own else [])]
    while not names[-1]:
        names.pop()
    return helper.make_node(kind, names, list(gives), name="cell", hidden_size=own["R"].shape[2], **attributes)


def single(kind, given=("", ""), inputs=None, **options):
    """A model of one recurrent node over x (T, B, F): y (T, D, B, H) and h."""
    sizes = {name: options.pop(name) for name in ("inputs_", "hidden", "bias", "peephole", "seed") if name in options}
    sizes = {"inputs" if name == "inputs_" else name: value for name, value in sizes.items()}
    ways = 2 if options.get("direction") == "bidirectional" else 1
    held = arrays(kind, ways=ways, **sizes)
    node = recurrent(kind, given, held, **options)
    dims = {"x": [None, None, held["W"].shape[2]], **(inputs or {})}
    return graph([node], held, dims, {"y": [None] * 4, "h": [None] * 3})


def save(path, model):
    path.write_bytes(model.SerializeToString())
    return path


def changed(model, change):
    again = onnx.ModelProto()
    again.CopyFrom(model)
    change(again.graph)
    return again
