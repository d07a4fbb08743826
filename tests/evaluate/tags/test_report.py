"""Evaluations and report sections of taggers."""

import pytest

from elman.errors import InputError
from elman.evaluate.report import Report
from elman.evaluate.tags import report
from elman.evaluate.tags.report import MostFrequent

TOKENS = [["Ann", "saw", "Rome", "."], ["Rome", "saw", "ann"], ["May", "sees", "May", "."]]
TAGS = [["B-PER", "O", "B-LOC", "O"], ["B-LOC", "O", "B-PER"], ["B-PER", "O", "O", "O"]]


def titles(pages):
    return [page.title for page in pages]


def test_most_frequent_tags():
    model = MostFrequent.fit(TOKENS, TAGS)
    again = MostFrequent.from_json(model.to_json())
    # May is as often O as B-PER and O is later in the alphabet; of the words seen once two of three are names.
    assert again.predict([["May", "Rome", "Saw", "Unheard"], []]) == [["B-PER", "B-LOC", "O", "B-PER"], []]
    with pytest.raises(InputError, match="no token"):
        MostFrequent.fit([[]], [[]])


def test_a_tagger_is_judged_by_spans_or_by_tokens():
    truth, tokens = TAGS * 40, TOKENS * 40
    rival = MostFrequent.fit(TOKENS[:1], TAGS[:1]).predict(tokens)
    score = report.judge(truth, truth, {"most_frequent": rival})
    assert score.good is True and score.rows == 11 * 40 and "span F1 100" in score.verdict
    assert "each word's commonest tag" in score.verdict
    few = report.judge(TAGS[:1], TAGS[:1], {"most_frequent": [["O"] * 4]})
    assert few.good is None and "too little was scored" in few.verdict
    kinds = [["X" if tag == "O" else "Y" for tag in tags] for tags in truth]
    score = report.judge(kinds, kinds, {"most_frequent": [["X"] * len(tags) for tags in truth]})
    assert score.good is True and "accuracy 100" in score.verdict and "span_f1" not in score.metrics


def test_the_pages_of_a_tagger():
    guess = [["B-PER", "O", "B-PER", "O"], TAGS[1], TAGS[2]]
    score = report.judge(TAGS, guess, {"most_frequent": MostFrequent.fit(TOKENS, TAGS).predict(TOKENS)})
    pages, picture = report.sections(score, TOKENS, TAGS, guess)
    assert titles(pages) == ["Score", "Spans", "Tag by tag", "Commonest mistakes"]
    assert pages[1].items[0].rows == [
        ["LOC", 0.5, 1.0, pytest.approx(2 / 3), 2],
        ["PER", 1.0, 0.75, pytest.approx(6 / 7), 3],
    ]
    assert pages[3].items[0].rows == [["Rome", "B-LOC", "B-PER", 1]]
    assert "<svg" in picture.svg and "<table" in Report("t", sections=pages).render()
