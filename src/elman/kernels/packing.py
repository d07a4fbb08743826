"""Between padded rows in any order and torch's packed form, by one gather and one scatter."""

from typing import NamedTuple

import torch
from torch import Tensor


class Packing(NamedTuple):
    """Where each packed step lies in a padded batch.

    Packed, the rows still running at each t lie together, longest row first. `counts`, on the CPU, says how
    many they are at each t that has any; `order` (B,) which row comes first, second, ...; `places` (N,) where
    each of the N real steps lies among the T*B padded ones.
    """

    counts: Tensor
    order: Tensor
    places: Tensor
    steps: int

    @staticmethod
    def of_lengths(lengths: Tensor, steps: int) -> "Packing":
        """Plan the packing of padded rows (T, B, ...): lengths (B,) of integers in 1..T, on their device."""
        running, order = lengths.sort(descending=True)
        counts = (torch.arange(steps, device=lengths.device)[:, None] < running).sum(1).cpu()
        return Packing.of_counts(counts[counts > 0], order, steps)

    @staticmethod
    def of_counts(counts: Tensor, order: Tensor, steps: int) -> "Packing":
        """Plan the unpacking of a PackedSequence: its batch sizes on the CPU and its row order."""
        rows, device = len(order), order.device
        inside = torch.arange(rows, device=device) < counts.to(device)[:, None]
        time = torch.arange(len(counts), device=device)[:, None]
        return Packing(counts, order, (time * rows + order)[inside], steps)

    def pack(self, x: Tensor) -> Tensor:
        """Gather x (T, B, F) into (N, F)."""
        return x.reshape(self.steps * len(self.order), -1).index_select(0, self.places)

    def unpack(self, data: Tensor) -> Tensor:
        """Scatter data (N, F) into (T, B, F), zero past each row's end."""
        rows = len(self.order)
        padded = data.new_zeros(self.steps * rows, data.shape[-1]).index_copy(0, self.places, data)
        return padded.view(self.steps, rows, -1)
