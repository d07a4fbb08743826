"""Tag: a label for every word of a sentence."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from torch import Tensor, nn

from elman.data.batch import NO_LABEL, Batch, Examples, in_order
from elman.data.cut import Dealt
from elman.data.frames import to_frame
from elman.data.labelled import Pairs, names_file
from elman.data.met import fingerprints, met_in_words
from elman.data.ragged import Ragged
from elman.data.sequences import Sequences
from elman.data.stratify import dealt
from elman.data.text.reader import TaggedTokens, read_tagged
from elman.data.text.tokens import Tokens
from elman.data.text.vectors import read_vectors
from elman.errors import InputError
from elman.evaluate.costs import Costs
from elman.evaluate.tags import report
from elman.evaluate.tags.report import MostFrequent
from elman.evaluate.wording import some
from elman.nn.sequence import TaggerNetwork
from elman.tasks.base import DOES, Judged, Prepared
from elman.tasks.explain_text import explain_tags
from elman.tasks.explained import Explained
from elman.tasks.sequence import SequenceConfig, SequenceTask, something
from elman.train.config import require


@dataclass(frozen=True, kw_only=True)
class TagConfig(SequenceConfig):
    """A tagger has the settings of all sequences; its texts are cut already."""

    lower: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("text", "longest"):
            require(getattr(self, name) is None, name, getattr(self, name), "left out: whole sentences are read")
        require(self.level in ("auto", "word"), "level", self.level, "left out: the file is cut into words already")


class Tagger(SequenceTask):
    """A tag for every word: ``Tagger().fit("train.conll")``, or ``.fit(sentences, tags)`` with lists of words."""

    name = "tag"
    help = "Learn a tag for every word, from lines of a word and its tag (CoNLL)."
    file = "Lines of a word and its tag, parted by a tab or blanks; an empty line ends a sentence."
    after = (
        ('predict {} "some words to tag"', "their tags"),
        ("evaluate {} NEW.conll", "the score on new data"),
    )
    Config = TagConfig

    tags_: list[str]

    def fit(self, source: Any, y: Any = None, *, valid: Any = None, test: Any = None, **options: Any) -> Self:
        """Learn from a file, or from ``source``, lists of words, and ``y``, lists of as many tags.

        ``valid`` and ``test`` name parts that are already split: files, or pairs (X, y).
        """
        return super().fit(source, y, valid=valid, test=test, **options)

    def prepare(self, source: Any, valid: Any, test: Any, config: TagConfig) -> Prepared:
        data = self._tagged(source)
        parts, how = self._parted(data, valid, test, config, 0.0 if isinstance(source, Pairs) else 0.2)
        train = parts["train"]
        assert train.tags is not None
        self.tags_ = sorted({tag for tags in train.tags for tag in tags})
        if len(self.tags_) < 2:
            raise InputError(
                f"every word has the tag {self.tags_[0]!r}, but two tags at least are needed to learn from"
            )
        self.encoder_ = Tokens.fit(
            train.tokens, "given", size=config.vocabulary, rarest=config.rarest, lower=config.lower
        )
        self.fit_spelling(train.tokens)
        if config.vectors:
            self.vectors_ = read_vectors(config.vectors, self.encoder_.symbols)
        self.frequent_ = MostFrequent.fit(train.tokens, train.tags)
        self.met_ = fingerprints(map(" ".join, train.tokens))
        x = {name: self.spelled(part.tokens) for name, part in parts.items()}
        sets = {name: Sequences(x[name], self._numbers(part)) for name, part in parts.items()}
        sets["train"] = Sequences(x["train"], sets["train"].y, self.change())
        words = sum(map(len, train.tokens))
        notes = (
            how,
            f"{words:,} words of {len(train.tokens):,} sentences to learn from, with {len(self.tags_)} tags: "
            f"{some(self.tags_)}",
            self.known_told("words", x),
        )
        return Prepared(sets["train"], sets["valid"], sets.get("test"), notes, parts.get("test"))

    def cut(self, source: Any, test: Any) -> tuple[Dealt, Any]:
        data = self._tagged(source)
        keys = [" ".join(words) for words in data.tokens]
        return Dealt(data, np.zeros(len(keys), np.int64), keys), test

    def costs(self, examples: Examples, judged: TaggedTokens) -> Costs:
        """1 for a word with a wrong tag, 0 for one with the right one: (N, longest sentence), NaN behind its end."""
        assert judged.tags is not None
        values = np.full((len(judged.tags), max(map(len, judged.tags))), np.nan)
        for row, (own, guess) in enumerate(zip(judged.tags, self.guess(judged.tokens), strict=True)):
            values[row, : len(own)] = [tag != other for tag, other in zip(own, guess, strict=True)]
        return Costs("share of wrong tags", values, np.arange(len(values)))

    def _tagged(self, source: Any) -> TaggedTokens:
        if isinstance(source, TaggedTokens):
            return source
        if not isinstance(source, Pairs):
            return read_tagged(source)
        tokens, tags = [list(words) for words in source.x], [[str(tag) for tag in tags] for tags in source.y]
        if len(tokens) != len(tags):
            raise InputError(f"there are {len(tokens)} sentences and {len(tags)} lists of tags: give as many of both")
        for at, (words, own) in enumerate(zip(tokens, tags, strict=True)):
            if len(words) != len(own) or not words:
                raise InputError(f"sentence {at} has {len(words)} words and {len(own)} tags: give one tag a word")
        return TaggedTokens(tokens, tags)

    def _parted(
        self, data: TaggedTokens, valid: Any, test: Any, config: TagConfig, share: float
    ) -> tuple[dict[str, TaggedTokens], str]:
        judging = config.test_share if config.test_share is not None else share
        shares = {
            "valid": 0.0 if valid is not None else config.valid_share,
            "test": 0.0 if test is not None else judging,
        }
        keys = [" ".join(words) for words in data.tokens]
        parts = {}
        for name, rows in dealt(np.zeros(len(keys), np.int64), **shares, seed=config.seed, keys=keys).items():
            parts[name] = data.take(rows)
        parts |= {name: self._tagged(part) for name, part in (("valid", valid), ("test", test)) if part is not None}
        if not parts["valid"].tokens:
            parts["valid"] = parts["train"]
        if not parts["test"].tokens:
            del parts["test"]
        return parts, ", ".join(f"{len(part.tokens):,} sentences {DOES[name]}" for name, part in parts.items())

    def _numbers(self, part: TaggedTokens) -> Ragged:
        """The number of each tag, NO_LABEL for one that the fit does not know."""
        assert part.tags is not None
        number = {tag: at for at, tag in enumerate(self.tags_)}
        return Ragged.of([np.array([number.get(tag, NO_LABEL) for tag in tags], np.int32) for tags in part.tags])

    # The network and what it learns by.

    def network(self, config: TagConfig) -> nn.Module:
        return TaggerNetwork(self.body(config), len(self.tags_), dropout=config.dropout)

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Mean cross-entropy over the words."""
        assert batch.y is not None
        return nn.functional.cross_entropy(outputs.flatten(0, 1), batch.y.flatten())

    def validate(self, network: nn.Module, examples: Examples) -> float:
        """Share of the words with a wrong tag."""
        wrong = count = 0
        for batch in in_order(examples, 256):
            batch = batch.to(self.config_.device)
            assert batch.y is not None
            known = batch.y != NO_LABEL
            wrong += int((network(**batch.inputs).argmax(-1) != batch.y)[known].sum())
            count += int(known.sum())
        return wrong / max(count, 1)

    # From outputs to what the user reads.

    def guess(self, tokens: list[list[str]]) -> list[list[str]]:
        examples = Sequences(self.spelled(tokens))
        found: list[list[str]] = [[] for _ in tokens]
        for batch, outputs in self.outputs(examples, 256):
            best = outputs.argmax(-1).T.tolist()
            for row, numbers in zip(batch.rows.tolist(), best, strict=True):
                found[row] = [self.tags_[number] for number in numbers[: len(tokens[row])]]
        return found

    def judge(self, examples: Examples, judged: TaggedTokens, notes: tuple[str, ...]) -> Judged:
        return self._judge(judged, notes)

    def judge_source(self, source: Any) -> Judged:
        part = self._tagged(source)
        return self._judge(part, met_in_words(self.met_, map(" ".join, part.tokens)))

    def _judge(self, part: TaggedTokens, notes: tuple[str, ...]) -> Judged:
        began = time.perf_counter()
        assert part.tags is not None
        guess = self.guess(part.tokens)
        rivals = {"most_frequent": self.frequent_.predict(part.tokens)}
        evaluation = report.judge(part.tags, guess, rivals, notes=notes, began=began)
        return Judged(evaluation, *report.sections(evaluation, part.tokens, part.tags, guess))

    def predict(self, source: Any = None) -> Any:
        """Tags: lists for lists of words; for a file, or one text parted by blanks, a frame of sentence, word, tag."""
        self.fitted()
        tokens = self.sentences(source)
        tags = self.guess(tokens)
        if not isinstance(source, str | Path):
            return tags
        return to_frame(
            {
                "sentence": [at for at, words in enumerate(tokens, 1) for _ in words],
                "word": [word for words in tokens for word in words],
                "tag": [tag for own in tags for tag in own],
            }
        )

    def why(self, source: Any = None, row: int | None = None) -> Explained:
        """Which words of a sentence moved each tag: of a text, or of the sentence ``row`` of a file or list, from 1."""
        return explain_tags(self, source, row)

    def sentences(self, source: Any) -> list[list[str]]:
        """The words of a file, of one text parted by blanks, or of a list of lists of words."""
        something(source)
        if not isinstance(source, str | Path):
            return [list(words) for words in source]
        text = isinstance(source, str) and not (names_file(source) or source.endswith((".conll", ".tsv", ".txt")))
        if Path(str(source)).suffix.lower() in (".csv", ".jsonl", ".parquet") and not text:
            raise InputError(f"{source} is a table, but a tagger reads lines of a word: give a file of these")
        tokens = [str(source).split()] if text else read_tagged(source, tagged=False).tokens
        if not tokens[0]:
            raise InputError("the text holds no words: give some, parted by blanks")
        return tokens

    # What is saved.

    def encoders(self) -> dict[str, Any]:
        return {**super().encoders(), "tags": self.tags_, "frequent": self.frequent_.to_json()}

    def restore(self, encoders: dict[str, Any], kept: dict[str, Tensor]) -> None:
        super().restore(encoders, kept)
        self.tags_, self.frequent_ = list(encoders["tags"]), MostFrequent.from_json(encoders["frequent"])

    def title(self) -> str:
        return "Tags of words"
