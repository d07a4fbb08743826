"""The bytes of a file, or a frame of any library, to a polars frame of raw cells, with faults named by place."""

import io
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from elman.data.delimited import delimited, line_of_record
from elman.data.packed import MAGIC, unpacked
from elman.errors import InputError, reason

BINARY = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"PK\x03\x04": "a zip archive or a spreadsheet (save the sheet as CSV)",
    b"%PDF": "a PDF document",
    b"RIFF": "a sound or video file",
    b"\x89HDF": "an HDF5 file",
    b"SQLite": "a database",
    b"\xd0\xcf\x11\xe0": "an old Office document (save the sheet as CSV)",
    b"BZh": "a bzip2 archive (unpack it, or use gzip)",
    b"\xfd7zXZ": "an xz archive (unpack it, or use gzip)",
    b"\x28\xb5\x2f\xfd": "a zstd archive (unpack it, or use gzip)",
}


def read_file(path: Path) -> pl.DataFrame:
    """CSV, TSV, TXT, JSON lines or Parquet, any of them gzipped; cells of text files stay text.

    Raises InputError for what is no table, each case with its remedy.
    """
    raw = load_bytes(path)
    if raw.startswith(b"PAR1"):
        return _parquet(raw, path.name)
    return parsed(as_text(raw, path.name), path.name)


def parsed(text: str, file: str) -> pl.DataFrame:
    """The text of a file as ``read_file`` reads it; ``file`` is its name in messages."""
    if not text.strip():
        raise InputError(f"{file} is empty: {TABLE}")
    return _json_lines(text, file) if text.lstrip().startswith("{") else delimited(text, file)


def line_of_row(path: Path, row: int) -> int | None:
    """The line on which the 1-based data row begins, None where the file has no lines or is gone."""
    if not path.is_file() or (raw := load_bytes(path)).startswith(b"PAR1"):
        return None
    text = as_text(raw, path.name)
    if text.lstrip().startswith("{"):
        lines = (number for number, line in enumerate(text.split("\n"), 1) if line.strip())
        return next((line for at, line in enumerate(lines, 1) if at == row), None)
    return line_of_record(text, row)


def short(value: Any) -> str:
    """The value as a message shows it, cut where it is long."""
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:50]}... ({len(str(value)):,} characters)"


TABLE = "a header and rows are needed"
KINDS = "a table: give CSV, TSV, JSON lines or Parquet"


def named(path: Path) -> str:
    """A file's name, cut where it is longer than names are."""
    return str(path) if len(str(path)) <= 200 else f"{str(path)[:200]}..."


def is_there(path: Path) -> bool:
    """Whether there is such a file; a name longer than any file's is none."""
    try:
        return path.is_file()
    except OSError:
        return False


def load_bytes(path: Path, need: str | None = TABLE) -> bytes:
    """The file's bytes, unpacked if gzipped; without any, refused in words that say the ``need``, None for no need."""
    shown = named(path)
    try:
        raw = path.read_bytes()
    except IsADirectoryError:
        raise InputError(f"{shown} is a folder, but a file is needed: name a file inside it") from None
    except FileNotFoundError:
        names = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        near = get_close_matches(path.name, names, n=1, cutoff=0.6)
        hint = f"did you mean {near[0]}?" if near else "check the name and the folder"
        raise InputError(f"no such file: {shown}; {hint}") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"cannot read {shown} ({why}): check its name and its rights") from None
    if raw.startswith(MAGIC):
        raw = unpacked(raw, path.name)
    if need and not raw.strip():
        raise InputError(f"{path.name} is empty: {need}")
    return raw


