"""The pages: of a search, of one setting compared, of a learning curve."""

from __future__ import annotations

from typing import Any

from elman.evaluate.report import Cell, Facts, Figure, Lang, Report, Section, Table, Text
from elman.evaluate.wording import Own, lasting, number
from elman.tasks.page import plain
from elman.tune import pictures
from elman.tune.comparison import Comparison
from elman.tune.final import Tuned
from elman.tune.learning_curve import Curve, spread
from elman.tune.search import Trial
from elman.tune.tuning import short
from elman.version import __version__

MOST = 200  # trials in the table


def tuned_page(tuned: Tuned, name: str) -> str:
    """The whole page of a search over the data ``name``."""
    return Report(
        title=f"Settings of {tuned.model.name}, searched",
        subtitle=f"elman {__version__} · {tuned.model.name} · {name}",
        verdict=tuned.sentence,
        good=tuned.good,
        sections=[_end(tuned), _trials(tuned), *_pictures(tuned), _how(tuned.notes, tuned.seconds)],
    ).render(tuned.model.config_.lang)


def _end(tuned: Tuned) -> Section:
    heads = ["", tuned.measure, *(f"seed {at}" for at in range(len(tuned.tuned.scores)))]
    rows: list[list[Cell]] = [["tuned", tuned.tuned.score, *tuned.tuned.scores]]
    if tuned.difference is not None:
        rows.append(["default", tuned.default.score, *tuned.default.scores])
    both = {
        name: Own(f"{_setting(value)} (default: {_setting(tuned.default.settings[name])})")
        for name, value in tuned.tuned.settings.items()
    }
    intro = (
        "The best settings of the search and the default ones, fitted on the same rows for as long, and judged on rows "
        f"that no trial saw. In the search the best ones had {number(tuned.found.best.score or 0.0)}: a number to "
        "choose by, which flatters, because it was chosen."
    )
    return Section("Judged", intro, [Table(heads, rows, highlight=0, own_names=True), Facts(both)])


def _setting(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(plain(value))


def _trials(tuned: Tuned) -> Section:
    names = [dimension.name for dimension in tuned.space]
    ranked = sorted(tuned.found.trials, key=lambda one: (one.score is None, one.score or 0.0, one.number))[:MOST]
    heads = ["trial", tuned.measure, "± folds", *(name.replace("_", " ") for name in names), "seconds", "state"]
    rows = [_row(one, names) for one in ranked]
    return Section(
        "Trials",
        "Best first. ± folds is the standard deviation of the folds' scores: much of it all trials share.",
        [Table(heads, rows, highlight=0)],
    )


def _row(one: Trial, names: list[str]) -> list[Cell]:
    mean = sum(one.folds) / len(one.folds) if one.folds else 0.0
    many = len(one.folds) > 1 and one.score is not None
    spread = (sum((score - mean) ** 2 for score in one.folds) / (len(one.folds) - 1)) ** 0.5 if many else None
    words: list[Cell] = [short(one.words[name]) if name in one.words else None for name in names]
    state = f"{one.state}, the default" if one.default else f"{one.state}: {one.why}" if one.why else one.state
    return [str(one.number + 1), one.score, spread, *words, round(one.seconds, 1), Own(state)]


def _pictures(tuned: Tuned) -> list[Section]:
    lines = pictures.parallel(tuned.found.trials, tuned.space, tuned.measure)
    items = [Figure(lines.svg, "Each line is a trial; lower on the last axis is better.", wide=True)]
    if tuned.found.importance:
        bars = pictures.importance(tuned.found.importance)
        items.append(
            Figure(bars.svg, "How much of the scores' variance each setting explains (fANOVA): of few trials, a hint.")
        )
    return [Section("What the search saw", "", items)]


def _how(notes: tuple[str, ...], seconds: float) -> Section:
    told = [*notes, f"all of it took {lasting(seconds)}"]
    return Section("How", "", [Text("\n\n".join(f"{note[:1].upper()}{note[1:]}." for note in told))])


def comparison_page(comparison: Comparison, task: str, name: str, lang: Lang = "en") -> str:
    setting = comparison.setting.replace("_", " ")
    heads = [
        setting,
        comparison.measure,
        "±",
        "behind the best",
        "from",
        "to",
        "s a fit",
        "ms a step",
        "s to the best",
    ]
    rows: list[list[Cell]] = []
    for arm in comparison.arms:
        gap = comparison.behind.get(arm.word)
        ends: list[Cell] = [None] * 3 if gap is None else [gap.mean, gap.low, gap.high]
        reach = comparison.reach[arm.word]
        rows.append([arm.word, arm.mean, reach, *ends, arm.seconds, 1000 * arm.step_seconds, arm.best_seconds])
    intro = (
        "Means over the folds, with 95 % intervals (Student's t over the folds, for folds that learn from the same "
        "rows; the differences' level is shared out over the comparisons). Values are compared fold by fold, so a "
        "difference can be sure where the intervals of the means overlap."
    )
    picture = pictures.side_by_side(comparison)
    return Report(
        title=f"{setting[:1].upper()}{setting[1:]} compared",
        subtitle=f"elman {__version__} · {task} · {name}",
        verdict=comparison.sentence,
        good=comparison.good,
        sections=[
            Section("Scores and times", intro, [Table(heads, rows, highlight=0)]),
            Section(
                "Fold by fold", "", [Figure(picture.svg, "Dots are folds, diamonds their means; lower is better.")]
            ),
            _how(comparison.notes, comparison.seconds),
        ],
    ).render(lang)


def curve_page(curve: Curve, task: str, name: str, lang: Lang = "en") -> str:
    rows: list[list[Cell]] = [
        [f"{100 * point.share:g} %", point.rows, sum(point.scores) / len(point.scores), spread(point), point.seconds]
        for point in curve.points
    ]
    heads = ["share", f"{curve.unit} learnt from", curve.measure, "± seeds", "s a fit"]
    picture = pictures.learning(curve)
    return Report(
        title="Would more data help?",
        subtitle=f"elman {__version__} · {task} · {name}",
        verdict=curve.sentence,
        good=curve.good,
        sections=[
            Section("Scores", "", [Table(heads, rows)]),
            Section("The curve", "", [Figure(picture.svg, "Small dots are seeds; the lines span 95 % over them.")]),
            _how(curve.notes, curve.seconds),
        ],
    ).render(lang)
