"""A `SequenceNetwork` step by step: convolution over the last steps, recurrent layers, and pools as they grow."""

from __future__ import annotations

import torch
from torch import Tensor

from elman.deploy.stream.reader import Reader
from elman.kernels.slots import Affine
from elman.nn.attention import AttentionPool
from elman.nn.sequence import ClassifierNetwork, SequenceNetwork


class Body:
    """The steps y_t (n, H) of vectors e_t (n, E); its states are the reader's."""

    def __init__(self, network: SequenceNetwork, reader: Reader, name: str) -> None:
        self.network = network
        self.stack = network.stack.slots(reader.count, reader.together)
        reader.stacks.append(self.stack)
        self.conv = self.before = None
        if network.conv is not None:
            conv = network.conv
            # W (O, E, K) reads the last K vectors side by side, the oldest first.
            weight = conv.weight.detach().permute(0, 2, 1).flatten(1)
            self.conv = Affine(weight, conv.bias, reader.together)
            self.before = reader.part(f"{name}.before", conv.width - 1, conv.inputs)

    def enter(self, x: Tensor, spelling: dict[str, Tensor]) -> Tensor:
        """The vectors e (T, E) of one stream's symbols (T,), or of its numbers (T, E), which are theirs already."""
        network = self.network
        if network.embedding is None:
            return x
        with torch.no_grad():
            if network.grams is None:
                return network.embedding.weight[x]
            return network.spelled(**spelling)[x]

    def step(self, e: Tensor, at: Tensor) -> Tensor:
        """e (n, E) of the streams ``at`` (n,) to y (n, H), which the next call writes over."""
        if self.conv is not None and self.before is not None:
            window = torch.cat([self.before[at], e[:, None]], 1)
            self.before[at] = window[:, 1:]
            e = self.conv(window.flatten(1)).relu()
        return self.stack.step(e, at)


class Pool:
    """The pool of a `ClassifierNetwork` as it grows: attention's sums are kept about the largest score so far.

        s_t = score(y_t),  m_t = max(m_{t-1}, s_t)
        w_t = w_{t-1} exp(m_{t-1} - m_t) + exp(s_t - m_t)
        p_t = p_{t-1} exp(m_{t-1} - m_t) + exp(s_t - m_t) y_t        pooled: p_t / w_t

    Source: Milakov and Gimelshein, Online normalizer calculation for softmax, arXiv:1805.02867.
    """

    def __init__(self, network: ClassifierNetwork, reader: Reader, name: str) -> None:
        self.kind, self.attention, size = network.pooling, network.attention, network.body.outputs

        def part(what: str, *shape: int, start: float = 0.0) -> Tensor:
            return reader.part(f"{name}.{what}", *shape, start=start)

        if self.attention is not None:
            heads = self.attention.heads
            self.most, self.sum = part("most", heads, start=-torch.inf), part("sum", heads)
            self.total = part("total", heads, size // heads)
            self._scores(self.attention, reader.together)
        if self.kind in ("last", "concat"):
            self.end = part("end", size)
        if self.kind in ("mean", "concat"):
            self.steps, self.total = part("steps", 1), part("total", size)
        if self.kind in ("max", "concat"):
            self.highest = part("highest", size, start=-torch.inf)

    def _scores(self, attention: AttentionPool, together: int) -> None:
        self.inner = None
        query = attention.query.detach()
        if attention.inner is not None:
            self.inner = Affine(attention.inner.weight, attention.inner.bias, together)
        else:
            # Each head's query reads its own columns of y.
            query = torch.block_diag(*query) / (attention.size // attention.heads) ** 0.5
        self.query = Affine(query, None, together)

    def step(self, y: Tensor, at: Tensor) -> None:
        """Take in y (n, H) of the streams ``at``."""
        if self.attention is not None:
            score = self.query(y if self.inner is None else self.inner(y).tanh())
            before = self.most[at]
            most = torch.maximum(before, score)
            fade, weight = (before - most).exp(), (score - most).exp()
            self.most[at], self.sum[at] = most, self.sum[at] * fade + weight
            parts = y.unflatten(-1, (self.attention.heads, -1))
            self.total[at] = self.total[at] * fade[..., None] + weight[..., None] * parts
            return
        if self.kind in ("last", "concat"):
            self.end[at] = y
        if self.kind in ("mean", "concat"):
            self.steps[at] += 1
            self.total[at] += y
        if self.kind in ("max", "concat"):
            self.highest[at] = torch.maximum(self.highest[at], y)

    def pooled(self, at: Tensor) -> Tensor:
        """(n, P) of what the streams ``at`` have taken in."""
        if self.attention is not None:
            return (self.total[at] / self.sum[at][..., None]).flatten(1)
        found = []
        if self.kind in ("last", "concat"):
            found.append(self.end[at])
        if self.kind in ("mean", "concat"):
            found.append(self.total[at] / self.steps[at])
        if self.kind in ("max", "concat"):
            found.append(self.highest[at])
        return torch.cat(found, 1)
