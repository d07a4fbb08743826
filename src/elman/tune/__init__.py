"""Choosing by measurement: a search for the best settings, one setting compared, and whether more data would help."""

from elman.tune.compare import Comparison, compare
from elman.tune.curve import Curve, curve
from elman.tune.tune import Tuned, tune

__all__ = ["Comparison", "Curve", "Tuned", "compare", "curve", "tune"]
