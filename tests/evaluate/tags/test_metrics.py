"""Measures of tagging: spans as conlleval reads them, scores by hand."""

import pytest

from elman.errors import InputError
from elman.evaluate.tags.metrics import marks_spans, span_counts, spans, tag_metrics, token_counts


@pytest.mark.parametrize(
    "tags, found",
    [
        ("O B-PER I-PER O B-LOC", {(1, 3, "PER"), (4, 5, "LOC")}),
        ("B-PER B-PER I-PER", {(0, 1, "PER"), (1, 3, "PER")}),
        ("I-PER I-PER O I-LOC", {(0, 2, "PER"), (3, 4, "LOC")}),  # IOB1: a span may begin with I-
        ("I-PER I-LOC", {(0, 1, "PER"), (1, 2, "LOC")}),
        ("B-PER I-LOC I-LOC", {(0, 1, "PER"), (1, 3, "LOC")}),
        ("S-PER S-PER B-LOC I-LOC E-LOC I-LOC", {(0, 1, "PER"), (1, 2, "PER"), (2, 5, "LOC"), (5, 6, "LOC")}),
        ("E-PER E-PER", {(0, 1, "PER"), (1, 2, "PER")}),
        ("O O", set()),
        ("", set()),
        ("B-a-b I-a-b", {(0, 2, "a-b")}),
    ],
)
def test_spans(tags, found):
    assert spans(tags.split()) == found


def test_what_marks_spans():
    assert marks_spans(["O", "B-PER", "I-PER", "O"])
    assert not marks_spans(["O", "O"]) and not marks_spans([]) and not marks_spans(["NOUN", "B-PER"])
    assert not marks_spans(["B-"])


TRUTH = [["B-PER", "I-PER", "O", "B-LOC"], ["O", "B-LOC"]]
GUESS = [["B-PER", "I-PER", "O", "B-PER"], ["B-LOC", "I-LOC"]]


def test_scores_by_hand():
    assert tag_metrics(TRUTH, GUESS) == pytest.approx(
        {"accuracy": 3 / 6, "span_precision": 1 / 3, "span_recall": 1 / 3, "span_f1": 1 / 3}
    )
    assert token_counts(TRUTH, GUESS).tolist() == [[3, 4], [0, 2]]
    assert span_counts(TRUTH, GUESS).tolist() == [[1, 2, 2], [0, 1, 1]]
    assert span_counts(TRUTH, GUESS, "LOC").tolist() == [[0, 0, 1], [0, 1, 1]]


def test_parts_of_speech_have_no_spans():
    assert tag_metrics([["NOUN", "VERB"], []], [["NOUN", "NOUN"], []]) == {"accuracy": 0.5}
    no_guess = tag_metrics(TRUTH, [["O"] * 4, ["O"] * 2])
    assert no_guess["span_precision"] == no_guess["span_f1"] == 0


@pytest.mark.parametrize(
    "truth, guess, message",
    [
        ([["O"]], [], "1 and 0 sentences"),
        ([["O"], ["O", "O"]], [["O"], ["O"]], "2 and 1 in sentence 1"),
        ([[]], [[]], "there is no token"),
        ([], [], "there is no token"),
    ],
)
def test_what_cannot_be_scored_is_said(truth, guess, message):
    with pytest.raises(InputError, match=message):
        tag_metrics(truth, guess)
