"""Explanations in Chinese: no word of the page is left in English, and what the data holds stays as it is."""

import numpy as np
import polars as pl
import pytest

from elman.errors import InputError
from elman.tasks.classify import Classifier
from elman.tasks.forecast import Forecaster
from elman.tasks.generate import Generator
from elman.tasks.tag import Tagger
from elman.tasks.translate import Translator
from left_in_english import left_in_english

WORDS = ["αβγ", "δεζ", "ηθι", "κλμ"]


def texts(rows=120):
    draw = np.random.default_rng(0)
    return [" ".join(draw.choice(WORDS, 5)) for _ in range(rows)]


@pytest.fixture(scope="module")
def forecast():
    times = (np.datetime64("2024-01-01T00", "h") + np.arange(500)).astype("datetime64[us]")
    heat, noise = np.random.default_rng(0).normal(size=(2, 500))
    frame = pl.DataFrame({"χ": times, "ψ": 5 + heat + np.sin(np.arange(500) * np.pi / 12), "ω": heat, "σ": noise})
    settings = {"horizon": 3, "lookback": 30, "hidden": 8, "steps": 60, "lang": "zh"}
    model = Forecaster(target="ψ", known=("ω", "σ"), **settings).fit(frame)
    return model.explain(frame)


def classified():
    rows = texts()
    labels = ["ά" if "αβγ" in row else "έ" for row in rows]
    settings = {"hidden": 8, "test_share": 0.3, "steps": 20, "pool": "attention"}
    return Classifier(text="φ", label="λ", **settings).fit({"φ": rows, "λ": labels}).explain(rows, 3)


def numbered():
    """Rows of a folder of numbers are shuffled, and what units follow is told."""
    draw = np.random.default_rng(0)
    rows = [draw.normal(at % 3, 1, (draw.integers(4, 9), 2)) for at in range(90)]
    return Classifier(hidden=4, test_share=0.3, steps=20).fit(rows, np.arange(90) % 3).explain(rows)


def tagged():
    rows = [row.split() for row in texts(60)]
    tags = [["B-Π" if word == "αβγ" else "O" for word in row] for row in rows]
    return Tagger(hidden=8, test_share=0.3, steps=20).fit(rows, tags).explain([rows[0]])


def generated():
    return Generator(hidden=8, batch_size=4, steps=20).fit("\n".join(texts(200))).explain("αβγ δε")


def translated():
    """Character by character, so that spaces are among what is read and written."""
    pytest.importorskip("sacrebleu")
    pairs = {"α": texts(80), "β": texts(80)[::-1]}
    settings = {"hidden": 8, "steps": 4, "target_level": "char", "source_level": "char"}
    return Translator(source="α", target="β", **settings).fit(pairs).explain(texts(1)[0])


def test_no_word_of_a_forecasts_explanation_is_left_in_english(forecast):
    page = forecast.html()
    assert forecast.lang == "zh" and '<html lang="zh-CN">' in page
    assert left_in_english(page) == []
    assert len(left_in_english(forecast.html("en"))) > 20
    assert "ψ，最近一天" in page and ">ω<" in page and "一天中的时间" in page


@pytest.mark.parametrize("make", [classified, numbered, tagged, generated, translated], ids=lambda make: make.__name__)
def test_nor_of_others(make):
    explained = make()
    assert explained.lang == "en" and '<html lang="en">' in explained.html()
    assert left_in_english(explained.html("zh")) == []
    assert len(left_in_english(explained.html())) > 10


def test_the_language_of_the_fit_is_that_of_the_page_unless_another_is_asked_for(forecast, tmp_path):
    here, there = forecast.save(tmp_path / "here"), forecast.save(tmp_path / "there", lang="en")
    assert "对 ψ 预测的贡献" in (here / "forecast.svg").read_text("utf-8")
    assert "adds to the forecast of ψ" in (there / "forecast.svg").read_text("utf-8")
    assert "预测最依据 ω" in (here / "explained.html").read_text("utf-8")
    assert "The forecasts rest most on ω" in (there / "explained.html").read_text("utf-8")


def test_another_language_is_refused_and_nothing_written(forecast, tmp_path):
    with pytest.raises(InputError, match="--lang must be en or zh, but is 'de'"):
        forecast.save(tmp_path / "x", lang="de")
    assert not list(tmp_path.iterdir())
