"""One forecast, taken apart: what each part of what was read has of it, drawn and in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.evaluate.explanation import NAMED, bars, heat
from elman.evaluate.report import Facts, Figure, Section, Table
from elman.evaluate.style import Plot
from elman.evaluate.wording import number

HEAD = ("part", "integrated gradients", "when hidden")


@dataclass(frozen=True)
class One:
    """A single forecast (K,) in the target's units, beside that of average inputs, and what each part has of it.

    ``difference`` is what lies between the two, mean over the steps, ``total`` what the parts' ``shares`` add up to,
    after so many ``points`` on the path. ``effects`` (M, K) is what the forecast loses without a part. ``past`` and
    ``future`` are attributions by name, (T,) and (K,), of the steps at the times ``before`` and ``when``.
    """

    when: np.ndarray
    before: np.ndarray
    forecast: np.ndarray
    difference: float
    total: float
    points: int
    shares: dict[str, float]
    effects: np.ndarray
    past: dict[str, np.ndarray]
    future: dict[str, np.ndarray]

    @property
    def rows(self) -> list[tuple[str, float, float]]:
        """Each part, what it has of the forecast, and what is lost without it, mean over the steps."""
        lost = self.effects.mean(1).tolist()
        return [(name, share, effect) for (name, share), effect in zip(self.shares.items(), lost, strict=True)]

    @property
    def start(self) -> str:
        """When the first step is."""
        if self.when.dtype.kind != "M":
            return f"step {self.when[0]}"
        return f"{self.when[0].item():%Y-%m-%d %H:%M}".removesuffix(" 00:00")

    @property
    def sentence(self) -> str:
        side = "above" if self.difference >= 0 else "below"
        named = ", ".join(f"{name} ({value:+,.3g})" for name, value in list(self.shares.items())[:NAMED])
        return (
            f"The forecast from {self.start} on lies {number(abs(self.difference))} {side} that of average inputs, "
            f"most by {named}."
        )

    @property
    def table(self) -> Table:
        return Table(HEAD, self.rows, "Hidden: made what it is on average. Means over the steps ahead.")

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "from": self.start,
            "mean": float(self.forecast.mean()),
            "difference": self.difference,
            "total": self.total,
            "points": self.points,
            "integrated_gradients": self.shares,
            "hidden": {name: effect for name, _, effect in self.rows},
        }

    def page(self, target: str) -> tuple[Section, dict[str, Plot]]:
        """The section, and its figures by name."""
        label = "" if self.when.dtype.kind == "M" else "step"
        drawn = {
            "forecast": (
                bars(self.shares, None, f"adds to the forecast of {target}", "What one forecast is made of"),
                "By part: what lifts the forecast, and what lowers it.",
            ),
            "past": (
                heat(list(self.past.values()), list(self.past), self.before, label=label, wide=True),
                "Where in the past it comes from.",
            ),
        }
        if len(self.when) > 1:
            ahead = np.arange(1, len(self.when) + 1)
            drawn["steps"] = (
                heat(self.effects, list(self.shares), ahead, label="steps ahead", title="By step ahead"),
                "What each step of the forecast loses when a part is hidden.",
            )
            drawn["future"] = (
                heat(list(self.future.values()), list(self.future), self.when, label=label, title="By what is known"),
                "Where in what is known ahead it comes from.",
            )
        mean = float(self.forecast.mean())
        facts = {
            "forecast, mean of its steps": mean,
            "that of average inputs": mean - self.difference,
            "difference": self.difference,
            "what the parts add up to": self.total,
            "points on the path": self.points,
        }
        said = (
            f"How this forecast of {target} comes to differ from that of average inputs, by integrated gradients. Blue "
            "lifts it, orange lowers it."
        )
        figures = [Figure(plot.svg, caption, name == "past") for name, (plot, caption) in drawn.items()]
        plots = {name: plot for name, (plot, _) in drawn.items()}
        return Section(f"One forecast, from {self.start} on", said, [*figures, self.table, Facts(facts)]), plots
