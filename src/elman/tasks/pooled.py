"""What classifier and regressor share: one answer a sequence, of several networks, beside a linear model's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from elman.data import memory
from elman.data.batch import Batch, Examples
from elman.data.labelled import Labelled, X, is_text
from elman.data.motion import is_motion
from elman.data.ragged import Ragged
from elman.data.sequences import Sequences
from elman.data.text.large import in_pieces, need, read_large
from elman.data.texts import Texts, in_lots, prints
from elman.errors import InputError
from elman.evaluate.linear import CHARACTERS, Ngrams, Values, summaries
from elman.nn.ensemble import Ensemble
from elman.nn.sequence import ClassifierNetwork
from elman.tasks.base import Prepared
from elman.tasks.clips import Clips
from elman.tasks.explain_pooled import explain_pooled
from elman.tasks.explained import Explained
from elman.tasks.media import MediaTask
from elman.tasks.pictures import PictureConfig, Pictures
from elman.tasks.sequence import something
from elman.tasks.sounds import Sounds
from elman.tasks.weighing import Answer
from elman.train.config import require_least

SHARE = 0.2  # of the memory that there is, which data may take: of addresses a fit takes several times as much
MOST_NUMBERS = 5_000_000  # that the linear model learns from: more take minutes and change little
LINEAR_ROWS = 1 << 14  # that the linear model answers for together
ROOM_OF_LINEAR = 24  # bytes of memory that there must be for a character that chooses its strength


@dataclass(frozen=True, kw_only=True)
class PooledConfig(PictureConfig):
    """How the steps become one answer.

    Parameters
    ----------
    pool
        attention (additive), dot (attention), last, mean, max, or concat (those three).
    members
        Networks of different starts that learn together and whose answers are averaged: 1 when left out, but 3 where a
        budget of minutes has time for them.
    ram
        Memory that the data may take, as 500MB or 2GB: what needs more is read from disk; found by itself when left
        out.
    blend
        Blend the network's answer with that of a linear model, of n-grams or summary statistics, as suits the
        validation part.
    """

    pool: Literal["attention", "dot", "last", "mean", "max", "concat"] = "attention"
    members: int | None = None
    ram: str | None = None
    blend: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require_least(self, 1, "members")
        if self.ram is not None:
            memory.parse(self.ram)
        if self.causal:
            object.__setattr__(self, "blend", False)  # the linear model reads whole sequences


class PooledTask(MediaTask):
    """The networks of an ensemble, and the linear model that they are read beside."""

    media = (Clips, Sounds, Pictures)
    linear_: Ngrams | Values | None
    every_ = 1  # of so many rows that choose one is read by the linear model
    ram_: str | None = None  # what the data may take, where it needs more

    # From files to rows.

    def meet(self, source: Any, test: Any) -> Any:
        test = super().meet(source, test)
        given = self.config().ram
        here = isinstance(source, str | Path) and Path(source).is_file() and not is_motion(source)
        if given and not isinstance(source, Labelled) and (self.medium_ is not None or not here):
            raise InputError(f"--ram is {given}, but is for a file with a table of texts: leave it out")
        self.ram_ = given or _found()
        return test

    def table(self, source: Any, label: str | None, *, number: bool = False) -> Labelled:
        """As SequenceTask.table; the texts of a file that needs more memory than it may take stay on disk."""
        if not isinstance(source, str | Path) or not Path(source).is_file():
            return super().table(source, label, number=number)
        path, given = Path(source), self.config().ram
        most, wanted = memory.parse(self.ram_ or given or _found()), need(path)
        # What cannot be read in pieces may take all there is, unless somebody said otherwise.
        if wanted <= most or not (given or in_pieces(path) or wanted > memory.available()):
            return super().table(source, label, number=number)
        data = read_large(path, self.config().text, label, number=number)
        told = (
            f"{path.name} would take about {memory.in_words(wanted)} of memory and may take {memory.in_words(most)}: "
            "its texts are read from disk"
        )
        return replace(data, notes=(*data.notes, told))

    def ensemble(self, config: Any, outputs: int) -> Ensemble:
        """Members with so many outputs."""
        return Ensemble(
            ClassifierNetwork(self.body(config), outputs, pooling=config.pool, dropout=config.dropout)
            for _ in range(config.members)
        )

    def sizes(self, config: Any, examples: Examples) -> list[dict[str, Any]]:
        members = [config.members] if config.members else [3, 1] if config.minutes else [1]
        own = {"ram": self.ram_} if self.ram_ else {}
        sizes = [{**size, **own, "members": count} for size in super().sizes(config, examples) for count in members]
        return sorted(sizes, key=lambda size: -size["members"] * size["hidden"])

    def outputs(self, examples: Examples, size: int = 256) -> Iterator[tuple[Batch, Any]]:
        """The mean of the members' outputs."""
        for batch, outputs in super().outputs(examples, size):
            yield batch, outputs.mean(0)

    def prepared(
        self,
        parts: dict[str, Labelled],
        y: dict[str, np.ndarray],
        linear_y: dict[str, np.ndarray],
        classes: int | None,
        notes: list[str],
    ) -> Prepared:
        """The parts as examples of ``y``, by encoders fitted on the training part; ``linear_y`` for the linear model.

        The linear model is one of so many ``classes``, or of a number without.
        """
        if not any(isinstance(part.x, Texts) for part in parts.values()):
            self.ram_ = self.config().ram
        self.met_ = prints(self.same(parts["train"].x) or [])
        self.fit_encoder(parts["train"].x)
        x = {
            name: self.encoded(part.x) for name, part in parts.items() if name == "train" or part is not parts["train"]
        }
        x.setdefault("valid", x["train"])
        sets = {name: Sequences(x[name], torch.from_numpy(y[name])) for name in parts}
        learnt = self.learnt(parts["train"].x, x["train"])
        sets["train"] = Sequences(learnt, sets["train"].y, self.change())
        self.linear_, self.every_ = None, 1
        if "test" in parts or self.config().blend:
            self._fit_linear(parts, x, linear_y, classes)
        told = (*notes, *self.told(parts, x), *self._every_told())
        return Prepared(sets["train"], sets["valid"], sets.get("test"), told, parts.get("test"))

    def _fit_linear(
        self, parts: dict[str, Labelled], x: dict[str, Any], y: dict[str, np.ndarray], classes: int | None
    ) -> None:
        """The model that the network is read beside, of the training and the validation part; ``x`` are their rows."""
        train, valid = parts["train"].x, parts["valid"].x
        # Where the training part itself chooses, nothing is left to choose the linear model's strength by.
        apart = parts["valid"] is not parts["train"]
        valid_y = y["valid"] if apart else y["train"][:0]
        if is_text(train):
            assert is_text(valid)
            self.every_ = self._every(valid) if apart else 1
            some = valid[:: self.every_] if apart else []
            self.linear_ = Ngrams.fit(train, y["train"], some, valid_y[:: self.every_], classes)
            return
        rows = {name: self._linear_x(parts[name].x, x[name]) for name in ("train", "valid")}
        stride = -(-rows["train"].size // MOST_NUMBERS) or 1
        learnt, own = rows["train"][::stride], y["train"][::stride]
        self.linear_ = Values.fit(learnt, own, rows["valid"] if apart else rows["valid"][:0], valid_y, classes)

    def _every(self, valid: Sequence[str]) -> int:
        """Of how many rows that choose one is read by the linear model: all of those in memory."""
        if not isinstance(valid, Texts):
            return 1
        most = max(CHARACTERS, memory.parse(self.ram_ or _found()) // ROOM_OF_LINEAR)
        return -(-int(valid.sizes.sum()) // most) or 1

    def _every_told(self) -> list[str]:
        if self.every_ == 1:
            return []
        return [f"of each {self.every_:,} rows that choose the linear model reads one: memory has no room for all"]

    def _linear_x(self, x: X, encoded: Any = None) -> np.ndarray:
        """(N, K): what the linear model reads of sequences of numbers, or of ``encoded`` files."""
        if self.medium_ is None:
            assert isinstance(x, Ragged)
            return summaries([x.row(i).numpy() for i in range(len(x))])
        return self.medium_.linear_x(self.encoded(x) if encoded is None else encoded)

    def linear_guess(self, x: X) -> dict[str, np.ndarray]:
        """The linear model's answers by its name; nothing where none was fitted."""
        if self.linear_ is None:
            return {}
        if isinstance(self.linear_, Ngrams):
            assert is_text(x)
            return {"n-grams": np.concatenate([self.linear_.predict(some) for some in in_lots(x, LINEAR_ROWS)])}
        name = "summaries" if self.medium_ is None else self.medium_.linear
        return {name: self.linear_.predict(self._linear_x(x))}

    def blended(self) -> bool:
        """Whether there is a linear model to blend with, and a part that it has not seen to weigh it by."""
        linear = self.linear_
        return bool(self.config().blend and linear is not None and linear.before is not None and len(linear.before))

    # Why an answer is as it is.

    def why(self, source: Any = None, row: int | None = None) -> Explained:
        """Why the answer for a text, a file or a row of it, counted from 1, is as it is: of the network, not the blend.

        Numbers and sounds with labels tell besides what all answers rest on.
        """
        something(source)
        return explain_pooled(self, source, row)

    def labelled(self, source: Any) -> Labelled:
        """The rows of a source with what is to be learnt of each."""
        raise NotImplementedError

    def answer(self, one: Labelled) -> Answer:
        """What is said of one row, and which number of the network's outputs says it."""
        raise NotImplementedError

    def errors_of(self, outputs: Tensor, y: np.ndarray) -> np.ndarray:
        """(N,): the error of outputs (N, C) where ``y`` (N,) is true."""
        raise NotImplementedError

    def blend_told(self) -> list[str]:
        """In words what else the answer is blended with."""
        raise NotImplementedError

    # What is saved.

    def encoders(self) -> dict[str, Any]:
        linear = {Ngrams: "n-grams", Values: "summaries"}.get(type(self.linear_))
        return {**super().encoders(), "linear": linear}

    def kept(self) -> dict[str, Tensor]:
        """The linear model."""
        arrays = {} if self.linear_ is None else self.linear_.arrays()
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def restore(self, encoders: dict[str, Any], kept: dict[str, Tensor]) -> None:
        super().restore(encoders, kept)
        arrays = {name: tensor.numpy() for name, tensor in kept.items()}
        self.linear_ = None
        if encoders["linear"] is not None:
            self.linear_ = (Ngrams if encoders["linear"] == "n-grams" else Values).from_arrays(arrays)


def _found() -> str:
    """What data may take of the memory that there is, as --ram says it."""
    most = max(1, int(SHARE * memory.available()))
    return f"{most}B" if most < 10**7 else f"{most // 10**6}MB"
