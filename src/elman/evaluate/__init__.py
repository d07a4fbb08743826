"""Evaluate: how well a model did, beside what, how sure that is, and the page that shows it.

metrics      the field's error measures, over arrays
baselines    forecasts that need no model, which any score is read beside
verdict      better, not better or no clear difference, in one sentence
plots        the figures, as SVG; style is how they look
report       the self-contained HTML page, for any task
wording      how a number is written for a reader

Nothing here knows a task or opens a data file. Only plots and style import matplotlib, only report jinja2.
"""

from elman.evaluate.metrics import by_step, forecast_metrics
from elman.evaluate.verdict import Verdict, paired_interval, skill

__all__ = ["Verdict", "by_step", "forecast_metrics", "paired_interval", "skill"]
