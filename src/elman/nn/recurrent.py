"""The one recurrent stack: layers, directions, dropout, residual sums and ragged rows around the kernels."""

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from elman import kernels
from elman.kernels import Packing, State, Weights
from elman.nn.checks import check_input, check_options, checked_lengths, checked_state


class Cell(NamedTuple):
    """What a cell asks of the stack: its kernel, its gates (blocks of H rows in a weight) and its states."""

    operation: str
    gates: int
    states: int
    activation: str | None = None


CELLS = {
    "RNN_TANH": Cell("rnn", gates=1, states=1, activation="tanh"),
    "RNN_RELU": Cell("rnn", gates=1, states=1, activation="relu"),
    "RNN_SIGMOID": Cell("rnn", gates=1, states=1, activation="sigmoid"),
    "LSTM": Cell("lstm", gates=4, states=2),
    "GRU": Cell("gru", gates=3, states=1),
}


class Recurrent(nn.Module):
    """A stack of L recurrent layers in D directions; use it through `RNN`, `LSTM` and `GRU`.

    Layer l reads x_l and gives y_l (B, T, D*H), both directions side by side; the next one reads
    x_{l+1} = dropout(y_l), or x_l + dropout(y_l) with `residual` wherever the two have the same size. The
    last layer has no dropout. Parameters, their names, order and initial values are torch.nn's.

    Raises: TypeError or ValueError for a size or an option that is not usable.
    """

    weight_ih_l0: Tensor

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        residual: bool = False,
    ) -> None:
        super().__init__()
        sizes = {"input_size": input_size, "hidden_size": hidden_size, "num_layers": num_layers}
        flags = {"bias": bias, "batch_first": batch_first, "bidirectional": bidirectional, "residual": residual}
        check_options(sizes, flags, dropout, proj_size, hidden_size)
        if mode not in CELLS or (proj_size and mode != "LSTM"):
            raise ValueError(
                f"mode is {mode!r} with proj_size={proj_size}, but there are {', '.join(CELLS)}, and only "
                "the LSTM has a projection: choose one of these"
            )
        if dropout and num_layers == 1:
            warnings.warn(
                f"dropout is {dropout}, but it acts between layers and num_layers is 1: raise it or set 0",
                stacklevel=3,
            )
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self.residual = residual
        self._names = self._add_parameters({"device": device, "dtype": dtype})
        self.flatten_parameters()
        self.reset_parameters()

    def _add_parameters(self, factory: dict[str, Any]) -> list[list[list[str | None]]]:
        """Register the parameters; return their names by layer and direction, in the order of `Weights`."""
        rows, out = CELLS[self.mode].gates * self.hidden_size, self.proj_size or self.hidden_size
        ways = ["", "_reverse"] if self.bidirectional else [""]
        all_names = []
        for layer in range(self.num_layers):
            shapes: dict[str, tuple[int, ...] | None] = {
                "weight_ih": (rows, self.input_size if layer == 0 else out * len(ways)),
                "weight_hh": (rows, out),
                "bias_ih": (rows,) if self.bias else None,
                "bias_hh": (rows,) if self.bias else None,
                "weight_hr": (self.proj_size, self.hidden_size) if self.proj_size else None,
            }
            names = [[f"{kind}_l{layer}{way}" if shapes[kind] else None for kind in shapes] for way in ways]
            for way in names:
                for name, shape in zip(way, shapes.values(), strict=True):
                    if name and shape:
                        self.register_parameter(name, nn.Parameter(torch.empty(shape, **factory)))
            all_names.append(names)
        return all_names

    def reset_parameters(self) -> None:
        """Draw every parameter from U(-1/√H, 1/√H), as torch.nn does; `initialise` has a better start."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    @property
    def all_weights(self) -> list[list[Tensor]]:
        """The parameters, one list for each layer and direction."""
        return [[getattr(self, name) for name in way if name] for layer in self._names for way in layer]

    def flatten_parameters(self) -> None:
        """Lay each layer's parameters in one block of memory, as cuDNN wants them; elsewhere do nothing."""
        for layer in self._names:
            weights = [getattr(self, name) for way in layer for name in way if name]
            known = all(w.is_cuda and torch.backends.cudnn.is_acceptable(w) for w in weights)
            if not known or self.mode == "RNN_SIGMOID" or len({w.dtype for w in weights}) > 1:
                return
            if len({w.data_ptr() for w in weights}) < len(weights):
                return  # tied weights cannot lie in two places
            with torch.no_grad(), torch.cuda.device_of(weights[0]):
                torch._cudnn_rnn_flatten_weight(
                    weights,
                    len(weights) // len(layer),
                    weights[0].shape[1],
                    torch.backends.cudnn.rnn.get_cudnn_mode(self.mode),
                    self.hidden_size,
                    self.proj_size,
                    1,
                    self.batch_first,
                    self.bidirectional,
                )

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> "Recurrent":
        super()._apply(fn, recurse)
        self.flatten_parameters()
        return self

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.flatten_parameters()

    def extra_repr(self) -> str:
        usual: dict[str, object] = {"proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False}
        usual |= {"dropout": 0.0, "bidirectional": False, "residual": False}
        changed = [f"{name}={getattr(self, name)}" for name in usual if getattr(self, name) != usual[name]]
        return ", ".join([str(self.input_size), str(self.hidden_size), *changed])

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: Tensor | tuple[Tensor, Tensor] | None = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
    ) -> tuple[Any, Any]:
        """Run the stack over a batch of sequences.

        Shapes: input (T, B, F), (B, T, F) with batch_first, (T, F) for one sequence, or a PackedSequence; hx
        is h_0, an LSTM's (h_0, c_0), zero where not given: (L*D, B, H), or (L*D, H) for one sequence, and h
        has P in place of H with a projection. lengths (B,) of integers in 1..T, in any order, says where each
        row of a padded input ends: past it outputs are zero, and the final state is the one at the row's end.
        Returns the output, (T, B, D*H) in the form of the input, and h_n, an LSTM's (h_n, c_n): the cells'
        own states, without residual sums.
        Raises: as torch.nn does, ValueError, TypeError or RuntimeError for an input, a state or lengths that
        do not fit.
        """
        if isinstance(input, PackedSequence):
            if lengths is not None:
                raise ValueError("lengths are given, but a PackedSequence carries its own: leave them out")
            return self._forward_packed(input, hx)
        if not isinstance(input, Tensor):
            raise TypeError(f"input is of type {type(input).__name__}, but a Tensor is needed: convert it")
        dtype = self.weight_ih_l0.dtype
        check_input(input, self.input_size, dtype)
        batched = input.dim() == 3
        turned = batched and self.batch_first
        x = input.transpose(0, 1) if turned else input if batched else input.unsqueeze(1)
        steps, rows = x.shape[:2]
        if steps == 0:
            raise RuntimeError("input has T=0 time steps, but 1 or more are needed: drop the empty sequences")
        if lengths is not None:
            lengths = checked_lengths(lengths, rows, steps)
        ways = 2 if self.bidirectional else 1
        sizes = (self.proj_size or self.hidden_size, self.hidden_size)[: CELLS[self.mode].states]
        if hx is None:
            states = [tuple(x.new_zeros(ways, rows, size) for size in sizes)] * self.num_layers
        else:
            places = (ways * self.num_layers, rows) if batched else (ways * self.num_layers,)
            state = checked_state(hx, [(*places, size) for size in sizes], dtype)
            by_layer = [(s if batched else s.unsqueeze(1)).split(ways) for s in state]
            states = list(zip(*by_layer, strict=True))

        y, final = self._run(x, states, lengths)

        if not batched:
            y, final = y.squeeze(1), tuple(s.squeeze(1) for s in final)
        elif turned:
            y = y.transpose(0, 1)
        return y, final if len(final) > 1 else final[0]

    def _run(self, x: Tensor, states: list[State], lengths: Tensor | None) -> tuple[Tensor, State]:
        """Run the layers: x (T, B, F) and a state for each, to y (T, B, D*H) and the states (L*D, B, ...)."""
        cell, finals = CELLS[self.mode], []
        if self.residual and lengths is not None:
            # The sum would carry what lies past a row's end into the output.
            time = torch.arange(x.shape[0], device=x.device)[:, None, None]
            x = x.masked_fill(time >= lengths.to(x.device)[:, None], 0)
        for layer, names in enumerate(self._names):
            weights = tuple(self._weights(way) for way in names)
            y, final = kernels.layer(
                cell.operation, x, states[layer], weights, lengths=lengths, activation=cell.activation
            )
            finals.append(final)
            if self.dropout and self.training and layer < self.num_layers - 1:
                y = nn.functional.dropout(y, self.dropout)
            x = x + y if self.residual and x.shape == y.shape else y
        return x, finals[0] if len(finals) == 1 else tuple(map(torch.cat, zip(*finals, strict=True)))

    def _weights(self, names: list[str | None]) -> Weights:
        # Read by name at every call: pruning, parametrizations and torch.func put other tensors there. The
        # module's own lookup of an attribute is slow, which shows where the tensors are small.
        own = self._parameters
        found: list[Any] = [name and (own[name] if name in own else getattr(self, name)) for name in names]
        return Weights(*found)

    def _forward_packed(self, packed: PackedSequence, hx: Any) -> tuple[PackedSequence, Any]:
        data, counts, order, back = packed
        if data.dim() != 2:
            raise RuntimeError(f"packed data has {data.dim()} dimensions, but 2 are needed: pack (T, B, F) rows")
        rows = torch.arange(int(counts[0]), device=data.device)
        packing = Packing.of_counts(counts, rows if order is None else order, len(counts))
        ends = (counts[:, None] > torch.arange(len(rows))).sum(0)
        lengths = ends if back is None else ends[back.cpu()]
        x = packing.unpack(data)
        y, final = self.forward(x.transpose(0, 1) if self.batch_first else x, hx, lengths=lengths)
        y = packing.pack(y.transpose(0, 1) if self.batch_first else y)
        return PackedSequence(y, counts, order, back), final


