"""The pages of a report that show a backtest: score, forecasts beside what came, data."""

from __future__ import annotations

import numpy as np

from elman.evaluate import plots
from elman.evaluate.forecast.backtest import Backtest
from elman.evaluate.report import Figure, Section


def sections(
    result: Backtest, when: np.ndarray, origins: np.ndarray, group: np.ndarray, target: str, groups: tuple[str, ...]
) -> tuple[tuple[Section, ...], plots.Plot]:
    """Sections, and the picture of the last stretch judged; when (N, K): the steps' times, group (N,): the origins'."""
    horizon = result.point.shape[1]
    shown = _side_by_side(origins, group, horizon)
    joined = {level: (low[shown].ravel(), high[shown].ravel()) for level, (low, high) in result.bands.items()}
    name = target if len(groups) == 1 else f"{target} of {groups[group[-1]]}"
    picture = plots.forecast(
        when[shown].ravel(),
        result.point[shown].ravel(),
        joined,
        actual=result.actual[shown].ravel(),
        title=f"Forecast of {name}",
        wide=True,
    )
    said = "The end of the part that judges: forecasts one after another, each from the data before it."
    figures = [Figure(picture.svg, said, wide=True)]
    if horizon > 1:
        figures.append(Figure(plots.error_by_step(result.steps).svg, "How the error grows with the steps ahead."))
    figures.append(Figure(plots.scatter(result.actual, result.point).svg, "Forecast against what came."))
    evaluation = result.evaluation
    observed = {level: evaluation.metrics[f"coverage_{100 * level:g}"] for level in result.bands}
    figures.append(Figure(plots.calibration(observed).svg, "How often the intervals held what came."))
    return (
        evaluation.score_page(f"{evaluation.rows:,} values judged beside forecasts that need no model."),
        Section("Forecast and what came", "", figures),
        *evaluation.data_page(),
    ), picture


def _side_by_side(origins: np.ndarray, group: np.ndarray, horizon: int) -> np.ndarray:
    """Windows of the last group that follow each other without overlap, back from the last, some 120 steps long."""
    shown: list[int] = []
    last = None
    for at in np.flatnonzero(group == group[-1])[::-1]:
        if last is None or origins[at] + horizon <= last:
            shown.append(int(at))
            last = origins[at]
        if len(shown) * horizon >= max(3 * horizon, 120):
            break
    return np.array(shown[::-1])
