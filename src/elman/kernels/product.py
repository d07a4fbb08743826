"""The products of a recurrent step that every gated cell shares: W_ih x and W_hh h, with layer norm or without."""

from typing import cast

from torch import Tensor
from torch.nn.functional import layer_norm, linear

from elman.kernels.options import Options
from elman.kernels.weights import Weights

EPSILON = 1e-5


def of_input(x: Tensor, weights: Weights) -> Tensor:
    """W_ih x + b_ih, or g_ih N(W_ih x) + b_ih with layer norm: (B, F) to (B, G*H)."""
    return _affine(x, weights.weight_ih, weights.bias_ih, weights.gain_ih)


def of_state(h: Tensor, weights: Weights) -> Tensor:
    """W_hh h + b_hh, or g_hh N(W_hh h) + b_hh with layer norm: (B, P) to (B, G*H)."""
    return _affine(h, cast(Tensor, weights.weight_hh), weights.bias_hh, weights.gain_hh)


def _affine(v: Tensor, weight: Tensor, bias: Tensor | None, gain: Tensor | None) -> Tensor:
    if gain is None:
        return linear(v, weight, bias)
    return normalised(linear(v, weight), gain, bias)


def normalised(v: Tensor, gain: Tensor, bias: Tensor | None) -> Tensor:
    """g N(v) + b with N(v) = (v - mean) / sqrt(var + 1e-5) over the last axis, the variance biased.

    Source: Ba, Kiros and Hinton, arXiv:1607.06450.
    """
    return layer_norm(v, v.shape[-1:], gain, bias, EPSILON)


def clipped(a: Tensor, options: Options) -> Tensor:
    """A pre-activation held in [-clip, clip]."""
    return a if options.clip is None else a.clamp(-options.clip, options.clip)


def zoned(before: Tensor, after: Tensor, zone: Tensor | None) -> Tensor:
    """z before + (1 - z) after."""
    return after if zone is None else zone * before + (1 - zone) * after