@contextmanager
def at_once(path: Path) -> Iterator[Path]:
    """A file beside ``path`` to be written: it takes that place when the block ends well, and is gone when it does not.

    Raises InputError where nothing can be written.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.stem[:32]}.", suffix=path.suffix.lower(), dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise InputError(f"cannot write {path} ({error.strerror}): give another name") from None
    staged = Path(name)
    try:
        yield staged
        staged.chmod(0o644)
        staged.replace(path)
    finally:
        staged.unlink(missing_ok=True)


def require_text(raw: bytes, file: str, need: str = KINDS) -> None:
    """InputError where a file that begins so is no UTF-8 text; ``need`` says what a file of another kind is not."""
    kind = next((what for magic, what in BINARY.items() if raw.startswith(magic)), None)
    if kind:
        raise InputError(f"{file} is {kind}, not {need}")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(
            f"{file} is UTF-16 text (byte 0x{raw[0]:02X} at position 0), but UTF-8 is needed: save it as UTF-8 "
            "(a spreadsheet: as 'CSV UTF-8')"
        )


def as_text(raw: bytes, file: str, need: str = KINDS) -> str:
    """The file as UTF-8 text without its byte-order mark; ``need`` says what a file of another kind is not."""
    require_text(raw, file, need)
    if (at := raw.find(b"\0")) >= 0:
        raise InputError(f"{file} holds a NUL byte at position {at:,}, so it is not {need}")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{file} is not UTF-8: byte 0x{raw[error.start]:02X} at position {error.start:,} "
            f"(line {line:,}); save the file as UTF-8"
        ) from None


def _parquet(raw: bytes, file: str) -> pl.DataFrame:
    try:
        return pl.read_parquet(io.BytesIO(raw))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise InputError(f"{file} is damaged Parquet ({reason(error)}): make it again") from None


def _json_lines(text: str, file: str) -> pl.DataFrame:
    try:
        return pl.read_ndjson(text.encode(), infer_schema_length=None)
    except pl.exceptions.PolarsError as error:
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip() and not isinstance(_json(line), dict):
                raise InputError(
                    f"line {number} of {file} is {short(line.strip())}, but each line "
                    'must be a JSON object, like {"time": "2020-01-01", "value": 1.5}'
                ) from None
        raise InputError(
            f"{file} cannot be read as JSON lines ({reason(error)}): each name must hold one type of value"
        ) from None


def _json(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def from_frame(source: Any) -> pl.DataFrame:
    """A pandas, polars, pyarrow or other narwhals-supported frame, or a dict of columns; an index of times is a column.

    Raises InputError for what is no frame.
    """
    if isinstance(source, pl.LazyFrame):
        return source.collect()
    try:
        if isinstance(source, Mapping):
            return pl.DataFrame([_series(str(name), values) for name, values in source.items()])
        if type(getattr(source, "index", None)).__name__ in ("DatetimeIndex", "PeriodIndex"):
            source = source.reset_index(names=source.index.name or "time")
        frame = nw.from_native(source, eager_only=True)
        if frame.implementation.is_pandas_like():
            return pl.DataFrame([_series(str(cells.name), cells) for cells in frame.iter_columns()])
        return frame.to_polars()
    except TypeError:
        raise InputError(
            f"a table cannot be made of {type(source).__name__}: pass the path of a file, a "
            "pandas, polars or pyarrow frame, or a dict of columns"
        ) from None
    except (ValueError, pl.exceptions.PolarsError) as error:
        raise InputError(
            f"the frame is not usable ({reason(error)}): give its columns distinct names and one length"
        ) from None


def _series(name: str, values: Any) -> pl.Series:
    """A column of anything as polars: times in microseconds, what is no plain type as its text."""
    values = nw.from_native(values, series_only=True, pass_through=True)
    zoned = isinstance(values, nw.Series) and getattr(values.dtype, "time_zone", None) is not None
    if isinstance(values, nw.Series):
        missing, values = values.is_null().to_list(), values.to_numpy()
        if values.dtype == object:
            values = [None if absent else cell for absent, cell in zip(missing, values, strict=True)]
    elif not isinstance(values, list | tuple):
        values = np.asarray(values)
    if isinstance(values, np.ndarray):
        if values.ndim != 1:
            raise ValueError(f"column {name!r} has shape {values.shape}, but one dimension is needed")
        values = values.astype("datetime64[us]") if values.dtype.kind == "M" else values
        values = values.tolist() if values.dtype == object else values
    out = pl.Series(name, values, strict=False)
    if zoned and isinstance(out.dtype, pl.Datetime):
        return out.dt.replace_time_zone("UTC")
    if out.dtype == pl.Object:
        out = pl.Series(name, [None if cell is None else str(cell) for cell in values], dtype=pl.String)
    return out
