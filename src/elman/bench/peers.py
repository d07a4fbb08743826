"""What runs the same work elsewhere: torch.nn, loops of torch operations, ONNX Runtime; each as fast as it can be made.

A layer that torch lacks is written here as its users write it, with what a careful one would do: the product of W_ih
with the whole sequence outside the loop, fused operations where torch has them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, linear


def torch_layer(ours: nn.Module, kind: str, features: int, hidden: int, **options: Any) -> nn.Module:
    """torch.nn's layer of this kind with the parameters' values of `ours`."""
    theirs = getattr(nn, kind)(features, hidden, **options)
    theirs.load_state_dict(ours.state_dict())
    return theirs


def lstm_loop(module: nn.Module, x: Tensor, zoneout: float = 0.0) -> Tensor:
    """The LSTM with the parameters of `module`: layer norm and peepholes where it has them, zoneout of h and c.

    Shapes: x (T, B, F). Returns y (T, B, H).
    """
    w = dict(module.named_parameters())
    width = w["weight_hh_l0"].shape[0]
    gains, peepholes = "gain_ih_l0" in w, w.get("weight_ch_l0")
    if gains:
        inputs = layer_norm(linear(x, w["weight_ih_l0"]), (width,), w["gain_ih_l0"], w["bias_ih_l0"] + w["bias_hh_l0"])
    else:
        inputs = linear(x, w["weight_ih_l0"], w["bias_ih_l0"] + w["bias_hh_l0"])
    back = w["weight_hh_l0"].t()
    h = c = x.new_zeros(x.shape[1], width // 4)
    if peepholes is not None:
        w_i, w_f, w_o = peepholes.chunk(3)
    if zoneout:
        keep_h, keep_c = (torch.empty(len(x), *h.shape).bernoulli_(zoneout).unbind(0) for _ in range(2))
    outputs = []
    for t, a in enumerate(inputs.unbind(0)):
        a = a + layer_norm(h @ back, (width,), w["gain_hh_l0"]) if gains else torch.addmm(a, h, back)
        i, f, g, o = a.chunk(4, -1)
        if peepholes is not None:
            i, f = torch.addcmul(i, w_i, c), torch.addcmul(f, w_f, c)
        new = torch.addcmul(f.sigmoid() * c, i.sigmoid(), g.tanh())
        if peepholes is not None:
            o = torch.addcmul(o, w_o, new)
        shown = layer_norm(new, h.shape[1:], w["gain_c_l0"], w["bias_c_l0"]) if gains else new
        out = o.sigmoid() * shown.tanh()
        h = torch.lerp(out, h, keep_h[t]) if zoneout else out
        c = torch.lerp(new, c, keep_c[t]) if zoneout else new
        outputs.append(h)
    return torch.stack(outputs)


def slstm_loop(module: nn.Module, x: Tensor, heads: int) -> Tensor:
    """The sLSTM with the parameters of `module`; the heads lead, so that one bmm a step serves them all.

    Shapes: x (T, B, F). Returns y (T, B, H).
    """
    w = dict(module.named_parameters())
    steps, rows, _ = x.shape
    part = w["weight_hh_l0"].shape[1]
    inputs = linear(x, w["weight_ih_l0"], w["bias_ih_l0"]).view(steps, rows, 4, heads, part)
    inputs = inputs.permute(0, 3, 1, 2, 4).reshape(steps, heads, rows, 4 * part)
    back = w["weight_hh_l0"].view(4, heads, part, part).permute(1, 3, 0, 2).reshape(heads, part, 4 * part)
    h = c = n = m = x.new_zeros(heads, rows, part)
    outputs = []
    for a in inputs.unbind(0):
        i, f, z, o = torch.baddbmm(a, h, back).chunk(4, -1)
        kept = nn.functional.logsigmoid(f) + m
        m = torch.maximum(kept, i)
        i, f = (i - m).exp(), (kept - m).exp()
        c = torch.addcmul(f * c, i, z.tanh())
        n = torch.addcmul(i, f, n)
        h = o.sigmoid() * c / n
        outputs.append(h)
    return torch.stack(outputs).permute(0, 2, 1, 3).reshape(steps, rows, heads * part)


def scan_loop(a: Tensor, b: Tensor, h: Tensor) -> Tensor:
    """h_t = a_t h_{t-1} + b_t, step by step. Shapes: a, b (T, B, H), h (B, H)."""
    outputs = []
    for a_t, b_t in zip(a.unbind(0), b.unbind(0), strict=True):
        h = torch.addcmul(b_t, a_t, h)
        outputs.append(h)
    return torch.stack(outputs)


def scan_in_chunks(a: Tensor, b: Tensor, h: Tensor, chunks: int) -> Tensor:
    """The same with all chunks side by side: each from zero, then from chunk to chunk, then both together.

    Right for every a, and the fastest way known with torch operations.
    """
    steps = len(a)
    chunks = min(chunks, steps)
    short = -steps % chunks
    if short:
        a, b = (nn.functional.pad(s, (0, 0, 0, 0, 0, short)) for s in (a, b))
    inside = zip(*(s.unflatten(0, (chunks, -1)).unbind(1) for s in (a, b)), strict=True)
    decay, own = next(inside)
    decays, owns = [decay], [own]
    for a_t, b_t in inside:
        decay, own = a_t * decay, torch.addcmul(b_t, a_t, own)
        decays.append(decay)
        owns.append(own)
    starts = [h]
    for last_decay, last_own in zip(decay.unbind(0)[:-1], own.unbind(0)[:-1], strict=True):
        starts.append(torch.addcmul(last_own, last_decay, starts[-1]))
    start = torch.stack(starts)
    whole = [torch.addcmul(o, d, start) for d, o in zip(decays, owns, strict=True)]
    return torch.stack(whole, 1).flatten(0, 1)[:steps]


def scan_in_logs(a: Tensor, b: Tensor, h: Tensor) -> Tensor:
    """The same by cumulative sums of logarithms, for a, b and h above zero.

    Source: Heinsen, arXiv:2311.06281, as minGRU (arXiv:2410.01201) uses it.
    """
    decay = nn.functional.pad(a.log().cumsum(0), (0, 0, 0, 0, 1, 0))
    values = torch.cat([h[None], b]).log()
    return (decay + torch.logcumsumexp(values - decay, 0)).exp()[1:]
