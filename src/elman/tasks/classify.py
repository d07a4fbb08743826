"""Classify: a label, with its probability, for every text or sequence of numbers."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from elman.data.batch import NO_LABEL, Batch, Examples, in_order
from elman.data.cut import Dealt
from elman.data.frames import to_frame
from elman.data.labelled import Labelled, Pairs, X, finite, is_folder, is_text
from elman.data.motion import is_motion
from elman.data.pictures.album import Album
from elman.data.pictures.archive import is_archive
from elman.data.sequences import Sequences
from elman.data.text.tokens import Tokens
from elman.errors import InputError
from elman.evaluate.costs import Costs
from elman.evaluate.grid import grid_plot
from elman.evaluate.labels import report
from elman.evaluate.report import Figure, Section, Shaded
from elman.evaluate.wording import percent, some
from elman.nn.ensemble import Ensemble
from elman.tasks.base import Judged, Prepared
from elman.tasks.clips import Clips
from elman.tasks.pooled import PooledConfig, PooledTask
from elman.tasks.weighing import Answer, against_others
from elman.train.config import require_share

LOT = 1 << 16  # labels that are looked at together
SEEN = 24  # mistaken pictures that the report shows
LEAST = 1e-7  # probability that a row is taken to have at least, so that one mistake does not decide a search
UNFOLDED, STEPS = 6, 200  # rows whose guess over time the report shows, and steps of each
SHOWN, LONGEST = 12, 400  # texts whose attention the report shows, and pieces of each


@dataclass(frozen=True, kw_only=True)
class ClassifyConfig(PooledConfig):
    """Which label to learn.

    Parameters
    ----------
    label
        Column of the label.
    class_weights
        balanced gives every class the same say in the loss, however many rows it has.
    label_smoothing
        Share of the target that goes to all classes alike.
    """

    label: str | None = None
    class_weights: Literal["balanced"] | None = None
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_share(self, "label_smoothing")


class Classifier(ClassifierMixin, PooledTask):
    """Label sequences: ``Classifier(text="review", label="mood").fit("reviews.csv")``, or ``.fit(X, y)``."""

    name = "classify"
    help = "Learn to label texts, sounds, pictures, clips or movements: of a table, or of a folder for each label."
    file = (
        "CSV, TSV, JSON lines or Parquet; a folder with a subfolder of .txt files, sounds, pictures or clips for each "
        "label; pictures in a .npz archive; movements in a .ts file."
    )
    after = (
        ('predict {} "some text"', "its label"),
        ("predict {} NEW.csv --out LABELS.csv", "the labels of a file"),
        ("evaluate {} NEW.csv", "the score on new data"),
        ('explain {} "some text"', "why it has its label"),
    )
    Config = ClassifyConfig

    classes_: np.ndarray

    # From the source to batches.

    def prepare(self, source: Any, valid: Any, test: Any, config: ClassifyConfig) -> Prepared:
        test = self.meet(source, test)
        data = self.labelled(source)
        self.classes_ = _distinct(data.y)
        if len(self.classes_) < 2:
            raise InputError(
                f"all {len(data):,} rows have one label, {self.classes_.tolist()[0]!r} (1 class), but two at least are "
                "needed: name another --label, or give rows of other labels"
            )
        given = [None if part is None else self.labelled(part) for part in (valid, test)]
        parts, notes = self.parted(data, self._numbers(data.y), source, *given)
        y = {name: self._numbers(part.y) for name, part in parts.items()}
        self.counts_ = np.bincount(y["train"], minlength=len(self.classes_))
        known = {name: np.maximum(numbers, 0) for name, numbers in y.items()}
        notes = [*data.notes, *notes, *self._labels_told(data.y, parts)]
        return self.prepared(parts, y, known, len(self.classes_), notes)

    def labelled(self, source: Any) -> Labelled:
        label = self.config().label
        parted = isinstance(source, Pairs | Labelled) or is_folder(source) or is_motion(source) or is_archive(source)
        if label is None and not parted:
            if isinstance(source, str | Path) and not Path(source).exists():
                raise InputError(f"there is no file or folder {source}: check the name")
            raise InputError("there are no labels to learn: name their column with --label")
        data = self.read(source, label)
        if isinstance(source, Pairs):
            check_classification_targets(finite(data.y))
        return data

    def _labels_told(self, labels: Any, parts: dict[str, Labelled]) -> list[str]:
        counts = Counter(_each(labels))
        notes = [f"{len(counts):,} labels: " + some([f"{label} ({count:,})" for label, count in counts.most_common()])]
        once = [str(label) for label, count in counts.items() if count == 1]
        if once:
            notes.append(f"WARNING: seen once, so learnt or judged but not both: {some(once)}")
        for name in ("valid", "test"):
            if name in parts:
                numbers = self._numbers(parts[name].y)
                new = sorted({str(label) for label in np.asarray(parts[name].y)[numbers == NO_LABEL]})
                if new:
                    notes.append(
                        f"WARNING: {int((numbers == NO_LABEL).sum()):,} rows of the {name} part have labels that the "
                        f"training part lacks: {some(new)}; they count as wrong"
                    )
        return notes

    def cut(self, source: Any, test: Any) -> tuple[Dealt, Any]:
        test = self.meet(source, test)
        data = self.labelled(source)
        return self.dealt(data, np.unique(data.y, return_inverse=True)[1]), test

    def _numbers(self, labels: Any) -> np.ndarray:
        """The number of each label, NO_LABEL for one that the fit does not know."""
        number = {label: at for at, label in enumerate(self.classes_.tolist())}
        return np.fromiter((number.get(label, NO_LABEL) for label in _each(labels)), np.int64, len(labels))

    # The network and what it learns by.

    def network(self, config: ClassifyConfig) -> nn.Module:
        return self.ensemble(config, len(self.classes_))

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """The members' mean cross-entropy; the settings may weigh the classes and smooth the target."""
        weight = self._class_weights(outputs) if self.config().class_weights else None
        assert batch.y is not None
        y, smoothing = batch.y.repeat(len(outputs)), self.config().label_smoothing
        return nn.functional.cross_entropy(outputs.flatten(0, 1), y, weight, label_smoothing=smoothing)

    def weigh(self, batch: Batch) -> float:
        """The classes' weights, where they have some."""
        assert batch.y is not None
        known = batch.y[batch.y != NO_LABEL]
        return float(self._class_weights(torch.ones(()))[known].sum()) if self.config().class_weights else len(known)

    def _class_weights(self, like: Tensor) -> Tensor:
        counts = torch.from_numpy(self.counts_).to(like)
        return counts.sum() / (len(counts) * counts.clamp(min=1))

    def validate(self, network: nn.Module, examples: Examples) -> float:
        """Mean cross-entropy, in nats."""
        total = count = 0.0
        for batch in in_order(examples, 256):
            batch = batch.to(self.config_.device)
            assert batch.y is not None
            mean = network(**batch.inputs).mean(0)
            total += float(nn.functional.cross_entropy(mean, batch.y, reduction="sum"))
            count += int((batch.y != NO_LABEL).sum())
        return total / max(count, 1)

    def finish(self, prepared: Prepared) -> None:
        """The weights of the network's logits z and of the linear model's log p in  softmax(a z + b log p).

        They are those of the least cross-entropy on the validation part, which calibrates the probabilities at the same
        time; without a linear model to blend with, b is 0 and 1 / a a temperature.
        Source: Guo et al., On calibration of modern neural networks, 2017.
        """
        valid = prepared.valid
        assert isinstance(valid, Sequences) and isinstance(prepared.train, Sequences) and isinstance(valid.y, Tensor)
        z, y = self.all_outputs(valid).double()[:: self.every_], valid.y[:: self.every_]
        parts = [z]
        if self.blended():
            assert self.linear_ is not None and self.linear_.before is not None
            parts.append(torch.from_numpy(_log(self.linear_.before)))
        known = y != NO_LABEL
        if not known.any() or valid.x is prepared.train.x:
            self.weights_ = (1.0, 0.0)
            return
        weights = torch.tensor([1.0, *[0.5] * (len(parts) - 1)], dtype=torch.float64, requires_grad=True)
        solver = torch.optim.LBFGS([weights], max_iter=100, line_search_fn="strong_wolfe")

        def closure() -> Tensor:
            solver.zero_grad()
            blended = sum(w * part[known] for w, part in zip(weights, parts, strict=True))
            # A pull towards a half, stronger the fewer rows there are: a few can be told apart wholly, and say little.
            pull = (weights - 0.5).square().sum() / max(1, int(known.sum()))
            value = nn.functional.cross_entropy(blended, y[known]) + pull
            value.backward()
            return value

        solver.step(closure)
        found = [max(0.0, w) for w in weights.tolist()]
        self.weights_ = (found[0], found[1] if len(found) > 1 else 0.0)
        self.notes_ = (*self.notes_, self._blend_told())

    # From outputs to what the user reads.

    def _probabilities(self, outputs: Tensor, x: X) -> np.ndarray:
        """Of the rows ``x``, for which the network alone gives ``outputs``."""
        own, other = self.weights_
        logits = own * outputs.double()
        if other:
            (linear,) = self.linear_guess(x).values()
            logits += other * torch.from_numpy(_log(linear))
        return logits.softmax(-1).numpy()

    def judge_source(self, source: Any) -> Judged:
        data = self.labelled(self.judging(source))
        known = self._numbers(data.y) != NO_LABEL
        new = sorted({str(label) for label in np.asarray(data.y)[~known]})
        notes = [*data.notes, *self.met(data.x)]
        if new:
            notes.append(
                f"WARNING: {int((~known).sum()):,} rows have labels that the fit has not seen: {some(new)}; "
                "they count as wrong"
            )
        return self.judge(Sequences(self.encoded(data.x)), data, tuple(notes))

    def judge(self, examples: Examples, judged: Labelled, notes: tuple[str, ...]) -> Judged:
        began = time.perf_counter()
        numbers = self._numbers(judged.y)
        labels, new = [str(label) for label in self.classes_], numbers == NO_LABEL
        rivals = {"majority": self.counts_ / self.counts_.sum(), **self.linear_guess(judged.x)}
        outputs = self.all_outputs(examples)
        probabilities = self._probabilities(outputs, judged.x)
        if self.weights_[1]:
            alone = float((outputs.argmax(-1).numpy() == numbers).mean())
            notes = (*notes, f"the network alone, before the blend, labels {percent(alone)} of these rows right")
        if new.any():
            # Labels that the fit never saw are columns that nothing gives a probability to.
            unseen, at = np.unique(np.asarray(judged.y)[new], return_inverse=True)
            labels += [str(label) for label in unseen]
            numbers[new] = len(self.classes_) + at
            probabilities, *wider = (
                np.pad(p, [(0, 0)] * (p.ndim - 1) + [(0, len(unseen))]) for p in (probabilities, *rivals.values())
            )
            rivals = dict(zip(rivals, wider, strict=True))
        evaluation = report.judge(numbers, probabilities, rivals, notes=notes, began=began)
        shaded = self._shaded(judged, examples, probabilities, labels)
        over_time = self._unfolding(judged, examples, labels)
        pages, picture = report.sections(evaluation, numbers, probabilities, labels, judged.shown, shaded, over_time)
        return Judged(evaluation, (*pages, *_mistaken(judged.x, numbers, probabilities, labels)), picture)

    def costs(self, examples: Examples, judged: Labelled) -> Costs:
        """-log p of the true label, in nats; at most that of LEAST, which a label that the fit does not know costs."""
        numbers = self._numbers(judged.y)
        p = self._probabilities(self.all_outputs(examples), judged.x)
        right = np.where(numbers == NO_LABEL, 0.0, p[np.arange(len(p)), np.maximum(numbers, 0)])
        return Costs("log loss", -np.log(np.maximum(right, LEAST)), np.arange(len(p)))

    def _unfolding(self, data: Labelled, examples: Examples, labels: list[str]) -> dict[str, np.ndarray]:
        """The network's probabilities (T, C) of some movements and clips when their first t steps are read."""
        if is_text(data.x) or not isinstance(self.medium_, Clips | None):
            return {}
        found: dict[str, np.ndarray] = {}
        for row in range(0, len(data), max(1, len(data) // UNFOLDED))[:UNFOLDED]:
            batch = examples.batch(torch.tensor([row])).to(self.config_.device)
            x = batch.inputs["x"][:STEPS]
            with torch.no_grad():
                z = self.network_(x=x.expand(-1, len(x), -1), lengths=torch.arange(1, len(x) + 1)).mean(0)
            p = (self.weights_[0] * z.double()).softmax(-1).cpu().numpy()
            name = f"row {row + 1}" if data.shown is None else Path(data.shown[row]).name
            found[f"{name}; true label: {np.asarray(data.y)[row]}"] = np.pad(p, ((0, 0), (0, len(labels) - p.shape[1])))
        return found

    def _blend_told(self) -> str:
        own, other = self.weights_
        if not other:
            return f"the logits are multiplied by {own:.2g}, which calibrates the probabilities on the validation part"
        return (
            f"the answer blends {own:.2g} times the network's logits with {other:.2g} times the linear model's; "
            "--no-blend leaves the network alone"
        )

    def _shaded(self, data: Labelled, examples: Examples, probabilities: np.ndarray, labels: list[str]) -> list[Shaded]:
        """Some texts with the attention that each of their symbols got."""
        network, tokens = self.network_, self.encoder_
        assert isinstance(network, Ensemble)
        if self.config_.pool not in ("attention", "dot") or not isinstance(tokens, Tokens) or data.shown is None:
            return []
        found = []
        for row in range(0, len(data), max(1, len(data) // SHOWN)):
            batch = examples.batch(torch.tensor([row])).to(self.config_.device)
            with torch.no_grad():
                weights = network.explain(**batch.inputs)[1]
            assert weights is not None
            pieces = tokens.pieces(data.shown[row])[: len(weights)][:LONGEST]
            guess = int(probabilities[row].argmax())
            caption = f"{labels[guess]} ({probabilities[row, guess]:.2f}); true label: {np.asarray(data.y)[row]}"
            apart = " " if tokens.level == "word" else ""
            found.append(Shaded(pieces, weights[: len(pieces), 0].tolist(), caption, apart))
            if len(found) == SHOWN:
                break
        return found

    def predict(self, source: Any = None) -> Any:
        """Labels: an array for a list of texts, arrays or sounds; for a path or a frame, a frame with each probability.

        One text or sound alone gives a frame of one row. Sounds of no length and silent ones have no label (None).
        """
        check_is_fitted(self)
        data = self.unlabelled(source)
        self.remark(*data.notes)
        probabilities = self._probabilities_of(data)
        labels = self.classes_[probabilities.argmax(1)]
        lost = np.isnan(probabilities[:, 0])
        if not self.answers_frame(source):
            return np.where(lost, None, labels) if lost.any() else labels
        columns: dict[str, Any] = self.asked(data.x)
        columns["label"] = [str(label) for label in labels]
        columns["probability"] = probabilities.max(1)
        columns |= {f"p_{label}": probabilities[:, at] for at, label in enumerate(self.classes_)}
        if lost.any():
            columns |= {name: _blank(columns[name], lost) for name in columns if name != "file"}
        return to_frame(columns, like=None if isinstance(source, str) else source)

    def predict_proba(self, X: Any) -> np.ndarray:
        """(N, C): the probability of each of ``classes_``, calibrated on the validation part; NaN of a silent sound."""
        check_is_fitted(self)
        return self._probabilities_of(self.unlabelled(X))

    def _probabilities_of(self, data: Labelled) -> np.ndarray:
        found = self._probabilities(self.all_outputs(Sequences(self.encoded(data.x))), data.x)
        return self.spread(data.x, found)

    # Why an answer is as it is.

    def answer(self, one: Labelled) -> Answer:
        """The likeliest label: its logit, less the mean of the others'."""
        p = self._probabilities(self.all_outputs(Sequences(self.encoded(one.x))), one.x)[0]
        best, classes = int(p.argmax()), len(self.classes_)
        label = str(self.classes_[best])
        about = f"the logit of {label}, less the mean of the others'"
        return Answer(f"{label} ({p[best]:.2f})", about, against_others(best, classes))

    def errors_of(self, outputs: Tensor, y: np.ndarray) -> np.ndarray:
        """The cross-entropy, in nats."""
        z = self.weights_[0] * outputs
        costs = nn.functional.cross_entropy(z, torch.from_numpy(self._numbers(y)), reduction="none")
        return costs.numpy()

    def blend_told(self) -> list[str]:
        return [f"the network alone is explained: {self._blend_told()}"] if self.weights_[1] else []

    # What is saved.

    def encoders(self) -> dict[str, Any]:
        return {
            **super().encoders(),
            "classes": self.classes_.tolist(),
            "counts": self.counts_.tolist(),
            "weights": list(self.weights_),
        }

    def restore(self, encoders: dict[str, Any], kept: dict[str, Tensor]) -> None:
        super().restore(encoders, kept)
        self.classes_, self.counts_ = np.array(encoders["classes"]), np.array(encoders["counts"])
        self.weights_ = (float(encoders["weights"][0]), float(encoders["weights"][1]))

    def title(self) -> str:
        label = self.config_.label or "label"
        held = None if self.medium_ is None else self.medium_.what.removesuffix("s")
        what = held or ("text" if isinstance(self.encoder_, Tokens) else "sequence")
        return f"{label[:1].upper()}{label[1:]} of each {what}"


def _mistaken(x: X, numbers: np.ndarray, probabilities: np.ndarray, labels: list[str]) -> tuple[Section, ...]:
    """Pictures whose wrong guesses were given the highest probability, where these are pictures."""
    guess = probabilities.argmax(1)
    wrong = np.flatnonzero(guess != numbers)
    if not isinstance(x, Album) or not len(wrong):
        return ()
    worst = wrong[np.argsort(-probabilities[wrong, guess[wrong]], kind="stable")[:SEEN]]
    said = "; ".join(f"{labels[numbers[at]]} taken for {labels[guess[at]]}" for at in worst)
    figure = Figure(grid_plot(x.values.numpy()[worst], "Worst mistakes").svg, f"In the order of reading: {said}.")
    return (Section("Worst mistakes, seen", "Wrong guesses that were given the highest probability.", [figure]),)


def _each(labels: Any) -> Iterator[Any]:
    """The labels as Python has them, a lot at a time: each takes several times the room."""
    labels = np.asarray(labels)
    for at in range(0, len(labels), LOT):
        yield from labels[at : at + LOT].tolist()


def _distinct(labels: np.ndarray) -> np.ndarray:
    return np.unique(np.array([*dict.fromkeys(_each(labels))], None if labels.dtype == object else labels.dtype))


def _blank(values: Any, lost: np.ndarray) -> list[Any]:
    return [None if none else value for value, none in zip(values, lost, strict=True)]


def _log(p: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(p, 1e-6))
