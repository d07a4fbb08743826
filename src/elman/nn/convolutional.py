"""Recurrent layers over pictures: an LSTM and a GRU whose products with weights are convolutions."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

State = tuple[Tensor, ...]


class ConvRecurrent(nn.Module):
    """What ConvLSTM and ConvGRU share: layers on top of each other, one step after the other.

    Weights, their names and the order of the gates are torch.nn's of the cell, each weight a kernel (G * H, C, K, K):
    over pictures of one pixel, with a kernel of 1, a layer is that cell.
    """

    gates: ClassVar[int]
    states: ClassVar[int]

    def __init__(
        self,
        input_channels: int,
        hidden_channels: int,
        kernel_size: int = 3,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
    ) -> None:
        super().__init__()
        sizes = {"input_channels": input_channels, "hidden_channels": hidden_channels, "num_layers": num_layers}
        for name, size in {**sizes, "kernel_size": kernel_size}.items():
            if isinstance(size, bool) or not isinstance(size, int):
                raise TypeError(f"{name} is {size!r}, but it must be an int: pass a whole number")
            if size < 1:
                raise ValueError(f"{name} is {size}, but it must be at least 1: pass a larger number")
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size is {kernel_size}, but an even one has no middle: pass an odd number")
        self.input_channels, self.hidden_channels, self.kernel_size = input_channels, hidden_channels, kernel_size
        self.num_layers, self.bias, self.batch_first = num_layers, bias, batch_first
        wide = self.gates * hidden_channels
        for layer in range(num_layers):
            channels = hidden_channels if layer else input_channels
            for name, from_channels in (("ih", channels), ("hh", hidden_channels)):
                kernel = torch.empty(wide, from_channels, kernel_size, kernel_size)
                self.register_parameter(f"weight_{name}_l{layer}", nn.Parameter(kernel))
                if bias:
                    self.register_parameter(f"bias_{name}_l{layer}", nn.Parameter(torch.empty(wide)))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Input kernels Xavier-uniform gate by gate, recurrent ones likewise at half the size, biases 0."""
        for name, parameter in self.named_parameters():
            if name.startswith("bias"):
                nn.init.zeros_(parameter)
                continue
            for gate in parameter.split(self.hidden_channels):
                nn.init.xavier_uniform_(gate, 0.5 if name.startswith("weight_hh") else 1.0)

    def extra_repr(self) -> str:
        given = f"{self.input_channels}, {self.hidden_channels}, kernel_size={self.kernel_size}"
        return given + (f", num_layers={self.num_layers}" if self.num_layers > 1 else "")

    def step(self, x: Tensor, h: Tensor, before: State) -> State:
        """The states after one step: x the convolved input, h the convolved state, both (B, G * H, Y, X)."""
        raise NotImplementedError

    def _run(self, x: Tensor, before: State | None, lengths: Tensor | None) -> tuple[Tensor, list[State]]:
        """Clips x (T, B, C, Y, X) to the last layer's h (T, B, H, Y, X) and each layer's states at its rows' ends."""
        if x.dim() != 5 or x.shape[2] != self.input_channels:
            raise ValueError(
                f"x has shape {tuple(x.shape)}, but clips (T, B, {self.input_channels}, Y, X) are needed: pass these"
            )
        if self.batch_first:
            x = x.transpose(0, 1)
        steps, rows, _, tall, wide = x.shape
        if lengths is not None and (len(lengths) != rows or not bool(((lengths >= 1) & (lengths <= steps)).all())):
            raise ValueError(f"lengths is {lengths.tolist()}, but {rows} from 1 to {steps} are needed: pass these")
        shape = (self.num_layers, rows, self.hidden_channels, tall, wide)
        before = before or (x.new_zeros(shape),) * self.states
        for given in before:
            if given.shape != shape:
                raise ValueError(f"a state has shape {tuple(given.shape)}, but {shape} is needed: pass that")
        last: list[State] = []
        for layer in range(self.num_layers):
            convolved = self._convolved(x.flatten(0, 1), "ih", layer).unflatten(0, (steps, rows))
            state: State = tuple(part[layer] for part in before)
            outputs = []
            for t in range(steps):
                after = self.step(convolved[t], self._convolved(state[0], "hh", layer), state)
                if lengths is None:
                    state = after
                    outputs.append(state[0])
                    continue
                running = (t < lengths)[:, None, None, None]
                state = tuple(torch.where(running, new, old) for new, old in zip(after, state, strict=True))
                outputs.append(state[0] * running)
            x = torch.stack(outputs)
            last.append(state)
        return (x.transpose(0, 1) if self.batch_first else x), last

    def _convolved(self, x: Tensor, name: str, layer: int) -> Tensor:
        bias = getattr(self, f"bias_{name}_l{layer}") if self.bias else None
        return nn.functional.conv2d(x, getattr(self, f"weight_{name}_l{layer}"), bias, padding=self.kernel_size // 2)


class ConvLSTM(ConvRecurrent):
    r"""An LSTM over pictures: every product of a weight with x_t or h_{t-1} is a convolution, * below.

        i_t = σ(W_ii * x_t + b_ii + W_hi * h_{t-1} + b_hi)     and f_t, o_t alike
        g_t = tanh(W_ig * x_t + b_ig + W_hg * h_{t-1} + b_hg)
        c_t = f_t c_{t-1} + i_t g_t
        h_t = o_t tanh(c_t)

    Shapes: x (T, B, C, Y, X), or (B, T, C, Y, X) with ``batch_first``; lengths (B,) in 1..T. Returns the last layer's h
    (T, B, H, Y, X), 0 past a row's end, and (h_n, c_n), each (L, B, H, Y, X), at each row's own end. The forget gate
    starts open, with a bias of 1.
    Raises: ValueError and TypeError for arguments and inputs that do not fit.
    Source: Shi et al., arXiv:1506.04214, without its peepholes.
    """

    gates, states = 4, 2

    def reset_parameters(self) -> None:
        super().reset_parameters()
        if self.bias:
            with torch.no_grad():
                for layer in range(self.num_layers):
                    getattr(self, f"bias_ih_l{layer}")[self.hidden_channels : 2 * self.hidden_channels] = 1.0

    def step(self, x: Tensor, h: Tensor, before: State) -> State:
        i, f, g, o = (x + h).chunk(4, 1)
        c = f.sigmoid() * before[1] + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c

    def forward(
        self, x: Tensor, hx: tuple[Tensor, Tensor] | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        y, last = self._run(x, hx, lengths)
        h, c = (torch.stack(parts) for parts in zip(*last, strict=True))
        return y, (h, c)


class ConvGRU(ConvRecurrent):
    r"""A GRU over pictures: every product of a weight with x_t or h_{t-1} is a convolution, * below.

        r_t = σ(W_ir * x_t + b_ir + W_hr * h_{t-1} + b_hr)     and z_t alike
        n_t = tanh(W_in * x_t + b_in + r_t (W_hn * h_{t-1} + b_hn))
        h_t = (1 - z_t) n_t + z_t h_{t-1}

    Shapes and errors are ConvLSTM's, with one state h_n (L, B, H, Y, X).
    Source: Ballas et al., arXiv:1511.06432; the reset after the product, as in torch.nn.GRU.
    """

    gates, states = 3, 1

    def step(self, x: Tensor, h: Tensor, before: State) -> State:
        r, z = (x[:, : 2 * self.hidden_channels] + h[:, : 2 * self.hidden_channels]).sigmoid().chunk(2, 1)
        n = (x[:, 2 * self.hidden_channels :] + r * h[:, 2 * self.hidden_channels :]).tanh()
        return (n + z * (before[0] - n),)

    def forward(self, x: Tensor, hx: Tensor | None = None, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        y, last = self._run(x, None if hx is None else (hx,), lengths)
        return y, torch.stack([state[0] for state in last])
