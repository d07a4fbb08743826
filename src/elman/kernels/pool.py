"""Working memory used again: fresh pages from the system cost a small layer as much as its arithmetic."""

import threading

import torch
from torch import Tensor

_LARGEST = 64 << 20  # bytes kept for the next call; what is larger goes back at once
_SMALLEST = 1 << 16  # below this the allocator has memory at hand

_lock = threading.Lock()
_free: list[Tensor] = []


def take(numbers: int, like: Tensor) -> Tensor:
    """A flat tensor of at least so many numbers, of any value, in the type of `like`."""
    if numbers * like.element_size() >= _SMALLEST:
        with _lock:
            for place, tensor in enumerate(_free):
                if numbers <= tensor.numel() <= 2 * numbers and tensor.dtype == like.dtype:
                    return _free.pop(place)
    return torch.empty(numbers, dtype=like.dtype, device=like.device)


def give(tensor: Tensor) -> None:
    """Offer a tensor that nobody else reads any more to the next `take`; a busy pool lets it go."""
    size = tensor.numel() * tensor.element_size()
    # Never wait: the collector may end a loan in the midst of the pool's own work.
    if _SMALLEST <= size <= _LARGEST and _lock.acquire(blocking=False):
        try:
            while _free and size + sum(t.numel() * t.element_size() for t in _free) > _LARGEST:
                _free.pop(0)
            _free.append(tensor)
        finally:
            _lock.release()


class Loan:
    """Memory that goes back to the pool with the last reference to this."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    def __del__(self) -> None:
        give(self.tensor)
