"""Translate: a text for a text, learnt from pairs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from elman.data.batch import Batch, Examples, batches, in_order
from elman.data.frames import to_frame
from elman.data.labelled import names_file
from elman.data.sequences import NO_LABEL
from elman.data.stratify import dealt
from elman.data.text.pairs import Pairs, encoded, read_pairs, read_sources
from elman.data.text.tokens import PAD, UNKNOWN, Tokens, choose_level
from elman.errors import InputError
from elman.evaluate.translation import report
from elman.evaluate.translation.memory import TranslationMemory
from elman.evaluate.translation.metrics import grouped, require_scorer
from elman.nn.beam import Found, search
from elman.nn.seq2seq import TranslationNetwork
from elman.tasks.base import Judged, Prepared, Task, TaskConfig
from elman.train.config import require, require_least, require_share


@dataclass(frozen=True, kw_only=True)
class TranslateConfig(TaskConfig):
    """Which columns, how text becomes steps, and how a translation is searched.

    Parameters
    ----------
    source
        Column of the texts that are read.
    target
        Column of the texts that are to be written.
    source_level
        What a step of a source is: subword, char, word, byte, or auto: char for Chinese, Japanese and Korean.
    target_level
        The same of a target.
    vocabulary
        Symbols kept at most on each side.
    lower
        Read and write small letters alone.
    embedding
        Numbers that stand for a symbol.
    attention
        additive, multiplicative or dot.
    embedding_dropout
        Share of the symbols that are hidden from a whole batch while training.
    weight_drop
        Share of the recurrent weights dropped while training.
    label_smoothing
        Share of the target that goes to all symbols alike.
    beam
        Translations kept open while searching; 1 takes the likeliest symbol each time.
    length_penalty
        Exponent of the length that a translation's log probability is divided by.
    valid_share
        Share of the rows that chooses when to stop.
    test_share
        Share of the rows that judges.
    """

    source: str
    target: str
    source_level: Literal["auto", "subword", "char", "word", "byte"] = "auto"
    target_level: Literal["auto", "subword", "char", "word", "byte"] = "auto"
    vocabulary: int = 8000
    lower: bool = False
    embedding: int | None = None
    attention: Literal["additive", "multiplicative", "dot"] = "additive"
    embedding_dropout: float = 0.1
    weight_drop: float = 0.0
    label_smoothing: float = 0.1
    beam: int = 5
    length_penalty: float = 1.0
    valid_share: float = 0.05
    test_share: float = 0.1
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    dropout: float = 0.3

    def __post_init__(self) -> None:
        super().__post_init__()
        require_least(self, 1, "vocabulary", "embedding", "beam")
        require_least(self, 0, "length_penalty")
        require_share(self, "embedding_dropout", "weight_drop", "label_smoothing", "valid_share", "test_share")
        left = 1 - self.valid_share
        require(self.test_share < left, "test_share", self.test_share, f"below {left:g}, 1 less --valid-share")


class Translator(Task):
    """Learn from pairs of texts: ``Translator(source="zh", target="en").fit("pairs.tsv").predict(["你好"])``."""

    name = "translate"
    help = "Learn to translate, from a table with a column for each language."
    file = "CSV, TSV, JSON lines or Parquet with a pair of texts a row."
    after = (('predict {} "a text"', "its translation"), ("evaluate {} NEW.tsv", "the score on new data"))
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
        self.source_tokens_ = self._tokens(train.sources, config.source_level)
        self.target_tokens_ = self._tokens(train.targets, config.target_level)
        sets = {
            name: encoded(part, self.source_tokens_, self.target_tokens_) for name, part in parts.items() if len(part)
        }
        notes = (
            *data.notes,
            ", ".join(f"{len(parts[name]):,} pairs {does}" for name, does in _DOES.items() if len(parts[name])),
            f"{self.source_tokens_.size:,} symbols are read, {self.target_tokens_.size:,} written; "
            f"{sets['train'].x.lengths.double().mean():.0f} and {sets['train'].y.lengths.double().mean():.0f} a text",
        )
        return Prepared(sets["train"], sets.get("valid", sets["train"]), sets.get("test"), notes, parts["test"])

    def _read(self, source: Any) -> Pairs:
        config = self.config()
        return read_pairs(source, config.source, config.target)

    def _tokens(self, texts: list[str], wanted: Literal["auto", "subword", "char", "word", "byte"]) -> Tokens:
        config = self.config()
        parted: Literal["char", "subword"] = "char" if choose_level(texts) == "char" else "subword"
        level = parted if wanted == "auto" else wanted
        return Tokens.fit(texts, level, size=config.vocabulary, rarest=2, lower=config.lower)

    def title(self) -> str:
        return f"Translation of {self.config_.source} to {self.config_.target}"

    # The network and what it learns by.

    def sizes(self, config: TranslateConfig, examples: Examples) -> list[dict[str, Any]]:
        return [
            {"hidden": hidden, "embedding": config.embedding or min(hidden, 256)}
            for hidden in ([config.hidden] if config.hidden else [512, 256, 128] if config.minutes else [256])
        ]

    def enough(self, config: TranslateConfig, examples: Examples) -> float:
        return 10 * batches(examples, config.batch_size)

    def network(self, config: TranslateConfig) -> nn.Module:
        assert config.hidden is not None and config.embedding is not None
        return TranslationNetwork(
            source=self.source_tokens_.size,
            target=self.target_tokens_.size + 2,
            embedding=config.embedding,
            hidden=config.hidden,
            layers=config.layers,
            cell=config.cell,
            attention=config.attention,
            dropout=config.dropout,
            embedding_dropout=config.embedding_dropout,
            weight_drop=config.weight_drop,
        )

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Mean cross-entropy of the target's symbols, smoothed, in nats."""
        assert batch.y is not None
        smoothing = self.config().label_smoothing
        return nn.functional.cross_entropy(outputs.flatten(0, 1), batch.y.flatten(), label_smoothing=smoothing)

    def validate(self, network: nn.Module, examples: Examples) -> float:
        """Mean cross-entropy of the target's symbols, in nats."""
        total = count = 0.0
        for batch in in_order(examples, 128):
            batch = batch.to(self.config_.device)
            assert batch.y is not None
            z = network(**batch.inputs)
            total += float(nn.functional.cross_entropy(z.flatten(0, 1), batch.y.flatten(), reduction="sum"))
            count += int((batch.y != NO_LABEL).sum())
        return total / max(count, 1)

    # From outputs to what the user reads.

    def translations(self, texts: list[str], beam: int | None = None) -> list[list[Found]]:
        """The best translations of each text, the best first."""
        network, rows = self.network_, self.source_tokens_.encode(texts)
        assert isinstance(network, TranslationNetwork)
        network.eval()
        end = self.target_tokens_.size + 1
        found: list[list[Found]] = [[] for _ in texts]
        with torch.no_grad():
            for part in rows.lengths.argsort(stable=True).split(64):
                x, lengths = rows.padded(part)
                written = search(
                    network.decoder,
                    *network.encode(x, lengths),
                    start=end - 1,
                    end=end,
                    longest=min(500, 10 + 3 * int(lengths.max())),
                    beam=beam or self.config().beam,
                    length_penalty=self.config().length_penalty,
                    banned=(PAD, UNKNOWN, end - 1),
                )
                for row, best in zip(part.tolist(), written, strict=True):
                    found[row] = best
        return found

    def predict(self, source: Any = None) -> Any:
        """Texts for a list of texts; for a path, a frame or one text, a frame of source and translation."""
        self.fitted()
        if isinstance(source, list | tuple):
            return self._texts(list(source))
        if isinstance(source, str) and not names_file(source):
            texts = [source]
        elif source is None:
            raise InputError("there is nothing to translate: give a text, a file, or a list of texts")
        else:
            texts = read_sources(source, self.config_.source)
        columns = {self.config_.source: texts, self.config_.target: self._texts(texts)}
        return to_frame(columns, like=None if isinstance(source, str | Path) else source)

    def _texts(self, texts: list[str], beam: int | None = None) -> list[str]:
        return [self.target_tokens_.decode(best[0].symbols) for best in self.translations(texts, beam)]

    def judge(self, examples: Examples, judged: Pairs, notes: tuple[str, ...]) -> Judged:
        return self._judge(judged, notes)

    def judge_source(self, source: Any) -> Judged:
        data = self._read(source)
        return self._judge(data, data.notes)

    def _judge(self, data: Pairs, notes: tuple[str, ...]) -> Judged:
        began = time.perf_counter()
        sources, references = grouped(data.sources, data.targets)
        guesses = self._texts(sources)
        rivals = {"copy": sources, "memory": self.memory_.predict(sources)}
        chinese = choose_level(data.targets) == "char"
        evaluation = report.judge(guesses, references, rivals, chinese=chinese, notes=notes, began=began)
        return Judged(evaluation, report.sections(evaluation, sources, guesses, references))

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
