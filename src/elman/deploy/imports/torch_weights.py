"""From a .safetensors file with the names of torch.nn's recurrent modules: kind and sizes are told by the shapes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from elman.data.files import load_bytes
from elman.deploy.imports.imported import Chain, Imported
from elman.deploy.imports.torch_modules import add_stack, run_stack
from elman.errors import InputError
from elman.tasks import store

Kind = Literal["lstm", "gru", "rnn_tanh", "rnn_relu"]
GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}
KEY = re.compile(r"(.*?)(weight_ih|weight_hh|bias_ih|bias_hh|weight_hr)_l(\d{1,2})(_reverse)?")


def read_weights(path: Path, cell: Kind | None = None, prefix: str | None = None) -> Imported:
    """The one recurrent stack of the file, or the one whose names begin with ``prefix``.

    Raises InputError where there is none or more than one, where shapes contradict each other or ``cell``, and for one
    gate without ``cell``: shapes do not say whether a simple network's f is tanh or relu.
    """
    file = path.name
    tensors = store.tensors(load_bytes(path, "the weights of a recurrent stack are needed"), file)
    stacks: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if match := KEY.fullmatch(name):
            stacks.setdefault(match[1], {})[name[len(match[1]) :]] = tensor
    if prefix is not None:
        stacks = {name: stack for name, stack in stacks.items() if name.rstrip(".") == prefix.rstrip(".")}
    if not stacks:
        named = f" whose names begin with {prefix!r}" if prefix else ""
        raise InputError(f"{file} holds no weights{named} like weight_ih_l0 of torch.nn.LSTM: save a recurrent module")
    if len(stacks) > 1:
        raise InputError(
            f"{file} holds {len(stacks)} recurrent stacks: give --prefix, one of {', '.join(sorted(stacks))}"
        )
    ((own, weights),) = stacks.items()
    module = _module(weights, cell, file)
    others = sorted(name for name in tensors if not (name.startswith(own) and name[len(own) :] in weights))
    if strange := [name for name in others if own and name.startswith(own)]:
        raise InputError(
            f"{file} holds {strange[0]} beside a recurrent stack, and torch.nn has no such weight: remove it"
        )
    notes = (f"left out: {', '.join(others[:5])}{' and more' * (len(others) > 5)}",) if others else ()
    chain = Chain()
    add_stack(chain, module)
    return Imported(chain.layers(file), "torch.nn weights", "torch", run_stack(module.eval()), notes=notes)


def _module(weights: dict[str, Tensor], cell: Kind | None, file: str) -> nn.RNNBase:
    """torch.nn's module with these weights."""
    for name in ("weight_ih_l0", "weight_hh_l0"):
        if name not in weights or weights[name].dim() != 2 or 0 in weights[name].shape:
            raise InputError(f"{file} has no {name} of two dimensions: save the module's whole state_dict")
    projection = weights.get("weight_hr_l0")
    if projection is not None and projection.dim() != 2:
        raise InputError(f"weight_hr_l0 of {file} has {projection.dim()} dimensions, but (P, H) is needed")
    hidden = weights["weight_hh_l0"].shape[1] if projection is None else projection.shape[1]
    rows, inputs = weights["weight_ih_l0"].shape
    gates = rows / max(hidden, 1)
    fitting = [name for name, count in GATES.items() if count == gates and (projection is None or name == "lstm")]
    if not fitting:
        raise InputError(f"weight_ih_l0 of {file} has {rows} rows for {hidden} units, but 4, 3 or 1 a unit are needed")
    if cell is not None and cell not in fitting:
        raise InputError(
            f"--cell is {cell}, but the shapes in {file} are those of {' or '.join(fitting)}: leave it out"
        )
    if cell is None and len(fitting) > 1:
        raise InputError(
            f"{file} holds a simple network, and shapes do not say its f: give --cell rnn_tanh or rnn_relu"
        )
    chosen = cell or fitting[0]
    kind = {"lstm": nn.LSTM, "gru": nn.GRU}.get(chosen, nn.RNN)
    extra: dict = {"nonlinearity": chosen[4:]} if kind is nn.RNN else {}
    if projection is not None:
        extra["proj_size"] = projection.shape[0]
    depth = 1 + max(int(KEY.fullmatch(name)[3]) for name in weights)  # type: ignore[index]
    ways = any(name.endswith("_reverse") for name in weights)
    with torch.device("meta"):  # a name like weight_ih_l99 takes no memory before it is known to fit
        try:
            module = kind(inputs, hidden, depth, bias="bias_ih_l0" in weights, bidirectional=ways, **extra)
        except (ValueError, RuntimeError) as error:
            raise InputError(f"{file} is not the weights of torch.nn.{kind.__name__}: {error}") from None
    needed = {name: tuple(weight.shape) for name, weight in module.state_dict().items()}
    for name in sorted(needed.keys() | weights.keys()):
        given = tuple(weights[name].shape) if name in weights else "nothing"
        if given != needed.get(name):
            raise InputError(f"{name} of {file} is {given}, but {needed.get(name, 'nothing')} is needed here")
    return _filled(kind(inputs, hidden, depth, bias="bias_ih_l0" in weights, bidirectional=ways, **extra), weights)


def _filled(module: nn.RNNBase, weights: dict[str, Tensor]) -> nn.RNNBase:
    module.load_state_dict({name: weight.float() for name, weight in weights.items()})
    return module
