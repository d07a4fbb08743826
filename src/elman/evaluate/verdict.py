"""The verdict: is the model better than the best forecast that needs no model, and could that be chance?"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from elman.errors import InputError
from elman.evaluate.wording import beside, percent

NAMES = {"mae": "MAE", "rmse": "RMSE", "smape": "sMAPE", "mase": "MASE"}


@dataclass(frozen=True)
class Verdict:
    """A sentence for people; good: True better, False not better, None unclear; skill and best: see skill."""

    sentence: str
    good: bool | None
    skill: float
    best: str


def skill(
    metrics: Mapping[str, float], baselines: Mapping[str, Mapping[str, float]], by: str = "mae"
) -> tuple[float, str]:
    """1 - the model's `by` / the best baseline's, and that baseline's name.

    1 is a perfect model, 0 no better than the baseline, below 0 worse (-inf where only the baseline is
    perfect). `by` is a measure of error: lower is better. Raises InputError where it is missing or NaN,
    or without baselines.
    """
    if not baselines:
        raise InputError("the model has no baseline to be read beside: give at least one")
    for name, scores in {"the model": metrics, **baselines}.items():
        if not scores.get(by, np.nan) >= 0:
            raise InputError(f"{name} has {by} = {scores.get(by)}: a number from 0 up is needed to compare")
    best = min(baselines, key=lambda name: baselines[name][by])
    own, other = metrics[by], baselines[best][by]
    if own == other:
        return 0.0, best
    return (1 - own / other if other else -np.inf), best


def paired_interval(
    errors_model: ArrayLike, errors_best: ArrayLike, block: int, times: ArrayLike | None = None
) -> tuple[float, float]:
    """95 % interval of mean(errors_model - errors_best): the model is better where it lies below 0.

    errors_*: (N,) or (N, K), the absolute errors (squared, to compare by RMSE) of the same windows, NaN
    where not scored; windows in the order of time, or in any order with times (N,), whose equal values
    are one moment of several groups and are kept together. block: how many successive moments make one
    block. Windows that overlap err alike, so a block should span at least as many moments as overlap (K
    when origins are one row apart); in simulation such intervals held the truth 90 times in 100, and 93
    with blocks twice as long. With fewer than two blocks nothing can be said, and the interval is (-inf,
    inf).

    With B blocks b of sums s_b and counts n_b, and mean d = Σ s_b / Σ n_b, the interval is
        d ± t_{0.975, B-1} sqrt(B / (B - 1) Σ (s_b - d n_b)²) / Σ n_b.

    Raises InputError when shapes disagree, no cell is scored in both, or block is below 1.
    Source: Diebold & Mariano, Comparing predictive accuracy, 1995, with the variance from non-overlapping
    block means (Schmeiser, Batch size effects in the analysis of simulation output, 1982) in place of a
    kernel's, and Student's t, which stays honest with few blocks where a percentile bootstrap is far too
    narrow.
    """
    if block < 1:
        raise InputError(f"block is {block}: a whole number of moments from 1 up is needed")
    model, best = np.asarray(errors_model, np.float64), np.asarray(errors_best, np.float64)
    if model.shape != best.shape or not model.ndim:
        raise InputError(f"the errors have shapes {model.shape} and {best.shape}: give both the same")
    gap = (model - best).reshape(len(model), -1)
    known = ~np.isnan(gap)
    if not known.any():
        raise InputError("the errors cannot be compared: the model and the baseline share no scored cell")
    moment = np.arange(len(gap))
    if times is not None:
        moment = np.unique(np.asarray(times), return_inverse=True)[1]
    if moment.shape != (len(gap),):
        raise InputError(f"times has {moment.size} values: give one for each of the {len(gap)} windows")
    blocks = max((moment.max() + 1) // block, 1)
    # What is left over at the end joins the last whole block.
    within = np.minimum(moment // block, blocks - 1)
    total = np.bincount(within, np.where(known, gap, 0).sum(axis=1))
    count = np.bincount(within, known.sum(axis=1))
    total, count = total[count > 0], count[count > 0]
    if len(total) < 2:
        return -np.inf, np.inf
    mean = total.sum() / count.sum()
    spread = np.sqrt(len(total) / (len(total) - 1) * ((total - mean * count) ** 2).sum()) / count.sum()
    reach = _student(len(total) - 1) * spread
    return float(mean - reach), float(mean + reach)


def verdict(
    metrics: Mapping[str, float],
    baselines: Mapping[str, Mapping[str, float]],
    by: str = "mae",
    interval: tuple[float, float] | None = None,
) -> Verdict:
    """Better than the best baseline, not better, or no clear difference, as one plain sentence.

    baselines: by names that read on in a sentence, "the last value", "the value of one week ago".
    interval: paired_interval against the best baseline (skill gives its name), of the errors that `by`
    averages; without it the scores alone decide. Raises InputError as skill does.
    """
    gain, best = skill(metrics, baselines, by)
    own, other = beside(metrics[by], baselines[best][by])
    rivals = f" (the best of {len(baselines)} baselines)" if len(baselines) > 1 else ""
    beaten = f"{best}{rivals}: {NAMES.get(by, by)} {own} against {other}"
    low, high = interval or (0.0, 0.0)
    if gain > 0 and high <= 0:
        return Verdict(f"Better than {beaten}, {percent(gain)} lower.", True, gain, best)
    if gain <= 0 and low >= 0:
        return Verdict(f"Does NOT beat {beaten}; use {best} instead.", False, gain, best)
    if np.isfinite(high - low):
        doubt = f"but that may be chance (95 % interval of the difference: {' to '.join(beside(low, high))})"
    else:
        doubt = "and too little was scored to tell whether that is chance"
    return Verdict(f"No clear difference from {beaten}, {doubt}.", None, gain, best)


def _student(freedom: int) -> float:
    """The 0.975 quantile of Student's t: exact at 1 and 2 degrees of freedom, above within 0.2 %.

    Source: Abramowitz & Stegun, Handbook of Mathematical Functions, 26.7.5.
    """
    if freedom < 3:
        return (12.706204736, 4.302652730)[freedom - 1]
    z = 1.959963985
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return float(sum(term / freedom**power for power, term in enumerate(terms)))
