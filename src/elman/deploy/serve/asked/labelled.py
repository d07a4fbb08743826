"""A label or a number for each row, of classifiers and regressors."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.deploy.serve.asked.kind import Kind
from elman.deploy.serve.asked.rows import OfPictures, OfSequences, OfSounds, OfTexts


class Labels(Kind):
    """A label for each row, whatever rows are."""

    def answers(self, rows: list[Any], body: Any) -> list[dict[str, Any]]:
        names = [str(label) for label in self.task.classes_]
        return [_label(names, p) for p in self.task.predict_proba(rows).tolist()]


class Numbers(Kind):
    """A number for each row."""

    def answers(self, rows: list[Any], body: Any) -> list[dict[str, Any]]:
        return [{"value": None if np.isnan(value) else value} for value in self.task.predict(rows).tolist()]


class TextLabels(Labels, OfTexts):
    pass


class SequenceLabels(Labels, OfSequences):
    pass


class SoundLabels(OfSounds, Labels):
    pass


class PictureLabels(OfPictures, Labels):
    pass


class TextNumbers(Numbers, OfTexts):
    pass


class SequenceNumbers(Numbers, OfSequences):
    pass


class SoundNumbers(OfSounds, Numbers):
    pass


class PictureNumbers(OfPictures, Numbers):
    pass


def _label(names: list[str], p: list[float]) -> dict[str, Any]:
    if np.isnan(p[0]):  # a silent sound has no label
        return {"label": None, "probability": None, "probabilities": {}}
    best = max(range(len(p)), key=p.__getitem__)
    return {"label": names[best], "probability": p[best], "probabilities": dict(zip(names, p, strict=True))}
