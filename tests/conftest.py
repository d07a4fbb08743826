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


def pytest_collection_modifyitems(items):
    """The pages and examples first: each takes up to a minute, and at the end one core would wait for them."""
    long = ("test_docs.py", "test_examples.py")
    items.sort(key=lambda item: item.path.name not in long)
