"""Regress: a number for every text or sequence of numbers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from elman.data.batch import Batch, Examples, in_order
from elman.data.cut import Dealt
from elman.data.frames import to_frame
from elman.data.labelled import Labelled, Pairs, X, finite
from elman.data.scale import Scaler
from elman.data.sequences import Sequences
from elman.errors import InputError
from elman.evaluate.costs import Costs
from elman.evaluate.numbers import report
from elman.evaluate.wording import number, percent
from elman.tasks.base import Judged, Prepared
from elman.tasks.pooled import PooledConfig, PooledTask
from elman.tasks.weighing import Answer


@dataclass(frozen=True, kw_only=True)
class RegressConfig(PooledConfig):
    """Which number to learn.

    Parameters
    ----------
    target
        Column of the number.
    """

    target: str | None = None


class Regressor(RegressorMixin, PooledTask):
    """Learn a number for each sequence: ``Regressor(text="review", target="stars").fit("reviews.csv")``, or (X, y)."""

    name = "regress"
    help = "Learn a number for each text of a table with a column of text and one of numbers."
    file = "CSV, TSV, JSON lines or Parquet."
    after = (
        ('predict {} "some text"', "its number"),
        ("predict {} NEW.csv --out NUMBERS.csv", "the numbers of a file"),
        ("evaluate {} NEW.csv", "the score on new data"),
        ('explain {} "some text"', "why it has its number"),
    )
    Config = RegressConfig

    def prepare(self, source: Any, valid: Any, test: Any, config: RegressConfig) -> Prepared:
        test = self.meet(source, test)
        data = self.labelled(source)
        given = [None if part is None else self.labelled(part) for part in (valid, test)]
        parts, notes = self.parted(data, _quarters(data.y), source, *given)
        self.scaler_ = Scaler.fit(parts["train"].y)
        self.median_ = float(np.median(parts["train"].y))
        y = {name: part.y for name, part in parts.items()}
        scaled = {name: self.scaler_.scale(part).astype(np.float32) for name, part in y.items()}
        return self.prepared(parts, scaled, y, None, [*data.notes, *notes])

    def labelled(self, source: Any) -> Labelled:
        target = self.config().target
        if target is None and not isinstance(source, Pairs | Labelled):
            raise InputError("there is no number to learn: name its column with --target")
        if isinstance(source, str | Path) and Path(source).is_dir():
            raise InputError(f"{source} is a folder, but a table with a column of numbers is needed: give a file")
        data = self.read(source, target, number=True)
        try:
            y = np.asarray(data.y.tolist(), np.float64)
        except (ValueError, TypeError) as error:
            raise InputError(f"the target must be numbers ({error}): name another column, or classify") from None
        return Labelled(data.x, finite(y), data.notes)

    def cut(self, source: Any, test: Any) -> tuple[Dealt, Any]:
        test = self.meet(source, test)
        data = self.labelled(source)
        return self.dealt(data, _quarters(data.y)), test

    def costs(self, examples: Examples, judged: Labelled) -> Costs:
        """Absolute errors, in the unit of the target."""
        return Costs("MAE", np.abs(self._guess(examples, judged.x) - judged.y), np.arange(len(judged)))

    def network(self, config: RegressConfig) -> nn.Module:
        return self.ensemble(config, 1)

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Half the squared error in deviations of the target, its absolute value beyond one (Huber); members' mean."""
        assert batch.y is not None
        return nn.functional.huber_loss(outputs[..., 0], batch.y.expand(len(outputs), -1))

    def validate(self, network: nn.Module, examples: Examples) -> float:
        """Mean absolute error, in deviations of the target."""
        total = 0.0
        for batch in in_order(examples, 256):
            batch = batch.to(self.config_.device)
            assert batch.y is not None
            total += float((network(**batch.inputs).mean(0)[:, 0] - batch.y).abs().sum())
        return total / len(examples)

    def finish(self, prepared: Prepared) -> None:
        """The network's share w in the answer  w f + (1 - w) l,  l the linear model's: best on the validation part."""
        self.share_ = 1.0
        if not self.blended():
            return
        assert isinstance(prepared.valid, Sequences) and isinstance(prepared.valid.y, Tensor)
        assert self.linear_ is not None and self.linear_.before is not None
        own = self._own(prepared.valid)[:: self.every_]
        y = self.scaler_.restore(prepared.valid.y.double().numpy())[:: self.every_]
        shares = np.linspace(1, 0, 21)
        errors = [np.abs(w * own + (1 - w) * self.linear_.before - y).mean() for w in shares]
        self.share_ = float(shares[int(np.argmin(errors))])
        said = f"the answer is {percent(self.share_)} the network's and the rest the linear model's"
        self.notes_ = (*self.notes_, f"{said}; --no-blend leaves the network alone")

    def _own(self, examples: Examples) -> np.ndarray:
        return self.scaler_.restore(self.all_outputs(examples)[:, 0].double().numpy())

    def _guess(self, examples: Examples, x: X) -> np.ndarray:
        own = self._own(examples)
        if self.share_ == 1:
            return own
        (linear,) = self.linear_guess(x).values()
        return self.share_ * own + (1 - self.share_) * linear

    def judge_source(self, source: Any) -> Judged:
        data = self.labelled(self.judging(source))
        return self.judge(Sequences(self.encoded(data.x)), data, (*data.notes, *self.met(data.x)))

    def judge(self, examples: Examples, judged: Labelled, notes: tuple[str, ...]) -> Judged:
        began = time.perf_counter()
        guess = self._guess(examples, judged.x)
        rivals = {"median": np.array(self.median_), **self.linear_guess(judged.x)}
        evaluation = report.judge(judged.y, guess, rivals, notes=notes, began=began)
        return Judged(evaluation, *report.sections(evaluation, judged.y, guess, judged.shown))

    def predict(self, source: Any = None) -> Any:
        """Numbers: an array for a list of texts or arrays; for a path or a frame, a frame."""
        check_is_fitted(self)
        data = self.unlabelled(source)
        x = data.x
        self.remark(*data.notes)
        guess = self.spread(x, self._guess(Sequences(self.encoded(x)), x))
        if self.answers_frame(source):
            known = [None if np.isnan(number) else number for number in guess.tolist()]
            columns = {**self.asked(x), self.config_.target or "number": known}
            return to_frame(columns, like=None if isinstance(source, str) else source)
        return guess

    def answer(self, one: Labelled) -> Answer:
        """The number, in the target's units."""
        guess = float(self._guess(Sequences(self.encoded(one.x)), one.x)[0])
        name, deviation = self.config_.target or "the number", float(self.scaler_.deviation)
        return Answer(f"{name} {number(guess)}", name, lambda outputs: deviation * outputs[:, 0])

    def errors_of(self, outputs: Tensor, y: np.ndarray) -> np.ndarray:
        """The absolute error."""
        return np.abs(self.scaler_.restore(outputs[:, 0].numpy()) - y)

    def blend_told(self) -> list[str]:
        told = f"the network alone is explained, {percent(self.share_)} of the answer, the rest is a linear model's"
        return [told] if self.share_ < 1 else []

    def encoders(self) -> dict[str, Any]:
        return {**super().encoders(), "scaler": self.scaler_.to_json(), "median": self.median_, "share": self.share_}

    def restore(self, encoders: dict[str, Any], kept: dict[str, Tensor]) -> None:
        super().restore(encoders, kept)
        self.scaler_, self.median_ = Scaler.from_json(encoders["scaler"]), float(encoders["median"])
        self.share_ = float(encoders["share"])

    def title(self) -> str:
        return f"{self.config_.target or 'A number'} of sequences"


def _quarters(y: np.ndarray) -> np.ndarray:
    """(N,) the quarter of the range that each is in: every part gets small and large ones."""
    return np.searchsorted(np.quantile(y, (0.25, 0.5, 0.75)), y)
