"""A fit that dies before any write, sync, rename or removal goes on to the same bits; the older model stays whole."""

import pytest

from crashed import deaths, prepared

KINDS = {"open", "write", "half a write", "fsync", "rename", "exchange", "mkdir", "unlink", "rmdir", "chmod"}


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    return prepared(tmp_path_factory.mktemp("deaths") / "origin")


def test_some_deaths(origin):
    found = deaths(origin, every=67, first=11)
    assert found.wrong == [] and found.left == 0
    assert found.tried.total() >= 4 and found.resumed >= 3


@pytest.mark.slow
def test_every_death(origin):
    found = deaths(origin)
    assert found.wrong == [] and found.left == 0
    assert found.tried.total() >= 300 and set(found.tried) == KINDS
    assert found.resumed > 0.8 * found.tried.total()
