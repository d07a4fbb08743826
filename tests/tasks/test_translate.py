"""The translator: pairs in, translations out, saved and read again."""

import sys

import pytest

from elman.errors import InputError, MissingDependency
from elman.tasks.load import load
from elman.tasks.translate import Translator

pytest.importorskip("sacrebleu")

DIGITS = dict(zip("0123456789", "零一二三四五六七八九", strict=True))


def pairs(count=300):
    """Numbers as digits and as Chinese digits, one for one."""
    numbers = [str(7919 * at % 100_000) for at in range(count)]
    return {"digits": numbers, "zh": ["".join(DIGITS[digit] for digit in number) for number in numbers]}


def quick(**settings):
    return Translator(
        **{"source": "digits", "target": "zh", "source_level": "char", "hidden": 48, "steps": 250, "dropout": 0.0,
           "embedding_dropout": 0.0, "learning_rate": 1e-2, "batch_size": 32, **settings}
    )  # fmt: skip


@pytest.fixture(scope="module")
def fitted():
    return quick().fit(pairs())


def test_what_was_learnt_is_written(fitted):
    assert fitted.evaluation_.metrics["bleu"] > 60
    assert set(fitted.evaluation_.baselines) == {"copy", "memory"}
    right = sum(a == b for a, b in zip(fitted.predict(pairs()["digits"]), pairs()["zh"], strict=True))
    assert right > 240


def test_a_saved_model_says_the_same(fitted, tmp_path):
    again = load(fitted.save(tmp_path / "m.elman"))
    assert isinstance(again, Translator)
    texts = pairs()["digits"][:20]
    assert again.predict(texts) == fitted.predict(texts)
    assert again.evaluate(pairs(60)).metrics == fitted.evaluate(pairs(60)).metrics
    assert ">Translations<" in fitted.report()


def test_a_frame_and_one_text_give_a_frame(fitted):
    frame = fitted.predict({"digits": ["12", "345"]})
    assert frame.columns == ["digits", "zh"] and frame.height == 2
    assert fitted.predict("12")["zh"].to_list() == fitted.predict(["12"])


@pytest.mark.parametrize("settings", [{"cell": "gru", "attention": "multiplicative"}, {"layers": 2, "beam": 1}])
def test_options_learn(settings):
    model = quick(steps=30, test_share=0.0, **settings).fit(pairs(100))
    assert model.training_.history[-1]["loss"] < model.training_.history[0]["loss"]
    assert all(isinstance(text, str) for text in model.predict(["1", "", "😀"]))


def test_bad_settings_and_sources_are_one_sentence():
    with pytest.raises(InputError, match="--beam must be at least 1"):
        quick(beam=0).fit(pairs())
    with pytest.raises(InputError, match="--target must be another column than --source, but is 'digits'"):
        quick(target="digits").fit(pairs())
    with pytest.raises(InputError, match="'12' is one text, but several are needed"):
        quick(steps=2, test_share=0.0).fit(pairs(50)).ranked("12")
    with pytest.raises(InputError, match="has no column 'en'"):
        quick(target="en").fit(pairs())
    with pytest.raises(InputError, match="nothing to translate"):
        quick(steps=2, test_share=0.0).fit(pairs(50)).predict(None)


def test_empty_texts_have_empty_answers_and_are_counted(fitted):
    assert fitted.predict(["12", " ", ""]) == [fitted.predict(["12"])[0], "", ""]
    frame = fitted.predict({"digits": ["", "345"]}, best=2)
    assert frame["zh"].to_list()[0] == "" and frame["score"].to_list()[0] is None and frame.height == 3
    assert fitted.remarks == ("1 of 2 texts are empty, and so are their answers",)
    assert fitted.predict([""]) == [""]


def test_what_cannot_be_known_is_remarked(fitted):
    fitted.predict(["12x", "3", "4y"])
    assert fitted.remarks == ("2 of 3 texts have symbols that the model does not know, such as 'x'",)
    fitted.predict(["1" * 400])
    assert fitted.remarks == ("1 of 1 texts have more than the 300 symbols that were learnt from",)


def test_the_beam_may_be_chosen_at_the_end(fitted):
    texts = pairs()["digits"][:9]
    assert fitted.predict(texts, beam=5) == fitted.predict(texts)
    greedy = [found[0].symbols for found in fitted.written(fitted.rows(texts), 1)]
    assert fitted.predict(texts, beam=1) == [fitted.target_tokens_.decode(symbols) for symbols in greedy]
    with pytest.raises(InputError, match="--beam must be at least 1, but is 0"):
        fitted.predict(texts, beam=0)


def test_rows_that_were_learnt_from_are_no_test(fitted, tmp_path):
    again = load(fitted.save(tmp_path / "m.elman"))
    notes = " ".join(again.evaluate(pairs()).notes)
    learnt = sum("pairs train" in note for note in fitted.notes_) and len(fitted.met_)
    assert f"{learnt} of the 300 rows were learnt from" in notes
    new = {"digits": ["900001"], "zh": ["九零零零零一"]}
    assert not any("learnt from" in note for note in again.evaluate(new).notes)


def test_a_sentence_with_a_dot_in_it_is_no_file(fitted):
    assert fitted.predict("12. 345")["digits"].to_list() == ["12. 345"]


def test_a_missing_scorer_is_said_before_the_training(monkeypatch):
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    model = quick()
    with pytest.raises(MissingDependency, match="pip install 'elman\\[translate\\]'"):
        model.fit(pairs())
    assert not hasattr(model, "network_")
    assert quick(steps=2, test_share=0.0).fit(pairs(50)).evaluation_ is None


def test_several_translations_come_the_best_first(fitted):
    found = fitted.predict(["12", "345"], best=3)
    assert found.columns == ["digits", "zh", "score"] and found.height == 6
    assert found["digits"].to_list() == ["12"] * 3 + ["345"] * 3
    assert found["zh"][0] == fitted.predict(["12"])[0]
    assert found["score"][:3].is_sorted(descending=True)
    with pytest.raises(InputError, match="--best must be at least 1"):
        fitted.predict("12", best=0)


def test_the_report_shows_what_was_attended_to(fitted):
    assert ">Attention<" in fitted.report() and "The heaviest step of each" in fitted.report()


def test_a_pair_too_long_to_learn_from_is_left_out_and_said():
    texts = pairs(60)
    texts["digits"][7] = "12 " * 1000
    model = quick(steps=3, test_share=0.0, valid_share=0.0).fit(texts)
    assert "1 of 60 pairs to learn from have a side of more than 300 symbols, are left out (--longest)" in model.notes_
    assert isinstance(model.predict([texts["digits"][7]])[0], str)
    with pytest.raises(InputError, match="every pair to learn from has a side of more than 1 symbols"):
        quick(steps=3, longest=1).fit({name: column[1:] for name, column in texts.items()})


def test_a_written_symbol_owes_most_to_the_one_it_translates(fitted):
    found = fitted.explain("1729")
    assert found.facts["read"] == list("1729")
    assert found.facts["written"] == [*fitted.predict(["1729"])[0], "end"]
    rests_on = [max(range(4), key=lambda at, lost=lost: lost[at]) for lost in found.facts["hidden"][:4]]
    assert sum(at == place for place, at in enumerate(rests_on)) >= 3
    assert found.facts["total"] == pytest.approx(found.facts["difference"], rel=0.01)
    assert set(found.plots) == {"hidden", "attention", "through_time"}
    with pytest.raises(InputError, match="--row is 2, but there is row 1"):
        fitted.explain("1729", 2)
    with pytest.raises(InputError, match="the text is empty"):
        fitted.explain(["", "1729"], 1)
