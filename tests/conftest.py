"""Tests run side by side: one thread each, or they wait for one another; some share the pages beside this one."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def still_one_thread():
    yield
    torch.set_num_threads(1)
