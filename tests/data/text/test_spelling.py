"""Words by their letters: which n-grams are kept, what a batch holds, and what a new or a dropped word still says."""

import pytest
import torch

from elman.data.sequences import Sequences
from elman.data.text.augment import drop_words
from elman.data.text.spelling import LETTERS, Spelling
from elman.data.text.tokens import PAD, UNKNOWN, Tokens
from elman.errors import InputError

TEXTS = ["Singing walking talking", "", "Walking sing Singing stalk"]
WORDS = ["Singing", "walking", "talking", "Walking", "sing", "stalk"]


def grams(word, spelling):
    return [spelling.grams[at - 1] for at in spelling.bags([word]).values.tolist()]


def spelled(level="word", texts=TEXTS, **settings):
    tokens = Tokens.fit(texts, level, lower=True, **settings)
    spelling = Spelling.fit(WORDS)
    return tokens, spelling, spelling.encode(tokens, texts)


def test_ngrams_of_three_words_are_kept_the_most_frequent_first():
    # Five of the words end in ing, four hold alk, and three are walking, talking and Walking.
    found = ["ing", "ing>", "ng>", "alk", "alki", "alkin", "kin", "king", "king>", "lki", "lkin", "lking"]
    assert Spelling.fit(WORDS).grams == found
    assert Spelling.fit(reversed(WORDS)).grams == found
    assert Spelling.fit(WORDS, most=2).grams == found[:2]


def test_a_capital_is_a_mark_and_not_another_word():
    spelling = Spelling.fit([*WORDS, "Asking"])
    assert set(grams("Walking", spelling)) - set(grams("walking", spelling)) == {"^"}
    assert len(Spelling.fit(["Ab", "Cd"])) == 0


def test_each_ngram_of_a_word_counts_once():
    found = grams("banana", Spelling.fit(["banana", "bananas", "ananas"]))
    assert sorted(found) == ["ana", "anan", "anana", "nan", "nana"]


def test_a_word_of_millions_of_letters_is_read_from_its_beginning():
    word = "ab" * 5_000_000
    spelling = Spelling.fit([word, word + "!", word + "?"])
    assert sorted(spelling.grams) == ["<ab", "<aba", "<abab", "aba", "abab", "ababa", "bab", "baba", "babab"]
    assert torch.equal(spelling.bags([word]).values, spelling.bags([word[:LETTERS]]).values)


def test_a_row_holds_the_numbers_that_the_tokens_give_it():
    tokens, _, found = spelled()
    assert torch.equal(found.numbers.values, tokens.encode(TEXTS).values)
    assert found.lengths.tolist() == [3, 1, 4]
    assert len(found) == 3
    assert found.places.row(1).tolist() == [UNKNOWN]
    # Walking and walking are one word of the vocabulary, spelled in two ways.
    assert found.words.tolist().count(tokens.encode(["walking"]).values[0]) == 2
    assert len(found.grams) == len(found.words) == len(WORDS) + 2


def test_a_batch_spells_each_word_once():
    tokens, spelling, found = spelled()
    batch = Sequences(found, torch.tensor([0, 1, 2])).batch(torch.tensor([2, 0, 1]))
    x, words, flat, bags = (batch.inputs[name] for name in ("x", "words", "grams", "bags"))
    assert batch.inputs["lengths"].tolist() == [4, 3, 1]
    assert batch.y.tolist() == [2, 0, 1]
    assert x.shape == (4, 3)
    assert len(words) == len(bags) - 1 == len(WORDS) + 2
    plain = Sequences(tokens.encode(TEXTS)).batch(torch.tensor([2, 0, 1])).inputs["x"]
    assert torch.equal(words[x], plain)
    for row, text in enumerate([TEXTS[2], TEXTS[0]]):
        for t, word in enumerate(text.split()):
            u = x[t, row]
            assert flat[bags[u] : bags[u + 1]].tolist() == spelling.bags([word]).values.tolist()
    for place in (PAD, UNKNOWN):
        u = int((words == place).nonzero()[0])
        assert bags[u] == bags[u + 1]
    alone = Sequences(found).batch(torch.tensor([1])).inputs
    assert alone["words"].tolist() == [UNKNOWN]
    assert alone["grams"].numel() == 0


def test_a_new_word_is_unknown_but_spelled():
    tokens, spelling, _ = spelled()
    new = spelling.encode(tokens, ["Balking"])
    assert new.numbers.values.tolist() == [UNKNOWN]
    assert set(grams("Balking", spelling)) >= {"alk", "alki", "ing>"}
    assert torch.equal(new.grams.row(2), spelling.bags(["Balking"]).values)


def test_a_dropped_word_is_unknown_and_unspelled():
    _, _, found = spelled()
    everything = Sequences(found, change=lambda x, n, g: (drop_words(x, n, 1.0, g), n))
    inputs = everything.batch(torch.tensor([0, 2])).inputs
    assert inputs["grams"].numel() == 0
    assert inputs["words"][inputs["x"]].tolist() == [[1, 1], [1, 1], [1, 1], [0, 1]]


def test_lists_of_words_are_spelled_too():
    _, spelling, found = spelled("given", [["Singing", "a"], ["b"]])
    assert found.lengths.tolist() == [2, 1]
    assert torch.equal(found.grams.row(int(found.places.row(0)[0])), spelling.bags(["Singing"]).values)
    assert found.cut(1).lengths.tolist() == [1, 1]


def test_a_text_without_capitals_or_letters_or_in_another_script():
    tokens, spelling, _ = spelled()
    found = spelling.encode(tokens, ["😀 3.14 电影 İstanbul ΟΔΟΣ", "\ud800"])
    assert found.lengths.tolist() == tokens.encode(["😀 3.14 电影 İstanbul ΟΔΟΣ", "\ud800"]).lengths.tolist()
    assert len(Spelling.fit(["电", "影"] * 5).bags(["好"]).values) == 0


def test_saved_and_read_again():
    spelling = Spelling.fit(WORDS)
    again = Spelling.from_json(spelling.to_json())
    assert again.bags(WORDS).values.tolist() == spelling.bags(WORDS).values.tolist()


@pytest.mark.parametrize("state", [None, {}, {"grams": "abc"}, {"grams": [1]}, {"grams": ["abc", "abc"]}, {"g": []}])
def test_what_was_never_saved(state):
    with pytest.raises(InputError, match="the saved spelling is not one of elman's"):
        Spelling.from_json(state)
