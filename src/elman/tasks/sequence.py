"""What classifier, regressor and tagger share: sequences of words or of numbers, and one recurrent stack over them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch

from elman.data.arrays import Numbers
from elman.data.batch import Examples, restored
from elman.data.labelled import NOTHING, Labelled, Pairs, X, flat, is_table, is_text, names_file, texts_or_numbers
from elman.data.met import met_in_words
from elman.data.motion import is_motion, read_motion
from elman.data.ragged import Ragged
from elman.data.rows_on_disk import RowsOnDisk
from elman.data.sequences import Change, Rows, Sequences
from elman.data.stratify import dealt
from elman.data.text.augment import drop_words, swap_words
from elman.data.text.reader import TaggedTokens, read_labelled
from elman.data.text.spelling import Spelled, Spelling
from elman.data.text.tokens import Tokens, choose_level
from elman.data.text.vectors import read_vectors
from elman.data.texts import Texts
from elman.errors import InputError
from elman.nn.dropout import weight_drop
from elman.nn.sequence import SequenceNetwork
from elman.tasks.base import Task, TaskConfig
from elman.train.config import require_least, require_share
from elman.train.pace import steps_a_pass

Encoded = Ragged | RowsOnDisk | Spelled
FEW = 10  # rows that judge: a single one moves the score by more than models differ
MOST_STEPS = 2**20  # of one row: some gigabytes
PASSES, FEWEST = 6, 400  # over the training part, and steps at least
MOST_LEARNT = 2**19  # of the rows of a batch together, for what is kept of a step until the errors come back


@dataclass(frozen=True, kw_only=True)
class SequenceConfig(TaskConfig):
    """How text becomes numbers, and the stack that reads it.

    Parameters
    ----------
    text
        Column of the text.
    level
        What a step of a text is: word, char, subword, byte, or auto: char for Chinese, Japanese and Korean, else word.
    vocabulary
        Symbols kept at most; the rarest become the unknown one.
    rarest
        Symbols seen fewer times than this in the training part become the unknown one.
    lower
        Read capital letters as small ones.
    spelling
        Read words by their letters too (level word), so that an unknown word is not quite unknown.
    vectors
        Word vectors to start from: a text file of a word and its numbers a line.
    embedding
        Numbers that stand for a symbol.
    longest
        Steps read at most, counted from the start; all when left out.
    conv
        Width of a convolution over the steps before the recurrent layers; 0 for none.
    bidirectional
        Read each sequence from both ends.
    causal
        Let no answer depend on later steps, so that the model can be streamed: one direction, and nothing that looks
        ahead.
    embedding_dropout
        Share of the symbols that are hidden from a whole batch while training.
    weight_drop
        Share of the recurrent weights dropped while training.
    word_drop
        Share of the steps of a text made unknown while training.
    word_swap
        Share of the steps of a text swapped with the next one while training.
    valid_share
        Share of the rows that chooses when to stop.
    test_share
        Share of the rows that judges; a fifth of a file, none of arrays, when left out.
    """

    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    text: str | None = None
    level: Literal["auto", "word", "char", "subword", "byte"] = "auto"
    vocabulary: int | None = None
    rarest: int = 2
    lower: bool = True
    spelling: bool = True
    vectors: str | None = None
    embedding: int | None = None
    longest: int | None = None
    conv: int = 0
    bidirectional: bool = True
    causal: bool = False
    embedding_dropout: float = 0.1
    weight_drop: float = 0.0
    word_drop: float = 0.0
    word_swap: float = 0.0
    valid_share: float = 0.1
    test_share: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require_least(self, 1, "vocabulary", "rarest", "embedding", "longest")
        require_least(self, 0, "conv")
        if self.causal:
            object.__setattr__(self, "bidirectional", False)
        require_share(self, "embedding_dropout", "weight_drop", "word_drop", "word_swap", "valid_share", "test_share")
        if self.vectors is not None:
            object.__setattr__(self, "vectors", str(self.vectors))


class SequenceTask(Task):
    """Reads a table with a column of text, a folder of texts, or from Python texts or arrays with their labels."""

    config_: Any
    encoder_: Any  # Tokens, Numbers, or that of a medium
    spelling_: Spelling | None = None
    vectors_: Any = None  # of a file of word vectors: places and values, for the network's start

    def fit(self, source: Any, y: Any = None, *, valid: Any = None, test: Any = None, **options: Any) -> Self:
        """Learn from a path or a frame, or from ``source`` and its ``y``: texts, arrays (N, T, F), or a list of (T, F).

        ``valid`` and ``test`` name parts that are already split: paths or frames, or pairs (X, y). For the other
        options and what is raised, see Task.fit.
        """
        if y is None and not is_table(source) and not isinstance(source, Pairs | Labelled | TaggedTokens):
            raise InputError(
                f"{type(self).__name__} requires y to be passed, but the target y is None: call fit(X, y), or give a "
                "path or a frame"
            )
        if y is not None:
            source = Pairs(source, y)
            valid, test = (None if part is None else Pairs(*part) for part in (valid, test))
        return super().fit(source, valid=valid, test=test, **options)

    def read(self, source: Any, label: str | None, *, number: bool = False) -> Labelled:
        """The sequences of a source, with the column ``label`` or the y that came along."""
        if isinstance(source, Labelled):
            return source
        if isinstance(source, Pairs):
            x = texts_or_numbers(source.x)
            y = flat(source.y)
            if len(y) != len(x):
                raise InputError(
                    f"Found input variables with inconsistent numbers of samples: {len(x)} sequences, {len(y)} labels"
                )
            return Labelled(x, y)
        if is_motion(source):
            return read_motion(source)
        return self.table(source, label, number=number)

    def table(self, source: Any, label: str | None, *, number: bool = False) -> Labelled:
        """The texts of a table, or of a folder, with the column ``label``."""
        return read_labelled(source, self.config().text, label, number=number)

    def unlabelled(self, source: Any) -> Labelled:
        """The sequences of a path, a frame, one text, a list of texts, or arrays."""
        something(source)
        if isinstance(source, str) and not names_file(source):
            return Labelled([source], NOTHING)
        if is_motion(source):
            return Labelled(read_motion(source, labelled=False).x, NOTHING)
        if self.answers_frame(source):
            return self.table(source, None)
        return Labelled(texts_or_numbers(source), NOTHING)

    def answers_frame(self, source: Any) -> bool:
        """Whether ``predict`` gives a frame: of a path, one text, or a frame of texts, but not of one of numbers."""
        return is_table(source) and (isinstance(source, str | Path) or not isinstance(self.encoder_, Numbers))

    def parted(
        self, data: Labelled, strata: np.ndarray, source: Any, valid: Labelled | None, test: Labelled | None
    ) -> tuple[dict[str, Labelled], list[str]]:
        """The parts by name, and in words how they came about; each of ``strata`` is dealt out in its proportion."""
        config = self.config()
        judging = config.test_share if config.test_share is not None else 0.0 if isinstance(source, Pairs) else 0.2
        shares = {"valid": 0.0 if valid else config.valid_share, "test": 0.0 if test else judging}
        rows = dealt(strata, **shares, seed=config.seed, keys=self.keys(data))
        parts = {name: data.take(part) for name, part in rows.items()}
        parts |= {name: given for name, given in (("valid", valid), ("test", test)) if given is not None}
        notes = [
            f"{len(parts['train']):,} rows train, {len(parts['valid']):,} choose when to stop"
            + (f", {len(parts['test']):,} judge" if len(parts["test"]) else "")
        ]
        if 0 < len(parts["test"]) < FEW:
            notes.append(f"WARNING: {len(parts['test'])} rows are too few to judge by")
        if not len(parts["valid"]):
            parts["valid"] = parts["train"]
            notes[0] = f"{len(parts['train']):,} rows train, and the same ones choose when to stop"
        if not len(parts["test"]):
            del parts["test"]
        return parts, notes

    def keys(self, data: Labelled) -> Sequence[Any] | np.ndarray | None:
        """Rows of equal keys come to one part together."""
        return data.x.keys if isinstance(data.x, Texts) else self.same(data.x)

    def hints(self) -> tuple[tuple[str, str], ...]:
        if not isinstance(self.encoder_, Numbers):
            return super().hints()
        return (("predict {} NEW.ts", "what each is"), ("evaluate {} NEW.ts", "the score on new data"))

    def same(self, x: X) -> Sequence[Any] | None:
        """What tells rows apart: equal ones are the same; None of numbers."""
        return x if is_text(x) else None

    def met(self, x: X) -> tuple[str, ...]:
        """In words, how many of the rows were learnt from."""
        return met_in_words(self.met_, self.same(x) or [])

    def encoded(self, x: X) -> Encoded:
        """Sequences as the network reads them; InputError for texts where numbers were learnt, and the reverse."""
        found = self.numbered(x)
        longest = self.config().longest
        found = found if longest is None else found.cut(longest)
        at = int(found.lengths.argmax())
        if found.lengths[at] > MOST_STEPS:
            raise InputError(
                f"row {at + 1} has {found.lengths[at]:,} steps, but {MOST_STEPS:,} can be read at most: shorten it, "
                "or fit with --longest"
            )
        return found

    def numbered(self, x: X) -> Encoded:
        """``encoded``, whatever the length."""
        text = isinstance(self.encoder_, Tokens)
        if text == isinstance(x, Ragged):
            learnt, given = ("texts", "numbers")[not text], ("texts", "numbers")[text]
            raise InputError(f"the model reads {learnt}, but {given} were given: give what it was fitted on")
        return self.encoder_.encode(x) if isinstance(self.encoder_, Numbers) else self.spelled(x)  # type: ignore[arg-type]

    def learnt(self, x: X, encoded: Encoded) -> Rows:
        """The rows that training is fed, of the training part and its ``encoded`` sequences."""
        return encoded

    def spelled(self, texts: Sequence[Any]) -> Encoded:
        """Texts, or lists of words, as numbers, with the words' letters where these are read."""
        assert isinstance(self.encoder_, Tokens)
        if self.spelling_ is not None:
            return self.spelling_.encode(self.encoder_, texts)
        return self.encoder_.encode_large(texts) if isinstance(texts, Texts) else self.encoder_.encode(texts)

    def fit_encoder(self, x: X) -> None:
        """What makes numbers of sequences, fitted on those of the training part."""
        config = self.config()
        if isinstance(x, Ragged):
            self.encoder_ = Numbers.fit(x)
            return
        assert is_text(x)
        level = choose_level(x) if config.level == "auto" else config.level
        self.encoder_ = Tokens.fit(x, level, size=config.vocabulary, rarest=config.rarest, lower=config.lower)
        self.vectors_ = read_vectors(config.vectors, self.encoder_.symbols) if config.vectors else None
        self.fit_spelling(x)

    def fit_spelling(self, texts: Sequence[Any]) -> None:
        """The n-grams of the texts' words; none where steps are no words, or no words share any."""
        assert isinstance(self.encoder_, Tokens)
        self.spelling_ = None
        if self.config().spelling and self.encoder_.level in ("word", "given"):
            self.spelling_ = Spelling.fit(self.encoder_.words(texts)) or None

    def told(self, parts: dict[str, Labelled], encoded: dict[str, Encoded]) -> list[str]:
        """What was read, in words: the steps, what is cut, what is unknown."""
        longest, train = self.config().longest, encoded["train"]
        notes = []
        if longest is not None:
            whole = self.numbered(parts["train"].x).lengths
            cut = int((whole > longest).sum())
            notes.append(f"{cut:,} of {len(whole):,} training rows are cut to their first {longest:,} steps")
        unit = "steps"
        if isinstance(self.encoder_, Tokens):
            unit = {"char": "characters", "word": "words", "subword": "subwords", "byte": "bytes"}[self.encoder_.level]
            notes.append(self.known_told(unit, encoded))
            if self.vectors_ is not None:
                notes.append(f"{len(self.vectors_[0]):,} of them start from {Path(self.config().vectors).name}")
        lengths = train.lengths.double()
        notes.append(f"a row has {lengths.mean():.0f} {unit} on average, {int(lengths.max()):,} at most")
        return notes

    def known_told(self, unit: str, encoded: dict[str, Encoded]) -> str:
        """How much of the judging part the vocabulary knows, and whether letters help with the rest."""
        assert isinstance(self.encoder_, Tokens)
        judged = encoded.get("test", encoded["valid"])
        unknown = judged.unknown_share() if isinstance(judged, Spelled) else self.encoder_.unknown_share(judged)
        return (
            f"{self.encoder_.size:,} {unit} are known; {100 * unknown:.2g} % of the "
            f"{'judging' if 'test' in encoded else 'choosing'} part are not"
            + (f"; {len(self.spelling_):,} pieces of words are read too" if self.spelling_ else "")
        )

    def change(self) -> Change | None:
        """What is done to the texts that are learnt from, anew each time."""
        config = self.config()
        if not isinstance(self.encoder_, Tokens) or not (config.word_drop or config.word_swap):
            return None

        def change(
            x: torch.Tensor, lengths: torch.Tensor, generator: torch.Generator
        ) -> tuple[torch.Tensor, torch.Tensor]:
            if config.word_swap:
                x = swap_words(x, lengths, config.word_swap, generator)
            return drop_words(x, lengths, config.word_drop, generator) if config.word_drop else x, lengths

        return change

    def front(self, config: Any) -> dict[str, Any]:
        """What the network reads: arguments of SequenceNetwork."""
        if not isinstance(self.encoder_, Tokens):
            return {"features": self.encoder_.features}
        grams = len(self.spelling_ or ())
        return {"vocabulary": self.encoder_.size, "embedding": config.embedding, "grams": grams}

    def body(self, config: Any) -> SequenceNetwork:
        """The recurrent stack with what stands before it."""
        body = SequenceNetwork(
            **self.front(config),
            conv=config.conv,
            causal=config.causal,
            cell=config.cell,
            hidden=config.hidden,
            layers=config.layers,
            bidirectional=config.bidirectional,
            residual=config.residual,
            dropout=config.dropout,
            embedding_dropout=config.embedding_dropout,
        )
        weight_drop(body.stack, config.weight_drop)
        if self.vectors_ is not None and body.embedding is not None:
            places, values = self.vectors_
            with torch.no_grad():
                body.embedding.weight[places] = torch.from_numpy(values) * (0.1 / max(float(values.std()), 1e-9))
                if body.grams is not None:
                    body.grams.weight.zero_()  # as noise they would hide what the vectors say
        return body

    def sizes(self, config: Any, examples: Examples) -> list[dict[str, Any]]:
        assert isinstance(examples, Sequences)
        steps, rows = int(examples.lengths.max()), min(config.batch_size, len(examples))
        if steps * rows > MOST_LEARNT:
            raise InputError(
                f"the longest row to learn from has {steps:,} steps, but with {rows} rows at a time memory is kept for "
                f"{MOST_LEARNT // rows:,}: give --longest, or a smaller --batch-size"
            )
        largest = 32 if len(examples) < 1000 else 64 if len(examples) < 4000 else 128
        wanted = [config.hidden] if config.hidden else [h for h in (128, 64, 32) if h <= largest]
        # Labelled sequences are soon learnt by heart: a few passes, ended by the schedule, are better than many.
        some = math.ceil(FEWEST / steps_a_pass(examples, config))
        passes = {} if config.epochs or config.steps else {"epochs": float(max(PASSES, some))}
        if not isinstance(self.encoder_, Tokens):
            return [{"hidden": hidden, **passes} for hidden in wanted]
        width = None if self.vectors_ is None else self.vectors_[1].shape[1]
        if width and config.embedding not in (None, width):
            raise InputError(
                f"--embedding is {config.embedding}, but the word vectors have {width} numbers: leave it out"
            )
        width = config.embedding or width
        return [{"hidden": hidden, "embedding": width or max(hidden, 64), **passes} for hidden in wanted]

    def enough(self, config: Any, examples: Examples) -> float:
        """All the passes."""
        return (config.epochs or PASSES) * steps_a_pass(examples, config)

    def all_outputs(self, examples: Examples) -> torch.Tensor:
        """What the network gives for every row, in the rows' order."""
        batches = [(batch.rows, outputs) for batch, outputs in self.outputs(examples, 256)]
        return restored([rows for rows, _ in batches], [outputs for _, outputs in batches]).cpu()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.three_d_array = True
        return tags

    # What is saved.

    def encoders(self) -> dict[str, Any]:
        kind = "text" if isinstance(self.encoder_, Tokens) else "numbers"
        spelling = None if self.spelling_ is None else self.spelling_.to_json()
        return {"kind": kind, "encoder": self.encoder_.to_json(), "spelling": spelling}

    def restore(self, encoders: dict[str, Any], kept: dict[str, torch.Tensor]) -> None:
        self.encoder_ = (Tokens if encoders["kind"] == "text" else Numbers).from_json(encoders["encoder"])
        self.spelling_ = None if encoders["spelling"] is None else Spelling.from_json(encoders["spelling"])


def something(source: Any) -> None:
    """InputError for None: only a forecaster goes on by itself."""
    if source is None:
        raise InputError("there is nothing to answer for: give a text, a file, or sequences")
