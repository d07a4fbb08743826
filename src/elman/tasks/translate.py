"""Translate: a text for a text, learnt from pairs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from elman.data.batch import Examples
from elman.data.frames import to_frame
from elman.data.labelled import names_file
from elman.data.ragged import Ragged
from elman.data.sequence_pairs import SequencePairs
from elman.data.stratify import dealt
from elman.data.text.pairs import Pairs, encoded, read_pairs, read_sources
from elman.data.text.tokens import Tokens, choose_level
from elman.errors import InputError
from elman.evaluate.translation import report
from elman.evaluate.translation.memory import TranslationMemory
from elman.evaluate.translation.metrics import grouped, require_scorer
from elman.nn.beam import Found
from elman.nn.sequence import SequenceNetwork
from elman.tasks.base import Judged, Prepared
from elman.tasks.writing import WritingConfig, WritingTask
from elman.train.config import require_least


@dataclass(frozen=True, kw_only=True)
class TranslateConfig(WritingConfig):
    """Which columns, and how the text that is read becomes symbols.

    Parameters
    ----------
    source
        Column of the texts that are read.
    target
        Column of the texts that are to be written.
    source_level
        What a step of a source is: subword, char, word, byte, or auto: char for Chinese, Japanese and Korean.
    longest
        Symbols of either side at most that are learnt from; a pair with more is left out, and counted.
    """

    source: str
    target: str
    source_level: Literal["auto", "subword", "char", "word", "byte"] = "auto"
    longest: int = 300

    def __post_init__(self) -> None:
        super().__post_init__()
        require_least(self, 1, "longest")


class Translator(WritingTask):
    """Learn from pairs of texts: ``Translator(source="zh", target="en").fit("pairs.tsv").predict(["你好"])``."""

    name = "translate"
    help = "Learn to translate, from a table with a column for each language."
    file = "CSV, TSV, JSON lines or Parquet with a pair of texts a row."
    after = (('predict {} "a text"', "its translation"), ("evaluate {} NEW.tsv", "the score on new data"))
    options = ("best",)
    Config = TranslateConfig

    def prepare(self, source: Any, valid: Any, test: Any, config: TranslateConfig) -> Prepared:
        if test is not None or config.test_share:
            require_scorer()
        data = self._read(source)
        given = {name: self._read(part) for name, part in (("valid", valid), ("test", test)) if part is not None}
        rows = dealt(
            np.zeros(len(data), np.int64),
            valid=0.0 if "valid" in given else config.valid_share,
            test=0.0 if "test" in given else config.test_share,
            seed=config.seed,
            keys=data.sources,
        )
        parts = {name: data.take(part) for name, part in rows.items()} | given
        train = parts["train"]
        self.memory_ = TranslationMemory.fit(train.sources, train.targets)
        self.source_tokens_ = self.tokens(train.sources, config.source_level)
        self.target_tokens_ = self.tokens(train.targets, config.target_level)
        sets = {
            name: encoded(part, self.source_tokens_, self.target_tokens_) for name, part in parts.items() if len(part)
        }
        sets["train"], long = self._short(sets["train"])
        notes = (
            *data.notes,
            *long,
            ", ".join(f"{len(parts[name]):,} pairs {does}" for name, does in _DOES.items() if len(parts[name])),
            f"{self.source_tokens_.size:,} symbols are read, {self.target_tokens_.size:,} written; "
            f"{sets['train'].x.lengths.double().mean():.0f} and {sets['train'].y.lengths.double().mean():.0f} a text",
        )
        return Prepared(sets["train"], sets.get("valid", sets["train"]), sets.get("test"), notes, parts["test"])

    def _short(self, pairs: SequencePairs) -> tuple[SequencePairs, list[str]]:
        """The pairs that are not too long to learn from, and in words how many are."""
        longest = self.config().longest
        assert isinstance(pairs.x, Ragged)
        rows = ((pairs.x.lengths <= longest) & (pairs.y.lengths <= longest)).nonzero()[:, 0]
        left = len(pairs) - len(rows)
        if not len(rows):
            raise InputError(f"every pair to learn from has a side of more than {longest:,} symbols: give --longest")
        if not left:
            return pairs, []
        told = (
            f"{left:,} of {len(pairs):,} pairs to learn from have a side of more than {longest:,} symbols, are left out"
        )
        return SequencePairs(pairs.x.take(rows), pairs.y.take(rows), self.target_tokens_.size), [f"{told} (--longest)"]

    def _read(self, source: Any) -> Pairs:
        config = self.config()
        return read_pairs(source, config.source, config.target)

    def title(self) -> str:
        return f"Translation of {self.config_.source} to {self.config_.target}"

    # The network and what it learns by.

    def network(self, config: TranslateConfig) -> nn.Module:
        assert config.hidden is not None and config.embedding is not None
        encoder = SequenceNetwork(
            vocabulary=self.source_tokens_.size,
            embedding=config.embedding,
            cell=config.cell,
            hidden=config.hidden,
            layers=config.layers,
            residual=config.residual,
            dropout=config.dropout,
            embedding_dropout=config.embedding_dropout,
            weight_drop=config.weight_drop,
        )
        return self.seq2seq(encoder, config)

    # From outputs to what the user reads.

    def translations(self, texts: list[str], beam: int | None = None) -> list[list[Found]]:
        """The best translations of each text, the best first."""
        return self.written(self.source_tokens_.encode(texts), beam)

    def predict(self, source: Any = None, *, best: int = 1) -> Any:
        """Texts for a list of texts; for a path, a frame or one text, a frame of source and translation.

        With more than one ``best`` a frame whatever is given, with so many rows a source, fewer where there are no
        more, the best first: source, translation, and its score (`nn.beam.search`).
        Raises InputError for what cannot be read, and for a ``best`` below 1.
        """
        self.fitted()
        if best < 1:
            raise InputError(f"--best must be at least 1, but is {best}")
        if source is None:
            raise InputError("there is nothing to translate: give a text, a file, or a list of texts")
        if isinstance(source, list | tuple):
            texts = list(source)
        elif isinstance(source, str) and not names_file(source):
            texts = [source]
        else:
            texts = read_sources(source, self.config_.source)
        found = self.translations(texts, max(best, self.config_.beam))
        if isinstance(source, list | tuple) and best == 1:
            return [self.decoded(ranked[0]) for ranked in found]
        rows = [(text, one) for text, ranked in zip(texts, found, strict=True) for one in ranked[:best]]
        columns: dict[str, list[Any]] = {
            self.config_.source: [text for text, _ in rows],
            self.config_.target: [self.decoded(one) for _, one in rows],
        }
        if best > 1:
            columns["score"] = [one.score for _, one in rows]
        return to_frame(columns, like=None if isinstance(source, str | Path | list | tuple) else source)

    def judge(self, examples: Examples, judged: Pairs, notes: tuple[str, ...]) -> Judged:
        return self._judge(judged, notes)

    def judge_source(self, source: Any) -> Judged:
        data = self._read(source)
        return self._judge(data, data.notes)

    def _judge(self, data: Pairs, notes: tuple[str, ...]) -> Judged:
        began = time.perf_counter()
        sources, references = grouped(data.sources, data.targets)
        found = [ranked[0] for ranked in self.translations(sources)]
        guesses = [self.decoded(one) for one in found]
        rivals = {"copy": sources, "memory": self.memory_.predict(sources)}
        chinese = choose_level(data.targets) == "char"
        evaluation = report.judge(guesses, references, rivals, chinese=chinese, notes=notes, began=began)
        attended = [self._attention(sources[at], found[at]) for at in report.evenly(len(sources), report.DRAWN)]
        return Judged(evaluation, report.sections(evaluation, sources, guesses, references, attended))

    def _attention(self, source: str, found: Found) -> report.Attention:
        read = self.source_tokens_.pieces(source)
        written = [self.target_tokens_.symbols[symbol] for symbol in found.symbols]
        return report.Attention(found.attention[:, : len(read)].numpy(), read, written)

    # What is saved.

    def encoders(self) -> dict[str, Any]:
        return {"source": self.source_tokens_.to_json(), "target": self.target_tokens_.to_json()}

    def kept(self) -> dict[str, Tensor]:
        """The known pairs, a baseline."""
        return {"memory": torch.from_numpy(self.memory_.array())}

    def restore(self, encoders: dict[str, Any], kept: dict[str, Tensor]) -> None:
        self.memory_ = TranslationMemory.from_array(kept["memory"].numpy())
        self.source_tokens_ = Tokens.from_json(encoders["source"])
        self.target_tokens_ = Tokens.from_json(encoders["target"])


_DOES = {"train": "train", "valid": "choose when to stop", "test": "judge"}
