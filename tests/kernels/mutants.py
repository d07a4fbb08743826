"""Planted mistakes, every one of which the comparison of `cases.py` must see: swapped gates, lost gradients, ..."""

import inspect
from functools import partial
from itertools import permutations

import torch
from cases import GATED, GATES, Case

from elman.kernels import product, time_loop
from elman.kernels.choose import IMPLEMENTATIONS
from elman.kernels.gru import reference as gru
from elman.kernels.lstm import reference as lstm
from elman.kernels.rnn import reference as rnn
from elman.kernels.scan import indrnn, mingru, minlstm, rglru
from elman.kernels.slstm import reference as slstm

REFERENCES = IMPLEMENTATIONS["reference"]
MODULES = {"rnn": rnn, "lstm": lstm, "gru": gru, "slstm": slstm}
MODULES |= {"indrnn": indrnn, "mingru": mingru, "minlstm": minlstm, "rglru": rglru}


def edited(operation, old="", new=""):
    """The reference with `old`, which must occur once in its three pages, replaced by `new`."""
    pages = [inspect.getsource(page) for page in (product, time_loop, MODULES[operation])]
    assert not old or sum(page.count(old) for page in pages) == 1, f"{old!r} is not one place"
    shared = {}
    for page in pages[:2]:
        exec(page.replace(old, new) if old else page, shared)
    own = {}
    exec(pages[2].replace(old, new) if old else pages[2], own)
    own |= {name: shared[name] for name in own.keys() & shared.keys() if inspect.isfunction(shared[name])}
    return partial(shared["both_ways"], partial(shared["over_time"], own["step"]))


def with_weights(operation, change):
    """The reference on weights that were changed before."""

    def layer(x, state, weights, **rest):
        return REFERENCES[operation](x, state, tuple(map(change, weights)), **rest)

    return layer


def with_state(operation, change):
    """The reference from another initial state."""
    return lambda x, state, *rest, **named: REFERENCES[operation](x, change(state), *rest, **named)


def with_options(operation, change):
    """The reference with other options."""
    return lambda *given, options, **rest: REFERENCES[operation](*given, options=change(options), **rest)


def with_lengths(operation, change):
    return lambda *given, lengths, **rest: REFERENCES[operation](*given, lengths=change(lengths), **rest)


def with_output(operation, change):
    """The reference with its results changed."""
    return lambda *given, **rest: change(REFERENCES[operation](*given, **rest))


def detached(at, state):
    return tuple(s.detach() if part == at else s for part, s in enumerate(state))


def cut_gate(gate, gates, weights):
    """No gradient to one gate's rows of every weight that has them."""

    def cut(w):
        return torch.cat([part.detach() if at == gate else part for at, part in enumerate(w.chunk(gates))])

    there = [name for name in GATE_NAMES if getattr(weights, name) is not None]
    return weights._replace(**{name: cut(getattr(weights, name)) for name in there})


def in_order(names, order):
    """Every weight of these names with its blocks, one a gate, in another order."""

    def change(weights):
        given = [(name, getattr(weights, name)) for name in names]
        moved = {name: torch.cat([w.chunk(len(order))[at] for at in order]) for name, w in given if w is not None}
        return weights._replace(**moved)

    return change


GATE_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
MUTANTS = {}


def add(name, case, layer):
    assert name not in MUTANTS
    MUTANTS[name] = case._replace(ragged=True), layer


for operation, letters in {"lstm": "ifgo", "gru": "rzn", "slstm": "ifzo", "minlstm": "fih"}.items():
    for order in list(permutations(range(len(letters))))[1:]:
        shown = " ".join(letters[at] for at in order)
        add(f"{operation} gates {shown}", Case(operation), with_weights(operation, in_order(GATE_NAMES, order)))
for order in list(permutations(range(3)))[1:]:
    shown = " ".join("ifo"[at] for at in order)
    add(f"lstm peepholes {shown}", Case("lstm", ("peephole",)), with_weights("lstm", in_order(["weight_ch"], order)))

