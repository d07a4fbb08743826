"""ONNX Runtime judges random layers: peepholes, clipping, both resets of the GRU, the reverse direction alone."""

from itertools import permutations
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import strategies as st

from .convert import onnx_operator
from .differential import OPERATIONS, TRIED, assert_close, held

onnx = pytest.importorskip("onnx", reason="onnx writes the models")
onnxruntime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is the judge")

GATES = {"rnn": 1, "lstm": 4, "gru": 3}


class Operator(NamedTuple):
    """What is drawn for ONNX Runtime to judge."""

    direction: str
    steps: int
    rows: int
    features: int
    hidden: int
    bias: bool
    with_state: bool
    ragged: bool
    peephole: bool
    reset_after: bool
    relu: bool
    clip: float | None
    seed: int


def operators(operation):
    return st.builds(
        Operator,
        direction=st.sampled_from(["forward", "reverse", "bidirectional"]),
        steps=st.integers(1, 9),
        rows=st.integers(1, 6),
        features=st.integers(1, 6),
        hidden=st.integers(1, 35),
        bias=st.booleans(),
        with_state=st.booleans(),
        ragged=st.booleans(),
        peephole=st.booleans() if operation == "lstm" else st.just(False),
        reset_after=st.booleans() if operation == "gru" else st.just(True),
        relu=st.booleans() if operation == "rnn" else st.just(False),
        clip=st.none() | st.sampled_from([0.25, 0.5, 1.5, 4.0]),
        seed=st.integers(0, 9999),
    )


def onnx_runtime(operation, inputs, attributes):
    """The operator's outputs by ONNX Runtime, on one thread."""
    names = ["X", "W", "R", "B", "sequence_lens", "initial_h"] + ["initial_c", "P"] * (operation == "lstm")
    outputs = ["Y", "Y_h", "Y_c"][: 3 if operation == "lstm" else 2]
    here = [name if name in inputs else "" for name in names]
    node = onnx.helper.make_node(operation.upper(), here, outputs, **attributes)
    kinds = {name: onnx.helper.np_dtype_to_tensor_dtype(value.dtype) for name, value in inputs.items()}
    graph = onnx.helper.make_graph(
        [node],
        operation,
        [onnx.helper.make_tensor_value_info(name, kinds[name], value.shape) for name, value in inputs.items()],
        [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in outputs],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 14)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return dict(zip(outputs, session.run(None, inputs), strict=True))


def inputs_of(operation, config):
    """The operator's random inputs and its attributes."""
    random = np.random.default_rng(config.seed)
    ways, rows = 2 if config.direction == "bidirectional" else 1, GATES[operation] * config.hidden
    attributes = {"hidden_size": config.hidden, "direction": config.direction}
    shapes = {"W": (rows, config.features), "R": (rows, config.hidden)}
    shapes |= {"B": (2 * rows,)} if config.bias else {}
    shapes |= {"P": (3 * config.hidden,)} if config.peephole else {}
    if operation == "gru":
        attributes["linear_before_reset"] = int(config.reset_after)
    if config.relu:
        attributes["activations"] = ["Relu"] * ways
    if config.clip is not None:
        attributes["clip"] = config.clip
    inputs = {"X": random.standard_normal((config.steps, config.rows, config.features))}
    inputs |= {n: config.hidden**-0.5 * random.standard_normal((ways, *shape)) for n, shape in shapes.items()}
    if config.with_state:
        for name in ("initial_h", "initial_c")[: 2 if operation == "lstm" else 1]:
            inputs[name] = random.standard_normal((ways, config.rows, config.hidden))
    inputs = {name: value.astype(np.float32) for name, value in inputs.items()}
    if config.ragged:
        inputs["sequence_lens"] = random.integers(1, config.steps + 1, config.rows, dtype=np.int32)
    return inputs, attributes


@pytest.mark.parametrize("operation", OPERATIONS)
def test_onnx_runtime_agrees(operation):
    def judge(config):
        given = inputs_of(operation, config)
        assert_close(onnx_operator(operation, *given), onnx_runtime(operation, *given), torch.float32)

    held(TRIED["onnx"], operators(operation), judge)


def test_every_wrong_order_of_gates_and_peepholes_is_seen():
    config = Operator("forward", 5, 3, 4, 7, True, True, True, True, True, False, None, 0)
    seen = 0
    for operation in ("lstm", "gru"):
        inputs, attributes = inputs_of(operation, config._replace(peephole=operation == "lstm"))
        expected = onnx_runtime(operation, inputs, attributes)
        assert_close(onnx_operator(operation, inputs, attributes), expected, torch.float32)
        for gates, names in ((GATES[operation], "WRB"), (3, "P")):
            for order in list(permutations(range(gates)))[1:]:
                wrong = {
                    name: moved(value, order, 2 if name == "B" else 1)
                    for name, value in inputs.items()
                    if name in names
                }
                if wrong:
                    with pytest.raises(AssertionError, match="is off by"):
                        assert_close(onnx_operator(operation, inputs | wrong, attributes), expected, torch.float32)
                    seen += 1
    assert seen == 23 + 5 + 5


def moved(value, order, halves):
    """Equal blocks of the second dimension in another order, in each of its halves."""
    blocks = value.reshape(len(value), halves, len(order), -1)[:, :, order]
    return blocks.reshape(value.shape)
