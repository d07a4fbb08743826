"""Words in small letters become a text with the capitals and joints of its source, or of the texts that were learnt."""

import pytest

from elman.data.text.readable import Readable

LEARNT = [
    "GNU tools for the Perl language",
    "more GNU tools and Perl modules (data/files)",
    "GNU headers (data/files)",
    "Headers in C++ (data/files)",
    "a C++ library and the C++ headers",
]
CASES = [
    (["gnu", "tools", "for", "perl"], "", "GNU tools for Perl"),
    (["c", "+", "+", "headers", "(", "data", "/", "files", ")"], "", "C++ headers (data/files)"),
    (["tools", "of", "ada", "/", "x"], "", "tools of ada/x"),
    # As the source has it, but for what a sentence's start alone writes with a capital.
    (["http", ":", ":", "tiny", "tools"], "Tools. See HTTP::Tiny and more", "HTTP::Tiny tools"),
    (["x", "/", "y"], "of x / y", "x / y"),
    (["more", "perl"], "More of it is in PERL", "more PERL"),
    # A name is a rare word at a sentence's start.
    (["wumpus", "is", "new"], "Wumpus is new.", "Wumpus is new"),
    ([], "A text", ""),
    (["é", "x"], "\ud83d of É x", "É x"),
]


@pytest.mark.parametrize(("words", "source", "text"), CASES)
@pytest.mark.parametrize("saved", [False, True])
def test_what_was_written_reads_well(words, source, text, saved):
    readable = Readable.fit(LEARNT)
    if saved:
        readable = Readable.from_json(readable.to_json())
    assert readable.write(words, source, ["wumpus"]) == text
