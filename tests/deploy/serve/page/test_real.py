"""The page in front of the real server and small models, where the other tests have a stand-in."""

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from browser import CHROMIUM

import elman

pytest.importorskip("elman.deploy.serve.app")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium to look at pages with"),
]
TOKEN = "0123456789abcdef0123"


def forecaster():
    hours = [datetime(2024, 1, 1) + timedelta(hours=at) for at in range(700)]
    wave = 20 + 5 * np.sin(np.arange(700) / 12 * np.pi) + np.random.default_rng(0).normal(0, 1, 700)
    return elman.Forecaster(target="load", horizon=12, hidden=8, steps=20).fit(
        pl.DataFrame({"time": hours, "load": wave})
    )


def classifier():
    texts = [f"{word} and some more words {at}" for at in range(60) for word in ("good", "bad")]
    return elman.Classifier(hidden=8, steps=60, causal=True).fit(texts, ["pos", "neg"] * 60)


def generator(folder):
    (folder / "text.txt").write_text("the sun and the moon and the stars\n" * 300)
    return elman.Generator(hidden=16, steps=60).fit(folder / "text.txt")


@pytest.fixture
def served(browser, tmp_path):
    """served(model, ...flags) is its page, opened in front of `elman serve`."""
    held = []

    def go(model, *flags, address=""):
        model.save(tmp_path / "model.elman")
        command = [
            sys.executable,
            "-m",
            "elman",
            "serve",
            str(tmp_path / "model.elman"),
            "--port",
            "0",
            "--json",
            *flags,
        ]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
        server = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        held.append(server)
        page = browser.page()
        held.append(page)
        page.open(json.loads(server.stdout.readline())["url"].rstrip("/") + "/" + address)
        return page

    yield go
    for one in held:
        if isinstance(one, subprocess.Popen):
            one.terminate()
            assert one.wait(20) == 0
            one.stdout.close()
        else:
            one.close()


def explained(page):
    page.tab_to("Why this answer\\?")
    page.press("Enter")
    page.wait("document.querySelector('iframe')?.contentDocument?.querySelector('h1')", 60)
    assert page.ask("getComputedStyle(document.querySelector('iframe').contentDocument.body).maxWidth") == "992px"


def test_a_forecast_goes_on_from_the_fit_and_from_a_file(served, tmp_path):
    page = served(forecaster())
    page.wait_told("^12 steps from 2024-01-30 04:00 to 2024-01-30 15:00")
    start = datetime(2025, 1, 1)
    lines = [f"{start + timedelta(hours=at)},{20 + at % 24}" for at in range(300)]
    (tmp_path / "known.csv").write_text("\n".join(["time,load", *lines]))
    page.give_file("input[type=file]", tmp_path / "known.csv")
    page.wait_told("^12 steps from 2025-01-13 12:00")
    assert page.ask("document.querySelector('.drop').textContent").endswith("time, load")
    explained(page)
    assert page.faults() == []


def test_a_text_is_classified_while_it_is_typed_behind_a_token(served):
    page = served(classifier(), "--token", TOKEN, address=f"?token={TOKEN}")
    page.tab_to("Text")
    page.type("good and some more ")
    page.wait_told("^So far: pos")
    page.press("a", 2)
    page.type("bad and some more ")
    page.wait_told("^So far: neg")
    page.press("Enter", 2)
    page.wait_told("^neg")
    explained(page)
    assert page.ask("document.querySelectorAll('.shaded span').length") >= 4
    assert page.faults() == []


def test_a_text_is_written_until_it_is_stopped(served, tmp_path):
    page = served(generator(tmp_path))
    page.tab_to("Beginning of the text")
    page.type("the s")
    page.wait("document.querySelectorAll('.bars tr').length === 5")
    page.press("Enter", 2)
    page.wait_told("^Written, 300 characters: ")
    page.tab_to("Length")
    page.press("a", 2)
    page.type("49000")
    page.press("Enter")
    page.wait("document.querySelector('.written').textContent.length > 30")
    page.tab_to("Stop")
    page.press("Enter")
    page.wait_told("^Stopped after")
    explained(page)
    assert page.faults() == []
