"""Texts on disk are a list of texts to whoever reads them."""

from unittest import mock

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data import texts as page
from elman.data.met import fingerprints
from elman.data.texts import Texts, Writer, in_lots, prints

TEXTS = st.lists(st.text(st.characters(codec="utf-8"), max_size=8), min_size=1, max_size=12)


def stored(rows, parts=1):
    writer = Writer()
    for at in range(parts):
        writer.append(rows[at * len(rows) // parts : (at + 1) * len(rows) // parts])
    return writer.texts()


@settings(deadline=None)
@given(rows=TEXTS, parts=st.integers(1, 4), lot=st.integers(1, 20), data=st.data())
def test_a_list_of_texts(rows, parts, lot, data):
    found = stored(rows, parts)
    taken = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=9))
    step = data.draw(st.integers(1, 4))
    some = found.take(torch.tensor(taken, dtype=torch.int64))
    with mock.patch.object(page, "LOT", lot):
        for there, here in ((found, rows), (some, [rows[at] for at in taken])):
            assert isinstance(there, Texts) and len(there) == len(here)
            assert list(there) == here and [there[at] for at in range(len(here))] == here
            assert there[::step] == here[::step] and there[1:3] == here[1:3]
            assert [text for lot in in_lots(there, 3) for text in lot] == here
            assert torch.equal(prints(there), fingerprints(here)) and torch.equal(prints(here), fingerprints(here))


@settings(deadline=None)
@given(rows=TEXTS, lot=st.integers(1, 20))
def test_no_lot_is_larger_than_it_may_be_but_for_one_text(rows, lot):
    with mock.patch.object(page, "LOT", lot):
        for some in stored(rows).lots():
            assert len(some) == 1 or sum(len(text.encode()) for text in some) <= lot
