"""Reports looked at by a browser: as wide as the screen on a phone and on a desk, no label cut off, light and dark."""

import json
import re
import shutil
import subprocess
from html import escape, unescape

import numpy as np
import polars as pl
import pytest
from PIL import Image

from elman.tasks.classify import Classifier
from elman.tasks.forecast import Forecaster

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium to look at pages with"),
]
WIDTHS, SCHEMES = (390, 1200), {"dark": 0, "light": 1}
# The page runs no script, so the one around it measures: what is wider than the screen, and what leaves its figure.
AROUND = """<!doctype html><meta charset="utf-8"><body style="margin:0">
<iframe style="border:0;width:%dpx;height:%dpx" srcdoc="%s"></iframe><pre></pre><script>
const frame = document.querySelector("iframe")
frame.onload = () => {
  const page = frame.contentDocument, beyond = []
  for (const svg of page.querySelectorAll("figure svg")) {
    const box = svg.getBoundingClientRect()
    for (const text of svg.querySelectorAll("text")) {
      const own = text.getBoundingClientRect()
      if (own.left < box.left - 2 || own.right > box.right + 2 || own.top < box.top - 2 || own.bottom > box.bottom + 2)
        beyond.push(text.textContent)
    }
  }
  const root = page.documentElement, ground = frame.contentWindow.getComputedStyle(page.body).backgroundColor
  const small = Math.min(...[...page.querySelectorAll("figure svg text")].map(t => t.getBoundingClientRect().height))
  const told = {wide: root.scrollWidth, seen: root.clientWidth, tall: root.scrollHeight, beyond, ground, small}
  document.querySelector("pre").textContent = JSON.stringify(told)
}
</script>"""


def forecast(lang):
    hours = np.datetime64("2024-01-01T00", "ms") + 3_600_000 * np.arange(700)
    wave = 20 + 5 * np.sin(np.arange(700) / 12 * np.pi) + np.random.default_rng(0).normal(0, 1, 700)
    frame = pl.DataFrame({"time": hours, "a quite long name of a column": wave})
    return Forecaster(target="a quite long name of a column", horizon=24, hidden=8, steps=20, lang=lang).fit(frame)


def classify(lang):
    draw = np.random.default_rng(0)
    labels = [f"label number {at}" for at in draw.integers(0, 9, 300)]
    texts = [f"{label} and some more words that say little, http://example.org/{'x' * 60}" for label in labels]
    return Classifier(text="x", label="y", hidden=8, steps=20, lang=lang, test_share=0.3).fit({"x": texts, "y": labels})


def browse(folder, html, width, scheme, *asked):
    (folder / "around.html").write_text(AROUND % (width, 9000, escape(html)), "utf-8")
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={folder}/user",
         f"--window-size={max(width, 500)},3000", f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}",
         *asked, str(folder / "around.html")],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return done.stdout


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("make", [forecast, classify], ids=lambda make: make.__name__)
def test_a_report_fits_a_phone_and_a_desk_in_light_and_dark(tmp_path, make, lang):
    html = make(lang).report()
    grounds = set()
    for width in WIDTHS:
        for scheme in SCHEMES:
            dom = browse(tmp_path, html, width, scheme, "--dump-dom")
            told = json.loads(unescape(re.search("<pre>(.*?)</pre>", dom, re.S)[1]))
            assert told["wide"] <= told["seen"] == width, (width, told)
            assert not told["beyond"], (width, told["beyond"])
            assert told["small"] >= 8 and told["tall"] > 1500, (width, told)
            grounds.add((scheme, told["ground"]))
    assert len(grounds) == 2  # one for light and one for dark

    picture = tmp_path / "seen.png"
    for scheme, bright in (("light", True), ("dark", False)):
        browse(tmp_path, html, 390, scheme, f"--screenshot={picture}")
        with Image.open(picture) as image:
            seen = np.asarray(image.convert("L"))[:2000, :390]
        assert seen.std() > 10 and (np.median(seen) > 200) == bright
