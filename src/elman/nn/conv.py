"""Convolution over time, for ragged rows."""

import torch
from torch import Tensor, nn

from elman.nn.pool import outside


class Conv(nn.Module):
    """y_t = b + Σ_k W_k x_{t + (k - c) d}: each step sees K = width steps, d = dilation apart.

    Outside the row x is 0. Centred, c = (K - 1) // 2; causal, c = K - 1, so that y_t depends on x_1 ... x_t alone.
    Unlike nn.Conv1d it keeps the length, time comes first, and padding neither enters a row's steps nor comes out.

    Raises: ValueError for a size below 1.
    """

    def __init__(
        self, inputs: int, outputs: int, width: int = 3, *, dilation: int = 1, causal: bool = False, bias: bool = True
    ) -> None:
        super().__init__()
        for name, size in (("inputs", inputs), ("outputs", outputs), ("width", width), ("dilation", dilation)):
            if size < 1:
                raise ValueError(f"{name} is {size}, but it must be at least 1: pass a larger number")
        self.inputs, self.outputs, self.width, self.dilation, self.causal = inputs, outputs, width, dilation, causal
        self.weight = nn.Parameter(torch.empty(outputs, inputs, width))
        self.bias = nn.Parameter(torch.empty(outputs)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights Xavier-uniform, as `initialise` does a linear layer's; the bias is 0."""
        nn.init.xavier_uniform_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def extra_repr(self) -> str:
        return f"{self.inputs}, {self.outputs}, width={self.width}, dilation={self.dilation}, causal={self.causal}"

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """x (T, B, F) and lengths (B,) in 1..T, T everywhere without it, to (T, B, outputs), 0 past each row's end.

        Raises: ValueError for another number of features, or lengths that do not fit.
        """
        if x.dim() != 3 or x.shape[-1] != self.inputs:
            raise ValueError(f"x has the shape {tuple(x.shape)}, but (T, B, {self.inputs}) is needed: reshape it")
        past = outside(x, lengths)
        if past is not None:
            x = x.masked_fill(past[..., None], 0)
        reach = (self.width - 1) * self.dilation
        before = reach if self.causal else (self.width - 1) // 2 * self.dilation
        x = nn.functional.pad(x.permute(1, 2, 0), (before, reach - before))
        y = nn.functional.conv1d(x, self.weight, self.bias, dilation=self.dilation).permute(2, 0, 1)
        return y if past is None else y.masked_fill(past[..., None], 0)
