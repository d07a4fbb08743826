"""Text to numbers and back: exactly where the level can, the same after saving, and whatever the text."""

import json
import time

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data.text.tokens import PAD, UNKNOWN, Tokens, choose_level
from elman.errors import InputError

TEXTS = [
    "It's a fine film, isn't it?  Yes!",
    "这家酒店很干净，房间很大。 Wi-Fi 不错！",
    "नमस्ते दुनिया\r\n\tสวัสดี 😀👨‍👩‍👧 3.14",
    "",
    "  ",
]
LEVELS = ("byte", "char", "word", "subword")


@pytest.mark.parametrize("level", ["byte", "char", "subword"])
def test_text_comes_back_exactly(level):
    tokens = Tokens.fit(TEXTS, level)
    ids = tokens.encode(TEXTS)
    assert [tokens.decode(ids.row(at)) for at in (0, 1, 2, 4)] == [TEXTS[at] for at in (0, 1, 2, 4)]
    assert tokens.unknown_share(ids) == pytest.approx(1 / len(ids.values))  # that of the empty text


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=40))
def test_bytes_and_subwords_know_every_text(text):
    expected = text.encode(errors="replace").decode()
    for tokens in KNOWING:
        ids = tokens.encode([text])
        assert len(ids.values) >= 1
        assert tokens.decode(ids.values) == expected
        assert not text or not (ids.values <= UNKNOWN).any()


KNOWING = [Tokens.fit(TEXTS, "byte"), Tokens.fit(TEXTS, "subword", size=300)]


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(st.text(max_size=30), min_size=1, max_size=4))
def test_pieces_are_as_many_as_numbers(texts):
    for tokens in FITTED:
        ids = tokens.encode(texts)
        assert ids.lengths.tolist() == [len(tokens.pieces(text)) for text in texts]
        assert int(ids.lengths.min()) >= 1


FITTED = [Tokens.fit(TEXTS, level, lower=lower) for level in LEVELS for lower in (False, True)]


@pytest.mark.parametrize("level", LEVELS)
def test_a_saved_vocabulary_reads_the_same(level):
    tokens = Tokens.fit(TEXTS, level, lower=True, **({"size": 290} if level == "subword" else {}))
    again = Tokens.from_json(json.loads(json.dumps(tokens.to_json())))
    new = [*TEXTS, "Something ELSE 他 ß"]
    assert again.symbols == tokens.symbols
    assert torch.equal(again.encode(new).values, tokens.encode(new).values)
    assert again.decode(again.encode(new).row(0)) == tokens.decode(tokens.encode(new).row(0))


def test_words_are_words_numbers_signs_and_single_chinese_characters():
    tokens = Tokens.fit(TEXTS, "word")
    assert tokens.pieces(TEXTS[0]) == ["It", "'s", "a", "fine", "film", ",", "isn", "'t", "it", "?", "Yes", "!"]
    assert tokens.pieces(TEXTS[1])[:5] == ["这", "家", "酒", "店", "很"]
    assert tokens.pieces(TEXTS[1])[-6:] == ["Wi", "-", "Fi", "不", "错", "！"]
    assert tokens.pieces("नमस्ते, 3,141.59 x_1 'quoted' İ") == [
        "नमस्ते",
        ",",
        "3,141.59",
        "x_1",
        "'",
        "quoted",
        "'",
        "İ",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "It's fine, isn't it? Yes!",
        'He said "no way" (twice); then: 3.5%…',
        "这家酒店很干净，房间很大。",
        "A well-known film costs $5.",
    ],
)
def test_words_are_joined_as_people_write_them(text):
    tokens = Tokens.fit([text], "word")
    assert tokens.decode(tokens.encode([text]).values) == text


def test_line_ends_are_words_where_asked_for():
    text = "To be,\nor not.\n\nTo sleep"
    tokens = Tokens.fit([text], "word", lines=True)
    assert tokens.decode(tokens.encode([text]).values) == text
    assert "\n" not in Tokens.fit([text], "word").symbols
    again = Tokens.from_json(tokens.to_json())
    assert torch.equal(again.encode([text]).values, tokens.encode([text]).values)


def test_symbols_are_numbered_by_falling_count_and_then_by_code_point():
    assert Tokens.fit(["bca", "ba", "b"], "char").symbols == ["", "\ufffd", "b", "a", "c"]
    assert Tokens.fit(["z y y x"], "word").symbols == ["", "\ufffd", "y", "x", "z"]


