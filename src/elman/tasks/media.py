"""What classifier and regressor do with files that are no text: a medium knows one kind of them, a task asks it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from elman.data.arrays import Numbers
from elman.data.augment import chosen
from elman.data.batch import Examples
from elman.data.cut import Dealt
from elman.data.files import short
from elman.data.folder import files_in, labelled_files, names_alike
from elman.data.labelled import NOTHING, Labelled, Pairs, X, flat, is_folder, is_named, names_file
from elman.data.motion import is_motion
from elman.data.pace import shaken
from elman.data.sequences import Change, Rows
from elman.errors import InputError
from elman.evaluate.linear import summaries
from elman.tasks.sequence import SequenceTask, something

PASSES = 100.0  # over movements: few of them, and no two alike


class Medium:
    """One kind of file: which sources hold some, how files become rows, and rows what a network reads.

    A task has one where it reads files, None where it reads texts and numbers. ``encoder`` is fitted by ``fit``, and
    all that is saved of a medium.
    """

    kind: ClassVar[str]  # in encoders.json
    what: ClassVar[str]  # in messages: "sounds"
    suffixes: ClassVar[tuple[str, ...]]  # what the names of its files end in
    rows: ClassVar[type]  # what ``gather`` gives
    others: ClassVar[str] = "a list of files"  # that it reads besides
    passes: ClassVar[float | None] = None  # over the training part; None leaves them to the task
    spared: ClassVar[float] = 1.0  # so many times fewer passes are enough for a larger network
    linear: ClassVar[str] = "summaries"  # what the linear model beside the network reads, by its name in the report
    encoder: Any = None

    def __init__(self, config: Any) -> None:
        self.config = config

    @classmethod
    def holds(cls, source: Any, config: Any) -> bool:
        """Whether a source that is to be learnt from holds files of this kind."""
        if isinstance(source, Labelled):
            return isinstance(source.x, cls.rows)
        if isinstance(source, Pairs):
            return cls.named(source.x)
        return is_folder(source) and bool(cls.inside(Path(source)))

    @classmethod
    def named(cls, source: Any) -> bool:
        """Whether this names a file of this kind, or is a list of such names."""
        return names_alike(source, cls.suffixes)

    @classmethod
    def inside(cls, folder: Path) -> list[Path]:
        """The files of a folder and of the folders in it."""
        return files_in(folder, cls.suffixes)

    def inside_labels(self, folder: Path) -> tuple[list[Path], list[str], tuple[str, ...]]:
        """The files of the folders in a folder, the label of each, and in words what is not read."""
        return labelled_files(folder, self.suffixes, self.what)

    def gather(self, files: list[Path]) -> Any:
        """The files read, ``data.labelled.Named`` with ``notes``; once fitted, as those that it was fitted on were."""
        raise NotImplementedError

    def read(self, source: Any, label: str | None) -> Labelled:
        """The files of a source with their labels."""
        if isinstance(source, Pairs) and self.named(source.x):
            return self._labelled(list(map(Path, source.x)), flat(source.y), ())
        if not isinstance(source, Pairs) and is_folder(source):
            files, labels, notes = self.inside_labels(Path(source))
            return self._labelled(files, np.array(labels), notes)
        return self.read_other(source, label)

    def _labelled(self, files: list[Path], y: np.ndarray, notes: tuple[str, ...]) -> Labelled:
        if len(y) != len(files):
            each = self.what.removesuffix("s")
            raise InputError(f"{len(files):,} {self.what} have {len(y):,} labels: give one label a {each}")
        found = self.gather(files)
        return Labelled(found, y[found.kept.numpy()], (*notes, *found.notes))

    def read_other(self, source: Any, label: str | None) -> Labelled:
        """The labelled files of what is neither a folder nor a list of names."""
        raise self.refusal(source)

    def unlabelled(self, source: Any) -> Labelled:
        """The files of a source that are to be answered for; InputError where it holds none."""
        if self.named(source):
            files = [Path(source)] if isinstance(source, str | Path) else list(map(Path, source))
        elif is_folder(source):
            files = self.inside(Path(source))
            if not files:
                raise InputError(f"{source} holds no {self.what} ({', '.join(self.suffixes)}): name another folder")
        else:
            return self.unlabelled_other(source)
        found = self.gather(files)
        return Labelled(found, NOTHING, found.notes)

    def unlabelled_other(self, source: Any) -> Labelled:
        """The files of what is neither a folder nor names."""
        raise self.refusal(source)

    def own_test(self, source: Any) -> Any:
        """The part of a source that judges, where it is parted already."""
        return None

    def keys(self, data: Labelled) -> list[Any]:
        """Rows of equal keys come to one part together."""
        assert is_named(data.x)
        return data.x.keys

    def fit(self, x: Any) -> None:
        """Fit ``encoder`` to the training part."""
        raise NotImplementedError

    def encode(self, x: Any) -> Any:
        return self.encoder.encode(x)

    def learnt(self, x: Any, encoded: Any, longest: int | None) -> Rows:
        """The rows that training is fed."""
        return encoded

    def change(self) -> Change | None:
        """What is done to rows that are learnt from, anew each time."""
        return None

    def front(self) -> dict[str, Any]:
        """What stands before the recurrent stack: arguments of SequenceNetwork."""
        return {"features": self.encoder.features}

    def feature_names(self) -> list[str]:
        """What each number of a step is, for people; those of one name belong together."""
        return [f"channel {at}" for at in range(1, self.encoder.features + 1)]

    def linear_x(self, encoded: Any) -> np.ndarray:
        """(N, K): what the linear model reads of encoded rows."""
        return summaries([encoded.row(i).numpy() for i in range(len(encoded))])

    def told(self, parts: dict[str, Labelled]) -> list[str]:
        """What was read, in words."""
        return []

    def hints(self) -> tuple[tuple[str, str], ...]:
        """What to do with the saved model."""
        raise NotImplementedError

    def restore(self, state: dict[str, Any]) -> None:
        """Read what ``encoder.to_json`` gave."""
        raise NotImplementedError

    def refusal(self, source: Any) -> InputError:
        return InputError(
            f"the model reads {self.what}, but {short(source)} was given: give a file, a folder or {self.others}"
        )


class MediaTask(SequenceTask):
    """A SequenceTask that reads files of the ``media`` as well: of a folder, a table's column, or one by one."""

    media: ClassVar[tuple[type[Medium], ...]] = ()
    medium_: Medium | None = None
    moves_: bool = False  # whether sequences of numbers are learnt from at other paces

    def meet(self, source: Any, test: Any) -> Any:
        """Choose the medium of what is to be learnt from; returns the part that judges, its own where none is given."""
        config = self.config()
        held = next((medium for medium in self.media if medium.holds(source, config)), None)
        self.medium_ = None if held is None else held(config)
        self.moves_ = is_motion(source) if config.augment is None else bool(config.augment)
        return self.medium_.own_test(source) if self.medium_ is not None and test is None else test

    def judging(self, source: Any) -> Any:
        """What of a source is judged: the part that is held out of it, where it is parted already."""
        own = None if self.medium_ is None else self.medium_.own_test(source)
        return source if own is None else own

    def dealt(self, data: Labelled, strata: np.ndarray) -> Dealt:
        """Rows that a search cuts; movements are no longer known as such then, and so keep their augmentation."""
        if self.moves_:
            self.augment = True
        return Dealt(data, strata, self.keys(data))

    # From files to rows.

    def read(self, source: Any, label: str | None, *, number: bool = False) -> Labelled:
        """As SequenceTask.read, of files where the fit's source held some."""
        if self.medium_ is None or isinstance(source, Labelled):
            return super().read(source, label, number=number)
        return self.medium_.read(source, label)

    def unlabelled(self, source: Any) -> Labelled:
        """As SequenceTask.unlabelled; of a model of files a file, a folder or a list of them, or a table."""
        if self.medium_ is None:
            return super().unlabelled(source)
        something(source)
        medium = self.medium_
        if isinstance(source, str) and not medium.named(source) and not names_file(source):
            raise medium.refusal(source)
        return medium.unlabelled(source)

    def answers_frame(self, source: Any) -> bool:
        """As SequenceTask's; of files for all but a list of them, and arrays."""
        if self.medium_ is None:
            return super().answers_frame(source)
        return not isinstance(source, list | tuple | np.ndarray | torch.Tensor)

    def asked(self, x: X) -> dict[str, list[str]]:
        """The column of names that answers for files begin with."""
        return {"file": list(x.asked)} if is_named(x) else {}

    def spread(self, x: X, answers: np.ndarray) -> np.ndarray:
        """Answers (N, ...) for rows, for each row that was asked for: NaN for the files that were left out."""
        if not is_named(x):
            return answers
        found = np.full((len(x.asked), *answers.shape[1:]), np.nan)
        found[x.kept.numpy()] = answers
        return found

    def hints(self) -> tuple[tuple[str, str], ...]:
        return super().hints() if self.medium_ is None else self.medium_.hints()

    def keys(self, data: Labelled) -> Sequence[Any] | np.ndarray | None:
        return super().keys(data) if self.medium_ is None else self.medium_.keys(data)

    def same(self, x: X) -> Sequence[Any] | None:
        return x.keys if is_named(x) else super().same(x)

    # From rows to numbers.

    def fit_encoder(self, x: X) -> None:
        if self.medium_ is None:
            super().fit_encoder(x)
            return
        self.spelling_ = None
        self.medium_.fit(x)
        self.encoder_ = self.medium_.encoder

    def numbered(self, x: X) -> Any:
        """Files as frames, everything else as SequenceTask does it."""
        if is_named(x) != (self.medium_ is not None):
            learnt = "texts or numbers" if self.medium_ is None else self.medium_.what
            given = "texts or numbers" if self.medium_ is not None else "files"
            raise InputError(f"the model reads {learnt}, but {given} were given: give what it was fitted on")
        return super().numbered(x) if self.medium_ is None else self.medium_.encode(x)

    def learnt(self, x: X, encoded: Any) -> Rows:
        if self.medium_ is None:
            return super().learnt(x, encoded)
        return self.medium_.learnt(x, encoded, self.config().longest)

    def change(self) -> Change | None:
        ways, numbers = self.config().augment, isinstance(self.encoder_, Numbers) and self.medium_ is None
        if isinstance(ways, tuple) and ways:
            if not numbers:
                what = "texts" if self.medium_ is None else self.medium_.what
                raise InputError(
                    f"--augment {' '.join(ways)} is for sequences of numbers and movements, but these are {what}: "
                    "give --augment alone, or leave it out"
                )
            return chosen(ways)
        if self.medium_ is not None:
            return self.medium_.change()
        return shaken() if self.moves_ and numbers else super().change()

    def front(self, config: Any) -> dict[str, Any]:
        found = super().front(config) if self.medium_ is None else self.medium_.front()
        if config.position and "position" not in found:
            raise InputError("--position is for pictures, but these are none: leave it out")
        return found

    def sizes(self, config: Any, examples: Examples) -> list[dict[str, Any]]:
        sizes = super().sizes(config, examples)
        passes = PASSES if self.moves_ else None if self.medium_ is None else self.medium_.passes
        if passes is None or config.epochs or config.steps:
            return sizes
        return [{**size, "epochs": passes} for size in sizes]

    def enough(self, config: Any, examples: Examples) -> float:
        """Of what is changed anew each time a part of the passes: more are worth more than a larger network."""
        return super().enough(config, examples) / (1 if self.medium_ is None else self.medium_.spared)

    def told(self, parts: dict[str, Labelled], encoded: dict[str, Any]) -> list[str]:
        own = [] if self.medium_ is None else self.medium_.told(parts)
        return [*own, *super().told(parts, encoded)]

    # What is saved.

    def encoders(self) -> dict[str, Any]:
        return {**super().encoders(), **({} if self.medium_ is None else {"kind": self.medium_.kind})}

    def restore(self, encoders: dict[str, Any], kept: dict[str, torch.Tensor]) -> None:
        held = next((medium for medium in self.media if medium.kind == encoders["kind"]), None)
        self.medium_ = None if held is None else held(self.config())
        if self.medium_ is None:
            super().restore(encoders, kept)
            return
        self.medium_.restore(encoders["encoder"])
        self.encoder_, self.spelling_ = self.medium_.encoder, None
