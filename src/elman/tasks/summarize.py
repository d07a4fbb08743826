"""Summarize: a short text for a long one, learnt from pairs; words of the long one can be copied."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor, nn

from elman.data.batch import Batch, Examples, in_order
from elman.data.sequences import Rows
from elman.data.text.copying import Sources, encoded
from elman.data.text.pairs import Pairs
from elman.data.text.readable import Readable
from elman.data.text.tokens import UNKNOWN, Tokens
from elman.data.text.words import spaced
from elman.evaluate.summary import report
from elman.evaluate.summary.extract import best_count, central, lead
from elman.nn.beam import Found
from elman.nn.pointer import PointerDecoder, PointerNetwork
from elman.nn.sequence import SequenceNetwork
from elman.tasks.base import Judged, Prepared
from elman.tasks.pairs import PairsConfig, PairsTask
from elman.train.config import require_least


@dataclass(frozen=True, kw_only=True)
class SummarizeConfig(PairsConfig):
    """What is read of a text, and how often it may say the same.

    Parameters
    ----------
    target_level
        What a step of a text is, read or written: word, subword, char, byte, or auto: char for Chinese, Japanese and
        Korean, else subword. Unknown words can be copied at level word alone.
    longest
        Steps of a text that are read; its rest is not.
    lower
        Read small letters alone; at level word what is written gets the capitals of its text, or the usual ones.
    coverage
        Weight of the attention that falls on what was attended to before, in the loss.
    """

    target_level: Literal["auto", "subword", "char", "word", "byte"] = "word"
    longest: int = 100
    lower: bool = True
    attention: Literal["additive", "multiplicative", "dot"] = "multiplicative"
    coverage: float = 0.0
    no_repeat: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        require_least(self, 1, "longest")
        require_least(self, 0, "coverage")


class Summarizer(PairsTask):
    """Learn from texts with summaries: ``Summarizer(source="document", target="summary").fit("pairs.tsv")``."""

    name = "summarize"
    help = "Learn to summarize, from a table with a column of texts and one of their summaries."
    file = "CSV, TSV, JSON lines or Parquet with a text and its summary a row."
    after = (('predict {} "a text"', "its summary"), ("evaluate {} NEW.tsv", "the score on new data"))
    Config = SummarizeConfig

    def prepare(self, source: Any, valid: Any, test: Any, config: SummarizeConfig) -> Prepared:
        parts, told = self.parts(source, valid, test, config)
        train = parts["train"]
        self.lead_ = best_count(train.sources, train.targets)
        self.target_tokens_ = self.tokens([*train.targets, *train.sources], config.target_level)
        capitals = config.lower and self.target_tokens_.level == "word"
        self.readable_ = Readable.fit(train.targets) if capitals else None
        sets = {name: encoded(part, self.target_tokens_, config.longest) for name, part in parts.items() if len(part)}
        self.longest_ = int(sets["train"].y.lengths.max()) + 1  # the end is a symbol as well
        longer = sum(part.x.longer for part in sets.values())
        notes = (
            *told,
            f"{self.target_tokens_.size:,} symbols; {sets['train'].x.lengths.double().mean():.0f} are read and "
            f"{sets['train'].y.lengths.double().mean():.0f} written a text",
            *self._cut(longer, config.longest),
        )
        return Prepared(sets["train"], sets.get("valid", sets["train"]), sets.get("test"), notes, parts["test"])

    def _cut(self, longer: int, longest: int) -> list[str]:
        """In words, how many texts are longer than what is read of them."""
        steps = "words" if self.target_tokens_.level == "word" else "symbols"
        return [f"of {longer:,} texts only the first {longest:,} {steps} are read (--longest)"] if longer else []

    def title(self) -> str:
        return f"Summaries of {self.config_.source}"

    # The network and what it learns by.

    def sizes(self, config: SummarizeConfig, examples: Examples) -> list[dict[str, Any]]:
        """Half as many numbers for a word as units: the network reads more than it writes."""
        return [
            {**size, "embedding": config.embedding or max(1, size["hidden"] // 2)}
            for size in super().sizes(config, examples)
        ]

    def network(self, config: SummarizeConfig) -> nn.Module:
        assert config.hidden is not None and config.embedding is not None
        encoder = SequenceNetwork(
            features=config.embedding,
            cell=config.cell,
            hidden=config.hidden,
            layers=config.layers,
            residual=config.residual,
            dropout=config.dropout,
            weight_drop=config.weight_drop,
        )
        decoder = PointerDecoder(unknown=UNKNOWN, **self.decoder_settings(encoder, config))
        return PointerNetwork(encoder, decoder, dropout=config.dropout, scheduled_sampling=config.scheduled_sampling)

    def loss(self, outputs: Any, batch: Batch) -> Tensor:
        """Mean of -log p of the target's symbols, smoothed, in nats, and of the attention given again."""
        config = self.config()
        smoothing = config.label_smoothing
        likely = (1 - smoothing) * outputs.log_p.mean() + smoothing * outputs.smooth.mean()
        return config.coverage * outputs.again.mean() - likely

    def validate(self, network: nn.Module, examples: Examples) -> float:
        """Mean of -log p of the target's symbols, in nats."""
        total = count = 0.0
        for batch in in_order(examples, 128):
            said = network(**batch.to(self.config_.device).inputs)
            total -= float(said.log_p.sum())
            count += len(said.log_p)
        return total / max(count, 1)

    def most_written(self, steps: int) -> int:
        return self.longest_

    # From outputs to what the user reads.

    @property
    def read_by(self) -> Tokens:
        return self.target_tokens_

    def rows(self, texts: list[str]) -> Sources:
        return Sources.of_texts(self.target_tokens_, texts, self.target_tokens_.size + 2, self.config_.longest)

    def noticed(self, texts: list[str]) -> list[str]:
        return self._cut(self.rows(texts).longer, self.config_.longest)

    def pieces(self, rows: Rows, row: int, found: Found) -> list[str]:
        assert isinstance(rows, Sources)
        symbols = self.target_tokens_.symbols
        return [symbols[at] if at < len(symbols) else rows.own[row][at - rows.first] for at in found.symbols]

    def texts(self, rows: Rows, found: list[Found]) -> list[str]:
        assert isinstance(rows, Sources)
        if self.target_tokens_.level != "word":
            return super().texts(rows, found)
        texts = []
        for row, one in enumerate(found):
            words = self.pieces(rows, row, one)
            written = self.readable_.write(words, rows.texts[row], rows.own[row]) if self.readable_ else None
            texts.append("".join(spaced(words)) if written is None else written)
        return texts

    def judge_pairs(self, data: Pairs, notes: tuple[str, ...]) -> Judged:
        began = time.perf_counter()
        rows = self.rows(data.sources)
        found = [ranked[0] for ranked in self.written(rows)]
        guesses = self.texts(rows, found)
        rivals = {"lead": lead(data.sources, self.lead_), "central": central(data.sources, self.lead_)}
        evaluation = report.judge(guesses, data.targets, rivals, notes=notes, began=began)
        attended = self.looked_at(data.sources, rows, found)
        return Judged(evaluation, report.sections(evaluation, data.sources, guesses, data.targets, attended))

    # What is saved.

    def encoders(self) -> dict[str, Any]:
        return {
            "tokens": self.target_tokens_.to_json(),
            "readable": self.readable_.to_json() if self.readable_ else None,
            "longest": self.longest_,
            "lead": self.lead_,
        }

    def restore(self, encoders: dict[str, Any], kept: dict[str, Tensor]) -> None:
        self.target_tokens_ = Tokens.from_json(encoders["tokens"])
        self.readable_ = Readable.from_json(encoders["readable"]) if encoders["readable"] else None
        self.longest_, self.lead_ = encoders["longest"], encoders["lead"]