@pytest.mark.parametrize("level", ["char", "word"])
def test_rare_and_surplus_symbols_are_unknown(level):
    texts = ["a a a b b c", "d"]
    kept = ["a", "b"] if level == "word" else [" ", "a", "b"]
    assert Tokens.fit(texts, level, rarest=2).symbols[2:] == kept
    assert Tokens.fit(texts, level, size=1).symbols[2:] == kept[:1]
    tokens = Tokens.fit(texts, level, rarest=2)
    assert tokens.encode(["c"]).values.tolist() == [UNKNOWN]
    assert tokens.unknown_share(tokens.encode(["a", "c", "d", "b"])) == 0.5
    assert tokens.decode([UNKNOWN]) == "\ufffd"


def test_capitals_are_read_as_small_letters_where_asked_for():
    tokens = Tokens.fit(["Abc abc"], "word", lower=True)
    assert tokens.symbols[2:] == ["abc"]
    assert tokens.encode(["ABC"]).values.tolist() == [2]


def test_subwords_learn_what_is_frequent():
    tokens = Tokens.fit(["the theatre there them"] * 20, "subword", size=300)
    assert " the" in tokens.symbols
    assert tokens.size <= 302
    assert len(tokens.encode(["the theatre"]).values) < 5
    with pytest.raises(InputError, match="size is 100, but subwords begin with the 256 bytes"):
        Tokens.fit(["a"], "subword", size=100)


def test_text_comes_as_soon_as_it_is_text():
    tokens = Tokens.fit([], "byte")
    assert list(tokens.stream(tokens.encode(["aé"]).values.tolist())) == ["a", "", "é"]
    assert "".join(tokens.stream([PAD, *tokens.encode(["é"]).values.tolist()[:1]])) == "\ufffd"
    words = Tokens.fit(["Yes, it is"], "word")
    assert list(words.stream(words.encode(["Yes, it"]).values.tolist())) == ["Yes", ",", " it"]


def test_tokens_that_are_given_are_symbols_each():
    rows = [["New York", "is", "big"], ["It", "is"], []]
    tokens = Tokens.fit(rows, "given", rarest=1)
    ids = tokens.encode(rows)
    assert ids.lengths.tolist() == [3, 2, 1]
    assert tokens.symbols[2] == "is"
    assert tokens.pieces(rows[0]) == rows[0]
    again = Tokens.from_json(tokens.to_json())
    assert torch.equal(again.encode(rows).values, ids.values)


def test_halves_of_surrogate_pairs_do_no_harm():
    for level in LEVELS:
        tokens = Tokens.fit(["a\ud800b"], level)
        assert tokens.pieces("a\ud800b") == ["a", "?", "b"]


@pytest.mark.parametrize("level", LEVELS)
def test_a_fit_on_nothing_knows_nothing_but_does_not_fail(level):
    tokens = Tokens.fit(["", ""], level)
    assert tokens.encode(["ab", ""]).lengths.tolist()[1] == 1


@pytest.mark.parametrize(
    "state",
    [
        None,
        {},
        {"level": "syllable", "lower": False},
        {"level": "char", "lower": False},
        {"level": "char", "lower": False, "symbols": ["ab"]},
        {"level": "char", "lower": False, "symbols": ["a", "a"]},
        {"level": "char", "lower": False, "symbols": "ab"},
        {"level": "word", "lower": False, "symbols": [1], "lines": False},
        {"level": "word", "lower": False, "symbols": ["a"], "lines": "no"},
        {"level": "word", "lower": 1, "symbols": ["a"], "lines": False},
        {"level": "byte", "lower": False, "symbols": ["a"]},
        {"level": "subword", "lower": False, "merges": [["a", "bc"]]},
        {"level": "subword", "lower": False, "merges": [["a"]]},
        {"level": "subword", "lower": False, "merges": [["你", "好"]]},
    ],
)
def test_a_vocabulary_that_was_never_saved_is_refused(state):
    with pytest.raises(InputError, match="the saved vocabulary is not one of elman's"):
        Tokens.from_json(state)


def test_an_unknown_level_is_refused():
    with pytest.raises(InputError, match="level is 'syllable'"):
        Tokens.fit(["a"], "syllable")


def test_chinese_is_read_by_characters_and_english_by_words():
    assert choose_level(["这家酒店", "Wi-Fi ok"]) == "char"
    assert choose_level(["한국어 문장"]) == "char"
    assert choose_level(["a text with one 字"]) == "word"
    assert choose_level(["", "123"]) == "word"


@pytest.mark.parametrize("level", LEVELS)
def test_a_line_of_ten_million_characters_takes_seconds(level):
    start = time.perf_counter()
    for text in ("x" * 10_000_000, "ab 我们, " * 100_000):
        tokens = Tokens.fit([text], level, **({"size": 300} if level == "subword" else {}))
        ids = tokens.encode([text])
        assert len(ids) == 1
        assert tokens.unknown_share(ids) == 0
    assert time.perf_counter() - start < 120
