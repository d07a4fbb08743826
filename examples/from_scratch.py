"""RNN, LSTM and GRU by hand: forward, and backpropagation through time, in NumPy alone; then held against autograd.

    python examples/from_scratch.py

A sequence x_1 ... x_T, each (F,), goes through a layer of H units to h_1 ... h_T, each (H,). What is learnt sees h_T,
and a loss L says how wrong that was. Forward is the definition. Backward asks, step by step from the last to the
first, how L changes with what was there: dh is dL/dh_t, and every weight's gradient is the sum of its parts at all
steps, because the same weights are used at all of them. Weights are torch's: one matrix (gates * H, F) for x, one
(gates * H, H) for h, a bias of each.
"""

import numpy as np
import torch

import elman


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


# The simple RNN:  h_t = tanh(W x_t + U h_{t-1} + b)


def rnn_forward(x, W, U, b):
    h = [np.zeros(len(U))]  # h[t] is h_t, and h[0] the state before the first step
    for x_t in x:
        h.append(np.tanh(W @ x_t + U @ h[-1] + b))
    return h


def rnn_backward(x, h, U, dh):
    """From dh = dL/dh_T: the gradients of W, U, b, and the norm of dL/dh_t at each t."""
    dW, dU, db, norms = np.zeros((len(U), x.shape[1])), np.zeros_like(U), np.zeros(len(U)), []
    for t in range(len(x), 0, -1):
        norms.append(np.linalg.norm(dh))
        da = dh * (1 - h[t] ** 2)  # through tanh: tanh' = 1 - tanh²
        dW += np.outer(da, x[t - 1])
        dU += np.outer(da, h[t - 1])
        db += da
        dh = (
            U.T @ da
        )  # to the step before: here gradients vanish or explode, as U and tanh' are multiplied again and again
    return (dW, dU, db), norms[::-1]


# The LSTM:  i, f, o = σ(...), g = tanh(...);  c_t = f c_{t-1} + i g;  h_t = o tanh(c_t)


def lstm_forward(x, W, U, b):
    H = U.shape[1]
    h, c, gates = [np.zeros(H)], [np.zeros(H)], []
    for x_t in x:
        i, f, g, o = np.split(W @ x_t + U @ h[-1] + b, 4)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        c.append(f * c[-1] + i * g)
        h.append(o * np.tanh(c[-1]))
        gates.append((i, f, g, o))
    return h, c, gates


def lstm_backward(x, h, c, gates, U, dh):
    dW, dU, db, norms = np.zeros((len(U), x.shape[1])), np.zeros_like(U), np.zeros(len(U)), []
    dc = np.zeros_like(dh)
    for t in range(len(x), 0, -1):
        norms.append(np.linalg.norm(dh))
        i, f, g, o = gates[t - 1]
        dc = dc + dh * o * (1 - np.tanh(c[t]) ** 2)
        # Through the gates: σ' = σ (1 - σ).
        da = np.concatenate(
            [
                dc * g * i * (1 - i),
                dc * c[t - 1] * f * (1 - f),
                dc * i * (1 - g**2),
                dh * np.tanh(c[t]) * o * (1 - o),
            ]
        )
        dW += np.outer(da, x[t - 1])
        dU += np.outer(da, h[t - 1])
        db += da
        dh = U.T @ da
        dc = dc * f  # the way along which gradients live on: no matrix, no tanh, only the forget gate
    return (dW, dU, db), norms[::-1]


# The GRU:  r, z = σ(...);  n = tanh(W x + b + r (U h_{t-1} + b_n));  h_t = (1 - z) n + z h_{t-1}


def gru_forward(x, W, U, b, b_n):
    h, gates = [np.zeros(U.shape[1])], []
    for x_t in x:
        (r, z, n), (r_h, z_h, n_h) = np.split(W @ x_t + b, 3), np.split(U @ h[-1], 3)
        r, z, n_h = sigmoid(r + r_h), sigmoid(z + z_h), n_h + b_n
        n = np.tanh(n + r * n_h)
        h.append((1 - z) * n + z * h[-1])
        gates.append((r, z, n, n_h))
    return h, gates


def gru_backward(x, h, gates, U, dh):
    dW, dU, db, db_n, norms = np.zeros((len(U), x.shape[1])), np.zeros_like(U), np.zeros(len(U)), 0.0, []
    for t in range(len(x), 0, -1):
        norms.append(np.linalg.norm(dh))
        r, z, n, n_h = gates[t - 1]
        dn = dh * (1 - z) * (1 - n**2)
        dz = dh * (h[t - 1] - n) * z * (1 - z)
        dr = dn * n_h * r * (1 - r)
        of_x, of_h = np.concatenate([dr, dz, dn]), np.concatenate([dr, dz, dn * r])
        dW += np.outer(of_x, x[t - 1])
        dU += np.outer(of_h, h[t - 1])
        db += of_x
        db_n = db_n + dn * r
        dh = dh * z + U.T @ of_h
    return (dW, dU, db, db_n), norms[::-1]


def by_autograd(cell, x, weights, target):
    """The same by elman's layer and torch's autograd: L, and the gradients of weight_ih, weight_hh and the biases."""
    layer = getattr(elman.nn, cell)(x.shape[1], weights[1].shape[1], dtype=torch.float64)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    with torch.no_grad():
        for name, weight in zip(names, weights, strict=True):
            getattr(layer, name).copy_(torch.from_numpy(weight))
    y = layer(torch.from_numpy(x)[:, None])[0]
    loss = 0.5 * (y[-1, 0] - torch.from_numpy(target)).square().sum()
    loss.backward()
    return loss.item(), [getattr(layer, name).grad.numpy() for name in names]


draw = np.random.default_rng(0)
T, F, H = 40, 3, 8
x, target = draw.normal(size=(T, F)), draw.normal(size=H)
for cell, count in (("RNN", 1), ("LSTM", 4), ("GRU", 3)):
    W, U = draw.normal(0, 0.3, (count * H, F)), draw.normal(0, 0.3, (count * H, H))
    b, b_h = draw.normal(0, 0.1, count * H), np.zeros(count * H)
    if count > 1:
        b[H : 2 * H] += 3  # forget gates, and update gates, that begin open: watch what becomes of the gradient
    if cell == "GRU":
        b_h[2 * H :] = draw.normal(0, 0.1, H)  # the one bias of h that is not the same as one of x
        h, gates = gru_forward(x, W, U, b, b_h[2 * H :])
        gradients, norms = gru_backward(x, h, gates, U, h[-1] - target)
    elif cell == "LSTM":
        h, c, gates = lstm_forward(x, W, U, b)
        gradients, norms = lstm_backward(x, h, c, gates, U, h[-1] - target)
    else:
        h = rnn_forward(x, W, U, b)
        gradients, norms = rnn_backward(x, h, U, h[-1] - target)
    loss, theirs = by_autograd(cell, x, (W, U, b, b_h), target)
    away = max(np.abs(own - other).max() for own, other in zip(gradients[:3], theirs[:3], strict=True))
    if cell == "GRU":
        away = max(away, np.abs(gradients[3] - theirs[3][2 * H :]).max())
    own = 0.5 * np.sum((h[-1] - target) ** 2)
    print(f"{cell:5}loss {own:.6f}, by autograd {loss:.6f}; gradients differ by {away:.0e}")
    lags = (0, 5, 10, 20, 39)
    print("     |dL/dh_t| at lag " + ", ".join(f"{lag}: {norms[-1 - lag]:.1e}" for lag in lags))
