"""The report: whole, escaped, asking for nothing, and refusing figures that would do more than be seen."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from elman.errors import InputError
from elman.evaluate import plots
from elman.evaluate.report import Facts, Figure, Report, Section, Shaded, Table, Text, Verbatim

VOID = {"meta", "br", "hr", "img", "link", "input"}
PLOT = plots.calibration({0.8: 0.75, 0.95: 0.93})


class Page(HTMLParser):
    """Reads a page strictly, every element closed in its turn; keeps elements, and text by where it is."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.open, self.elements, self.text = [], [], []
        self.feed(html)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> inside {self.open}"
        self.open.pop()

    def handle_data(self, data):
        if data.strip():
            self.text.append((self.open[-1] if self.open else "", data.strip()))

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]

    def said(self, tag):
        return [text for name, text in self.text if name == tag]


def full(text="Demand"):
    table = Table([text, "MAE", text], [[text, 1.5, None], [text, 242.43, text]], text, highlight=0)
    figures = [Figure(PLOT.svg, text), Figure(PLOT.svg, text, wide=True)]
    quotes = [Verbatim(text, text), Shaded([text, text, "end"], [0.0, 1.0, 0.4], text)]
    items = [table, *figures, Facts({text: text, "n": 3}), Text(text), *quotes]
    return Report(text, text, text, True, [Section(text, text, items), Section(text)], text)


def test_the_page_is_whole_and_asks_for_nothing():
    page = Page(full().render())
    assert page.said("h1") == ["Demand"] and page.said("title")[0] == "Demand"
    assert not {"script", "link", "img", "iframe", "object", "base", "form"} & {name for name, _ in page.elements}
    for name, attrs in page.elements:
        for key, value in attrs.items():
            assert not key.startswith("on") and key not in {"src", "action", "srcset"}
            assert not key.endswith("href") or value.startswith("#"), (name, key, value)
    html = full().render()
    assert not re.search(r"@import|url\((?!#)", html)
    assert {"http-equiv": "Content-Security-Policy"}.items() <= page.all("meta")[2].items()
    assert page.all("meta")[2]["content"].startswith("default-src 'none'")
    assert "@media screen and (prefers-color-scheme: dark)" in html and "@media print" in html
    assert "width=device-width" in html


def test_every_variable_is_set_for_light_and_dark():
    html = full().render()
    light = html[html.index(":root {") : html.index("@media screen")]
    dark = html[html.index("@media screen") : html.index("*, ::before")]
    own = {"--tone"}  # set by the kind of verdict
    for name in set(re.findall(r"var\((--[\w-]+)", html)) - own:
        assert f"{name}:" in light and f"{name}:" in dark, name


def test_accessible_names_and_order():
    page = Page(full().render())
    assert page.all("html") == [{"lang": "en"}]
    assert [attrs["scope"] for attrs in page.all("th")] == ["col"] * 3 + ["row"] * 2
    ids = {attrs["id"] for _, attrs in page.elements if "id" in attrs}
    for attrs in page.all("section") + page.all("svg"):
        assert attrs.get("aria-hidden") == "true" or set(attrs["aria-labelledby"].split()) <= ids
    for attrs in page.all("div"):
        assert "tabindex" not in attrs or attrs["aria-label"]
    assert len(page.all("figcaption")) == len(page.all("figure")) == 4
    assert [tag for tag, _ in page.elements if tag in ("h1", "h2")] == ["h1", "h2", "h2"]


HOSTILE = [
    '<script>alert("x")</script>',
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }} {% raw %}",
    "a & b < c",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text):
    calm, wild = Page(full().render()), Page(full(text).render())
    assert [name for name, _ in wild.elements] == [name for name, _ in calm.elements]
    assert [list(attrs) for _, attrs in wild.elements] == [list(attrs) for _, attrs in calm.elements]
    assert wild.said("h1") == wild.said("footer") == wild.said("caption") == [text]
    assert wild.said("th").count(text) == 4 and text in wild.said("td") and text in wild.said("dt")


@pytest.mark.parametrize("good, tone", [(True, "good"), (False, "bad"), (None, "open")])
def test_the_verdict_has_its_tone_and_its_words(good, tone):
    page = Page(Report("t", verdict="So it is.", good=good).render())
    assert {"class": f"verdict {tone}"} in page.all("p") and "So it is." in page.said("span")


def test_what_is_absent_leaves_no_empty_element():
    page = Page(Report("Only a title").render())
    assert not page.all("p") and not page.all("section") and not page.all("footer")


def test_cells_are_written_for_readers_and_numbers_stand_right():
    table = Table(
        ["Forecast", "MAE", "Rows", "Note"],
        [["model", 98.24, 1200, "x"], ["naive", 242.43, None, 3], ["none", np.nan, np.int64(7), True]],
    )
    assert table.numeric == [False, True, True, False]
    assert table.written == [
        ("model", "98.2", "1,200", "x"),
        ("naive", "242.4", "–", "3"),
        ("none", "–", "7", "yes"),
    ]
    page = Page(Report("t", sections=[Section("s", items=[table])]).render())
    assert [attrs.get("class") for attrs in page.all("td")] == ["n", "n", None] * 3
    assert Table(["a"], []).written == []


