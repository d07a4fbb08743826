"""The written-out expression cuts as the words' own does."""

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from elman.data.text.ranges import pattern
from elman.data.text.tokens import Tokens

SIGNS = st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("aB3.,'’tsd \n\t中カกé\u0301_-ſK\x1c")))


@settings(deadline=None)  # the first has the classes written out
@given(SIGNS)
@example("It's 3.5, isn’t it? we'll see'll'd")
@example("中文 and カタカナ, ไทย cafe\u0301 naïve_x")
def test_python_cuts_as_polars_does(text):
    for lines in (False, True):
        tokens = Tokens.fit(["a"], "word", lines=lines)
        assert (re.findall(pattern(lines), text) or [""]) == tokens.pieces(text)
