"""What translator and summarizer share: a text for a text, learnt from two columns of a table."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elman.data.batch import Examples
from elman.data.frames import to_frame
from elman.data.met import fingerprints, met_in_words
from elman.data.sequences import Rows
from elman.data.stratify import dealt_out
from elman.data.text.pairs import Pairs, read_pairs
from elman.data.text.reader import read_texts
from elman.data.text.tokens import Tokens
from elman.errors import InputError
from elman.evaluate.alignment import Attention
from elman.evaluate.report import evenly
from elman.evaluate.wording import cut
from elman.nn.beam import Found
from elman.tasks.base import DOES, Judged
from elman.tasks.explain_written import explain_pair
from elman.tasks.explained import Explained
from elman.tasks.sequence import something
from elman.tasks.writing import WritingConfig, WritingTask
from elman.train.config import require

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

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.source != self.target, "target", self.target, "another column than --source")


class PairsTask(WritingTask):
    """Reads pairs, deals them out, and answers for texts; a task says how texts are read, shown and judged."""

    options = ("best", "beam")

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
        self.met_ = fingerprints(parts["train"].sources)
        told = ", ".join(f"{len(parts[name]):,} pairs {does}" for name, does in DOES.items() if len(parts[name]))
        return parts, (*data.notes, told)

    def read(self, source: Any) -> Pairs:
        config = self.config()
        return read_pairs(source, config.source, config.target)

    def noticed(self, texts: list[str]) -> list[str]:
        """What there is to say of texts before they are read."""
        return []

    def ranked(self, texts: list[str], beam: int | None = None) -> list[list[Found]]:
        """What is written for each text, the best first. Raises InputError for what is no list of texts."""
        if isinstance(texts, str):
            raise InputError(f"{cut(texts, 40)!r} is one text, but several are needed: pass a list")
        return self.written(self.rows(read_texts(texts, self.config_.source, self.name)), beam)

    def predict(self, source: Any = None, *, best: int = 1, beam: int | None = None) -> Any:
        """Texts for a list of texts; for a path, a frame or one text, a frame of what is read and written.

        With more than one ``best`` a frame whatever is given, with so many rows a text, fewer where there are no
        more, the best first: read, written, and its score (`nn.beam.search`). ``beam`` instead of the one of the fit.
        An empty text has an empty answer. Raises InputError for what cannot be read, and for numbers below 1.
        """
        self.fitted()
        for name, number in (("best", best), ("beam", beam)):
            require(number is None or number >= 1, name, number, "at least 1")
        every = read_texts(source, self.config_.source, self.name)
        texts = [text for text in every if text.strip()]
        empty = len(every) - len(texts)
        told = [f"{empty:,} of {len(every):,} texts are empty, and so are their answers"] if empty else []
        self.remark(*told, *self.noticed(texts))
        rows = self.rows(texts)
        found = [ranked[:best] for ranked in self.written(rows, max(best, beam or self.config_.beam))] if texts else []
        said = [
            self.texts(rows, [ranked[k] if k < len(ranked) else ranked[0] for ranked in found]) for k in range(best)
        ]
        answered = iter(range(len(texts)))
        places = [next(answered) if text.strip() else None for text in every]
        if isinstance(source, list | tuple) and best == 1:
            return ["" if place is None else said[0][place] for place in places]
        columns: dict[str, list[Any]] = {self.config_.source: [], self.config_.target: []}
        scores: list[float | None] = []
        for text, place in zip(every, places, strict=True):
            for k in range(1 if place is None else len(found[place])):
                columns[self.config_.source].append(text)
                columns[self.config_.target].append("" if place is None else said[k][place])
                scores.append(None if place is None else found[place][k].score)
        if best > 1:
            columns["score"] = scores
        return to_frame(columns, like=None if isinstance(source, str | Path | list | tuple) else source)

    def why(self, source: Any = None, row: int | None = None) -> Explained:
        """Why a text was written as it was: of one text, or of row ``row`` of a file, a frame or a list, from 1."""
        something(source)
        return explain_pair(self, source, row)

    def judge(self, examples: Examples, judged: Pairs, notes: tuple[str, ...]) -> Judged:
        return self.judge_pairs(judged, notes)

    def judge_source(self, source: Any) -> Judged:
        data = self.read(source)
        told = *data.notes, *met_in_words(self.met_, data.sources), *self.noticed(data.sources)
        return self.judge_pairs(data, told)

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
