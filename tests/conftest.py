"""Tests run side by side: one thread each, or they wait for one another."""

import torch

torch.set_num_threads(1)
