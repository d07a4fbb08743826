"""Word vectors from a text file: a word and its numbers a line, as word2vec, GloVe and fastText write them."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from elman.data.files import short
from elman.errors import InputError

LINE = 1 << 20  # bytes: a word and some hundred thousand numbers


def read_vectors(path: str | Path, symbols: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """(found (K,), vectors (K, E)): for which of the symbols, by their place, the file has a vector, float32.

    The file, gzipped or not, is read line by line, and only the wanted words are kept; a first line of two numbers is
    passed over. Raises InputError naming the line of a wanted word that does not hold as many numbers as the first, and
    where none of the symbols is found.
    """
    path = Path(path)
    place = {symbol.encode(): at for at, symbol in enumerate(symbols) if symbol}
    found: dict[int, np.ndarray] = {}
    width = 0
    for number, line in _lines(path):
        if width and line.partition(b" ")[0] not in place:
            continue
        cells = line.rstrip().split(b" ")
        if number == 1 and len(cells) == 2 and all(cell.isdigit() for cell in cells):
            continue
        width = width or len(cells) - 1
        if len(cells) <= width or not width or b"\0" in line:
            raise InputError(
                f"line {number:,} of {path.name} holds {short(line.decode(errors='replace').strip())}, but a word and "
                f"{width or 'its'} numbers are needed: give word vectors as text"
            )
        at = place.get(b" ".join(cells[:-width]))  # some files have words with spaces in them
        if at is None or at in found:
            continue
        try:
            with np.errstate(over="ignore"):  # which is told below
                found[at] = np.array(cells[-width:], np.float32)
        except ValueError:
            found[at] = np.full(width, np.nan, np.float32)
        if not np.isfinite(found[at]).all():
            raise InputError(
                f"line {number:,} of {path.name} gives {symbols[at]!r} something else than finite numbers: correct it"
            )
    if not found:
        raise InputError(f"{path.name} has no vector for any of the {len(symbols):,} symbols: give another --vectors")
    return np.array(list(found)), np.stack(list(found.values()))


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as start:
            zipped = start.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if zipped else path.open("rb") as lines:
            for number, line in enumerate(iter(lambda: lines.readline(LINE), b""), 1):
                if len(line) == LINE:
                    raise InputError(
                        f"line {number:,} of {path.name} has more than {LINE:,} bytes, but a word and its numbers are "
                        "needed: give word vectors as text"
                    )
                yield number, line
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"cannot read the word vectors {path} ({why}): check --vectors") from None