for operation in GATES:
    plain = Case(operation)
    add(f"{operation} lengths one too long", plain, with_lengths(operation, lambda lengths: lengths + 1))
    add(f"{operation} lengths one too short", plain, with_lengths(operation, lambda lengths: lengths - 1))
    add(f"{operation} lengths ignored", plain, with_lengths(operation, lambda lengths: None))
    for at, part in enumerate(plain.states):
        cut = partial(detached, at)
        add(f"{operation} gradient of {part}_0 lost", plain, with_state(operation, cut))
        # The sum adds nothing, but keeps a gradient that can be wrong rather than absent.
        lost = with_output(
            operation, lambda out, cut=cut: out._replace(state=tuple(s + 0 * out.y.sum() for s in cut(out.state)))
        )
        add(f"{operation} gradient from the final {part} lost", plain, lost)
    for gate in range(GATES[operation]):
        cut = with_weights(operation, partial(cut_gate, gate, GATES[operation]))
        add(f"{operation} gradient of gate {gate} zeroed", plain, cut)
    if operation in (*GATED, "slstm", "indrnn"):
        alone = with_weights(operation, lambda w: w._replace(weight_hh=w.weight_hh * 0))
        add(f"{operation} recurrence missing", plain, alone)
    if operation in GATED:
        for side in ("bias_ih", "bias_hh"):
            lost = with_weights(operation, lambda w, side=side: w._replace(**{side: getattr(w, side) * 0}))
            add(f"{operation} {side} forgotten", plain, lost)
    else:
        add(f"{operation} bias forgotten", plain, with_weights(operation, lambda w: w._replace(bias_ih=w.bias_ih * 0)))

for operation in GATED:
    for side in ("gain_ih", "gain_hh"):
        ones = with_weights(operation, lambda w, side=side: w._replace(**{side: getattr(w, side) * 0 + 1}))
        add(f"{operation} {side} forgotten", Case(operation, ("layer norm",)), ones)
    for also, mistake, change in [
        ("clip", "ignored", lambda o: o._replace(clip=None)),
        ("clip", "a tenth higher", lambda o: o._replace(clip=o.clip * 1.1)),
        ("drop", "not applied", lambda o: o._replace(drop=None)),
        ("drop", "of the other direction", lambda o: o._replace(drop=o.drop.flip(0))),
        ("drop", "not rescaled", lambda o: o._replace(drop=(o.drop > 0).to(o.drop.dtype))),
        ("zoneout", "not applied", lambda o: o._replace(zone_h=None)),
        ("zoneout", "one step late", lambda o: o._replace(zone_h=o.zone_h.roll(1, 1))),
        ("zoneout + evaluated", "probability taken for a mask", lambda o: o._replace(zone_h=o.zone_h.round())),
    ]:
        case = Case(operation, tuple(also.split(" + ")))
        add(f"{operation} {also} {mistake}", case, with_options(operation, change))

