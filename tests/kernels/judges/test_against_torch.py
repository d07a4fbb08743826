"""torch.nn in float64 judges random stacks in every form and layout of input, with their gradients."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from elman import nn

from .differential import CELLS, OPERATIONS, TRIED, assert_close, drawn, held

# torch says once, for a projection in float32, which of its own kernels it takes.
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")


def test_the_three_judges_see_two_thousand():
    own = len(CELLS) * sum(TRIED["torch"].values())
    assert own + len(OPERATIONS) * (TRIED["onnx"] + TRIED["keras"]) == 2000


class Stack(NamedTuple):
    """What is drawn for torch.nn to judge."""

    form: str
    layout: str
    steps: int
    rows: int
    features: int
    hidden: int
    layers: int
    bidirectional: bool
    bias: bool
    batch_first: bool
    with_state: bool
    seed: int


STACKS = st.builds(
    Stack,
    form=st.sampled_from(["padded", "lengths", "packed", "one sequence"]),
    layout=st.sampled_from(["contiguous", "strided", "turned", "expanded", "unaligned"]),
    steps=st.integers(1, 9),
    rows=st.integers(1, 6),
    features=st.integers(1, 6),
    hidden=st.integers(3, 35),
    layers=st.integers(1, 3),
    bidirectional=st.booleans(),
    bias=st.booleans(),
    batch_first=st.booleans(),
    with_state=st.booleans(),
    seed=st.integers(0, 9999),
)


def laid(shape, layout, random):
    """A random tensor, and how to look at it to see `shape` in that layout."""
    if layout == "strided":
        return drawn((*shape[:-1], 2 * shape[-1]), random), lambda t: t[..., ::2]
    if layout == "turned":
        return drawn(shape[::-1], random), lambda t: t.permute(*reversed(range(t.dim())))
    if layout == "expanded":
        return drawn((1, *shape[1:]), random), lambda t: t.expand(shape)
    if layout == "unaligned":
        return drawn(1 + int(np.prod(shape)), random), lambda t: t[1:].view(shape)
    return drawn(shape, random), lambda t: t


def outcome(module, stack, leaves, views, lengths, native_lengths):
    """Results by name, and the gradients through weighted sums of them unless gradients are off."""
    x, *hx = [view(leaf) for leaf, view in zip(leaves, views, strict=True)]
    hx = None if not hx else tuple(hx) if len(hx) > 1 else hx[0]
    if lengths is not None and native_lengths:
        y, state = module(x, hx, lengths=lengths)
    elif lengths is not None:
        y, state = module(pack_padded_sequence(x, lengths, stack.batch_first, enforce_sorted=False), hx)
        y, _ = pad_packed_sequence(y, stack.batch_first, total_length=stack.steps)
    else:
        y, state = module(x, hx)
    named = {"y": y} | dict(zip(("h_n", "c_n"), state if isinstance(state, tuple) else (state,), strict=False))
    if not torch.is_grad_enabled():
        return named
    loss = sum(t.flatten() @ torch.linspace(-1, 1.5, t.numel(), dtype=t.dtype) for t in named.values())
    names = [*("x", "h_0", "c_0")[: len(leaves)], *(name for name, _ in module.named_parameters())]
    gradients = torch.autograd.grad(loss, [*leaves, *module.parameters()])
    return named | {f"gradient of {name}": g for name, g in zip(names, gradients, strict=True)}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("cell", CELLS)
def test_torch_agrees(cell, dtype):
    kind, own = CELLS[cell]

    def judge(stack):
        random = torch.Generator().manual_seed(stack.seed)
        names = ("bias", "batch_first", "bidirectional")
        options = {name: getattr(stack, name) for name in names} | {"num_layers": stack.layers, **own}
        theirs = getattr(torch.nn, kind)(stack.features, stack.hidden, **options, dtype=torch.float64)
        with torch.no_grad():
            for parameter in theirs.parameters():
                parameter.copy_(drawn(parameter.shape, random) * stack.hidden**-0.5 / 2)
        ours = getattr(nn, kind)(stack.features, stack.hidden, **options, dtype=dtype)
        ours.load_state_dict(theirs.state_dict())

        one = stack.form == "one sequence"
        places = (stack.steps, stack.rows) if not stack.batch_first else (stack.rows, stack.steps)
        shapes = [((stack.steps,) if one else places) + (stack.features,)]
        if stack.with_state:
            first = (stack.layers * (1 + stack.bidirectional), *([] if one else [stack.rows]))
            sizes = [theirs.proj_size or stack.hidden, stack.hidden]
            shapes += [(*first, size) for size in sizes[: 2 if kind == "LSTM" else 1]]
        leaves, views = zip(*(laid(shape, stack.layout, random) for shape in shapes), strict=True)
        lengths = None
        if stack.form in ("lengths", "packed"):
            lengths = torch.randint(1, stack.steps + 1, (stack.rows,), generator=random)

        expected = outcome(theirs, stack, [t.clone().requires_grad_() for t in leaves], views, lengths, False)
        mine = [t.to(dtype).requires_grad_() for t in leaves]
        form = (lengths, stack.form == "lengths")
        assert_close(outcome(ours, stack, mine, views, *form), expected, dtype)
        with torch.inference_mode():
            values = {name: t for name, t in expected.items() if not name.startswith("gradient")}
            assert_close(outcome(ours, stack, [t.detach() for t in mine], views, *form), values, dtype)

    held(TRIED["torch"][dtype], STACKS, judge)
