"""How a model cuts text, as JSON that a program in any language can follow."""

from __future__ import annotations

from typing import Any

from elman.data.text.ranges import pattern
from elman.data.text.spelling import CAPITAL, LETTERS, LONGEST, SHORTEST, Spelling
from elman.data.text.subwords import STRETCH
from elman.data.text.tokens import PAD, UNKNOWN, Tokens

HOW = {
    "byte": "the bytes of the text's UTF-8, each + 2",
    "char": "each character of the text by its place in symbols, else the number of unknown",
    "word": "each match of pattern, in lower case where lower is true, by its place in symbols, else unknown",
    "given": "each word as it is given, in lower case where lower is true, by its place in symbols, else unknown",
    "subword": "each match of pattern as byte-pair symbols, by merges; their numbers follow the 256 bytes'",
}


def described(tokens: Tokens, spelling: Spelling | None = None) -> dict[str, Any]:
    """The vocabulary, how text is cut, and for words that are spelled their n-grams."""
    found: dict[str, Any] = {"level": tokens.level, "how": HOW[tokens.level], "lower": tokens.lower}
    found |= {"padding": PAD, "unknown": UNKNOWN}
    state = tokens.to_json()
    if tokens.level == "word":
        found["pattern"] = pattern(bool(state["lines"]))
    if tokens.level == "subword":
        found |= {"pattern": STRETCH, "merges": state["merges"]}
    found["symbols"] = tokens.symbols
    if spelling is not None:
        found["spelling"] = {
            "how": f"the n-grams of <word> in lower case, its first {LETTERS} letters, each once; and {CAPITAL} for a "
            "word that begins with a capital; numbered from 1 by their place in grams, others left out",
            "shortest": SHORTEST,
            "longest": LONGEST,
            "letters": LETTERS,
            "capital": CAPITAL,
            "grams": spelling.grams,
        }
    return found
