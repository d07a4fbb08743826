"""Evaluate: how well a model did, beside what, how sure that is, and the page that shows it.

metrics      the field's measures of error, over arrays; class_metrics of labels, tag_metrics of tagged sentences
baselines    forecasts that need no model, which any score is read beside; linear models of texts and sequences;
             ngram_language models, which only count
verdict      better, not better or no clear difference, in one sentence
plots        the figures, as SVG; class_plots those of labels; style is how they look
report       the self-contained HTML page, for any task; *_report what it says of one kind of task
wording      how a number is written for a reader

Nothing here knows a task or opens a data file. Only plots and style import matplotlib, only report jinja2.
"""

from elman.evaluate.metrics import by_step, forecast_metrics
from elman.evaluate.verdict import Verdict, paired_interval, skill

__all__ = ["Verdict", "by_step", "forecast_metrics", "paired_interval", "skill"]
