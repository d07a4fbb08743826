"""The verdict: is the model better than the best forecast that needs no model, and could that be chance?"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from elman.errors import InputError
from elman.evaluate.wording import beside, number, percent

NAMES = {"mae": "MAE", "rmse": "RMSE", "smape": "sMAPE", "mase": "MASE"}
NAMES |= {
    "span_f1": "span F1",
    "nats": "nats per symbol",
    "bits_per_character": "bits per character",
    "bits_per_dimension": "bits per dimension",
    "bleu": "BLEU",
}
NAMES |= {"wer": "word error rate", "cer": "character error rate"}
NAMES |= {"rouge1": "ROUGE-1 F1", "mrr_20": "MRR@20"}
LEVEL = 0.05  # chance is ruled out below it, as by a 95 % interval


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
    mean, spread, freedom = paired_error(errors_model, errors_best, block, times)
    if not freedom:
        return -np.inf, np.inf
    reach = _student(freedom) * spread
    return mean - reach, mean + reach


def paired_error(
    errors_model: ArrayLike, errors_best: ArrayLike, block: int, times: ArrayLike | None = None
) -> tuple[float, float, int]:
    """What paired_interval is made of: the mean difference, its standard error (infinite of one block), and B - 1.

    Arguments and errors are those of paired_interval.
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
    mean = total.sum() / count.sum()
    if len(total) < 2:
        return float(mean), np.inf, 0
    spread = np.sqrt(len(total) / (len(total) - 1) * ((total - mean * count) ** 2).sum()) / count.sum()
    return float(mean), float(spread), len(total) - 1


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
    low, high = interval or (0.0, 0.0)
    sure = high <= 0 if gain > 0 else low >= 0
    found = f"{NAMES.get(by, by)} {own} against {other}"
    doubt = "" if sure else _doubt(low, high)
    return _judged(gain, best, len(baselines), found, f"{percent(gain)} lower", doubt)


def share_verdict(
    metrics: Mapping[str, float],
    baselines: Mapping[str, Mapping[str, float]],
    by: str = "accuracy",
    interval: tuple[float, float] | None = None,
    p: float | None = None,
    unit: str = " %",
) -> Verdict:
    """As verdict, of a share that is better the higher: accuracy, F1. Its skill is that of the error, 1 - share.

    The share is told in hundredths; ``unit`` stands behind them, "" for what is told in points, as BLEU. Chance is
    judged by p (mcnemar) or by interval (ratio_interval), both against the best baseline.
    """
    own, others = _missed(metrics, by), {name: _missed(scores, by) for name, scores in baselines.items()}
    gain, best = skill(own, others, "error")
    low, high = interval or (0.0, 0.0)
    mine, other = beside(100 * metrics[by], 100 * baselines[best][by])
    more = f"{number(100 * (metrics[by] - baselines[best][by]), 2)} points higher"
    if p is not None:
        doubt = "" if p <= LEVEL else f"but that may be chance (McNemar's exact test: p = {number(p, 2)})"
    else:
        sure = low >= 0 if gain > 0 else high <= 0
        doubt = "" if sure else _doubt(100 * low, 100 * high, " points")
    return _judged(gain, best, len(baselines), f"{NAMES.get(by, by)} {mine}{unit} against {other}{unit}", more, doubt)


def mcnemar(right_model: ArrayLike, right_best: ArrayLike) -> float:
    """McNemar's exact test, two-sided: the chance of so uneven a split of the rows that only one of two got right.

    right_* (N,) booleans of the same rows. With b and c rows right in one alone and n = b + c,
        p = min(1, 2 Σ_{k <= min(b, c)} C(n, k) / 2^n).

    Raises InputError when shapes disagree.
    Source: McNemar, Note on the sampling error of the difference between correlated proportions, 1947.
    """
    model, best = np.asarray(right_model, bool), np.asarray(right_best, bool)
    if model.shape != best.shape:
        raise InputError(f"what was right has shapes {model.shape} and {best.shape}: give both the same")
    b, c = np.count_nonzero(model & ~best), np.count_nonzero(best & ~model)
    n, k = b + c, np.arange(1, min(b, c) + 1)
    # In logarithms, for 2^n soon passes what a float holds.
    terms = np.append(0.0, np.cumsum(np.log((n - k + 1) / k))) - n * np.log(2)
    return float(min(1.0, 2 * np.exp(terms).sum()))


def ratio_interval(
    top_model: ArrayLike, bottom_model: ArrayLike, top_best: ArrayLike, bottom_best: ArrayLike
) -> tuple[float, float]:
    """95 % interval of Σ top / Σ bottom of the model less that of the baseline, over S independent groups, (S,) each.

    Token accuracy is right over all; F1 is 2 right over (true + guessed); a group is a sentence, within which errors go
    together. With ratios R and u_s = (top_s - R bottom_s) / Σ bottom, of the model less that of the baseline, it is
        difference ± t_{0.975, S-1} sqrt(S / (S - 1) Σ u_s²),
    which is paired_interval's where both bottoms agree; (-inf, inf) with fewer than two groups. Raises InputError when
    shapes disagree.
    Source: Cochran, Sampling techniques, 3rd edition, 1977, section 6 (the linearised variance of a ratio).
    """
    parts = [np.asarray(part, np.float64) for part in (top_model, bottom_model, top_best, bottom_best)]
    if len({part.shape for part in parts}) > 1 or parts[0].ndim != 1:
        raise InputError(f"the groups have shapes {', '.join(str(part.shape) for part in parts)}: give (S,) four times")
    groups = len(parts[0])
    if groups < 2:
        return -np.inf, np.inf
    found, moves = [], []
    for top, bottom in (parts[:2], parts[2:]):
        whole = bottom.sum() or 1.0
        found.append(top.sum() / whole)
        moves.append((top - found[-1] * bottom) / whole)
    difference = found[0] - found[1]
    reach = _student(groups - 1) * np.sqrt(groups / (groups - 1) * ((moves[0] - moves[1]) ** 2).sum())
    return float(difference - reach), float(difference + reach)


def _missed(scores: Mapping[str, float], by: str) -> dict[str, float]:
    """The error 1 - share; NaN, which skill refuses, where the share is missing or no share."""
    share = scores.get(by, np.nan)
    return {"error": 1 - share if 0 <= share <= 1 else np.nan}


def _doubt(low: float, high: float, unit: str = "") -> str:
    if np.isfinite(high - low):
        return f"but that may be chance (95 % interval of the difference: {' to '.join(beside(low, high))}{unit})"
    return "and too little was scored to tell whether that is chance"


def _judged(gain: float, best: str, rivals: int, found: str, more: str, doubt: str) -> Verdict:
    beaten = f"{best}{f' (the best of {rivals} baselines)' if rivals > 1 else ''}: {found}"
    if doubt:
        return Verdict(f"No clear difference from {beaten}, {doubt}.", None, gain, best)
    if gain > 0:
        return Verdict(f"Better than {beaten}, {more}.", True, gain, best)
    return Verdict(f"Does NOT beat {beaten}; use {best} instead.", False, gain, best)


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
