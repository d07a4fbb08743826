"""Pairs of texts: what is read of a table, and how a batch is shifted by one."""

import pytest
import torch

from elman.data.sequences import NO_LABEL
from elman.data.text.pairs import encoded, read_pairs
from elman.data.text.reader import read_texts
from elman.data.text.tokens import Tokens
from elman.errors import InputError


def test_rows_with_an_empty_side_are_left_out_and_counted(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("zh\ten\tnote\n你好\tHello\tx\n\tNothing\tx\n好\t  \tx\n谢谢\tThanks\tx\n", encoding="utf-8")
    found = read_pairs(path, "zh", "en")
    assert (found.sources, found.targets) == (["你好", "谢谢"], ["Hello", "Thanks"])
    assert found.notes == ("2 of 4 rows have an empty side and are left out",)
    assert read_texts(path, "zh", "translate") == ["你好", "", "好", "谢谢"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"zh": ["a"], "en": [" "]}, "no row of .* has both a 'zh' and a 'en'"),
        ({"zh": ["a"]}, "has no column 'en'"),
        ({"zh": ["a"], "en": [["b"]]}, "column 'en' of .* must hold text, but it holds lists"),
    ],
)
def test_what_holds_no_pairs_is_one_sentence(source, said):
    with pytest.raises(InputError, match=said):
        read_pairs(source, "zh", "en")


def test_a_batch_says_what_comes_before_each_symbol():
    pairs = read_pairs({"zh": ["ab", "b", "abb"], "en": ["x", "xyx", "yy"]}, "zh", "en")
    source, target = (Tokens.fit(texts, "char") for texts in (pairs.sources, pairs.targets))
    examples = encoded(pairs, source, target)
    assert (examples.start, examples.end) == (target.size, target.size + 1)
    batch = examples.batch(torch.tensor([1, 0]))
    x, y = (target.encode([letter]).values[0] for letter in "xy")
    assert batch.y.T.tolist() == [[x, y, x, examples.end], [x, examples.end, NO_LABEL, NO_LABEL]]
    assert batch.inputs["before"].T.tolist() == [[examples.start, x, y, x], [examples.start, x, 0, 0]]
    assert batch.inputs["lengths"].tolist() == [1, 2]
    assert batch.inputs["x"].shape == (2, 2)
