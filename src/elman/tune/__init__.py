"""Choosing by measurement: a search for the best settings, one setting compared, and whether more data would help."""

from elman.tune.comparison import Comparison, compare
from elman.tune.final import Tuned
from elman.tune.learning_curve import Curve, curve
from elman.tune.tuning import join, tune

__all__ = ["Comparison", "Curve", "Tuned", "compare", "curve", "join", "tune"]
