"""Error rates as jiwer has them, and what is said of a transcriber."""

import sys

import numpy as np
import pytest

from elman.errors import InputError, MissingDependency
from elman.evaluate.transcription.metrics import mistakes, transcription_metrics
from elman.evaluate.transcription.report import Alignment, judge, most_frequent, sections

jiwer = pytest.importorskip("jiwer")

TRUTH = ["one two", "tree", "nine  x", "four six five"]
GUESS = ["one two", "three", "", "four five"]


def test_rates_are_edits_over_all_texts():
    found = transcription_metrics(GUESS, TRUTH)
    # 0 + 1 + 2 + 1 of 8 words; 0 + 1 + 6 + 4 of 7 + 4 + 6 + 13 characters.
    assert found == pytest.approx({"wer": 4 / 8, "cer": 11 / 30, "exact": 1 / 4})
    assert found["wer"] == pytest.approx(jiwer.wer(TRUTH, GUESS))
    wrong, all_ = mistakes(GUESS, TRUTH, words=True)
    assert wrong.tolist() == [0, 1, 2, 1] and all_.tolist() == [2, 1, 2, 3]


def test_chinese_has_no_word_error_rate():
    assert transcription_metrics(["三百一"], ["三百二十"], words=False) == pytest.approx({"cer": 0.5, "exact": 0})


def test_insertions_count_and_can_be_more_than_all():
    assert transcription_metrics(["a b c d"], ["a"])["wer"] == 3


@pytest.mark.parametrize(("guesses", "truths"), [([], []), (["a"], []), (["a"], [" "])])
def test_what_cannot_be_scored_is_refused(guesses, truths):
    with pytest.raises(InputError, match="give one each, none of them empty"):
        transcription_metrics(guesses, truths)


def test_a_missing_scorer_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "jiwer", None)
    with pytest.raises(MissingDependency, match="pip install 'elman\\[sound\\]'"):
        transcription_metrics(["a"], ["a"])


def test_the_verdict_is_beside_the_most_frequent_transcript():
    score = judge(TRUTH * 5, TRUTH * 5, "one two")
    assert score.good is True and score.metrics == {"wer": 0, "cer": 0, "exact": 1}
    assert "the most frequent transcript" in score.verdict and "word error rate" in score.verdict
    assert score.baselines["empty"]["wer"] == 1 and score.baselines["most_frequent"]["exact"] == 0.25
    worse = judge(["x y z"] * 20, TRUTH * 5, "one two")
    assert worse.good is False
    assert "character error rate" in judge(["三"] * 4, ["三", "四", "五", "三"], "三", words=False).verdict
    assert most_frequent(["b", "a", "a", "b"]) == "b"


def test_the_pages_show_transcripts_mistakes_and_when_they_were_heard():
    score = judge(GUESS * 5, TRUTH * 5, "one two", notes=("a note",))
    pages, picture = sections(score, ["x.wav"] * 20, GUESS * 5, TRUTH * 5, [Alignment(np.eye(3), ["o", "n", "e"], 1.2)])
    assert [page.title for page in pages] == ["Score", "Transcripts", "Worst mistakes", "When it was heard", "Data"]
    worst = pages[2].items[0].rows
    assert worst[0] == ["x.wav", "", "nine  x", 6] and len(worst) == 10
    assert picture is not None and "o – 0.20" in picture.description
    assert [page.title for page in sections(score, ["x"] * 20, TRUTH * 5, TRUTH * 5)[0]] == [
        "Score",
        "Transcripts",
        "Data",
    ]
