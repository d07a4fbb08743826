"""What went on inside while learning, drawn: gradients through time, and what the gates and units did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator

from elman.evaluate.report import Figure, Section, Table, Text
from elman.evaluate.style import DASHES, RULE, SERIES, Plot, canvas, clean, name_axes, numbers, styled
from elman.evaluate.wording import Own, number

FLOOR = 1e-12  # of the error: what is fainter is drawn here
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
MOST = 4  # layers drawn, the first ones
INTRO = (
    "How much of the error of a sequence's last step comes back to the state of each earlier step: "
    "‖∂L_T / ∂s_{T−k}‖ relative to k = 0, a mean over rows. It vanishes where less than a thousandth arrives at the "
    "first step, and explodes where it grows a hundredfold. Pale lines are those of the start of the training."
)


@styled()
def through_time(looks: Sequence[Mapping[str, Any]], title: str = "Gradients through time") -> Plot:
    """The norms by lag of each flow, at the first look (pale) and at the last: looks are those of a Training."""
    figure, axes = canvas("gradient, relative", wide=True)
    said = []
    for which, look in ((0, looks[0]), (1, looks[-1])):
        for place, flow in enumerate(look["inside"][:MOST]):
            lags, norms = np.asarray(flow["lags"]), np.asarray(flow["norms"], np.float64)
            norms = np.clip(np.nan_to_num(norms, nan=FLOOR, posinf=1 / FLOOR), FLOOR, 1 / FLOOR)
            name = clean(flow["name"], 40) if which else None
            look_of = {"color": SERIES[place % len(SERIES)], "linestyle": DASHES[place % len(DASHES)], "label": name}
            axes.plot(lags, norms, alpha=1 if which else 0.35, linewidth=2 if which else 1.4, **look_of)
            if which:
                said.append(f"{flow['name']}: {flow['verdict']}, {number(flow['norms'][-1])} at lag {flow['lags'][-1]}")
    axes.axhline(1e-3, color=RULE, linewidth=0.8, linestyle=(0, (2, 2)))
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(numticks=6))
    axes.yaxis.set_major_formatter(FuncFormatter(_power))
    axes.minorticks_off()
    name_axes(axes, along="steps back from the last one")
    numbers(axes.xaxis, 8, whole=True)
    axes.margins(x=0.02)
    handles, names = axes.get_legend_handles_labels()
    if handles:
        axes.legend(handles, names, loc="lower right", bbox_to_anchor=(1, 1.02), ncols=2)
    return Plot(figure, title, "; ".join(said) + ".")


def table(looks: Sequence[Mapping[str, Any]]) -> Table:
    """A row for each layer and direction, as they were at the last look."""
    rows = [
        [
            Own(flow["name"]),
            Own(flow["verdict"]),
            Own(f"{flow['memory']} of {flow['steps']}"),
            100 * flow["factor"],
            next(iter(flow["radius"].values()), None) if flow["cell"] == "rnn" else None,
            100 * _at_ends(flow),
            Own(f"{flow['silent']} of {flow['units']}"),
        ]
        for flow in looks[-1]["inside"]
    ]
    columns = ["", "gradient", "steps remembered", "left a step, %", "radius of W_hh", "stuck, %", "silent units"]
    if all(row[4] is None for row in rows):
        columns, rows = [*columns[:4], *columns[5:]], [[*row[:4], *row[5:]] for row in rows]
    caption = (
        "At the end of the training. Remembered is the farthest step to which a hundredth of the error comes; stuck "
        "are gates' values near an end of their range, as those that remember must be; silent units hardly change."
    )
    return Table(columns, rows, caption)


def section(looks: Sequence[Mapping[str, Any]], told: Sequence[str]) -> Section | None:
    """The report's section, with the doctor's findings in words; None where no recurrent layer was seen."""
    if not looks or not looks[-1]["inside"]:
        return None
    plot = through_time(looks)
    drawn = Figure(plot.svg, "Gradient of the last step's loss by lag, for each layer.", wide=True)
    return Section("Gradients through time", INTRO, [drawn, table(looks), Text("\n\n".join(told))])


def _power(value: float, place: int | None = None) -> str:
    """10⁻⁶, in letters: the house's figures parse no formulas."""
    exponent = round(np.log10(value))
    return f"10{str(exponent).translate(SUPERSCRIPT)}" if exponent else "1"


def _at_ends(flow: Mapping[str, Any]) -> float:
    shares = [low + high for low, high in flow["stuck"].values()]
    return sum(shares) / len(shares) if shares else float("nan")
