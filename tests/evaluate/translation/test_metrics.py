"""BLEU and chrF as sacrebleu gives them, with as many references as a source has."""

import pytest

from elman.errors import InputError
from elman.evaluate.translation.memory import TranslationMemory
from elman.evaluate.translation.metrics import grouped, translation_metrics
from elman.evaluate.translation.report import judge, sections

pytest.importorskip("sacrebleu")

TRUTH = ["the cat sat on the mat", "a dog lay by the door", "it rains again today here"]


def test_perfect_and_useless_translations():
    assert translation_metrics(TRUTH, [[one] for one in TRUTH]) == pytest.approx({"bleu": 100, "chrf": 100})
    assert translation_metrics(["x"] * 3, [[one] for one in TRUTH])["bleu"] < 1


def test_every_reference_counts_and_capitals_do_not():
    guesses = [text.upper() for text in TRUTH]
    references = [["nothing like it", TRUTH[0]], [TRUTH[1]], ["no", "not", TRUTH[2]]]
    assert translation_metrics(guesses, references)["bleu"] == pytest.approx(100)
    assert translation_metrics(guesses, references, lower=False)["bleu"] < 1


def test_chinese_is_scored_by_character():
    assert translation_metrics(["我很喜欢你"], [["我喜欢你们"]], chinese=True)["bleu"] > 10
    assert translation_metrics(["我很喜欢你"], [["我喜欢你们"]])["bleu"] < 1


def test_what_cannot_be_scored_is_refused():
    for guesses, references in ([], []), (["a"], []), (["a"], [[]]):
        with pytest.raises(InputError, match="give one each"):
            translation_metrics(guesses, references)


def test_equal_sources_are_one_with_all_their_targets():
    assert grouped(["a", "b", "a"], ["x", "y", "z"]) == (["a", "b"], [["x", "z"], ["y"]])


def test_the_memory_gives_the_target_of_the_nearest_source():
    memory = TranslationMemory.fit(["I like tea", "You like coffee", "It rains"], ["T", "C", "R"])
    assert memory.predict(["I like black tea", "it rained", "you like it"]) == ["T", "R", "C"]
    again = TranslationMemory.from_array(memory.array())
    assert again.predict(["It rains!"]) == ["R"]


def test_the_verdict_names_the_best_baseline_and_the_report_shows_translations():
    references = [[one] for one in TRUTH * 10]
    score = judge(TRUTH * 10, references, {"copy": ["x"] * 30, "memory": [one[:12] for one in TRUTH * 10]})
    assert score.good is True and "most similar known text" in score.verdict
    assert score.metrics["bleu"] > score.baselines["memory"]["bleu"]
    pages = sections(score, TRUTH * 10, TRUTH * 10, references)
    assert [page.title for page in pages] == ["Score", "Translations"]
    with pytest.raises(InputError, match="no baseline"):
        judge(["a"], [["a"]], {})
