"""Tests of the page share `browser.py` and `standin.py`, which lie beside them."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from browser import Browser
from standin import StandIn


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    opened = Browser(tmp_path_factory.mktemp("chromium"))
    yield opened
    opened.close()


@pytest.fixture
def visit(browser):
    """visit(kind, ...) is a model served, and its page opened: (page, server)."""
    held = []

    def go(kind, address="", token=None, slow=0.0, facts=None, **looks):
        server = StandIn(kind, token, slow, **(facts or {}))
        held.append(server)
        page = browser.page(**looks)
        held.append(page)
        page.open(server.url + address)
        return page, server

    yield go
    for one in reversed(held):
        one.close()
