"""The 18 cases that the ONNX project publishes for its RNN, LSTM and GRU operators, through elman's layers.

They fix shapes, layout, direction, biases and peepholes. All LSTM cases have constant weights, which gates in any
order would pass: test_against_onnx_runtime.py has random ones.
"""

import importlib
from functools import cache

import numpy as np
import pytest

from .convert import onnx_operator

onnx = pytest.importorskip("onnx", reason="the cases come with the onnx package")

CASES = [
    *(f"test_simple_rnn_{name}" for name in ("defaults", "with_initial_bias", "batchwise", "reverse", "bidirectional")),
    *(f"test_gru_{name}" for name in ("defaults", "with_initial_bias", "batchwise", "reverse", "bidirectional")),
    *(f"test_lstm_{name}" for name in ("defaults", "with_initial_bias", "batchwise", "reverse", "bidirectional")),
    *("test_rnn_seq_length", "test_gru_seq_length", "test_lstm_with_peepholes"),
]
INPUTS = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")
OUTPUTS = ("Y", "Y_h", "Y_c")


@cache
def published():
    """Every case of the three operators, by name; importing their modules makes them."""
    for operation in ("rnn", "gru", "lstm"):
        importlib.import_module(f"onnx.backend.test.case.node.{operation}")
    made = importlib.import_module("onnx.backend.test.case.node")._NodeTestCases
    return {case.name: case for case in made if case.model.graph.node[0].op_type in ("RNN", "GRU", "LSTM")}


def test_every_published_case_is_here():
    assert sorted(published()) == sorted(CASES)
    assert len(CASES) == 18


@pytest.mark.parametrize("name", CASES)
def test_gives_what_onnx_publishes(name):
    case = published()[name]
    node = case.model.graph.node[0]
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    attributes = {k: v.decode() if isinstance(v, bytes) else v for k, v in attributes.items()}
    ((given, expected),) = case.data_sets
    present = [part for part, wire in zip(INPUTS, node.input, strict=False) if wire]
    found = onnx_operator(node.op_type.lower(), dict(zip(present, given, strict=True)), attributes)
    wanted = [part for part, wire in zip(OUTPUTS, node.output, strict=False) if wire]
    for part, right in zip(wanted, expected, strict=True):
        assert found[part].shape == right.shape
        np.testing.assert_allclose(found[part], right, rtol=1e-5, atol=1e-6, err_msg=part)
