"""Layers from elsewhere: torch.nn, Keras and ONNX models read into `elman.nn.layers.Layers`, and compared with them."""

from elman.deploy.imports.read import open_file, read
from elman.deploy.imports.torch_modules import from_torch

__all__ = ["from_torch", "open_file", "read"]
