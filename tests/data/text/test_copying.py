"""Numbers of a row's own for words that no vocabulary holds, in its source and in its target."""

import torch

from elman.data.text.copying import Sources, encoded
from elman.data.text.pairs import Pairs
from elman.data.text.tokens import UNKNOWN, Tokens


def test_each_row_numbers_its_own_words_in_the_order_they_come():
    tokens = Tokens.fit(["a b c", "a b"], "word", lower=True)
    first = tokens.size + 2
    texts = ["Foo a bar FOO b", "", "bar c qux bar", "a b"]
    rows = Sources.of_texts(tokens, texts, first, 100)
    a, b, c = (tokens.encode(["a b c"]).row(0)).tolist()
    assert [rows.row(at).tolist() for at in range(4)] == [
        [first, a, first + 1, first, b],
        [UNKNOWN],
        [first, c, first + 1, first],
        [a, b],
    ]
    assert rows.own == [["foo", "bar"], [], ["bar", "qux"], []]
    cut = Sources.of_texts(tokens, texts, first, 3)
    assert (cut.row(0).tolist(), cut.own[0], cut.longer) == ([first, a, first + 1], ["foo", "bar"], 2)


def test_a_target_has_the_numbers_of_its_source_or_unknown():
    tokens = Tokens.fit(["a b c"], "word", lower=True)
    found = encoded(Pairs(["a Foo bar", "b qux"], ["bar a FOO", "Foo qux"]), tokens, 2)
    a, first = int(tokens.encode(["a"]).row(0)), tokens.size + 2
    assert [found.y.row(at).tolist() for at in range(2)] == [[UNKNOWN, a, first], [UNKNOWN, first]]
    batch = found.batch(torch.arange(2))
    assert batch.inputs["after"].equal(batch.y)
