"""From torch.nn modules, in Python."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from elman.deploy.imports.imported import Chain, Imported
from elman.errors import InputError
from elman.nn.layers import Layers

ACTIVATIONS = {nn.ReLU: "relu", nn.Tanh: "tanh", nn.Sigmoid: "sigmoid", nn.Identity: "linear", nn.Softmax: "softmax"}
KNOWN = "RNN, LSTM, GRU, Embedding, Linear, Dropout, ReLU, Tanh, Sigmoid, Softmax, Identity and Sequential"


def from_torch(*modules: nn.Module) -> Layers:
    """The layers of torch.nn modules in the order in which they are applied; weights are copied.

    A recurrent module gives every step's output to the next. `batch_first` is dropped: `Layers` has time first.
    Raises InputError for a module that has no counterpart, ElmanError where outputs differ.
    """
    parts = list(_flat(modules))
    chain = Chain()
    for at, module in enumerate(parts):
        _add(chain, module, at)
    layers = chain.layers("the modules")
    Imported(layers, "torch.nn modules", "torch", lambda x: _run(parts, x)).check()
    return layers


def stack_settings(module: nn.RNNBase) -> dict[str, Any]:
    """The arguments of a `Stack` that computes as ``module`` does."""
    settings: dict[str, Any] = {
        "input_size": module.input_size,
        "hidden_size": module.hidden_size,
        "num_layers": module.num_layers,
        "bias": bool(module.bias),
        "bidirectional": bool(module.bidirectional),
    }
    if module.num_layers > 1 and module.dropout:
        settings["dropout"] = float(module.dropout)
    if isinstance(module, nn.RNN):
        settings["nonlinearity"] = module.nonlinearity
    if isinstance(module, nn.LSTM):
        settings["proj_size"] = module.proj_size
    return settings


def add_stack(chain: Chain, module: nn.RNNBase) -> None:
    weights = {f"stack.{name}": weight.detach().clone() for name, weight in module.state_dict().items()}
    chain.add(module.mode.split("_")[0].lower(), weights, **stack_settings(module))


def run_stack(module: nn.RNNBase) -> Callable[[Tensor], Tensor]:
    """The module as it is, on x (T, B, F) and to y (T, B, D*H)."""

    def run(x: Tensor) -> Tensor:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "LSTM with projections")  # how torch computes it is not ours to tell
            return module(x.transpose(0, 1))[0].transpose(0, 1) if module.batch_first else module(x)[0]

    return run


def _flat(modules: Any) -> Any:
    for module in modules:
        if type(module) is nn.Sequential:
            yield from _flat(module)
        else:
            yield module


def _add(chain: Chain, module: Any, at: int) -> None:
    # type() and not isinstance: a subclass may compute anything.
    kind = type(module)
    if kind in (nn.RNN, nn.LSTM, nn.GRU):
        add_stack(chain, module)
    elif kind is nn.Embedding:
        if module.max_norm is not None:
            raise InputError(f"module {at} is an Embedding with max_norm, which changes its weights: set it to None")
        chain.add("embedding", _copied(module), symbols=module.num_embeddings, size=module.embedding_dim)
    elif kind is nn.Linear:
        bias = module.bias is not None
        chain.add("linear", _copied(module), inputs=module.in_features, outputs=module.out_features, bias=bias)
    elif kind is nn.Dropout:
        chain.add("dropout", p=float(module.p))
    elif kind is nn.Softmax and module.dim != -1:
        raise InputError(f"module {at} is a Softmax over the dimension {module.dim}, but only -1 is known: pass dim=-1")
    elif kind in ACTIVATIONS:
        chain.add("activation", activation=ACTIVATIONS[kind])
    else:
        raise InputError(f"module {at} is a {kind.__name__}, but {KNOWN} of torch.nn can be imported: leave it out")


def _copied(module: nn.Module) -> Mapping[str, Tensor]:
    return {name: weight.detach().clone() for name, weight in module.state_dict().items()}


def _run(parts: list[nn.Module], x: Tensor) -> Tensor:
    training = [module.training for module in parts]
    try:
        for module in parts:
            module.eval()
            if isinstance(module, nn.RNNBase):
                x = run_stack(module)(x)
            else:
                with torch.no_grad():
                    x = module(x)
        return x.float()
    finally:
        for module, was in zip(parts, training, strict=True):
            module.train(was)