def test_the_highlighted_row_is_the_one_named():
    table = Table(["a"], [["x"], ["y"], ["z"]], highlight=1)
    rows = Page(Report("t", sections=[Section("s", items=[table])]).render()).all("tr")
    assert [attrs.get("class") for attrs in rows] == [None, None, "look", None]


def test_facts_write_any_value():
    facts = Facts({"layers": 2, "rate": 0.00125, "gpu": False, "seed": None, "shape": (3, 4), "name": "lstm"})
    assert [value for _, value in facts.written] == ["2", "0.00125", "no", "–", "(3, 4)", "lstm"]


def test_figures_in_a_row_share_it_and_paragraphs_part():
    items = [Figure(PLOT.svg), Figure(PLOT.svg), Text("one\n\ntwo\n\n\n"), Figure(PLOT.svg, wide=True)]
    page = Page(Report("t", sections=[Section("s", items=items)]).render())
    assert sum(attrs.get("class") == "figures" for attrs in page.all("div")) == 2
    assert page.said("p") == ["one", "two"]
    assert [attrs.get("class") for attrs in page.all("figure")] == [None, None, "wide"]


def quoted(item):
    html = Report("t", sections=[Section("s", items=[item])]).render()
    return html, Page(html)


def test_a_shaded_text_is_the_text_and_its_heaviest_piece_is_darkest():
    words = ["not", "a", "good", "film", "<b>"]
    html, page = quoted(Shaded(words, [0.5, 0.0, 1.0, 0.01, 0.25], "looked at"))
    body = html[html.index('<figure class="quote">') :]
    body = body[body.index("<p>") + 3 : body.index("</p>")]
    assert re.sub(r"<[^>]*>", "", body) == "not a good film &lt;b&gt;"
    shades = re.findall(r"--plot-1\) (\d+)%, transparent\)\">([^<]*)<", body)
    assert shades == [("25", "not"), ("50", "good"), ("10", "&lt;b&gt;")]
    assert page.said("figcaption") == ["looked at"]


def test_shaded_characters_stand_close_and_neighbours_share_an_element():
    html, page = quoted(Shaded(list("很好 吃"), [1, 1, 0, 0], apart=""))
    assert page.said("span") == ["很好"] and "</span> 吃</p>" in html
    assert quoted(Shaded(["a", "b"], [0, 0]))[1].all("span") == []
    assert "<p></p>" in quoted(Shaded([], []))[0]


@pytest.mark.parametrize("weights, message", [([1.0], "2 pieces have 1 weights"), ([1.0, np.nan], "a weight is nan")])
def test_weights_that_do_not_fit_are_refused(weights, message):
    with pytest.raises(InputError, match=message):
        Shaded(["a", "b"], weights)


def test_what_a_model_has_written_keeps_its_lines():
    html, page = quoted(Verbatim("  ROMEO:\n\n  O <she>", "at 0.8"))
    assert "<pre>  ROMEO:\n\n  O &lt;she&gt;</pre>" in html and page.said("figcaption") == ["at 0.8"]


def test_the_same_report_gives_the_same_bytes():
    assert full().render() == full().render()


@pytest.mark.parametrize(
    "svg, message",
    [
        ("<p>no</p>", "more than one <svg>"),
        ("<svg><g></svg>", "not well-formed"),
        ("<svg/><script/>", "not well-formed"),
        ("<svg><script>alert(1)</script></svg>", "holds <script>"),
        ("<svg><foreignObject/></svg>", "holds <foreignObject>"),
        ("<svg><style>*{}</style></svg>", "holds <style>"),
        ('<svg onload="alert(1)"/>', "onload='alert"),
        ('<svg><use href="https://example.org/x.svg#a"/></svg>', "href="),
        ('<svg xmlns:xlink="x"><image xlink:href="http://example.org/a.png"/></svg>', "load nothing"),
        ('<svg><rect style="fill: url(http://example.org)"/></svg>', "style="),
        ("<svg><title><![CDATA[<img src=x>]]></title></svg>", "more than one <svg>"),
        ('<!DOCTYPE svg [<!ENTITY a "b">]><svg>&a;</svg>', "more than one <svg>"),
    ],
)
def test_a_figure_that_would_do_more_than_be_seen_is_refused(svg, message):
    with pytest.raises(InputError, match=message):
        Figure(svg)


def test_a_bitmap_inside_a_figure_may_stay():
    svg = '<svg xmlns:xlink="x"><image xlink:href="data:image/png;base64,AAAA"/></svg>'
    assert str(Figure(svg).markup) == svg


def test_tables_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="row 1 has 1 cells: give 2"):
        Table(["a", "b"], [[1, 2], [3]])
    with pytest.raises(InputError, match="highlight is 1: the table has rows 0 to 0"):
        Table(["a"], [[1]], highlight=1)
