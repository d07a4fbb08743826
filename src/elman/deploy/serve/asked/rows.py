"""Requests of rows: texts, sequences of numbers, and files of sound or of a picture."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from elman.deploy.serve import bodies, media
from elman.deploy.serve.asked.kind import Kind
from elman.errors import InputError


class OfTexts(Kind):
    """Texts, read as ``tokens`` of the task."""

    body = bodies.Texts

    def bound(self, body: bodies.Texts) -> int:
        return len(body.texts) * max(map(len, body.texts))

    def key(self, body: Any) -> Hashable:
        # Rows are padded to the longest: those of about one length belong together.
        return max(map(len, body.texts)).bit_length()

    def rows(self, body: bodies.Texts) -> list[Any]:
        most, bound = self.limits.max_steps, self.bound(body)
        longest = max(map(len, body.texts))
        if bound > most and longest <= 64 * most:  # a longer text is too long whatever its pieces are
            longest = max(len(self.pieces(text)) for text in body.texts)
        self.few(len(body.texts), longest, bound)
        return list(body.texts)

    def steps(self, row: Any) -> int:
        return len(self.pieces(row)) if isinstance(row, str) else len(row)

    def pieces(self, text: str) -> Sequence[Any]:
        """A text as the steps that the model reads."""
        return self.task.encoder_.pieces(text)


class OfSequences(Kind):
    body = bodies.Sequences

    def bound(self, body: bodies.Sequences) -> int:
        return len(body.sequences) * max(map(len, body.sequences))

    def key(self, body: bodies.Sequences) -> Hashable:
        return max(map(len, body.sequences)).bit_length()

    def check(self, body: bodies.Sequences) -> None:
        self.few(len(body.sequences), max(map(len, body.sequences)), self.bound(body))

    def rows(self, body: bodies.Sequences) -> list[Any]:
        return [_array(row, at) for at, row in enumerate(body.sequences)]


class OfFiles(Kind):
    """One file of a medium, in base64: it is written to a folder of its own while it is read."""

    medium: ClassVar[media.Medium]

    def bound(self, body: Any) -> int:
        return len(getattr(body, self.medium.name))

    def rows(self, body: Any) -> list[Any]:
        return [media.decoded(getattr(body, self.medium.name), self.medium)]

    def answers(self, rows: list[Any], body: Any) -> list[dict[str, Any]]:
        with media.written(rows, self.medium) as paths:
            for path in paths:
                self.few(1, self.medium.steps(path, self.task), self.limits.max_steps + 1)
            return self.of_files(paths, body)

    def of_files(self, paths: list[Path], body: Any) -> list[dict[str, Any]]:
        """An answer for each file."""
        return super().answers(paths, body)

    def explain(self, body: Any) -> Any:
        with media.written(self.rows(body), self.medium) as paths:
            self.brief(self.medium.steps(paths[0], self.task))
            return self.task.explain(paths, body.row)


class OfSounds(OfFiles):
    body, medium = bodies.Sound, media.SOUND


class OfPictures(OfFiles):
    body, medium = bodies.Picture, media.PICTURE


def _array(row: list[Any], at: int) -> np.ndarray:
    widths = {len(step) if isinstance(step, list) else 0 for step in row}
    if len(widths) > 1:
        raise InputError(f"sequence {at} has steps of {min(widths)} and of {max(widths)} numbers: give all as many")
    with np.errstate(over="ignore"):  # what is too large becomes infinite, which is refused with its place
        return np.asarray(row, np.float64).astype(np.float32)
