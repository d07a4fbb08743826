"""Reports in Chinese: of fits of every task no word of the report is left in English.

What the data holds is written in Greek here, so that every Latin word on a page is one that the catalogue lacks.
"""

import numpy as np
import polars as pl
import pytest

from elman.errors import InputError
from elman.tasks.classify import Classifier
from elman.tasks.forecast import Forecaster
from elman.tasks.generate import Generator
from elman.tasks.load import load
from elman.tasks.page import page_of
from elman.tasks.paint import Painter
from elman.tasks.recommend import Recommender
from elman.tasks.regress import Regressor
from elman.tasks.speak import Speaker
from elman.tasks.summarize import Summarizer
from elman.tasks.tag import Tagger
from elman.tasks.transcribe import Transcriber
from elman.tasks.translate import Translator
from left_in_english import left_in_english

WORDS = ["αβγ", "δεζ", "ηθι", "κλμ", "νξο", "πρς"]


def texts(rows):
    draw = np.random.default_rng(0)
    return [" ".join(draw.choice(WORDS, 5)) for _ in range(rows)]


def forecast(**settings):
    days = np.datetime64("2020-01-01") + np.delete(np.arange(400), [7, 50])
    frame = pl.DataFrame({"χ": days, "ψ": np.sin(np.arange(398)) + np.random.default_rng(0).normal(0, 1, 398)})
    return Forecaster(target="ψ", horizon=3, hidden=4, **settings).fit(frame.with_columns(pl.lit(1.0).alias("ω")))


def classify(**settings):
    rows = texts(120)
    labels = ["ά" if "αβγ" in row else "έ" for row in rows]
    return Classifier(text="φ", label="λ", hidden=8, test_share=0.3, **settings).fit({"φ": rows, "λ": labels})


def classify_numbers(**settings):
    draw = np.random.default_rng(0)
    rows = [draw.normal(at % 3, 1, (draw.integers(4, 9), 2)) for at in range(90)]
    return Classifier(hidden=4, test_share=0.3, **settings).fit(rows, np.arange(90) % 3)


def regress(**settings):
    rows = texts(120)
    return Regressor(text="φ", target="λ", hidden=8, **settings).fit({"φ": rows, "λ": [row.count("α") for row in rows]})


def tag(**settings):
    rows = [row.split() for row in texts(60)]
    return Tagger(hidden=8, test_share=0.3, **settings).fit(
        rows, [["B-Π" if word == "αβγ" else "O" for word in row] for row in rows]
    )


def generate(**settings):
    return Generator(hidden=8, batch_size=4, **settings).fit("\n".join(texts(200)))


def paint(**settings):
    pictures = np.random.default_rng(0).integers(0, 2, (60, 6, 6), np.uint8) * 255
    return Painter(hidden=8, **settings).fit(pictures)


def recommend(**settings):
    draw = np.random.default_rng(0)
    who = np.repeat(np.arange(60), 5)
    events = {"α": who, "β": draw.choice(WORDS, 300), "γ": np.arange(300)}
    return Recommender(session="α", item="β", time="γ", hidden=8, **settings).fit(events)


def translate(**settings):
    pytest.importorskip("sacrebleu")
    return Translator(source="α", target="β", hidden=8, target_level="char", source_level="char", **settings).fit(
        {"α": texts(80), "β": texts(80)[::-1]}
    )


def summarize(**settings):
    return Summarizer(source="α", target="β", hidden=8, **settings).fit({"α": texts(80), "β": texts(80)[::-1]})


def takes(folder):
    """A table of short sounds with what is said in them."""
    soundfile = pytest.importorskip("soundfile")
    draw = np.random.default_rng(0)
    said = [WORDS[at % 3] for at in range(30)]
    for at in range(30):
        tone = np.sin(np.arange(3000) * (0.1 + 0.1 * (at % 3))) * 0.3 + draw.normal(0, 0.01, 3000)
        soundfile.write(folder / f"{at}.wav", tone, 8000)
    pl.DataFrame({"α": [f"{at}.wav" for at in range(30)], "β": said}).write_csv(folder / "μ.tsv", separator="\t")
    return folder / "μ.tsv"


MADE = [forecast, classify, classify_numbers, regress, tag, generate, paint, recommend, translate, summarize]


@pytest.mark.parametrize("make", MADE, ids=lambda make: make.__name__)
def test_no_word_of_the_report_is_left_in_english(make):
    model = make(steps=4, lang="zh")
    assert '<html lang="zh-CN">' in model.report()
    assert left_in_english(model.report()) == []
    assert len(left_in_english(page_of(model).render("en"))) > 20  # so that the check is known to see them


@pytest.mark.parametrize("task", [Transcriber, Speaker])
def test_nor_in_those_of_sounds(task, tmp_path):
    pytest.importorskip("jiwer")
    model = task(sound="α", text="β", hidden=8, steps=4, lang="zh").fit(takes(tmp_path))
    assert [text for text in left_in_english(model.report()) if not text.endswith((".wav", ".tsv"))] == []


def test_the_language_is_kept_and_changes_nothing_else(tmp_path):
    here, there = forecast(steps=4), forecast(steps=4, lang="zh")
    assert here.lang == "en" and "得分" not in here.report()
    again = load(there.save(tmp_path / "m.elman"))
    assert again.config_.lang == "zh" and again.evaluation_.metrics == here.evaluation_.metrics
    assert "得分" in (tmp_path / "m.elman" / "report.html").read_text("utf-8")
    assert "实际" in (tmp_path / "m.elman" / "picture.svg").read_text("utf-8")


def test_another_language_is_refused():
    with pytest.raises(InputError, match="--lang must be en or zh, but is 'de'"):
        forecast(lang="de")
