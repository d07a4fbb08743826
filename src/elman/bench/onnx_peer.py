"""ONNX Runtime as a peer: an LSTM's or a GRU's parameters in the order of ONNX, run over a sequence or step by step."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

ORDERS = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2)}  # i o f c of torch's i f g o; z r h of its r z n
STATES = {"LSTM": ("h", "c"), "GRU": ("h",)}


def absent() -> str | None:
    """What to install where it cannot take part."""
    missing = [name for name in ("onnx", "onnxruntime") if find_spec(name) is None]
    return f"ONNX Runtime takes no part; pip install {' '.join(missing)}" if missing else None


def over_time(module: Any, x: Tensor, threads: int) -> Callable[[], Any]:
    """A call that runs a one-layer `module` over x (T, B, F) from a zero state and returns y (T, 1, B, H)."""
    session, values = _session(module, threads), {"x": x.detach().numpy()}
    zero = torch.zeros(1, x.shape[1], module.hidden_size).numpy()
    values |= dict.fromkeys(_states(module), zero)
    return lambda: session.run(["y"], values)[0]


def stepper(module: Any, x: Tensor, threads: int) -> Callable[[], Any]:
    """A call that makes one step of x (1, 1, F), keeps the state, and returns y (1, 1, 1, H).

    Inputs and outputs are bound once, the states to two buffers in turn: nothing is copied or allocated by a step.
    """
    import onnxruntime

    session, states = _session(module, threads), _states(module)

    def value(*shape: int) -> Any:
        return onnxruntime.OrtValue.ortvalue_from_numpy(torch.zeros(shape).numpy())

    given = onnxruntime.OrtValue.ortvalue_from_numpy(x.detach().numpy())
    buffers = [{name: value(1, 1, module.hidden_size) for name in states} for _ in range(2)]
    turns = []
    for before, after in (buffers, buffers[::-1]):
        binding, y = session.io_binding(), value(1, 1, 1, module.hidden_size)
        binding.bind_ortvalue_input("x", given)
        binding.bind_ortvalue_output("y", y)
        for name in states:
            binding.bind_ortvalue_input(name, before[name])
            binding.bind_ortvalue_output(f"{name}_n", after[name])
        turns.append((binding, y))

    def step() -> Any:
        binding, y = turns[0]
        turns.reverse()
        session.run_with_iobinding(binding)
        return y.numpy()

    return step


def _states(module: Any) -> list[str]:
    return [f"{name}{layer}" for layer in range(module.num_layers) for name in STATES[module.mode]]


def _session(module: Any, threads: int) -> Any:
    """The layers of `module` one after the other; the second reads the first's last step, so it is for T = 1."""
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    kind, parameters = module.mode, dict(module.named_parameters())
    order = torch.tensor(ORDERS[kind])

    def weight(name: str, layer: int) -> Tensor:
        own = parameters[f"{name}_l{layer}"].detach()
        return own.unflatten(0, (len(order), -1))[order].flatten(0, 1)[None]

    nodes, held = [], []
    for layer in range(module.num_layers):
        parts = {
            f"W{layer}": weight("weight_ih", layer),
            f"R{layer}": weight("weight_hh", layer),
            f"B{layer}": torch.cat([weight("bias_ih", layer), weight("bias_hh", layer)], -1),
        }
        held += [numpy_helper.from_array(part.numpy(), name) for name, part in parts.items()]
        states = [f"{name}{layer}" for name in STATES[kind]]
        last = layer == module.num_layers - 1
        inputs = ["x" if layer == 0 else f"h{layer - 1}_n", *parts, "", *states]
        outputs = ["y" if last else "", *(f"{name}_n" for name in states)]
        reset: dict[str, Any] = {"linear_before_reset": 1} if kind == "GRU" else {}
        nodes.append(helper.make_node(kind, inputs, outputs, hidden_size=module.hidden_size, **reset))

    def info(name: str, dimensions: int) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * dimensions)

    carried = _states(module)
    graph = helper.make_graph(
        nodes,
        "recurrent",
        [info(name, 3) for name in ("x", *carried)],
        [info("y", 4), *(info(f"{name}_n", 3) for name in carried)],
        held,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
