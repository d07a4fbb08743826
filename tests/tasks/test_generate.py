"""The generator: text in, text that goes on from a prompt out, and how well it foresees text."""

import copy
import time

import numpy as np
import pytest
import torch

from elman.data.text.chunks import Chunks
from elman.data.text.tokens import Tokens
from elman.errors import InputError
from elman.nn.language import LanguageEnsemble
from elman.tasks import base
from elman.tasks.generate import Generator
from elman.tasks.load import load

LINE = "the cat sat on the mat, and the dog lay by the door.\n"
TEXT = LINE * 60


def quick(**settings):
    return Generator(**{"steps": 60, "hidden": 32, "chunk": 16, "batch_size": 8, "learning_rate": 2e-2, **settings})


@pytest.fixture(scope="module")
def fitted():
    """A model of characters, which no test may change."""
    return quick(steps=120).fit(TEXT)


@pytest.mark.parametrize(
    "settings",
    [
        {"level": "char"},
        {"level": "byte"},
        {"level": "word"},
        {"level": "subword", "vocabulary": 300},
        {"cell": "gru", "layers": 2, "residual": True},
        {"cell": "rnn", "dropout": 0.0, "learning_rate": 3e-3},
        {"members": 2},
        {"tied": True, "embedding": 16, "weight_drop": 0.2, "embedding_dropout": 0.1, "input_dropout": 0.1},
    ],
    ids=str,
)
def test_every_level_and_option_learns_is_saved_and_repeats_itself(tmp_path, settings):
    model = quick(test_share=0.0, **settings).fit(TEXT)
    text = model.predict("the cat", length=30, seed=1)
    assert text
    assert model.predict("the cat", length=30, seed=1) == text
    assert "".join(model.stream("the cat", length=30, seed=1)) == text
    again = load(model.save(tmp_path / "m.elman"))
    assert isinstance(again, Generator)
    assert again.predict("the cat", length=30, seed=1) == text
    assert again.evaluate(LINE * 3).metrics == model.evaluate(LINE * 3).metrics
    assert {name: getattr(again, name) for name in settings} == settings


def test_what_was_learnt_is_written(fitted):
    assert fitted.predict("the cat sat", length=200, temperature=0).count("the dog lay by the door.\n") >= 3
    found = fitted.evaluation_
    assert set(found.baselines) == {"unigram", "kneser-ney"}
    assert found.metrics["nats"] < found.baselines["unigram"]["nats"]
    assert {"bits_per_character", "perplexity"} <= set(found.metrics)


def test_temperature_zero_is_the_likeliest_each_time(fitted):
    texts = {fitted.predict("the", length=50, temperature=0, seed=seed) for seed in (None, 1, 2)}
    assert len(texts) == 1
    assert fitted.predict("the", length=50, top_k=1) in texts
    assert fitted.predict("the", length=50, top_p=1e-6) in texts


def test_heat_makes_variety_and_the_seed_decides(fitted):
    assert fitted.predict("the", seed=1) == fitted.predict("the", seed=1)
    drawn = {fitted.predict("the", length=100, temperature=3.0, seed=seed) for seed in range(4)}
    assert len(drawn) == 4
    cool = fitted.predict("the", length=400, temperature=3.0, top_k=2, seed=0)
    wild = fitted.predict("the", length=400, temperature=3.0, seed=0)
    assert sum(word in LINE for word in cool.split()) / len(cool.split()) > sum(
        word in LINE for word in wild.split()
    ) / len(wild.split())


def test_length_counts_symbols(fitted):
    for length in (1, 7, 100):
        assert len(fitted.predict("the cat", length=length, seed=0)) == length
    stream = fitted.stream("the", length=10**9)
    assert len([next(stream) for _ in range(50)]) == 50


def test_without_a_prompt_it_begins_as_after_a_line(fitted):
    assert fitted.predict(length=20, temperature=0) == fitted.predict("\n", length=20, temperature=0)
    assert fitted.predict("", length=3, temperature=0) == "the"


