"""Summarize: a short text for a long one, learnt from pairs; words of the long one can be copied."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from torch import Tensor, nn

from elman.data.batch import Batch, Examples, in_order
from elman.data.frames import to_frame
from elman.data.labelled import names_file
from elman.data.sequences import Rows
from elman.data.stratify import dealt
from elman.data.text.copying import Sources, encoded
from elman.data.text.pairs import Pairs, read_pairs, read_sources
from elman.data.text.readable import Readable
from elman.data.text.tokens import UNKNOWN, Tokens
from elman.data.text.words import spaced
from elman.errors import InputError
from elman.evaluate.summary import report
from elman.evaluate.summary.extract import best_count, central, lead
from elman.nn.beam import Found
from elman.nn.pointer import PointerDecoder, PointerNetwork
from elman.nn.sequence import SequenceNetwork
from elman.tasks.base import Judged, Prepared
from elman.tasks.writing import WritingConfig, WritingTask
from elman.train.config import require_least


@dataclass(frozen=True, kw_only=True)
class SummarizeConfig(WritingConfig):
    """Which columns, what is read of a text, and how often it may say the same.

    Parameters
    ----------
    source
        Column of the texts that are read.
    target
        Column of the texts that are to be written.
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

    source: str
    target: str
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


class Summarizer(WritingTask):
    """Learn from texts with summaries: ``Summarizer(source="document", target="summary").fit("pairs.tsv")``."""

    name = "summarize"
    help = "Learn to summarize, from a table with a column of texts and one of their summaries."
    file = "CSV, TSV, JSON lines or Parquet with a text and its summary a row."
    after = (('predict {} "a text"', "its summary"), ("evaluate {} NEW.tsv", "the score on new data"))
    Config = SummarizeConfig

    def prepare(self, source: Any, valid: Any, test: Any, config: SummarizeConfig) -> Prepared:
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
        self.lead_ = best_count(train.sources, train.targets)
        self.target_tokens_ = self.tokens([*train.targets, *train.sources], config.target_level)
        capitals = config.lower and self.target_tokens_.level == "word"
        self.readable_ = Readable.fit(train.targets) if capitals else None
        sets = {name: encoded(part, self.target_tokens_, config.longest) for name, part in parts.items() if len(part)}
        self.longest_ = int(sets["train"].y.lengths.max()) + 1  # the end is a symbol as well
        longer = sum(part.x.longer for part in sets.values())
        notes = (
            *data.notes,
            ", ".join(f"{len(parts[name]):,} pairs {does}" for name, does in _DOES.items() if len(parts[name])),
            f"{self.target_tokens_.size:,} symbols; {sets['train'].x.lengths.double().mean():.0f} are read and "
            f"{sets['train'].y.lengths.double().mean():.0f} written a text",
            *self._cut(longer, config.longest),
        )
        return Prepared(sets["train"], sets.get("valid", sets["train"]), sets.get("test"), notes, parts["test"])

    def _read(self, source: Any) -> Pairs:
        config = self.config()
        return read_pairs(source, config.source, config.target)

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

    def texts(self, rows: Rows, found: list[Found]) -> list[str]:
        assert isinstance(rows, Sources)
        if self.target_tokens_.level != "word":
            return [self.decoded(one) for one in found]
        symbols = self.target_tokens_.symbols
        texts = []
        for one, own, source in zip(found, rows.own, rows.texts, strict=False):
            words = [symbols[at] if at < len(symbols) else own[at - rows.first] for at in one.symbols]
            texts.append(self.readable_.write(words, source, own) if self.readable_ else "".join(spaced(words)))
        return texts

    def sources(self, texts: list[str]) -> Sources:
        return Sources.of_texts(self.target_tokens_, texts, self.target_tokens_.size + 2, self.config_.longest)

    def summaries(self, texts: list[str], beam: int | None = None) -> list[str]:
        rows = self.sources(texts)
        return self.texts(rows, [best[0] for best in self.written(rows, beam)])

    def predict(self, source: Any = None) -> Any:
        """Summaries for a list of texts; for a path, a frame or one text, a frame of texts and summaries."""
        self.fitted()
        if isinstance(source, list | tuple):
            return self.summaries(list(source))
        if isinstance(source, str) and not names_file(source):
            texts = [source]
        elif source is None:
            raise InputError("there is nothing to summarize: give a text, a file, or a list of texts")
        else:
            texts = read_sources(source, self.config_.source)
        columns = {self.config_.source: texts, self.config_.target: self.summaries(texts)}
        return to_frame(columns, like=None if isinstance(source, str | Path) else source)

    def judge(self, examples: Examples, judged: Pairs, notes: tuple[str, ...]) -> Judged:
        return self._judge(judged, notes)

    def judge_source(self, source: Any) -> Judged:
        data = self._read(source)
        longer = self.sources(data.sources).longer
        return self._judge(data, (*data.notes, *self._cut(longer, self.config_.longest)))

    def _judge(self, data: Pairs, notes: tuple[str, ...]) -> Judged:
        began = time.perf_counter()
        guesses = self.summaries(data.sources)
        rivals = {"lead": lead(data.sources, self.lead_), "central": central(data.sources, self.lead_)}
        evaluation = report.judge(guesses, data.targets, rivals, notes=notes, began=began)
        return Judged(evaluation, report.sections(evaluation, data.sources, guesses, data.targets))

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


_DOES = {"train": "train", "valid": "choose when to stop", "test": "judge"}
