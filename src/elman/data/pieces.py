"""A table in a file that has no room in memory, piece by piece: the same cells that ``table.read_table`` gives."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

import polars as pl

from elman.data import delimited
from elman.data.files import KINDS, require_text
from elman.data.table import Origin, column
from elman.errors import InputError, reason

BLOCK = 1 << 20  # bytes that are read at once
PIECE = 1 << 20  # characters of a piece, and bytes of one of Parquet
LONGEST = 1 << 26  # characters of a cell
HEAD = 1000  # rows that tell how large the others are
PACKED = 4  # bytes in one byte of a gzipped text, where the file does not say


@dataclass(frozen=True)
class TableFile:
    """CSV, TSV or TXT, gzipped or not, or Parquet."""

    path: Path

    @cached_property
    def names(self) -> list[str]:
        """The columns. Raises InputError for what is no table."""
        self._require()
        if self.parquet:
            return self._collected(self._scanned.head(0)).columns
        first = delimited.records(self._lines(), self._separator, '"', longest=LONGEST)
        return delimited.header_names(next(first, (1, []))[1], self.path.name)

    def size(self) -> int:
        """Bytes that the cells take, about."""
        if self.parquet:
            head = self._collected(self._scanned.head(HEAD))
            return int(head.estimated_size() / max(1, len(head)) * self._height)
        packed = self.path.stat().st_size
        if not self._gzipped or packed < 4:
            return packed
        with self._raw() as file:
            file.seek(-4, io.SEEK_END)  # where the size is told, less all multiples of 4 GiB
            return max(int.from_bytes(file.read(4), "little"), PACKED * packed)

    def rows(self) -> int:
        """How many there are; of text about, by how long the first ones are."""
        if self.parquet:
            return self._height
        head = next(self._texts(), "")
        return int(self.size() * max(1, head.count("\n")) / max(1, len(head.encode())))

    def head(self, rows: int) -> pl.DataFrame:
        """So many of the first rows, all their columns."""
        found: list[pl.DataFrame] = []
        for piece, _ in self.pieces(*self.names):
            found.append(piece)
            if sum(map(len, found)) >= rows:
                break
        return pl.concat(found).head(rows)

    def pieces(self, *names: str) -> Iterator[tuple[pl.DataFrame, PieceOrigin]]:
        """The rows in order, some columns of them, and how to name one of a piece's rows.

        Raises InputError as ``table.read_table`` does, and for a column that is not there.
        """
        for name in names:
            column(pl.DataFrame(schema=dict.fromkeys(self.names, pl.String)), name, Origin(self.path.name))
        before = 0
        for piece in self._rows_of_parquet(names) if self.parquet else self._rows_of_text(names):
            yield piece, PieceOrigin(self.path.name, None, self, before)
            before += len(piece)
        if not before:
            raise InputError(f"{self.path.name} holds a header but no rows: at least one row of values is needed")

    def line(self, row: int) -> int | None:
        """The line on which the 1-based row begins, None where the file has no lines."""
        if self.parquet:
            return None
        found = delimited.records(self._lines(), self._separator, self._quote, longest=LONGEST)
        return next((line for at, (line, _) in enumerate(found) if at == row), None)

    # Parquet.

    @cached_property
    def parquet(self) -> bool:
        return self._head.startswith(b"PAR1") and not self._gzipped

    @cached_property
    def whole(self) -> str | None:
        """What it is, where it is of a kind that can be read as a whole alone."""
        if self._gzipped and self._head.startswith(b"PAR1"):
            return "gzipped Parquet"
        if self._head.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"{"):
            return "JSON lines"
        return None

    def _require(self) -> None:
        """InputError for what cannot be read in pieces."""
        name = self.path.name
        if self.whole:
            raise InputError(
                f"{name} is {self.whole}, which cannot be read in pieces: give CSV or Parquet, or a larger --ram"
            )
        if not self.parquet:
            require_text(self._head, name)

    @cached_property
    def _scanned(self) -> pl.LazyFrame:
        return pl.scan_parquet(self.path, glob=False, hive_partitioning=False)

    @cached_property
    def _height(self) -> int:
        return int(self._collected(self._scanned.select(pl.len())).item())

    def _rows_of_parquet(self, names: Sequence[str]) -> Iterator[pl.DataFrame]:
        wanted = self._scanned.select(*dict.fromkeys(names))
        head = self._collected(wanted.head(HEAD))
        rows = max(64, min(1 << 16, PIECE * len(head) // max(1, int(head.estimated_size()))))
        plain = pl.selectors.by_dtype(pl.Categorical, pl.Enum).cast(pl.String)
        for at in range(0, self._height, rows):
            yield self._collected(wanted.slice(at, rows)).with_columns(plain)

    def _collected(self, wanted: pl.LazyFrame) -> pl.DataFrame:
        try:
            return wanted.collect()
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            raise InputError(f"{self.path.name} is damaged Parquet ({reason(error)}): make it again") from None

    # Text.

    @cached_property
    def _separator(self) -> str:
        start = ""
        for text in self._texts():
            start += text
            if len(start) > delimited.SAMPLE:
                break
        return delimited.separator_of(start)

    @cached_property
    def _quote(self) -> str | None:
        if self._separator != "\t" or not any('"' in text for text in self._texts()):
            return '"'
        return '"' if delimited.quotes(self._lines(), "\t", longest=LONGEST) else None

    @cached_property
    def _looked(self) -> tuple[bool, set[str]]:
        """Whether each row of each piece has all its cells, and the columns with a decimal point.

        Both are of all pieces: what one of them holds changes how the cells of the others are read.
        """
        pointed: set[str] = set()
        for text in self._texts_of_pieces():
            frame = self._quick(text)
            if frame is None:
                break
            pointed |= delimited.with_points(frame) if self._separator in ";\t" else set()
        else:
            return True, pointed
        if self._separator in ";\t":
            pointed = set().union(*map(delimited.with_points, self._checked()))
        return False, pointed

    def _rows_of_text(self, names: Sequence[str]) -> Iterator[pl.DataFrame]:
        whole, pointed = self._looked
        frames: Iterable[pl.DataFrame | None]
        frames = map(self._quick, self._texts_of_pieces()) if whole else self._checked()
        for frame in frames:
            assert frame is not None
            some = frame.select(*dict.fromkeys(names))
            yield delimited.decimal_points(some, pointed) if self._separator in ";\t" else some

    def _quick(self, text: str) -> pl.DataFrame | None:
        return delimited.quick(text, self._separator, self._quote, self.names)

    def _checked(self) -> Iterator[pl.DataFrame]:
        """Every row counted, so that a wrong one is named."""
        rows: list[list[str]] = []
        size = 0
        for row in delimited.checked(
            self._lines(), self._separator, self._quote, self.names, self.path.name, longest=LONGEST
        ):
            rows.append(row)
            size += sum(map(len, row))
            if size >= PIECE:
                yield delimited.frame_of(rows, self.names)
                rows, size = [], 0
        if rows:
            yield delimited.frame_of(rows, self.names)

    def _texts_of_pieces(self) -> Iterator[str]:
        """The text in pieces that end where a record ends, the header before each of them."""
        lines = Counted(self._lines())
        found = delimited.records(lines, self._separator, self._quote, longest=LONGEST)
        header = piece = ""
        try:
            for _ in found:
                if not header:
                    header = lines.taken().lstrip("\r\n")
                    continue
                if piece:
                    yield header + piece
                    piece = ""
                if lines.characters >= PIECE and (lines.parted or lines.characters > LONGEST):
                    piece = lines.taken()
        except csv.Error as error:
            raise InputError(
                f"{self.path.name} is quoted wrongly after line {lines.number:,} ({error}): close the quotation mark, "
                "or double one that belongs to the text"
            ) from None
        if piece or lines.characters:
            yield header + piece + lines.taken()

    def _lines(self) -> Iterator[str]:
        """With their ends, which are any of \\n, \\r and \\r\\n."""
        rest = ""
        for text in self._texts():
            text = rest + text
            # A \r at the end may be half of an end.
            *whole, rest = io.StringIO(text, newline="").readlines() or [""]
            yield from whole
        yield from io.StringIO(rest, newline="")

    def _texts(self) -> Iterator[str]:
        """The file as UTF-8 text, without its byte-order mark; InputError as ``files.as_text`` raises it."""
        decoder = codecs.getincrementaldecoder("utf-8-sig")()
        before, lines = 0, 0
        with self._opened() as file:
            while True:
                raw = self._read(file)
                held = len(decoder.getstate()[0])
                if (nul := raw.find(b"\0")) >= 0:
                    at = before + nul
                    raise InputError(f"{self.path.name} holds a NUL byte at position {at:,}, so it is not {KINDS}")
                try:
                    text = decoder.decode(raw, final=not raw)
                except UnicodeDecodeError as error:
                    at = before - held + error.start
                    line = lines + error.object[: error.start].count(b"\n") + 1
                    raise InputError(
                        f"{self.path.name} is not UTF-8: byte 0x{error.object[error.start]:02X} at position {at:,} "
                        f"(line {line:,}); save the file as UTF-8"
                    ) from None
                if not raw:
                    return
                before, lines = before + len(raw), lines + text.count("\n")
                yield text

    @cached_property
    def _head(self) -> bytes:
        """What tells the kind."""
        with self._opened() as file:
            return self._read(file)

    @cached_property
    def _gzipped(self) -> bool:
        with self._raw() as file:
            return file.read(2) == b"\x1f\x8b"

    def _opened(self) -> IO[bytes]:
        return gzip.open(self.path, "rb") if self._gzipped else self._raw()  # type: ignore[return-value]

    def _raw(self) -> IO[bytes]:
        try:
            return self.path.open("rb")
        except OSError as error:
            why = error.strerror or error
            raise InputError(f"cannot read {self.path} ({why}): check its name and its rights") from None

    def _read(self, file: IO[bytes]) -> bytes:
        try:
            return file.read(BLOCK)
        except (OSError, EOFError, zlib.error):
            raise InputError(f"{self.path.name} is a damaged gzip file: make it again") from None


class Counted:
    """Lines, which are kept until they are taken, and what is known of those: how many, how long, how many quotes."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines, self._kept = lines, list[str]()
        self.number = self.characters = self.marks = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self._kept.append(line)
            self.number += 1
            self.characters += len(line)
            self.marks += line.count('"')
            yield line

    @property
    def parted(self) -> bool:
        """Whether the frame's reader sees an end here too: of lines alone that end in \\n, and of no open quotation."""
        return self._kept[-1].endswith("\n") and not self.marks % 2

    def taken(self) -> str:
        text = "".join(self._kept)
        self._kept.clear()
        self.characters = self.marks = 0
        return text


@dataclass(frozen=True)
class PieceOrigin(Origin):
    """Where a piece came from: its first row is the one after ``before`` others of the file."""

    file: TableFile | None = None
    before: int = 0

    def row(self, row: int) -> str:
        row += self.before
        line = None if self.file is None else self.file.line(row)
        return f"row {row}" if line is None else f"row {row} (line {line})"
