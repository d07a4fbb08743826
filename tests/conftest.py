"""Tests run side by side: one thread each, or they wait for one another."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def still_one_thread():
    yield
    torch.set_num_threads(1)
