"""ROUGE on values worked out by hand, what summaries are read beside, and what is said of them."""

import pytest

from elman.errors import InputError
from elman.evaluate.summary.extract import best_count, central, lead
from elman.evaluate.summary.metrics import means, rouge
from elman.evaluate.summary.report import judge, sections


@pytest.mark.parametrize(
    ("guess", "reference", "one", "two", "longest"),
    [
        ("the cat sat on the mat", "the cat sat on the mat", 1, 1, 1),
        # Both have the, cat, the: 3 of 4 and 3 of 6; (the, cat) of 3 and of 5; the cat ... the in order.
        ("the cat and the", "the cat sat on the mat", 2 * 3 / 10, 2 * 1 / 8, 2 * 3 / 10),
        # The same words in another order: all single ones; the longest in order is one of two.
        ("b a", "a b", 1, 0, 0.5),
        # A word counts as often as both have it.
        ("go go go", "go", 2 * 1 / 4, 0, 2 * 1 / 4),
        ("Tools for C-3PO!", "tools, for c 3po", 1, 1, 1),
        ("", "a b", 0, 0, 0),
        ("a b", "...", 0, 0, 0),
        ("x", "y z", 0, 0, 0),
    ],
)
def test_rouge_by_hand(guess, reference, one, two, longest):
    found = {name: float(of[0]) for name, of in rouge([guess], [reference]).items()}
    assert found == pytest.approx({"rouge1": one, "rouge2": two, "rougeL": longest})


def test_the_mean_is_of_rows_in_percent():
    assert means(rouge(["a b", "x"], ["a b", "y"])) == pytest.approx({"rouge1": 50, "rouge2": 50, "rougeL": 50})


def test_what_cannot_be_scored_is_refused():
    for guesses, references in ([], []), (["a"], []):
        with pytest.raises(InputError, match="give one each"):
            rouge(guesses, references)


def test_the_lead_has_the_words_that_share_most():
    texts = ["one two three four five. six", "one two", "one TWO three. four five six seven"]
    assert lead(texts, 3) == ["one two three", "one two", "one two three"]
    targets = ["one two three", "one two", "one two three"]
    assert best_count(texts, targets) == 3
    scores = [rouge(lead(texts, count), ["one two", "one", "two"])["rouge1"].mean() for count in range(1, 31)]
    assert best_count(texts, ["one two", "one", "two"]) == scores.index(max(scores)) + 1


def test_the_central_sentence_shares_most_with_the_others():
    text = "Nothing to see here. Maps of towns. Maps of towns and roads. Buy now!"
    assert central([text, "", "one"], 4) == ["maps of towns and", "", "one"]


def test_the_verdict_names_the_best_baseline_and_the_report_shows_summaries():
    truth = [f"tool number {at} for maps" for at in range(40)]
    rivals = {"lead": ["a tool"] * 40, "central": ["nothing"] * 40}
    score = judge(truth, truth, rivals)
    assert score.good is True
    assert "the first words of the text" in score.verdict
    assert score.metrics == pytest.approx({"rouge1": 100, "rouge2": 100, "rougeL": 100})
    pages = sections(score, truth, truth, truth)
    assert [page.title for page in pages] == ["Score", "Summaries"]
    assert judge(rivals["lead"], truth, {"lead": truth}).good is False
    with pytest.raises(InputError, match="no baseline"):
        judge(["a"], ["a"], {})
