"""How fast the layers are here: beside what else runs them, and beside what the machine could do."""

from elman.bench.measure import Measured, Row, bench
from elman.bench.workloads import WORKLOADS, chosen

__all__ = ["WORKLOADS", "Measured", "Row", "bench", "chosen"]
