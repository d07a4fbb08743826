"""The words of a report in Chinese: phrases, and sentences with gaps, looked up when a page is written.

``chinese.toml`` beside this page is the catalogue, and the one place to extend: "English" = "中文", in sections. In an
entry with gaps

    {name}    is what the data or the user named, and stays as it is
    {n}       is a number; so is any gap whose name is n and a digit
    <name>    is a phrase of the catalogue itself: of its section [only.name] or [name], where there is one

Of sections called [only. ...] nothing is looked up but for such gaps, and for what is asked for by its section.

What the catalogue does not know stays as it was. Whoever writes a page hands over only words of the report itself: the
names, labels and texts of the data are marked ``Given``, or stand where nothing is looked up.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from html import escape, unescape
from pathlib import Path

from elman.evaluate.wording import Given

FONTS = "system-ui, -apple-system, PingFang SC, Microsoft YaHei, Noto Sans CJK SC, Noto Sans SC, sans-serif"
NUMBER = r"[-+−]?(?:\d[\d,.]*(?:e[-+]?\d+)?|∞)(?: ?%)?|–"
LETTER = re.compile("[A-Za-z]")
COUNTS = re.compile(r"n\d*")  # the names of gaps that are numbers
GAP = re.compile(r"\{(\w+)\}|<(\w+)>")
MARKS = ((". ", "。"), ("; ", "；"), (", ", "，"))  # what parts sentences, the strongest first
# A text of a figure, or its title or description; what stands in a group of class "given" is passed over.
DRAWN = re.compile(r'<g class="given">.*?</g>|(<(text|title|desc)\b[^>]*>)([^<]*)(?=</\2>)', re.S)


def said(text: str, section: str = "") -> str:
    """The text in Chinese, or as it is where that is not known; of one ``section`` of the catalogue first."""
    if isinstance(text, Given) or not LETTER.search(text):
        return text
    return _known(text, section) or _known(text) or _known(text, "named") or text


def drawn(svg: str) -> str:
    """A figure with its own words in Chinese, in fonts that have them."""

    def word(found: re.Match[str]) -> str:
        return f"{found[1]}{escape(said(unescape(found[3])), quote=False)}" if found[1] else found[0]

    head, body = svg.split(">", 1)
    return re.sub(r'font-family="[^"]*"', f'font-family="{FONTS}"', head) + ">" + DRAWN.sub(word, body)


@cache
def _known(text: str, section: str = "") -> str | None:
    """The text in Chinese, None where the catalogue, or its ``section``, does not know it."""
    phrases, patterns = _catalogue()[section]
    forms = (text, text[:1].lower() + text[1:])  # a note begins with a capital on its page
    for form in forms:
        if form in phrases:
            return phrases[form]
    if text.endswith(".") and not section and (whole := _known(text[:-1])):
        return f"{whole}。"
    for form in forms:
        for pattern, there in patterns:
            found = pattern.fullmatch(form)
            if found and (filled := _filled(there, found.groupdict())):
                return filled
    for mark, other in MARKS:
        parts = [_known(part, section) for part in text.split(mark)] if mark in text else [None]
        if None not in parts:
            return other.join(map(str, parts))
    return None


def _filled(there: str, gaps: dict[str, str]) -> str | None:
    """The Chinese sentence with its gaps filled; None where one of them wants a phrase that is not known."""
    words: dict[str, str | None] = {}
    for given, phrase in GAP.findall(there):
        section = phrase if phrase in _catalogue() else ""
        words[given or phrase] = gaps[given] if given else _known(gaps[phrase], section)
    return None if None in words.values() else GAP.sub(lambda gap: str(words[gap[1] or gap[2]]), there)


@cache
def _catalogue() -> dict[str, tuple[dict[str, str], list[tuple[re.Pattern[str], str]]]]:
    """By section, and of all under "": the phrases, and the sentences with gaps, those that say most first."""
    sections = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
    only = sections.pop("only")
    # The settings' names without their flags, as they stand in a sentence: "batch size".
    flags = only["setting"].items()
    only["named"] = {flag.replace("_", " "): there.removesuffix(f" {flag}") for flag, there in flags}
    every = {here: there for entries in reversed(sections.values()) for here, there in entries.items()}
    found = {}
    for name, entries in {**sections, **only, "": every}.items():
        gapped = [here for here in entries if GAP.search(here)]
        gapped.sort(key=lambda here: -len(GAP.sub("", here)))
        phrases = {here: there for here, there in entries.items() if here not in gapped}
        found[name] = (phrases, [(_pattern(here), entries[here]) for here in gapped])
    return found


def _pattern(here: str) -> re.Pattern[str]:
    """What a sentence with gaps looks like."""
    out, end = "", 0
    for gap in GAP.finditer(here):
        name = gap[1] or gap[2]
        what = NUMBER if COUNTS.fullmatch(name) else ".+?"
        out += f"{re.escape(here[end : gap.start()])}(?P<{name}>{what})"
        end = gap.end()
    return re.compile(out + re.escape(here[end:]), re.S)