@pytest.mark.parametrize("level", ["char", "word"])
def test_the_unknown_symbol_is_never_written_and_never_an_error(level):
    """Some symbols are unknown in training already, so that the network has learnt to expect them."""
    model = quick(level=level, vocabulary=6, test_share=0.0).fit(TEXT)
    known = set(model.tokens_.symbols[2:])
    pieces = model.tokens_.pieces(model.predict("zebra 北京 🙂", length=200, temperature=2.0, seed=0))
    assert set(pieces) <= known
    assert model.unknown("zebra 北京 🙂")
    assert model.unknown("") == []


def test_unknown_pieces_of_a_prompt_are_named(fitted):
    assert fitted.unknown("the QaQ cat 🙂") == ["Q", "🙂"]


def test_emoji_and_mixed_scripts_are_written_as_they_were_read():
    line = "naïve 北京 🙂 привет 👩‍👩‍👧 café\n"
    for level in ("char", "byte", "subword"):
        model = quick(level=level, steps=150, test_share=0.0, vocabulary=400 if level == "subword" else None)
        text = model.fit(line * 60).predict(line, length=300, temperature=0)
        assert set(text) <= set(line) | {"\ufffd"}
        assert "北" in text or "🙂" in text


def test_parts_are_cut_in_order_or_given(tmp_path):
    model = quick(steps=5).fit(TEXT)
    assert (
        "the first 2 % of the text choose when to stop, the last 10 % judge, what lies between trains"
        in model.notes_[0]
    )
    (tmp_path / "a.txt").write_text(LINE * 20)
    given = quick(steps=5).fit(TEXT, valid=tmp_path / "a.txt", test=LINE * 10)
    assert given.notes_[0] == "valid and test given"
    assert given.evaluation_.rows == len(LINE) * 10 - 1


def test_evaluate_on_another_text(fitted, tmp_path):
    (tmp_path / "same.txt").write_text(LINE * 10)
    (tmp_path / "other.txt").write_text("A STRANGE TEXT 123\n" * 10)
    same, other = (fitted.evaluate(tmp_path / name).metrics["nats"] for name in ("same.txt", "other.txt"))
    assert same < other
    assert np.isfinite(other)
    with pytest.raises(InputError, match="the text has 1 symbol, but two at least are needed"):
        (tmp_path / "one.txt").write_text("a")
        fitted.evaluate(tmp_path / "one.txt")


def test_two_runs_with_one_seed_are_equal_and_a_plan_repeats_a_fit():
    first, second = (quick(steps=10, test_share=0.0).fit(TEXT) for _ in range(2))
    timed = quick(steps=None, minutes=0.02, test_share=0.0, members=1).fit(TEXT)
    again = quick(steps=None, minutes=0.02, test_share=0.0, members=1).fit(TEXT, plan=timed.plan_)
    for one, other in ((first, second), (timed, again)):
        for a, b in zip(one.network_.state_dict().values(), other.network_.state_dict().values(), strict=True):
            assert a.equal(b)


def test_the_report_shows_scores_samples_and_training(fitted):
    page = fitted.report()
    for words in (">Score", ">Training", ">Settings", "Temperature 0.8", "unigram"):
        assert words in page
    hostile = quick(steps=5, test_share=0.5).fit("<script>alert(1)</script>\n" * 60).report()
    assert "<script" not in hostile


@pytest.mark.parametrize(
    ("drawing", "said"),
    [
        ({"length": 0}, "--length must be at least 1"),
        ({"temperature": -1.0}, "--temperature must be at least 0"),
        ({"temperature": float("inf")}, "--temperature must be at least 0"),
        ({"temperature": float("nan")}, "--temperature must be at least 0"),
        ({"top_k": 0}, "--top-k must be at least 1"),
        ({"top_p": 0.0}, "--top-p must be above 0 and at most 1"),
        ({"top_p": 1.1}, "--top-p must be above 0 and at most 1"),
    ],
)
def test_bad_drawing_is_refused(fitted, drawing, said):
    with pytest.raises(InputError, match=said):
        fitted.predict("the", **drawing)