class RNN(Recurrent):
    """A simple (Elman) recurrent network of L layers, the drop-in for torch.nn.RNN.

        h_t = f(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh),    f = tanh, relu or sigmoid by `nonlinearity`

    Shapes and errors: `Recurrent.forward`. The output equation y_t = g(W_hy h_t + b_y) is a head's.
    Source: Elman, "Finding structure in time", Cognitive Science 14 (1990), whose f is the sigmoid.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        residual: bool = False,
    ) -> None:
        if nonlinearity not in ("tanh", "relu", "sigmoid"):
            raise ValueError(
                f"nonlinearity is {nonlinearity!r}, but there are 'tanh', 'relu' and 'sigmoid': choose one"
            )
        self.nonlinearity = nonlinearity
        options = (num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype)
        super().__init__(f"RNN_{nonlinearity.upper()}", input_size, hidden_size, *options, residual=residual)


class LSTM(Recurrent):
    """Long short-term memory of L layers, gates in the order i, f, g, o: the drop-in for torch.nn.LSTM.

        i, f, o = σ(·), g = tanh(·), each of its own W_ih x_t + b_ih + W_hh h_{t-1} + b_hh
        c_t = f c_{t-1} + i g
        h_t = o tanh(c_t),    or W_hr (o tanh(c_t)) of size P = proj_size

    Shapes and errors: `Recurrent.forward`.
    Source: Hochreiter and Schmidhuber, Neural Computation 9 (1997), with a forget gate, without peepholes.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        residual: bool = False,
    ) -> None:
        options = (num_layers, bias, batch_first, dropout, bidirectional, proj_size, device, dtype)
        super().__init__("LSTM", input_size, hidden_size, *options, residual=residual)


class GRU(Recurrent):
    """Gated recurrent units of L layers, gates in the order r, z, n: the drop-in for torch.nn.GRU.

        r, z = σ(·), each of its own W_ih x_t + b_ih + W_hh h_{t-1} + b_hh
        n = tanh(W_in x_t + b_in + r (W_hn h_{t-1} + b_hn))
        h_t = (1 - z) n + z h_{t-1}

    Shapes and errors: `Recurrent.forward`.
    Source: Cho et al., arXiv:1406.1078, with the reset gate after the recurrent product.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        residual: bool = False,
    ) -> None:
        options = (num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype)
        super().__init__("GRU", input_size, hidden_size, *options, residual=residual)
