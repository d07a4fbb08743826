"""The catalogue of Chinese words: what it knows is said, what is the data's stays, and its entries fit together."""

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.evaluate import chinese
from elman.evaluate.labels.plots import confusion, unfolding
from elman.evaluate.report import Facts, Figure, Report, Section, Sound, Table, Text
from elman.evaluate.wording import Given

CATALOGUE = Path(chinese.__file__).with_suffix(".toml")
HAN = re.compile("[一-鿿]")


def entries():
    sections = tomllib.loads(CATALOGUE.read_text("utf-8"))
    only = sections.pop("only")
    return [(section, here, there) for section, of in {**sections, **only}.items() for here, there in of.items()]


@pytest.mark.parametrize(
    "here, there",
    [
        ("Score", "得分"),
        ("Forecast of Close, 5 steps ahead", "预测 Close：未来 5 步"),
        ("Rows were not in time order: sorted.", "行不按时间排列：已排序。"),
        ("840 rows train, 120 choose when to stop, 240 judge", "840 行用于训练，120 行决定何时停止，240 行用于评估"),
        ("One step is 30 minutes, weekends left out.", "一步是 30 分钟，不含周末。"),
        ("Date: times are UTC", "Date：时间为 UTC"),
        ("WARNING: 3 rows are too few to judge by", "警告：3 行太少，不足以评估"),
        (
            "Better than the value 24 steps of 1 hour ago (the best of 3 baselines): MAE 1.2 against 2.4, 50 % lower.",
            "优于24 步（每步 1 小时）之前的值（3 个基线中最好的）：MAE 1.2，对方 2.4，低 50 %。",
        ),
        (
            "Does NOT beat the last value: MAE 2.40 against 1.20; use the last value instead.",
            "没有超过上一个值：MAE 2.40，对方 1.20；请改用上一个值。",
        ),
        ("05 Mar 2024", "2024年3月05日"),
    ],
)
def test_phrases_and_sentences(here, there):
    assert chinese.said(here) == there


@pytest.mark.parametrize("text", ["", "3.14", "–", "什么", "mae", "Sic transit.", "WARNING: sic transit", "batch_size"])
def test_what_is_not_known_stays(text):
    assert chinese.said(text) == text


def test_what_is_the_datas_is_never_looked_up():
    assert chinese.said(Given("Score")) == "Score"


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20))
def test_what_fills_a_gap_is_kept_letter_by_letter(name):
    assert chinese.said(f"columns not read: {name}!") == f"没有读取的列：{name}!"


def test_settings_are_asked_for_by_their_section_alone():
    assert chinese.said("precision") == "精确率"
    assert chinese.said("precision", "setting") == "精度 precision"
    assert chinese.said("not a setting", "setting") == "not a setting"


def test_each_entry_is_chinese_and_keeps_its_gaps():
    assert len(entries()) > 400
    for section, here, there in entries():
        gaps, kept = (["".join(names) for names in chinese.GAP.findall(text)] for text in (here, there))
        assert len(gaps) == len(set(gaps)) and sorted(gaps) == sorted(kept), here
        name = here in there or here in ("kneser-ney", "v sknn")  # MAE is MAE
        assert name or HAN.search(there) or not re.search("[a-z]", chinese.GAP.sub("", there)), here
        if not gaps:
            assert chinese.said(here, section) == there, here


def page(label):
    """A page whose data is called ``label``, wherever data can stand."""
    figures = [
        Figure(
            confusion([[3, 1], [2, 4]], [label, "b"]).svg, "Guesses by true label; the shade is the share of its row."
        ),
        Figure(unfolding([[0.2, 0.8]], ["a", label]).svg, Given(label)),
    ]
    items = [
        Table(["Label", "recall"], [[label, 0.5], [label, None]]),
        Table(["", "accuracy"], [["this model", 0.5]], own_names=True),
        Table(["text", "stopped"], [[label, True]]),
        *figures,
        Facts({"seed": label}),
        Text("Columns not read: a."),
        Sound([0.0], 8000, f"{label}: the model"),
    ]
    return Report(f"Forecast of {label}, 2 steps ahead", sections=[Section("Score", "3 texts.", items)])


@pytest.mark.parametrize("label", ["training", "rows", "Score", "true label", "yes", "the recording", "<b>&"])
def test_data_that_is_called_like_a_word_of_the_report_keeps_its_name(label):
    here, there = page(label).render("zh"), page("Ω").render("zh")
    shown = label.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert here.count(f">{shown}<") == there.count(">Ω<") == 8
    assert f"预测 {shown}：未来 2 步" in here and f"{shown}：模型" in here


def test_a_page_says_its_language_and_an_english_one_holds_no_other():
    here, there = page("x").render(), page("x").render("zh")
    assert here == page("x").render("en") and '<html lang="en">' in here and '<html lang="zh-CN">' in there
    assert not HAN.search(here[here.index("<body") :])
    for word in ("得分", "本模型", "真实标签", "准确率", "随机种子 seed", "没有读取的列：a。", ">是<"):
        assert word in there, word
    assert "PingFang SC" in there and re.sub("<[^>]*>", "", here).count("\n") == re.sub("<[^>]*>", "", there).count(
        "\n"
    )
