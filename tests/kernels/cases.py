"""One table of cases, operation x option x shape; how a case is run by any implementation, and how two compare."""

from functools import cache, partial
from typing import NamedTuple

import torch

from elman.kernels import Options, Weights
from elman.kernels.choose import IMPLEMENTATIONS, lacks

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}
# Of float32 with products in bfloat16, against the reference with the same operands rounded: one last place of one.
TOLERANCE_IN_BFLOAT16 = 2**-8
FEATURES, CLIP = 4, 0.5
GATES = {"rnn": 1, "lstm": 4, "gru": 3, "slstm": 4, "indrnn": 1, "mingru": 2, "minlstm": 3, "rglru": 3}
STATES = {"lstm": ("h", "c"), "slstm": ("h", "c", "n", "m")}
GATED = ("rnn", "lstm", "gru")


class Case(NamedTuple):
    """One layer: an operation, the words for what it has beyond the plain equations, and sizes."""

    operation: str
    also: tuple[str, ...] = ()
    activation: str = "tanh"
    steps: int = 7
    rows: int = 3
    hidden: int = 6
    ragged: bool = False
    ways: int = 2
    bias: bool = True
    contiguous: bool = True

    def __str__(self):
        words = [self.operation, *self.also, *([self.activation] if self.operation in ("rnn", "indrnn") else [])]
        words += [f"T{self.steps}", f"B{self.rows}", f"H{self.hidden}", f"D{self.ways}"]
        flags = {"ragged": self.ragged, "no-bias": not self.bias, "strided": not self.contiguous}
        return "-".join(words + [name for name, on in flags.items() if on]).replace(" ", "_")

    @property
    def lengths(self):
        ends = [(self.steps + 1) // 2, 1, self.steps, max(1, self.steps - 1)]
        return torch.tensor([ends[row % 4] for row in range(self.rows)]) if self.ragged else None

    @property
    def out(self):
        return (self.hidden + 1) // 2 if "projection" in self.also else self.hidden

    @property
    def heads(self):
        return {4: 2, 5: 5, 6: 3, 16: 4, 33: 3, 64: 4}.get(self.hidden, 1) if "heads" in self.also else 1

    @property
    def states(self):
        return STATES.get(self.operation, ("h",))


EVERY_GATED = [
    (),
    ("clip",),
    ("layer norm",),
    ("drop",),
    ("zoneout",),
    ("zoneout", "evaluated"),
    ("layer norm", "clip", "drop", "zoneout"),
]
ALSO = {
    "rnn": EVERY_GATED,
    "lstm": [
        *EVERY_GATED,
        ("peephole",),
        ("projection",),
        ("cells",),
        ("zoneout of c", "cells"),
        ("peephole", "clip"),
        ("peephole", "projection", "zoneout", "zoneout of c", "cells"),
        ("layer norm", "peephole", "projection", "clip", "drop", "zoneout", "zoneout of c", "cells"),
    ],
    "gru": [*EVERY_GATED, ("reset before",), ("reset before", "clip", "drop", "zoneout")],
    "slstm": [(), ("heads",)],
}
CELLS = [Case(operation, also) for operation in GATES for also in ALSO.get(operation, [()])]
CELLS += [Case("rnn", activation="relu"), Case("rnn", activation="sigmoid"), Case("indrnn", activation="relu")]
CELLS += [Case("rnn", ("layer norm", "clip", "drop", "zoneout"), activation="relu")]

CHANGES = [{"steps": steps} for steps in (1, 2, 7)] + [{"ways": 1}, {"bias": False}, {"contiguous": False}]
CHANGES = [change | {"ragged": ragged} for change in CHANGES for ragged in (False, True)]
CHANGES += [{"hidden": 1}, {"hidden": 5}, {"hidden": 33}, {"hidden": 64}, {"rows": 17}, {"steps": 64}]
CHANGES += [{"hidden": 16, "ragged": True}, {"hidden": 33, "ragged": True}, {"rows": 1, "ragged": True}]
CHANGES += [{"rows": 17, "hidden": 64, "steps": 9, "ragged": True}]


def _possible(case):
    # One unit has no spread to normalise, and nothing to project to.
    return case.hidden > 1 or not {"layer norm", "projection"} & set(case.also)


CASES = [case for cell in CELLS for change in CHANGES if _possible(case := cell._replace(**change))]


@cache
def tensors(case):
    """The case's leaves by name (x, h_0, c_0, ..., the weights), masks, and the gradients into its results."""
    random = torch.Generator().manual_seed(sum(map(ord, str(case))))

    def draw(*shape, scale=1.0):
        # float32's numbers in float64, so that every implementation starts from the very same ones.
        return (torch.randn(shape, generator=random) * scale).double()

    def uniform(*shape):
        return torch.rand(shape, generator=random).double()

    ways, steps, rows, hidden, out = case.ways, case.steps, case.rows, case.hidden, case.out
    # Half of 1/√H keeps units from saturating, where 1 - h² loses float32's digits whoever computes it.
    weight, gates = partial(draw, scale=0.5 * hidden**-0.5), GATES[case.operation] * hidden
    leaves, results = {"x": draw(steps, rows, FEATURES)}, {"y": (steps, rows, ways * out)}
    for part in case.states:
        size = (ways, rows, out if part == "h" else hidden)
        # n is a sum of weights: positive.
        leaves[f"{part}_0"] = draw(*size).abs() + 0.5 if part == "n" else draw(*size)
        results[f"{part}_n"] = size
    if "cells" in case.also:
        results["cells"] = (steps, rows, ways * hidden)
    # Positive, because a sum that cancels by chance has no digits to compare where H = T = 1.
    into = {name: draw(*shape).abs() + 0.5 for name, shape in results.items()}
    recurrent = {"slstm": (gates, hidden // case.heads), "indrnn": (hidden,)}
    for way in ("", "_reverse")[:ways]:
        shapes = {"weight_ih": (gates, FEATURES)}
        if case.operation in (*GATED, *recurrent):
            shapes["weight_hh"] = recurrent.get(case.operation, (gates, out))
        if case.bias:
            shapes["bias_ih"] = (gates,)
        if case.bias and case.operation in GATED:
            shapes["bias_hh"] = (gates,)
        if "projection" in case.also:
            shapes["weight_hr"] = (out, hidden)
        if "peephole" in case.also:
            shapes["weight_ch"] = (3 * hidden,)
        leaves |= {name + way: weight(*shape) for name, shape in shapes.items()}
        if "layer norm" in case.also:
            gains = {"gain_ih": gates, "gain_hh": gates, **({"gain_c": hidden} if case.operation == "lstm" else {})}
            # Small, because each step through a norm stretches an error by the gain over the spread it divides by.
            leaves |= {name + way: uniform(size) * 0.25 + 0.125 for name, size in gains.items()}
            if "gain_c" in gains and case.bias:
                leaves[f"bias_c{way}"] = weight(hidden)
        if case.operation == "rglru":
            leaves[f"decay{way}"] = draw(hidden) - 4  # decays of about 0.9 to 0.99
    masks = {"drop": (uniform(ways, rows, out) < 0.7).double() * 1.25}
    for name, size in (("zone_h", out), ("zone_c", hidden)):
        zone = uniform(ways, steps, rows, size)
        masks[name] = zone if "evaluated" in case.also else (zone < 0.5).double()
    asked = {"drop": "drop", "zone_h": "zoneout", "zone_c": "zoneout of c"}
    return leaves, {name: mask for name, mask in masks.items() if asked[name] in case.also}, into


def given(case, leaves, dtype):
    """What `layer` takes beside x and the state: the weights of each direction, and the options."""
    weights = tuple(
        Weights(**{name: leaves.get(name + way) for name in Weights._fields}) for way in ("", "_reverse")[: case.ways]
    )
    options = Options(
        activation=case.activation,
        reset="before" if "reset before" in case.also else "after",
        clip=CLIP if "clip" in case.also else None,
        heads=case.heads,
        cells="cells" in case.also,
        **{name: mask.to(dtype) for name, mask in tensors(case)[1].items()},
    )
    return weights, options


def outcome(layer, case, dtype):
    """Run `layer` and name what comes out: y, the final state, cells and every gradient, through all of them."""
    values, _, into = tensors(case)
    leaves = {name: value.to(dtype, copy=True).requires_grad_() for name, value in values.items()}
    x, *state = (leaves[name] for name in ("x", *(f"{part}_0" for part in case.states)))
    if not case.contiguous:
        x, *state = (torch.stack([t, t], -1)[..., 0] for t in (x, *state))
        assert not x.is_contiguous()
    weights, options = given(case, leaves, dtype)
    y, final, cells = layer(x, tuple(state), weights, lengths=case.lengths, options=options)
    results = {"y": y, **{f"{part}_n": s for part, s in zip(case.states, final, strict=True)}}
    if cells is not None:
        results["cells"] = cells
    assert results.keys() == into.keys()
    outputs, into = list(results.values()), [into[name].to(dtype) for name in results]
    gradients = torch.autograd.grad(outputs, list(leaves.values()), into, allow_unused=True, materialize_grads=True)
    results |= {f"gradient of {name}": g for name, g in zip(leaves, gradients, strict=True)}
    return {name: result.detach() for name, result in results.items()}


def computes(implementation, case, dtype):
    """Whether the implementation takes the case, as it says itself."""
    weights, options = given(case, tensors(case)[0], dtype)
    own = IMPLEMENTATIONS[implementation]
    return case.operation in own and lacks(implementation, case.operation, "cpu", dtype, options, weights[0]) is None


@cache
def truth(case):
    """What the reference gives in float64."""
    return outcome(IMPLEMENTATIONS["reference"][case.operation], case, torch.float64)


def error_of(found, right):
    """The largest error, measured against the largest magnitude."""
    return (found.double() - right).abs().max() / right.abs().max().clamp(min=1e-30)


def assert_agrees(found, expected, dtype, tolerance=None):
    """Every tensor by name, within the tolerance, or else that of the type."""
    for name, right in expected.items():
        assert found[name].dtype == dtype
        assert found[name].shape == right.shape, name
        error = error_of(found[name], right)
        assert error <= (tolerance or TOLERANCE[dtype]), f"{name} is off by {error:.1e} of its largest value"