@pytest.mark.parametrize(
    ("text", "settings", "said"),
    [
        ("ab\n", {}, "has 2 characters, but 18 are needed for 8 streams"),
        (b"\xff\xfeab", {}, "byte"),
        ("", {}, "empty"),
        (TEXT, {"level": "line"}, "--level must be char, word, subword or byte"),
        (TEXT, {"chunk": 0}, "--chunk must be at least 1"),
        (
            TEXT,
            {"valid_share": 0.6, "test_share": 0.6},
            "--test-share must be below 0.4, 1 less --valid-share, but is 0.6",
        ),
    ],
)
def test_a_bad_text_or_setting_is_one_sentence(tmp_path, text, settings, said):
    path = tmp_path / "bad.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=said) as caught:
        quick(**settings).fit(path)
    assert "\n" not in str(caught.value)


def test_what_is_no_text_is_refused():
    with pytest.raises(InputError, match="a list is no text"):
        quick().fit(["a", "b"])
    with pytest.raises(InputError, match="not fitted yet"):
        quick().predict("a")


def test_minutes_choose_the_size_and_how_many_learn_side_by_side():
    def ladder(symbols, **settings):
        model = Generator(minutes=1, **settings)
        model.tokens_ = Tokens.fit([TEXT], "char")
        examples = Chunks(torch.ones(symbols, dtype=torch.int32), 32, 32)
        return [(size["hidden"], size["members"]) for size in model.sizes(model.config(), examples)]

    assert ladder(10_000) == [(128, 3), (128, 1), (64, 3), (64, 1)]
    assert ladder(10**6)[:4] == [(1024, 3), (512, 3), (512, 1), (256, 3)]
    assert ladder(10_000, members=2) == [(128, 2), (64, 2)]
    assert ladder(10_000, hidden=7) == [(7, 3), (7, 1)]
    assert ladder(10_000, hidden=7, members=5) == [(7, 5)]


def test_two_that_answer_together_foresee_more_than_each():
    pair = quick(members=2, steps=40).fit(TEXT)
    together = pair.evaluation_.metrics["nats"]
    alone = []
    for member in pair.network_.members:
        one = copy.deepcopy(pair)
        one.network_ = LanguageEnsemble([member])
        alone.append(one.evaluate(TEXT[-len(TEXT) // 10 :]).metrics["nats"])
    assert together < sum(alone) / 2


def test_sizes_are_tried_from_the_smallest_until_one_is_too_slow(monkeypatch):
    tried = []

    def fake(network, examples, loss, config, steps):
        tried.append((config.hidden, config.members))
        return 1, 1e-6 if config.hidden < 128 else 1e6

    monkeypatch.setattr(base, "fastest_threads", fake)
    model = Generator(minutes=1)
    model.tokens_ = Tokens.fit([TEXT], "char")
    examples = Chunks(torch.ones(10_000, dtype=torch.int32), 32, 32)
    config, network = model._sized(model.config(), examples, time.perf_counter() + 100)
    assert tried == [(64, 3), (128, 1)]
    assert (config.hidden, config.members) == (64, 3) and len(network.members) == 3
    assert model._sized(model.config(), examples, None)[0].hidden == 128


def test_the_next_symbol_rests_on_the_prompt(fitted):
    found = fitted.explain("the cat sat on the m")
    assert found.facts["answer"] == "a"
    assert len(found.facts["parts"]) == 20
    assert found.facts["total"] == pytest.approx(found.facts["difference"], rel=0.01)
    late = sum(abs(part["hidden"]) for part in found.facts["parts"][10:])
    assert late > sum(abs(part["hidden"]) for part in found.facts["parts"][:10])
    assert "␣" in found.table.rows[0][0] or found.table.rows[0][0].endswith(")")  # told apart by their places


def test_no_prompt_and_a_row_of_one_are_refused(fitted):
    with pytest.raises(InputError, match="nothing to explain"):
        fitted.explain("")
    with pytest.raises(InputError, match="a prompt has no rows"):
        fitted.explain("the cat", 2)
