"""From logits to a symbol, and from symbol to symbol to a text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from elman.nn.language import JointStream, LanguageStream

_AHEAD = 1 << 16  # numbers of noise drawn at a time: one draw a symbol would cost as much as the symbol


class Sampler:
    """Draws a symbol v from p_v ∝ exp(z_v / temperature) over the symbols that stay; temperature 0 takes the largest z.

    ``top_k`` keeps the k largest z, then ``top_p`` the fewest of them, the largest first, whose p sum to that share or
    more; None keeps all. Of a ``generator`` in the same state comes the same text; without one, torch's own is used.

    Raises: ValueError for a temperature below 0, top_k below 1, or top_p outside (0, 1].
    Source: by Gumbel's noise, argmax_v (z_v / temperature + g_v); top_p: Holtzman et al., arXiv:1904.09751.
    """

    def __init__(
        self,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        if not 0 <= temperature < math.inf:
            raise ValueError(f"temperature is {temperature!r}, but a number from 0 on is needed: 1 samples as learnt")
        if top_k is not None and top_k < 1:
            raise ValueError(f"top_k is {top_k!r}, but at least 1 symbol must stay: raise it or leave it out")
        if top_p is not None and not 0 < top_p <= 1:
            raise ValueError(
                f"top_p is {top_p!r}, but a share above 0 and up to 1 is needed: change it or leave it out"
            )
        self.temperature, self.top_k, self.top_p, self.generator = temperature, top_k, top_p, generator
        # Colder than this float32 cannot tell from 0.
        self._scale = 1 / temperature if temperature > 1e-6 else math.inf
        self._noise: list[Tensor] = []

    def __call__(self, logits: Tensor) -> int:
        """Draw one symbol from logits (V,), of which -inf is never drawn."""
        if self._scale == math.inf:
            return int(logits.argmax())
        if self.top_k is None and self.top_p is None:
            return int(torch.add(self._next(logits), logits, alpha=self._scale).argmax())
        largest, symbols = logits.topk(min(self.top_k or len(logits), len(logits)))
        z = largest * self._scale
        if self.top_p is not None:
            p = z.softmax(0)
            z = z.masked_fill(p.cumsum(0) - p >= self.top_p, -math.inf)
        return int(symbols[(z + self._next(logits)[: len(z)]).argmax()])

    def _next(self, logits: Tensor) -> Tensor:
        if not self._noise or self._noise[-1].shape != logits.shape:
            size = len(logits)
            drawn = logits.new_empty(max(1, _AHEAD // size), size).exponential_(generator=self.generator)
            self._noise = list(drawn.log_().neg_().unbind(0))
        return self._noise.pop()


def generate(stream: LanguageStream | JointStream, prompt: Iterable[int], sampler: Sampler) -> Iterator[int]:
    """Symbols without end, one as soon as it is drawn, after a prompt of one or more that the stream reads first."""
    logits = stream.read(prompt)
    while True:
        symbol = sampler(logits)
        yield symbol
        logits = stream.step(symbol)
