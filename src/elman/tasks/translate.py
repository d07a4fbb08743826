"""Translate: a text for a text, learnt from pairs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from elman.data.ragged import Ragged
from elman.data.sequence_pairs import SequencePairs
from elman.data.text.pairs import Pairs, encoded
from elman.data.text.tokens import UNKNOWN, Tokens, choose_level
from elman.errors import InputError
from elman.evaluate.translation import report
from elman.evaluate.translation.memory import TranslationMemory
from elman.evaluate.translation.metrics import grouped, require_scorer
from elman.nn.sequence import SequenceNetwork
from elman.tasks.base import Judged, Prepared
from elman.tasks.pairs import PairsConfig, PairsTask
from elman.train.config import require_least


@dataclass(frozen=True, kw_only=True)
class TranslateConfig(PairsConfig):
    """How the text that is read becomes symbols.

    Parameters
    ----------
    source_level
        What a step of a source is: subword, char, word, byte, or auto: char for Chinese, Japanese and Korean.
    longest
        Symbols of either side at most that are learnt from; a pair with more is left out, and counted.
    """

    source_level: Literal["auto", "subword", "char", "word", "byte"] = "auto"
    longest: int = 300

    def __post_init__(self) -> None:
        super().__post_init__()
        require_least(self, 1, "longest")


class Translator(PairsTask):
    """Learn from pairs of texts: ``Translator(source="zh", target="en").fit("pairs.tsv").predict(["你好"])``."""

    name = "translate"
    help = "Learn to translate, from a table with a column for each language."
    file = "CSV, TSV, JSON lines or Parquet with a pair of texts a row."
    after = (('predict {} "a text"', "its translation"), ("evaluate {} NEW.tsv", "the score on new data"))
    Config = TranslateConfig

    def prepare(self, source: Any, valid: Any, test: Any, config: TranslateConfig) -> Prepared:
        if test is not None or config.test_share:
            require_scorer()
        parts, told = self.parts(source, valid, test, config)
        train = parts["train"]
        self.memory_ = TranslationMemory.fit(train.sources, train.targets)
        self.source_tokens_ = self.tokens(train.sources, config.source_level)
        self.target_tokens_ = self.tokens(train.targets, config.target_level)
        sets = {
            name: encoded(part, self.source_tokens_, self.target_tokens_) for name, part in parts.items() if len(part)
        }
        sets["train"], long = self._short(sets["train"])
        notes = (
            *told,
            *long,
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
        return pairs.take(rows), [f"{told} (--longest)"]

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

    @property
    def read_by(self) -> Tokens:
        return self.source_tokens_

    def rows(self, texts: list[str]) -> Ragged:
        return self.source_tokens_.encode(texts)

    def noticed(self, texts: list[str]) -> list[str]:
        rows, longest = self.rows(texts), self.config_.longest
        told, long = [], int((rows.lengths > longest).sum())
        if long:
            told.append(
                f"{long:,} of {len(texts):,} texts have more than the {longest:,} symbols that were learnt from"
            )
        strange = [at for at in range(len(texts)) if (rows.row(at) == UNKNOWN).any()]
        if strange:
            numbers, pieces = rows.row(strange[0]).tolist(), self.source_tokens_.pieces(texts[strange[0]])
            one = next(piece for piece, number in zip(pieces, numbers, strict=True) if number == UNKNOWN)
            told.append(
                f"{len(strange):,} of {len(texts):,} texts have symbols that the model does not know, such as {one!r}"
            )
        return told

    def judge_pairs(self, data: Pairs, notes: tuple[str, ...]) -> Judged:
        began = time.perf_counter()
        sources, references = grouped(data.sources, data.targets)
        rows = self.rows(sources)
        found = [ranked[0] for ranked in self.written(rows)]
        guesses = self.texts(rows, found)
        rivals = {"copy": sources, "memory": self.memory_.predict(sources)}
        chinese = choose_level(data.targets) == "char"
        evaluation = report.judge(guesses, references, rivals, chinese=chinese, notes=notes, began=began)
        attended = self.looked_at(sources, rows, found)
        return Judged(evaluation, report.sections(evaluation, sources, guesses, references, attended))

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
