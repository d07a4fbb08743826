"""The page of each task in a browser: by keyboard, told aloud, legible, in two languages, on phone and desk."""

import io
import re
import time
from base64 import b64decode
from urllib.parse import urlsplit

import numpy as np
import polars as pl
import pytest
from browser import CHROMIUM
from standin import FACTS, forecast
from ways import WAYS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium to look at pages with"),
]
NAMED = {"button", "textbox", "searchbox", "spinbutton", "slider", "checkbox", "combobox", "link", "image", "Audio"}
NAMED |= {"Iframe", "DisclosureTriangle", "region", "table", "heading"}
LATIN = {"elman", "Ctrl", "CSV"}  # which Chinese has no other word for
UNEXPLAINED = {"speak", "paint"}

# Every text that can be seen, with its colour's contrast to what lies behind it, grounds blended as they are drawn.
CONTRAST = """(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true})
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1)
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data
    return [r, g, b, a / 255]
  }
  const over = (top, under) => [0, 1, 2].map((k) => top[k] * top[3] + under[k] * (1 - top[3]))
  const light = (c) => {
    const [r, g, b] = c.slice(0, 3).map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = []
  for (let node; node = walker.nextNode();) {
    const box = node.parentElement
    if (!node.data.trim() || !box.checkVisibility() || box.closest(".unseen")) continue
    const grounds = []
    for (let at = box; at; at = at.parentElement) grounds.unshift(getComputedStyle(at).backgroundColor)
    const ground = grounds.reduce((under, colour) => over(rgba(colour), under), [255, 255, 255])
    const look = getComputedStyle(box)
    const ink = over(rgba(box.closest("svg") ? look.fill : look.color), ground)
    const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x)
    found.push([(a + 0.05) / (b + 0.05), node.data.trim().slice(0, 40), parseFloat(look.fontSize)])
  }
  return found
})()"""

# What the page itself says: seen, or read aloud.
OWN_WORDS = """(() => {
  const given = (box) => box.closest(".given, [lang=en], noscript, #language")
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = []
  for (let node; node = walker.nextNode();) if (node.data.trim() && !given(node.parentElement)) found.push(node.data)
  for (const name of ["aria-label", "aria-valuetext", "alt", "placeholder", "title"])
    for (const box of document.querySelectorAll(`[${name}]`)) if (!given(box)) found.push(box.getAttribute(name))
  return found
})()"""


def explain(page):
    page.tab_to("Why this answer\\?")
    page.press("Enter")
    page.wait("document.querySelector('iframe')?.contentDocument?.querySelector('h1')")
    assert page.ask("document.querySelector('.why').previousSibling.textContent") == "Explained below."
    seen = page.ask("getComputedStyle(document.querySelector('iframe').contentDocument.querySelector('h1')).fontSize")
    assert float(seen.removesuffix("px")) > 20  # the page in the frame has its own look, though this one is strict
    assert page.ask("document.querySelector('iframe').sandbox.value") == "allow-same-origin"


def legible(page):
    found = page.ask(CONTRAST)
    assert len(found) > 5
    assert not [one for one in found if one[0] < (3 if one[2] >= 24 else 4.5)]


@pytest.mark.parametrize("kind", WAYS)
def test_a_page_answers_the_keyboard_and_is_legible_and_named_in_both_languages(visit, kind, tmp_path):
    page, server = visit(kind)
    WAYS[kind](page, server, tmp_path)
    if server.model["task"] not in UNEXPLAINED:
        explain(page)
    assert [(role, name) for role, name, _ in page.nodes() if role in NAMED and not name] == []
    for scheme in ("light", "dark"):
        page.look(320, scheme=scheme)
        page.browser.listen(0.2)
        legible(page)
        assert page.ask("document.documentElement.scrollWidth") <= 320
        page.picture(tmp_path / f"{kind}-{scheme}-320.png")
        page.look(1000, scheme=scheme)
        page.browser.listen(0.1)
        page.picture(tmp_path / f"{kind}-{scheme}.png")
    page.ask("const first = document.querySelector('h1'); first.tabIndex = -1; first.focus()")  # tabs start there
    page.tab_to("中文")
    page.press("Enter")
    assert page.ask("document.documentElement.lang") == "zh-CN"
    own = page.ask(OWN_WORDS)
    assert len(own) > 5
    assert not [text for text in own if set(re.findall("[A-Za-z]+", text)) - LATIN]
    if server.model["task"] not in UNEXPLAINED:
        page.tab_to("为什么是这个结果？")
        page.press("Enter")
        page.wait("document.querySelector('iframe').contentDocument?.documentElement?.lang === 'zh-CN'")
    page.look(320, scheme="light")
    page.browser.listen(0.2)
    assert page.ask("document.documentElement.scrollWidth") <= 320
    page.picture(tmp_path / f"{kind}-zh-320.png")
    assert page.faults() == []
    here = urlsplit(server.url).netloc
    assert {urlsplit(url).netloc for url in page.requests()} == {here}


