"""Every operation once more, in numpy, one row and one step at a time, from the papers' equations alone.

Nothing here is shared with the package: gates are cut out by name, masks applied by row, rows ended by their
own length.
"""

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def normal(v):
    return (v - v.mean()) / np.sqrt(((v - v.mean()) ** 2).mean() + 1e-5)


def products(w, x, h):
    """W_ih x + b_ih and W_hh h + b_hh, each normalised where there are gains."""
    parts = []
    for v, side in ((x, "ih"), (h, "hh")):
        a = w[f"weight_{side}"] @ v
        a = w[f"gain_{side}"] * normal(a) if f"gain_{side}" in w else a
        parts.append(a + w.get(f"bias_{side}", 0))
    return parts


def rnn(w, x, state, o):
    (h,) = state
    from_x, from_h = products(w, x, o["drop"] * h)
    f = {"tanh": np.tanh, "relu": lambda a: np.maximum(a, 0), "sigmoid": sigmoid}[o["activation"]]
    return (o["zone_h"] * h + (1 - o["zone_h"]) * f(o["clip"](from_x + from_h)),)


def lstm(w, x, state, o):
    h, c = state
    a = dict(zip("ifgo", np.split(sum(products(w, x, o["drop"] * h)), 4), strict=True))
    peephole = dict(zip("ifo", np.split(w.get("weight_ch", np.zeros(3 * len(c))), 3), strict=True))
    i = sigmoid(o["clip"](a["i"] + peephole["i"] * c))
    f = sigmoid(o["clip"](a["f"] + peephole["f"] * c))
    new = f * c + i * np.tanh(o["clip"](a["g"]))
    shown = w["gain_c"] * normal(new) + w.get("bias_c", 0) if "gain_c" in w else new
    out = sigmoid(o["clip"](a["o"] + peephole["o"] * new)) * np.tanh(shown)
    if "weight_hr" in w:
        out = w["weight_hr"] @ out
    return o["zone_h"] * h + (1 - o["zone_h"]) * out, o["zone_c"] * c + (1 - o["zone_c"]) * new


def gru(w, x, state, o):
    (h,) = state
    (x_r, x_z, x_n), (h_r, h_z, h_n) = (np.split(part, 3) for part in products(w, x, o["drop"] * h))
    r, z = sigmoid(o["clip"](x_r + h_r)), sigmoid(o["clip"](x_z + h_z))
    if o["reset"] == "before":
        rows = slice(2 * len(h), None)
        inner = w["weight_hh"][rows] @ (r * o["drop"] * h) + (w["bias_hh"][rows] if "bias_hh" in w else 0)
    else:
        inner = r * h_n
    n = np.tanh(o["clip"](x_n + inner))
    return (o["zone_h"] * h + (1 - o["zone_h"]) * ((1 - z) * n + z * h),)


def slstm(w, x, state, o):
    # Unstabilised: with C = c exp(m) and N = n exp(m) the exponents need no m, which only the states show.
    h, c, n, m = state
    size, d = len(h), len(h) // o["heads"]
    square = np.zeros((4 * size, size))
    for row in range(4 * size):
        head = row % size // d
        square[row, head * d : (head + 1) * d] = w["weight_hh"][row]
    i, f, z, out = np.split(w["weight_ih"] @ x + w.get("bias_ih", 0) + square @ h, 4)
    whole_c = sigmoid(f) * c * np.exp(m) + np.exp(i) * np.tanh(z)
    whole_n = sigmoid(f) * n * np.exp(m) + np.exp(i)
    after = np.maximum(np.log(sigmoid(f)) + m, i)
    return sigmoid(out) * whole_c / whole_n, whole_c * np.exp(-after), whole_n * np.exp(-after), after


def indrnn(w, x, state, o):
    (h,) = state
    f = {"tanh": np.tanh, "relu": lambda a: np.maximum(a, 0)}[o["activation"]]
    return (f(w["weight_ih"] @ x + w.get("bias_ih", 0) + w["weight_hh"] * h),)


def mingru(w, x, state, o):
    (h,) = state
    z, new = np.split(w["weight_ih"] @ x + w.get("bias_ih", 0), 2)
    return ((1 - sigmoid(z)) * h + sigmoid(z) * new,)


def minlstm(w, x, state, o):
    (h,) = state
    f, i, new = np.split(w["weight_ih"] @ x + w.get("bias_ih", 0), 3)
    f, i = sigmoid(f), sigmoid(i)
    return (f / (f + i) * h + i / (f + i) * new,)


def rglru(w, x, state, o):
    (h,) = state
    r, i, u = np.split(w["weight_ih"] @ x + w.get("bias_ih", 0), 3)
    a = sigmoid(-w["decay"]) ** (8 * sigmoid(r))  # exp(-softplus(Λ)) = σ(-Λ)
    return (a * h + np.sqrt(1 - a**2) * sigmoid(i) * u,)


def layer(step, x, state, weights, lengths, options):
    """Every row on its own through x (T, B, F); `weights` a list of dictionaries, state and masks (D, ...)."""
    steps, rows, ways = *x.shape[:2], len(weights)
    outputs, cells = [None] * ways, [None] * ways
    final = [s.copy() for s in state]
    clip = options.get("clip")
    for d, w in enumerate(weights):
        outputs[d], cells[d] = (np.zeros((steps, rows, s.shape[-1])) for s in (state[0], state[-1]))
        for b in range(rows):
            own = tuple(s[d, b] for s in state)
            times = list(range(lengths[b]))
            for t in times if d == 0 else times[::-1]:
                o = {name: options[name] for name in ("activation", "reset", "heads")}
                o["clip"] = (lambda a: a) if clip is None else (lambda a: np.minimum(np.maximum(a, -clip), clip))
                o["drop"] = options["drop"][d, b] if "drop" in options else 1
                for name in ("zone_h", "zone_c"):
                    o[name] = options[name][d, t, b] if name in options else 0
                own = step(w, x[t, b], own, o)
                outputs[d][t, b], cells[d][t, b] = own[0], own[-1]
            for whole, part in zip(final, own, strict=True):
                whole[d, b] = part
    return np.concatenate(outputs, -1), final, np.concatenate(cells, -1)
