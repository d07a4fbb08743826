"""The floor of the house: recurrent arithmetic on torch tensors; README.md says how an operation is added."""

from elman.kernels.choose import OPERATIONS, Choice, choose, explain, layer, use
from elman.kernels.options import Options
from elman.kernels.packing import Packing
from elman.kernels.scan.native import linear_scan
from elman.kernels.weights import Output, State, Weights

__all__ = [
    "OPERATIONS",
    "Choice",
    "Options",
    "Output",
    "Packing",
    "State",
    "Weights",
    "choose",
    "explain",
    "layer",
    "linear_scan",
    "use",
]