def test_every_kind_of_model_has_its_way():
    assert set(WAYS) == set(FACTS)


def test_a_token_is_taken_out_of_the_address_and_sent_with_every_request(visit):
    page, server = visit("classify text", "?token=0123456789abcdef&x=1", token="0123456789abcdef")
    assert page.ask("location.search") == "?x=1"
    page.tab_to("Text")
    page.type("καλό ")
    page.wait_told("^So far: χαρά")  # the socket was let in
    page.press("Enter", 2)
    page.wait_told("^χαρά")
    page.open(server.url)  # and it is kept while the tab is open
    page.wait("document.querySelector('textarea')")


def test_who_comes_without_the_token_is_asked_for_it(visit):
    page, _ = visit("paint", token="0123456789abcdef")
    page.wait_told("^The server asks for an access token")
    assert page.focused() == "Access token"
    page.type("0123456789abcdef")
    page.press("Enter")
    page.wait("[...document.querySelectorAll('button')].some((one) => one.textContent === 'Paint')")


def test_what_the_server_refuses_is_told_and_the_next_request_is_answered(visit):
    page, server = visit("summarize")
    page.tab_to("Text")
    page.press("Enter", 2)
    page.wait_told("^There is nothing to read yet")
    page.type("αδύνατο")
    page.press("Enter", 2)
    page.wait_told("^The server says: this text cannot be read: give another")
    page.press("a", 2)
    page.type("δυνατό")
    page.press("Enter", 2)
    page.wait_told("^Summary")
    server.close()
    page.press("Enter", 2)
    page.wait_told("^The server does not answer")


def test_only_the_last_of_two_requests_is_told(visit):
    page, server = visit("classify text", slow=0.5, facts={"stream": {"why_not": "it reads both ways"}})
    page.tab_to("Text")
    page.type("καλό")
    page.press("Enter", 2)
    page.wait_told("^Working")
    page.type(" κακό κακό κακό κακό κακό κακό")
    page.press("Enter", 2)
    page.wait_told("^οργή")
    page.browser.listen(0.7)
    assert page.told().startswith("οργή") and len(server.asked) == 2


def test_a_text_that_is_changed_at_its_start_is_read_again(visit):
    page, server = visit("classify text")
    page.tab_to("Text")
    page.type("καλό βιβλίο ")
    page.wait_told("^So far: χαρά, 72")
    page.press("Home")
    page.type("κακό ")
    page.wait_told("^So far: χαρά, 62")
    assert {"reset": True} in server.asked
    assert [message["step"] for message in server.asked if "step" in message][-1] == "κακό καλό βιβλίο "


def test_an_answer_in_full_that_comes_late_does_not_replace_that_to_what_was_typed_since(visit):
    page, _ = visit("classify text", slow=0.5)
    page.tab_to("Text")
    page.type("καλό ")
    page.press("Enter", 2)
    page.type("κακό ")
    page.wait_told("^So far: χαρά, 62")
    page.browser.listen(0.8)
    assert page.told() == "So far: χαρά, 62.0 % sure."


def test_a_forecast_is_saved_as_csv_with_the_numbers_in_full(visit, tmp_path):
    page, _ = visit("forecast groups")
    page.browser.call("Browser.setDownloadBehavior", browserContextId=page.context, behavior="allow",
                      downloadPath=str(tmp_path))  # fmt: skip
    page.wait_told("^24 steps")
    page.tab_to("Save as CSV")
    page.press("Enter")
    file = tmp_path / "forecast.csv"
    end = time.monotonic() + 10
    while not file.exists() and time.monotonic() < end:
        page.browser.listen(0.05)
    frame = pl.read_csv(file)
    assert frame.columns == ["σειρά", "time", "forecast", "lower", "upper", "lower_80", "upper_80"]
    assert frame.to_dicts() == forecast(("άλφα", "βήτα"))["answers"]


def test_a_file_is_dropped_and_one_beside_the_zone_leads_nowhere(visit):
    page, server = visit("forecast")
    page.wait_told("^24 steps")
    drop = """(() => {
      const held = new DataTransfer()
      held.items.add(new File(["ώρα\\n1\\n"], "α.csv", {type: "text/csv"}))
      const event = new DragEvent("drop", {dataTransfer: held, bubbles: true, cancelable: true})
      document.querySelector("%s").dispatchEvent(event)
      return event.defaultPrevented
    })()"""
    assert page.ask(drop % "h1")
    assert page.ask(drop % ".drop")
    assert server.next(1) == {"csv": "ώρα\n1\n"}
    assert len(server.asked) == 2


def test_a_file_that_is_too_large_is_not_sent(visit, tmp_path):
    page, server = visit("classify picture", facts={"limits": {"max_body": 1000}})
    file = tmp_path / "large.png"
    file.write_bytes(bytes(2000))
    page.give_file("input[type=file]", file)
    page.wait_told("^The file is too large")
    assert not server.asked


