"""The pictures of a search: every trial as a line through its settings, values side by side, a curve over the rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from elman.evaluate.style import (
    GIVEN,
    INK,
    RULE,
    SERIES,
    Plot,
    canvas,
    clean,
    name_axes,
    name_ticks,
    numbers,
    styled,
    tick,
)
from elman.evaluate.wording import number
from elman.tune.comparison import Comparison
from elman.tune.learning_curve import Curve, spread
from elman.tune.search import Trial
from elman.tune.space import Choice, Dimension, Space

TOP = 5  # trials drawn in colour
EDGE = 0.06  # of the height of an axis, beyond its ends


@styled()
def parallel(trials: Sequence[Trial], space: Space, measure: str) -> Plot:
    """Parallel coordinates: an axis for each setting, and one for the score; a line for each trial that has one."""
    done = sorted((one for one in trials if one.score is not None), key=lambda one: one.score or 0.0)
    figure, axes = canvas("", wide=True)
    scores = [one.score or 0.0 for one in done]
    low, high = min(scores), max(scores)
    places = np.arange(len(space) + 1)
    for rank, one in reversed(list(enumerate(done))):
        heights = [_height(dimension, one.words.get(dimension.name)) for dimension in space]
        heights.append(0.5 if low == high else ((one.score or 0.0) - low) / (high - low))
        look: dict[str, Any] = {"color": INK, "linewidth": 1, "alpha": 0.4}
        if rank < TOP:
            look = {"color": SERIES[0], "linewidth": 2.6 if rank == 0 else 1.3, "alpha": 1 if rank == 0 else 0.6}
        if one.default:
            look = {"color": SERIES[1], "linewidth": 2.2}
        axes.plot(places, heights, marker="o", markersize=3.5, **look)
    for place, dimension in enumerate(space):
        _axis(axes, place, clean(dimension.name.replace("_", " "), 16), _marks(dimension))
    _axis(axes, len(space), clean(measure, 20), [(0.0, number(low)), (1.0, number(high))] if low < high else [])
    axes.set_xlim(-0.25, len(space) + 0.55)
    axes.set_ylim(-0.22, 1.16)
    axes.grid(False)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines["bottom"].set_visible(False)
    axes.plot([], [], color=SERIES[0], linewidth=2.6, label="the best")
    axes.plot([], [], color=SERIES[0], linewidth=1.3, alpha=0.6, label=f"the next {TOP - 1}")
    if any(one.default for one in done):
        axes.plot([], [], color=SERIES[1], linewidth=2.2, label="the default")
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1.0), ncols=3)
    said = f"{len(done)} trials; the best has {measure} {number(low)}, the worst {number(high)}."
    return Plot(figure, "Every trial as a line through its settings", said)


def _axis(axes: Any, place: int, name: str, marks: Sequence[tuple[float, str]]) -> None:
    axes.plot([place, place], [0, 1], color=RULE, linewidth=1)
    axes.text(place, -0.14, name, ha="center", va="top")
    for height, word in marks:
        if 0 < height < 1:
            axes.text(place + 0.04, height + 0.6 * EDGE, word, va="center", gid=GIVEN)
        else:
            axes.text(place, height + (EDGE if height else -EDGE), word, va="center", ha="center", gid=GIVEN)


def _height(dimension: Dimension, word: Any) -> float:
    """From 0 to 1; NaN, which is not drawn, of a value outside of the space."""
    if isinstance(dimension, Choice):
        words = list(dimension.values)
        return words.index(word) / max(1, len(words) - 1) if word in words else math.nan
    if word is None:
        return math.nan
    scale = math.log if dimension.log else float
    low, high = scale(dimension.low), scale(dimension.high)
    return (scale(word) - low) / (high - low)


def _marks(dimension: Dimension) -> list[tuple[float, str]]:
    if isinstance(dimension, Choice):
        return [(_height(dimension, word), clean(word, 12)) for word in dimension.values]
    return [(0.0, tick(float(f"{dimension.low:.3g}"))), (1.0, tick(float(f"{dimension.high:.3g}")))]


@styled()
def importance(shares: Mapping[str, float]) -> Plot:
    """How much of the scores' variance each setting explains, in percent."""
    figure, axes = canvas("share of the variance, %")
    ranked = sorted(shares.items(), key=lambda pair: pair[1])
    axes.barh(
        [clean(name.replace("_", " "), 20) for name, _ in ranked], [100 * share for _, share in ranked], color=SERIES[0]
    )
    axes.grid(axis="x")
    axes.grid(False, axis="y")
    numbers(axes.xaxis, 5)
    axes.set_yticks(range(len(ranked)), [clean(name.replace("_", " "), 20) for name, _ in ranked])
    said = "; ".join(f"{name.replace('_', ' ')} {100 * share:.0f} %" for name, share in reversed(ranked))
    return Plot(figure, "What mattered", said + ".")


@styled()
def side_by_side(comparison: Comparison) -> Plot:
    """The folds' scores of each value, their mean, and its 95 % interval where it is finite."""
    figure, axes = canvas(comparison.measure)
    said = []
    for place, arm in enumerate(comparison.arms):
        folds = arm.scores.mean(axis=1)
        reach = comparison.reach[arm.word]
        axes.plot(place + np.linspace(-0.12, 0.12, len(folds)), folds, "o", color=INK, alpha=0.6, markersize=4)
        if math.isfinite(reach):
            axes.vlines(place, arm.mean - reach, arm.mean + reach, color=SERIES[0], linewidth=1.6)
        axes.plot(place, arm.mean, "D", color=SERIES[0], markersize=7)
        within = f" ± {number(reach)}" if math.isfinite(reach) else ""
        said.append(f"{arm.word} {number(arm.mean)}{within}")
    name_ticks(axes.xaxis, range(len(comparison.arms)), [clean(arm.word, 14) for arm in comparison.arms])
    axes.set_xlim(-0.5, len(comparison.arms) - 0.5)
    setting = comparison.setting.replace("_", " ")
    name_axes(axes, along=setting)
    return Plot(figure, f"{setting} compared", f"Means, the lowest first: {'; '.join(said)}.")


@styled()
def learning(curve: Curve) -> Plot:
    """The score over the number of rows learnt from, with the 95 % interval over the seeds where it is finite."""
    figure, axes = canvas(curve.measure)
    rows = [point.rows for point in curve.points]
    means = [float(np.mean(point.scores)) for point in curve.points]
    axes.plot(rows, means, "o-", color=SERIES[0], markersize=6)
    for point, middle in zip(curve.points, means, strict=True):
        axes.plot([point.rows] * len(point.scores), point.scores, "o", color=INK, alpha=0.5, markersize=3.5)
        if math.isfinite(reach := spread(point)):
            axes.vlines(point.rows, middle - reach, middle + reach, color=SERIES[0], linewidth=1.6)
    axes.set_xscale("log")
    axes.set_xticks(rows, [tick(count) for count in rows])
    axes.set_xticks([], minor=True)
    name_axes(axes, along=f"{curve.unit} learnt from")
    said = "; ".join(f"{number(middle)} from {count:,} {curve.unit}" for middle, count in zip(means, rows, strict=True))
    return Plot(figure, "The learning curve", said + ".")
