"""The page of each task in a browser: by keyboard, told aloud, legible, in two languages, on phone and desk."""

import re
from urllib.parse import urlsplit

import pytest
from browser import CHROMIUM
from standin import FACTS
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
    if (!node.data.trim() || !box.checkVisibility()) continue
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
    page.ask("const top = document.querySelector('h1'); top.tabIndex = -1; top.focus()")  # tabs start there
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