def test_a_sound_that_is_no_wav_is_decoded_at_the_rate_of_the_model(visit, tmp_path):
    soundfile = pytest.importorskip("soundfile")
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(22_050) / 44_100)
    soundfile.write(tmp_path / "tone.flac", np.stack([wave, wave], 1), 44_100)
    page, server = visit("classify sound")
    page.give_file("input[type=file]", tmp_path / "tone.flac")
    page.wait_told("^χαρά")
    heard, rate = soundfile.read(io.BytesIO(b64decode(server.asked[0]["sound"])))
    assert (heard.shape, rate) == ((4_000,), 8_000)
    assert np.abs(heard - 0.5 * np.sin(2 * np.pi * 440 * np.arange(4_000) / 8_000))[500:-500].max() < 0.01


def test_a_microphone_that_is_not_given_is_told(visit):
    page, _ = visit("transcribe")
    page.ask("void (navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no')))")
    page.tab_to("Record from the microphone")
    page.press("Enter")
    page.wait_told("^The microphone cannot be used: allow it")


@pytest.mark.parametrize("kind", ["transcribe", "generate"])
def test_a_server_that_goes_away_in_the_middle_is_told(visit, kind):
    page, server = visit(kind)
    if kind == "transcribe":
        page.tab_to("Record from the microphone")
        page.press("Enter")
        page.wait("document.querySelector('.written')")
    else:
        page.tab_to("Length")
        page.press("a", 2)
        page.type("90000")
        page.press("Enter")
        page.wait("document.querySelector('.written').textContent.length > 30")
    server.close()
    page.wait_told("^The server does not answer")
    assert page.ask("!document.querySelector('[aria-pressed], [aria-busy]')")


def test_markup_in_data_stays_text(visit):
    nasty = "<img src=x onerror=alert(1)>"
    facts = {"name": nasty, "labels": [nasty], "examples": [nasty], "score": {"verdict": nasty, "good": None}}
    page, _ = visit("classify text", facts=facts)
    page.tab_to(".*img src.*")
    page.press("Enter")
    page.wait_told("^χαρά")
    assert page.ask("document.querySelector('h1').textContent") == nasty
    assert page.ask("document.querySelectorAll('img').length") == 0 and page.faults() == []


def test_chinese_where_the_model_or_the_browser_speaks_it(visit):
    for facts, lang in (({"lang": "zh"}, "en-US"), ({}, "zh-CN")):
        page, _ = visit("paint", facts=facts, lang=lang)
        page.wait_told("结果会显示在这里")
    page, _ = visit("paint")
    page.wait_told("^The answer will stand here")


def test_nothing_moves_for_those_who_ask_for_it(visit):
    for motion, moves in (("no-preference", "0.15s"), ("reduce", "0s")):
        page, _ = visit("classify text", motion=motion)
        page.tab_to("καλό βιβλίο")
        page.press("Enter")
        page.wait_told("^χαρά")
        assert page.ask("getComputedStyle(document.querySelector('.bar'), '::before').transitionDuration") == moves


def test_samples_are_the_same_sound_at_another_rate(visit):
    """A tone keeps its strength below the new band's end and is gone above it, in whatever pieces it comes."""
    page, _ = visit("paint")
    tone = """(async () => {
      const { Resampler } = await import("/page/resample.js")
      const told = []
      for (const [from, to, hertz] of %s) {
        const wave = Float32Array.from({length: from}, (_, at) => Math.sin(2 * Math.PI * hertz * at / from))
        const whole = new Resampler(from, to), cut = new Resampler(from, to)
        const once = [...whole.take(wave), ...whole.end()]
        const pieces = []
        for (let at = 0; at < from; at += 128) pieces.push(...cut.take(wave.subarray(at, at + 128)))
        pieces.push(...cut.end())
        const first = Math.floor(to / 4), middle = once.slice(first, 3 * first)
        const exact = Array.from({length: to}, (_, at) => Math.sin(2 * Math.PI * hertz * at / to))
        told.push({length: once.length, same: once.length === pieces.length && once.every((v, at) => v === pieces[at]),
          loud: Math.sqrt(2 * middle.reduce((sum, v) => sum + v * v, 0) / middle.length),
          off: Math.max(...middle.map((v, at) => Math.abs(v - exact[at + first])))})
      }
      return told
    })()"""
    cases = [[48000, 16000, 440], [44100, 16000, 6500], [48000, 22050, 3000], [16000, 16000, 999], [8000, 16000, 700]]
    for (_, to, _), told in zip(cases, page.ask(tone % cases), strict=True):
        assert told["same"] and abs(told["length"] - to) <= 1, told
        assert abs(told["loud"] - 1) < 1e-3 and told["off"] < 2e-3, told
    for told in page.ask(tone % [[48000, 16000, 8600], [44100, 8000, 12000]]):
        assert told["loud"] < 1e-3, told