EDITS = """
gated + clip | lets the gradient through | a.clamp(-options.clip, options.clip) | a + (a.clamp(-0.5, 0.5) - a).detach()
gated + zoneout | inverted | zone * before + (1 - zone) * after | zone * after + (1 - zone) * before
gated + zoneout | without a gradient to the old state | zone * before + (1 | zone * before.detach() + (1
gated + layer norm | epsilon 1e-4 | EPSILON = 1e-5 | EPSILON = 1e-4
gated + layer norm | of the biased product | normalised(linear(v, weight), | normalised(linear(v, weight, bias),
gated + layer norm | unbiased variance | gain, bias, EPSILON) | gain * (1 - 1 / v.shape[-1]) ** 0.5, bias, EPSILON)
all | reverse ignored | reverse=d == 1 | reverse=False
all | directions swapped | reverse=d == 1 | reverse=d == 0
all | outputs of the directions swapped | [way.y for way in ways] | [way.y for way in ways[::-1]]
all | final state of the padded end | torch.where(here, new, old) | new
all | output kept past the end | masked_fill(~here, 0) | masked_fill(~here & (t == 0), 0)
all | padding read | x.masked_fill(~inside[..., None], 0) | x.masked_fill(~inside[..., None].roll(1, 0), 0)
gru + drop | on the h that is kept | + z * h, | + z * read,
lstm | c cut off from its past | (clipped(f, options)) * c | (clipped(f, options)) * c.detach()
lstm + peephole | o peeks at the old c | o + w_co * after | o + w_co * c
lstm + peephole | i peephole missing | i + w_ci * c, | i,
lstm + peephole | peepholes see no gradient | weights.weight_ch.chunk | weights.weight_ch.detach().chunk
lstm + peephole | peephole of c without a gradient to c | f + w_cf * c | f + w_cf * c.detach()
lstm + peephole + clip | clip before the peephole | o = o + w_co | o = clipped(o, options) + w_co
lstm + clip | candidate not clipped | tanh(clipped(g, options)) | tanh(g)
lstm + clip | output gate not clipped | sigmoid(clipped(o, options)) | sigmoid(o)
lstm + layer norm | carried c normalised | zoned(c, after, options.zone_c) | zoned(c, seen, options.zone_c)
lstm + layer norm | c not normalised | weights.gain_c is None | True
lstm + layer norm | gain of c forgotten | (after, weights.gain_c, | (after, weights.gain_c * 0 + 1,
lstm + layer norm | shift of c forgotten | weights.bias_c) | None)
lstm + zoneout of c + cells | zoneout before the output | seen = after | seen = zoned(c, after, options.zone_c)
lstm + zoneout of c + cells | zoneout of c not applied | zoned(c, after, options.zone_c) | after
lstm | o tanh(c) without tanh | * tanh(seen) | * seen
lstm + cells | cells kept past the end | shown[0], shown[-1] | shown[0], after[-1]
lstm + cells | cells show h | shown[0], shown[-1] | shown[0], shown[0]
gru | resets before where after is asked | options.reset == "after" | False
gru + reset before | resets after where before is asked | options.reset == "after" | True
gru + reset before + clip + drop + zoneout | resets without dropout | _new(r * read, | _new(r * h,
gru | resets the whole sum | x_n + (r * h_n if | r * x_n + (r * h_n if
gru | update gate inverted | (1 - z) * n + z * h | z * n + (1 - z) * h
gru + clip | new state not clipped | clipped(x_n + ( | (lambda a, _: a)(x_n + (
gru + clip | reset gate not clipped | clipped(x_r + h_r, options) | x_r + h_r
gru + reset before | second bias of n forgotten | bias.chunk(3)[2] | None
gru | no gradient through what z keeps | + z * h, | + z * h.detach(),
slstm | m without its gradient | torch.maximum(kept, i) | torch.maximum(kept, i).detach()
slstm | m without its past | logsigmoid(f) + m | logsigmoid(f)
slstm | m not the maximum | torch.maximum(kept, i) | kept
slstm | m the minimum | torch.maximum(kept, i) | torch.minimum(kept, i)
slstm | forget gate exponential | logsigmoid(f) + m | f + m
slstm | n without its past | n = f * n + i | n = n + i
slstm | n without this step | n = f * n + i | n = f * n
slstm | not divided by n | * c / n, c | * c, c
slstm | candidate without tanh | i * tanh(z) | i * z
slstm + heads | heads mixed | h.reshape(len(h), options.heads, -1)) | h.reshape(len(h), options.heads, -1).flip(1))
slstm + heads | recurrent blocks transposed | gkjd,bkd->bgkj | gkdj,bkd->bgkj
slstm + heads | gates inside heads | bkd->bgkj | bkd->bkgj
indrnn | other activation | ACTIVATIONS[options.activation] | ACTIVATIONS["relu"]
indrnn | u without a gradient | (Tensor, weights.weight_hh) * h | (Tensor, weights.weight_hh).detach() * h
mingru | update gate inverted | sigmoid(-z) * h + sigmoid(z) * new | sigmoid(z) * h + sigmoid(-z) * new
mingru | gates h z | z, new = | new, z =
mingru | new state with tanh | sigmoid(z) * new | sigmoid(z) * new.tanh()
mingru | old state whole | (sigmoid(-z) * h | (h
minlstm | gates not normalised | sigmoid(odds) * h + sigmoid(-odds) | sigmoid(f) * h + sigmoid(i)
minlstm | odds of the pre-activations | logsigmoid(f) - logsigmoid(i) | f - i
rglru | rate 1 | RATE = 8.0 | RATE = 1.0
rglru | decay inverted | softplus(cast(Tensor, weights.decay)) | softplus(-cast(Tensor, weights.decay))
rglru | decay off by one | torch.exp(log_a) * h | torch.exp(log_a.roll(1, 0)) * h
rglru | input not scaled | torch.sqrt(-torch.expm1(2 * log_a)) | 1
rglru | input scaled by 1 - a | torch.expm1(2 * log_a) | torch.expm1(log_a)
rglru | input gate missing | (sigmoid(i) * u) | u
rglru | recurrence gate missing | weights.decay)) * sigmoid(r) | weights.decay))
rglru | gates i r u | r, i, u = | i, r, u =
rglru | decay without a gradient | weights.decay) | weights.decay).detach()
"""

for line in EDITS.strip().splitlines():
    words, mistake, old, new = line.split(" | ")
    first, *also = words.split(" + ")
    for operation in {"all": GATES, "gated": GATED}.get(first, (first,)):
        add(" ".join([operation, *also, mistake]), Case(operation, tuple(also)), edited(operation, old, new))
add(
    "lstm cells one step late",
    Case("lstm", ("cells",)),
    with_output("lstm", lambda out: out._replace(cells=out.cells.roll(1, 0))),
)
