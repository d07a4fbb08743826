"""The figures of a classification: which labels are taken for which, and whether its probabilities can be believed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from elman.evaluate.labels import metrics
from elman.evaluate.style import (
    DASHES,
    INK,
    SERIES,
    STRONG,
    WIDTH,
    Plot,
    canvas,
    clean,
    name_axes,
    name_ends,
    name_ticks,
    numbers,
    styled,
)
from elman.evaluate.wording import number, percent

MOST_LABELS = 12  # more cannot be read at this size
DARKEST = 0.5  # of a cell, so that its number is legible in it, on light and on dark pages


@styled()
def confusion(table: ArrayLike, labels: Sequence[str], title: str = "Confusion matrix") -> Plot:
    """How many of each true label (row) were guessed to be each label (column); a row's shade is its shares.

    table: (C, C) counts, C at most 12.
    """
    counts = np.asarray(table)
    C = len(counts)
    figure, axes = canvas("true label")
    figure.set_size_inches(WIDTH, (110 + 300 * min(1, (C + 1) / 10)) / 72)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = min(10.5, 110 / C)
    for i, j in np.ndindex(C, C):
        if not counts[i, j]:
            continue
        color = SERIES[0] if i == j else SERIES[1]
        axes.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, color=color, alpha=DARKEST * shares[i, j], linewidth=0))
        axes.text(j, i, number(int(counts[i, j])), color=STRONG, ha="center", va="center", fontsize=size)
    axes.set(xlim=(-0.5, C - 0.5), ylim=(C - 0.5, -0.5))
    axes.grid(False)
    names = [clean(label, 16) for label in labels]
    turned: dict[str, Any] = (
        {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if sum(map(len, names)) > 45 else {}
    )
    name_ticks(axes.xaxis, range(C), names, **turned)
    name_ticks(axes.yaxis, range(C), names)
    axes.tick_params(axis="x", length=0)
    name_axes(axes, along="guessed label")
    recall = np.diag(shares)[counts.sum(axis=1) > 0]
    said = f"{C} labels; of each, from {percent(recall.min())} to {percent(recall.max())} were guessed right"
    off = counts - np.diag(np.diag(counts))
    if off.any():
        i, j = np.unravel_index(off.argmax(), off.shape)
        said += f"; most often {labels[i]} was taken for {labels[j]}, {number(int(off[i, j]))} times"
    return Plot(figure, title, said + ".")


@styled()
def reliability(truth: ArrayLike, probabilities: ArrayLike, title: str = "Reliability") -> Plot:
    """The share guessed right against the guess's probability, and below it how many rows had each.

    truth (N,), probabilities (N, C); on the diagonal probabilities can be taken at their word.
    """
    count, accuracy, confidence = metrics.reliability(truth, probabilities)
    error = metrics.expected_calibration_error(truth, probabilities)
    figure = Figure(figsize=(WIDTH, 330 / 72), layout="constrained")
    top, low = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
    top.plot([0, 100], [0, 100], color=INK, linewidth=1, linestyle=(0, (4, 2)))
    filled = count > 0
    top.plot(100 * confidence[filled], 100 * accuracy[filled], "o-", color=SERIES[0], markersize=5)
    top.set_title(f"ECE {number(100 * error, 2)} %", loc="right", color=SERIES[0], pad=6)
    name_axes(top, "guessed right, %")
    top.set(xlim=(0, 102), ylim=(0, 102))
    top.tick_params(axis="x", length=0)
    edges = np.linspace(0, 100, len(count) + 1)
    low.stairs(count, edges, fill=True, color=SERIES[0], alpha=0.5)
    name_axes(low, "rows", "probability of the guess, %")
    numbers(low.yaxis, 2, whole=True)
    low.xaxis.set_major_locator(MaxNLocator(5))
    sure, right = (count[filled] @ part[filled] / count.sum() for part in (confidence, accuracy))
    said = (
        f"On average the guesses were given {percent(sure)} and {percent(right)} were right; calibration error (ECE) "
    )
    return Plot(figure, title, f"{said}{number(100 * error, 2)} %.")


@styled()
def unfolding(probabilities: ArrayLike, labels: Sequence[str], title: str = "Guess over time") -> Plot:
    """The probability of the likeliest labels when the first t steps have been read; probabilities (T, C)."""
    p = np.asarray(probabilities, np.float64)
    figure, axes = canvas("probability, %")
    figure.set_size_inches(WIDTH, 200 / 72)
    steps = np.arange(1, len(p) + 1)
    likeliest = np.argsort(-p.max(axis=0), kind="stable")[: len(DASHES)]
    ends = []
    for at, (label, dash) in enumerate(zip(likeliest, DASHES, strict=False)):
        axes.plot(steps, 100 * p[:, label], color=SERIES[at], linestyle=dash)
        ends.append((float(100 * p[-1, label]), clean(labels[label], 16), SERIES[at]))
    axes.set(ylim=(0, 102))
    numbers(axes.xaxis, 6, whole=True)
    name_axes(axes, along="steps read")
    name_ends(axes, ends, given=True, line=0.1)
    guess = p.argmax(axis=1)
    settled = int(len(p) - np.argmin((guess == guess[-1])[::-1])) if (guess != guess[-1]).any() else 0
    said = (
        f"{labels[guess[-1]]} at the end with {percent(p[-1].max())}, the guess from step {settled + 1} of {len(p)} on."
    )
    return Plot(figure, title, said)
