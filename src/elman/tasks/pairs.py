"""What translator and summarizer share: a text for a text, learnt from two columns of a table."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elman.data.batch import Examples
from elman.data.frames import to_frame
from elman.data.labelled import names_file
from elman.data.sequences import Rows
from elman.data.stratify import dealt_out
from elman.data.text.pairs import Pairs, read_pairs, read_sources
from elman.data.text.tokens import Tokens
from elman.errors import InputError
from elman.evaluate.alignment import Attention
from elman.evaluate.report import evenly
from elman.nn.beam import Found
from elman.tasks.base import DOES, Judged
from elman.tasks.writing import WritingConfig, WritingTask

DRAWN = 4  # texts whose attention the report draws


@dataclass(frozen=True, kw_only=True)
class PairsConfig(WritingConfig):
    """Which columns.

    Parameters
    ----------
    source
        Column of the texts that are read.
    target
        Column of the texts that are to be written.
    """

    source: str
    target: str


class PairsTask(WritingTask):
    """Reads pairs, deals them out, and answers for texts; a task says how texts are read, shown and judged."""

    options = ("best",)

    @property
    @abstractmethod
    def read_by(self) -> Tokens:
        """The vocabulary of what is read."""

    @abstractmethod
    def rows(self, texts: list[str]) -> Rows:
        """Texts as the encoder reads them."""

    @abstractmethod
    def judge_pairs(self, data: Pairs, notes: tuple[str, ...]) -> Judged:
        """What is written for the sources, beside baselines."""

    def parts(self, source: Any, valid: Any, test: Any, config: Any) -> tuple[dict[str, Pairs], tuple[str, ...]]:
        """The pairs by what they are for, equal sources together, and what was noticed in reading."""
        data = self.read(source)
        parts = dealt_out(
            data,
            self.read,
            {"valid": valid, "test": test},
            shares={"valid": config.valid_share, "test": config.test_share},
            seed=config.seed,
            keys=data.sources,
        )
        told = ", ".join(f"{len(parts[name]):,} pairs {does}" for name, does in DOES.items() if len(parts[name]))
        return parts, (*data.notes, told)

    def read(self, source: Any) -> Pairs:
        config = self.config()
        return read_pairs(source, config.source, config.target)

    def ranked(self, texts: list[str], beam: int | None = None) -> list[list[Found]]:
        """What is written for each text, the best first."""
        return self.written(self.rows(texts), beam)

    def predict(self, source: Any = None, *, best: int = 1) -> Any:
        """Texts for a list of texts; for a path, a frame or one text, a frame of what is read and written.

        With more than one ``best`` a frame whatever is given, with so many rows a text, fewer where there are no
        more, the best first: read, written, and its score (`nn.beam.search`).
        Raises InputError for what cannot be read, and for a ``best`` below 1.
        """
        self.fitted()
        if best < 1:
            raise InputError(f"--best must be at least 1, but is {best}")
        if source is None:
            raise InputError(f"there is nothing to {self.name}: give a text, a file, or a list of texts")
        if isinstance(source, list | tuple):
            texts = list(source)
        elif isinstance(source, str) and not names_file(source):
            texts = [source]
        else:
            texts = read_sources(source, self.config_.source)
        rows = self.rows(texts)
        found = [ranked[:best] for ranked in self.written(rows, max(best, self.config_.beam))]
        said = [
            self.texts(rows, [ranked[k] if k < len(ranked) else ranked[0] for ranked in found]) for k in range(best)
        ]
        if isinstance(source, list | tuple) and best == 1:
            return said[0]
        at = [(row, k) for row, ranked in enumerate(found) for k in range(len(ranked))]
        columns: dict[str, list[Any]] = {
            self.config_.source: [texts[row] for row, _ in at],
            self.config_.target: [said[k][row] for row, k in at],
        }
        if best > 1:
            columns["score"] = [found[row][k].score for row, k in at]
        return to_frame(columns, like=None if isinstance(source, str | Path | list | tuple) else source)

    def judge(self, examples: Examples, judged: Pairs, notes: tuple[str, ...]) -> Judged:
        return self.judge_pairs(judged, notes)

    def judge_source(self, source: Any) -> Judged:
        data = self.read(source)
        return self.judge_pairs(data, data.notes)

    def pieces(self, rows: Rows, row: int, found: Found) -> list[str]:
        """The symbols that were written for a row."""
        return [self.target_tokens_.symbols[at] for at in found.symbols]

    def looked_at(self, texts: list[str], rows: Rows, found: list[Found]) -> list[Attention]:
        """What was looked at for some of the texts, evenly spaced."""
        drawn = []
        for at in evenly(len(texts), DRAWN):
            read = self.read_by.pieces(texts[at])[: int(rows.lengths[at])]
            written = [*self.pieces(rows, at, found[at]), "end"]
            drawn.append(Attention(found[at].attention[:, : len(read)].numpy(), read, written))
        return drawn
