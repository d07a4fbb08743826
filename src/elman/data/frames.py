"""What the user gets back, in the kind of frame the user gave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl

WRITTEN = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson")


def to_frame(columns: dict[str, Any], like: Any = None) -> Any:
    """A frame of the library that ``like`` is of (pandas, pyarrow, ...); polars for a path or for none."""
    frame = pl.DataFrame(columns)
    if like is None or isinstance(like, str | Path | dict):
        return frame
    kind = nw.from_native(like, eager_only=True, pass_through=True)
    if not isinstance(kind, nw.DataFrame) or kind.implementation is nw.Implementation.POLARS:
        return frame
    return nw.from_dict(
        {name: frame[name].to_list() for name in frame.columns}, backend=kind.implementation
    ).to_native()


def columns_of(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Rows as columns, None where a row has no such cell; one that holds any text becomes text, as in a file."""
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {str(name): [row.get(name) for row in rows] for name in names}
    return {
        name: [cell if cell is None or isinstance(cell, str) else str(cell) for cell in cells]
        if any(isinstance(cell, str) for cell in cells)
        else cells
        for name, cells in columns.items()
    }


def plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows as JSON has them: times as text."""
    return [{k: v.isoformat() if hasattr(v, "isoformat") else v for k, v in row.items()} for row in rows]


def write_frame(frame: pl.DataFrame, path: Path) -> None:
    """By the path's suffix, one of WRITTEN."""
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    elif path.suffix in (".jsonl", ".ndjson"):
        frame.write_ndjson(path)
    else:
        path.write_text(as_csv(frame, separator="\t" if path.suffix == ".tsv" else ","), encoding="utf-8")


def as_csv(frame: pl.DataFrame, separator: str = ",") -> str:
    """Times without a fraction of a second unless there is one."""
    whole = all((frame[name].dt.microsecond() == 0).all() for name, kind in frame.schema.items() if kind == pl.Datetime)
    return frame.write_csv(separator=separator, datetime_format="%Y-%m-%dT%H:%M:%S" if whole else None)
