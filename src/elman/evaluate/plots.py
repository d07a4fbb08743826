"""The figures of a report: what came beside what was forecast, and how far apart they were.

Each function gives a Plot: its .svg is one self-contained element for a page, and save_png writes it to a
file. Names and labels may hold any text.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from elman.evaluate.style import (
    DASHES,
    INK,
    RULE,
    SERIES,
    STRONG,
    WIDTH,
    Plot,
    canvas,
    clean,
    name_axes,
    name_ends,
    numbers,
    save_png,
    styled,
    times,
)
from elman.evaluate.wording import number, percent

__all__ = ["Plot", "calibration", "error_by_step", "forecast", "residuals", "save_png", "scatter", "training"]

Array = NDArray[np.float64]
POINTS = 600  # more dots, or more corners of a line, than this show nothing new at this size
DASHED = (0, (4, 2))


@styled()
def forecast(
    when: ArrayLike,
    predicted: ArrayLike,
    bands: Mapping[float, tuple[ArrayLike, ArrayLike]] | None = None,
    actual: ArrayLike | None = None,
    history: tuple[ArrayLike, ArrayLike] | None = None,
    label: str = "",
    title: str = "Forecast",
    wide: bool = False,
) -> Plot:
    """One window: what was known, what was forecast with its bands, and, where it is given, what came.

    when (K,) datetime64 or integers; predicted (K,); bands: level such as 0.8 -> (lower (K,), upper (K,));
    actual (K,), NaN where missing; history: the times and values just before; label: what the values are.
    """
    at, middle = np.asarray(when), np.asarray(predicted, np.float64)
    figure, axes = canvas(label, wide=wide)
    steps = f"{len(at)} steps" if len(at) > 1 else "1 step"
    said = [f"{steps} forecast, {number(middle[0])} at the first and {number(middle[-1])} at the last"]
    known_at, known = at[:0], middle[:0]
    if history is not None and len(np.asarray(history[0])):
        known_at, known = np.asarray(history[0]), np.asarray(history[1], np.float64)
        axes.plot(known_at, known, color=STRONG, linewidth=1.3)
        between = known_at[-1] + (at[0] - known_at[-1]) / 2
        axes.axvline(between, color=RULE, linewidth=0.8, linestyle=(0, (2, 2)))
    for level, (lower, upper) in sorted((bands or {}).items(), reverse=True):
        low, high = np.asarray(lower, np.float64), np.asarray(upper, np.float64)
        look: dict[str, Any] = {"color": SERIES[0], "alpha": 0.13 if level > 0.9 else 0.3}
        if len(at) > 1:
            axes.fill_between(at, low, high, linewidth=0, label=f"{100 * level:g} %", **look)
        else:
            axes.vlines(at, low, high, linewidth=9, label=f"{100 * level:g} %", **look)
        said.append(f"the {100 * level:g} % band ends as {number(low[-1])} to {number(high[-1])}")
    mark = "o" if len(at) < 3 else ""
    axes.plot(at, middle, color=SERIES[0], label="forecast", marker=mark, markersize=4)
    if actual is not None:
        came = np.asarray(actual, np.float64)
        axes.plot(np.append(known_at[-1:], at), np.append(known[-1:], came), color=STRONG, linewidth=1.3)
        axes.plot(at, came, color=STRONG, linewidth=1.3, label="actual", marker=mark, markersize=4)
        if not np.isnan(came).all():
            said.append(f"what came lies between {number(np.nanmin(came))} and {number(np.nanmax(came))}")
    times(axes, at.dtype.kind == "M", 9 if wide else 5)
    handles, names = axes.get_legend_handles_labels()
    # At the left, where a phone shows it before the figure is scrolled; the name of the axis comes first.
    side = 1 if label else 0
    anchor: dict[str, Any] = {"loc": f"lower {('left', 'right')[side]}", "bbox_to_anchor": (side, 1.02)}
    axes.legend(handles[::-1], names[::-1], ncols=len(names), **anchor)
    return Plot(figure, title, "; ".join(said) + ".")


@styled()
def error_by_step(errors: Mapping[str, ArrayLike], label: str = "MAE", title: str = "Error by step ahead") -> Plot:
    """The error at each of K steps ahead, a line a forecast: errors maps names to (K,), the model first."""
    figure, axes = canvas(label)
    lines = {name: np.asarray(values, np.float64) for name, values in errors.items()}
    K = max(map(len, lines.values()))
    ends, said = [], []
    for place, (name, line) in enumerate(lines.items()):
        axes.plot(
            np.arange(1, len(line) + 1),
            line,
            color=SERIES[place % len(SERIES)],
            linestyle=DASHES[place % len(DASHES)],
            linewidth=1.5 if place else 2.4,
            marker="o" if K <= 12 else "",
            markersize=3.5,
        )
        if (known := line[~np.isnan(line)]).size:
            ends.append((float(known[-1]), name, SERIES[place % len(SERIES)]))
        said.append(f"{clean(name, 60)}: {number(line[0])} at step 1, {number(line[-1])} at step {len(line)}")
    axes.set_ylim(bottom=0)
    axes.set_xlim(1 - 0.02 * max(K - 1, 25), K + 0.02 * max(K - 1, 25))
    name_axes(axes, along="steps ahead")
    numbers(axes.xaxis, 8, whole=True)
    name_ends(axes, ends)
    return Plot(figure, title, "; ".join(said) + ".")


@styled()
def training(history: Sequence[Mapping[str, Any]], title: str = "Training") -> Plot:
    """The loss on the training and validation parts, and below it the learning rate and the gradient norm.

    history: records with step and any of loss, valid, lr, grad_norm; what is absent, None or NaN is left out.
    """
    series = {key: _series(history, key) for key in ("loss", "valid", "lr", "grad_norm")}
    strips = [key for key in ("lr", "grad_norm") if len(series[key][0]) > 1]
    figure = Figure(figsize=(WIDTH, (270 + 62 * len(strips)) / 72), layout="constrained")
    tall = [4] + [1] * len(strips)
    every = figure.subplots(len(tall), 1, sharex=True, squeeze=False, height_ratios=tall)
    top = every[0, 0]
    name_axes(top, "loss")
    ends, said = [], []
    for name, key, color in (("training", "loss", SERIES[1]), ("validation", "valid", SERIES[0])):
        steps, values = series[key]
        if len(steps):
            top.plot(*_thin(steps, values), color=color, linewidth=1.3 if key == "loss" else 2)
            ends.append((float(values[-1]), name, color))
            said.append(f"{name} loss from {number(values[0])} to {number(values[-1])}")
    numbers(top.yaxis, 5)
    losses = np.concatenate([series["loss"][1], series["valid"][1]])
    if losses.size and losses.min() > 0 and losses.max() > 30 * losses.min():
        shown = top.yaxis.get_major_formatter()
        top.set_yscale("log")
        top.yaxis.set_major_formatter(shown)
        top.yaxis.set_minor_formatter("")
    steps, values = series["valid"]
    if len(steps):
        best = int(np.argmin(values))
        top.plot(steps[best], values[best], "o", color=SERIES[0], markersize=5)
        lowest = f"lowest {number(values[best])}"
        above = {"xytext": (0, 6), "textcoords": "offset points", "ha": "center", "va": "bottom"}
        top.annotate(lowest, (steps[best], values[best]), color=SERIES[0], **above)
        said.append(f"validation loss {lowest} at step {number(int(steps[best]))}")
    name_ends(top, ends)
    for axes, key in zip(every[1:, 0], strips, strict=True):
        axes.plot(*_thin(*series[key]), color=STRONG, linewidth=1.2)
        name_axes(axes, {"lr": "learning rate", "grad_norm": "gradient norm"}[key])
        numbers(axes.yaxis, 2)
    for axes in every[:-1, 0]:
        axes.tick_params(axis="x", length=0)
    numbers(every[-1, 0].xaxis, 8, whole=True)
    name_axes(every[-1, 0], along="step")
    return Plot(figure, title, ("; ".join(said) or "nothing was recorded") + ".")


@styled()
def scatter(
    actual: ArrayLike,
    predicted: ArrayLike,
    unit: str = "",
    title: str = "Forecast against actual",
    kind: str = "forecasts",
) -> Plot:
    """Each forecast, or of another ``kind``, against what came, the diagonal being perfect; of many, some.

    NaN is left out.
    """
    y, f = _pairs(actual, predicted)
    some = np.unique(np.linspace(0, len(y) - 1, min(len(y), POINTS)).astype(int))
    figure, axes = canvas(_with(kind.removesuffix("s"), unit))
    axes.axline((0, 0), slope=1, color=INK, linewidth=1, linestyle=DASHED)
    axes.plot(y[some], f[some], "o", color=SERIES[0], markersize=4, alpha=0.45, markeredgewidth=0)
    if len(some):
        low, high = min(y[some].min(), f[some].min()), max(y[some].max(), f[some].max())
        margin = 0.03 * (high - low) or 1.0
        axes.set(xlim=(low - margin, high + margin), ylim=(low - margin, high + margin))
    name_axes(axes, along=_with("actual", unit))
    numbers(axes.xaxis, 6)
    of = f"{number(len(some))} of {number(len(y))}" if len(some) < len(y) else number(len(y))
    return Plot(figure, title, f"{of} {kind}, each a dot; on the dashed diagonal they are right.")


@styled()
def residuals(actual: ArrayLike, predicted: ArrayLike, unit: str = "", title: str = "Errors") -> Plot:
    """How often each error actual - forecast came, with its mean; the outermost 1 % join the ends."""
    y, f = _pairs(actual, predicted)
    error = y - f
    figure, axes = canvas("forecasts")
    axes.axvline(0, color=INK, linewidth=0.9)
    said = "No errors to show."
    if error.size:
        mean = float(error.mean())
        low, high = np.percentile(error, [0.5, 99.5])
        bars = int(np.clip(np.sqrt(error.size), 5, 40))
        axes.stairs(*np.histogram(np.clip(error, low, high), bars), fill=True, color=SERIES[0], alpha=0.5)
        axes.axvline(mean, color=SERIES[1], linewidth=1.5)
        axes.set_title(f"mean {number(mean)}".replace("-", "−"), loc="right", color=SERIES[1], pad=6)
        too_low = percent(float(np.mean(error > 0)))
        said = f"{number(error.size)} errors, mean {number(mean)}; {too_low} of the forecasts were too low."
    name_axes(axes, along=_with("actual − forecast", unit))
    numbers(axes.xaxis, 6)
    return Plot(figure, title, said)


@styled()
def calibration(observed: Mapping[float, float], title: str = "Interval calibration") -> Plot:
    """The share of actual values inside each interval against the share promised: on the diagonal they agree.

    observed: nominal level -> coverage, both from 0 to 1.
    """
    figure, axes = canvas("found inside, %")
    axes.plot([0, 100], [0, 100], color=INK, linewidth=1, linestyle=DASHED)
    pairs = sorted((100 * level, 100 * share) for level, share in observed.items())
    axes.plot(*np.reshape(pairs, (-1, 2)).T, "o-", color=SERIES[0], markersize=6)
    for promised, found in pairs:
        below = found <= promised
        axes.annotate(
            f"{found:.0f}",
            (promised, found),
            xytext=(7, -3) if below else (-7, 3),
            textcoords="offset points",
            color=SERIES[0],
            ha="left" if below else "right",
            va="top" if below else "bottom",
        )
    axes.set(xlim=(0, 102), ylim=(0, 102))
    name_axes(axes, along="promised, %")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    said = [f"the {promised:g} % interval held {found:.0f} %" for promised, found in pairs]
    return Plot(figure, title, "; ".join(said) + " of what came.")


@styled()
def states(values: Mapping[str, ArrayLike], title: str = "Step by step") -> Plot:
    """What a cell holds at each step: named values (T,) of one unit, the first the strongest line."""
    figure, axes = canvas("value")
    ends, said = [], []
    for at, (name, given) in enumerate(values.items()):
        y = np.asarray(given, np.float64)
        color, dash = SERIES[at % len(SERIES)], DASHES[at // len(SERIES) % len(DASHES)]
        axes.plot(np.arange(1, len(y) + 1), y, "o", linestyle=dash, color=color, markersize=4)
        ends.append((float(y[-1]), name, color))
        said.append(f"{name} from {number(float(y[0]))} to {number(float(y[-1]))}")
    numbers(axes.xaxis, 8, whole=True)
    name_axes(axes, along="step")
    name_ends(axes, ends)
    return Plot(figure, title, "; ".join(said) + ".")


def _series(history: Sequence[Mapping[str, Any]], key: str) -> tuple[Array, Array]:
    found = [(r["step"], r[key]) for r in history if r.get(key) is not None and np.isfinite(r[key])]
    steps, values = np.array(found, np.float64).reshape(-1, 2).T
    return steps, values


def _thin(x: Array, y: Array) -> tuple[Array, Array]:
    """At most POINTS points, each the mean of its neighbours."""
    if len(x) <= POINTS:
        return x, y
    cuts = np.linspace(0, len(x), POINTS + 1).astype(int)
    size = np.diff(cuts)
    return np.add.reduceat(x, cuts[:-1]) / size, np.add.reduceat(y, cuts[:-1]) / size


def _pairs(actual: ArrayLike, predicted: ArrayLike) -> tuple[Array, Array]:
    y, f = np.ravel(np.asarray(actual, np.float64)), np.ravel(np.asarray(predicted, np.float64))
    known = np.isfinite(y) & np.isfinite(f)
    return y[known], f[known]


def _with(name: str, unit: str) -> str:
    return f"{name}, {unit}" if unit else name
