"""Linear models that a network is read beside: of a text's n-grams, and of numbers, as a sequence's statistics.

Both predict labels (classes: how many, labels being 0 ... C-1) or numbers (classes None). Their strength of
regularisation is chosen on the validation part, and they are fitted again on both parts then, as anybody would who used
them instead. ``arrays()`` is all that has to be kept of one, and ``from_arrays`` reads it back.

Source: Wang & Manning, Baselines and bigrams: simple, good sentiment and topic classification, 2012.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elman.errors import InputError

Array = NDArray[np.float32]
STRENGTHS = (1.0, 3.0, 10.0, 30.0)  # C of a logistic regression on rows of length 1; its inverse is a ridge's alpha
SLOTS = 2**22  # of the hashed n-grams: some hundred thousand of them rarely meet
WEIGHTS = 3_000_000  # at most so many numbers are learned: with many labels, of the commonest n-grams
TOKEN = r"\w+|[^\w\s]"  # a word, or a sign
LONGEST = 20_000  # characters read of one text
CHARACTERS = 5_000_000  # read of all texts together in a fit: more take minutes and change little
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003134f]"
)


@dataclass(frozen=True)
class Head:
    """z = x W' + b: W (O, K), b (O,). Labels: softmax(z) (N, C); numbers: z (N,)."""

    weight: Array
    bias: Array
    numbers: bool

    def __call__(self, x: Any) -> NDArray[np.float64]:
        z = np.asarray(x @ self.weight.T, np.float64) + self.bias
        if self.numbers:
            return z[:, 0]
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)


@dataclass(frozen=True)
class Ngrams:
    """A linear model of the n-grams of a text: of words 1 and 2, of characters (where words are not parted) 1 to 3.

    An n-gram's value is (1 + log count) idf, in rows of length 1; it is known by its hash, so that no text is kept.
    """

    head: Head
    columns: NDArray[np.int64]
    idf: Array
    characters: bool
    before: NDArray[np.float64] | None = None  # what it said of the validation part, before it was fitted on that too

    @classmethod
    def fit(
        cls, texts: Sequence[str], y: ArrayLike, valid_texts: Sequence[str], valid_y: ArrayLike, classes: int | None
    ) -> Self:
        """Fits to texts and y (N,): labels, or numbers where classes is None.

        Of more than 5 million characters, evenly spaced texts are read; of one text, its first 20,000 characters.
        Raises InputError where y has another length, a label is not below classes, or all labels are one.
        """
        stride = -(-sum(min(len(text), LONGEST) for text in texts) // CHARACTERS) or 1
        some = texts[::stride]
        n, characters = len(some), _unspaced(some)
        counts = _counts([*some, *valid_texts], characters)
        found = np.bincount(counts[:n].indices, minlength=SLOTS)
        # Of what occurs in one text alone little can be learned.
        columns = np.flatnonzero(found > 1)
        if not len(columns):
            columns = np.flatnonzero(found)
        most = WEIGHTS // (classes or 1)
        columns = np.sort(columns[np.argsort(-found[columns], kind="stable")[:most]])
        idf = (1 + np.log((1 + n) / (1 + found[columns]))).astype(np.float32)
        y = _both(np.asarray(y)[::stride], valid_y, classes)
        head, before = _fit(_weighted(counts, columns, idf), y, n, classes)
        return cls(head, columns, idf, characters, before)

    def predict(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """(N, C) probabilities, or (N,) numbers."""
        return self.head(_weighted(_counts(texts, self.characters), self.columns, self.idf))

    def arrays(self) -> dict[str, NDArray[Any]]:
        flags = np.array([self.characters, self.head.numbers])
        return {
            "weight": self.head.weight,
            "bias": self.head.bias,
            "columns": self.columns,
            "idf": self.idf,
            "flags": flags,
        }

    @classmethod
    def from_arrays(cls, kept: Mapping[str, NDArray[Any]]) -> Self:
        characters, numbers = map(bool, kept["flags"])
        return cls(Head(kept["weight"], kept["bias"], numbers), kept["columns"], kept["idf"], characters)


@dataclass(frozen=True)
class Values:
    """A linear model of numbers (N, K): a sequence's ``summaries``, a picture's pixels."""

    head: Head
    before: NDArray[np.float64] | None = None  # what it said of the validation part, before it was fitted on that too

    @classmethod
    def fit(cls, x: ArrayLike, y: ArrayLike, valid_x: ArrayLike, valid_y: ArrayLike, classes: int | None) -> Self:
        """Fits to x (N, K) and y (N,): labels, or numbers where classes is None. Raises as Ngrams.fit does."""
        n = len(np.asarray(x))
        both = np.concatenate([np.asarray(x, np.float64), np.asarray(valid_x, np.float64)])
        mean, spread = both[:n].mean(axis=0), both[:n].std(axis=0)
        # Rows of about length 1, as those of n-grams are, so that the same strengths serve.
        # What differs by rounding alone, the length of rows of one length, is constant.
        spread = np.where(spread > 1e-6 * np.abs(mean), spread, 1) * np.sqrt(both.shape[1])
        head, before = _fit((both - mean) / spread, _both(y, valid_y, classes), n, classes)
        weight = head.weight / spread
        bias = head.bias - weight @ mean
        return cls(Head(weight.astype(np.float32), bias.astype(np.float32), head.numbers), before)

    def predict(self, x: ArrayLike) -> NDArray[np.float64]:
        """(N, C) probabilities, or (N,) numbers, of x (N, K). Raises InputError for another K than it was fitted on."""
        rows, known = np.asarray(x, np.float64), self.head.weight.shape[1]
        if rows.shape[1] != known:
            raise InputError(f"rows have {rows.shape[1]} numbers, but the linear model reads {known}: give as many")
        return self.head(rows)

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"weight": self.head.weight, "bias": self.head.bias, "flags": np.array([self.head.numbers])}

    @classmethod
    def from_arrays(cls, kept: Mapping[str, NDArray[Any]]) -> Self:
        return cls(Head(kept["weight"], kept["bias"], bool(kept["flags"][0])))


def summaries(sequences: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
    """(N, 5 F + 1): mean, deviation, least, greatest and last known value of each feature, and log T; 0 where none is.

    NaN is left out. Raises InputError for sequences without a step or of different widths.
    """
    rows = [np.asarray(s, np.float64) for s in sequences]
    rows = [row[:, None] if row.ndim == 1 else row for row in rows]
    for place, row in enumerate(rows):
        if not row.size or row.ndim != 2 or row.shape[1] != rows[0].shape[1]:
            raise InputError(f"sequence {place} has shape {row.shape}: give (T, F), T from 1 up and F the same in all")
    lengths = np.array([len(row) for row in rows])
    starts = np.cumsum(lengths) - lengths
    x = np.concatenate(rows)
    known = ~np.isnan(x)
    count = np.maximum(np.add.reduceat(known, starts, axis=0, dtype=np.int64), 1)
    mean = np.add.reduceat(np.where(known, x, 0), starts) / count
    off = np.where(known, x - np.repeat(mean, lengths, axis=0), 0)
    deviation = np.sqrt(np.add.reduceat(off**2, starts) / count)
    least = np.minimum.reduceat(np.where(known, x, np.inf), starts)
    greatest = np.maximum.reduceat(np.where(known, x, -np.inf), starts)
    last = np.maximum.reduceat(np.where(known, np.arange(len(x))[:, None], -1), starts)
    values = [mean, deviation, least, greatest, np.take_along_axis(x, np.maximum(last, 0), axis=0)]
    return np.column_stack([*(np.where(last >= 0, value, 0) for value in values), np.log(lengths)])


def _both(y: ArrayLike, valid_y: ArrayLike, classes: int | None) -> NDArray[Any]:
    kind = np.int64 if classes else np.float64
    return np.concatenate([np.asarray(y, kind), np.asarray(valid_y, kind)])


def _fit(x: Any, y: NDArray[Any], n: int, classes: int | None) -> tuple[Head, NDArray[np.float64]]:
    """The head of the strength that, fitted on the first n rows, is best on the others: fitted on all, and what it said
    of the others before."""
    if y.shape != (x.shape[0],):
        raise InputError(f"y has shape {y.shape}: give ({x.shape[0]},), one value a sequence")
    if classes is not None and not (y.min() >= 0 and y.max() < classes):
        raise InputError(f"the labels run from {y.min()} to {y.max()}: they must lie from 0 to {classes - 1}")
    if classes is not None and len(np.unique(y[:n])) < 2:
        raise InputError("all training rows have the same label: at least two are needed to tell apart")
    solve: Callable[..., Head] = _ridge if classes is None else _logistic

    if n == len(y):
        return solve(x, y, STRENGTHS[len(STRENGTHS) // 2], classes), np.empty((0, classes or 0))

    def error(strength: float) -> float:
        guess = said[strength]
        return float(np.mean(np.abs(guess - y[n:])) if classes is None else np.mean(guess.argmax(axis=1) != y[n:]))

    said = {strength: solve(x[:n], y[:n], strength, classes)(x[n:]) for strength in STRENGTHS}
    best = min(STRENGTHS, key=error)
    return solve(x, y, best, classes), said[best]


def _logistic(x: Any, y: NDArray[Any], strength: float, classes: int) -> Head:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        # What 100 iterations leave undone changes no label.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(C=strength, solver="newton-cg", tol=1e-3).fit(x, y)
    two = len(model.classes_) == 2
    weight = np.zeros((classes, x.shape[1]), np.float32)
    bias = np.full(classes, -np.inf, np.float32)  # a label never seen has no probability
    weight[model.classes_] = np.concatenate([0 * model.coef_, model.coef_]) if two else model.coef_
    bias[model.classes_] = np.append(0, model.intercept_) if two else model.intercept_
    return Head(weight, bias, False)


def _ridge(x: Any, y: NDArray[Any], strength: float, _classes: None) -> Head:
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=1 / strength).fit(x, y)
    return Head(model.coef_.reshape(1, -1).astype(np.float32), np.array([model.intercept_], np.float32), True)


def _counts(texts: Sequence[str], characters: bool) -> Any:
    """(N, SLOTS) sparse: how often each n-gram occurs."""
    from sklearn.feature_extraction.text import HashingVectorizer

    what = {"analyzer": "char", "ngram_range": (1, 3)} if characters else {"ngram_range": (1, 2)}
    hashed = HashingVectorizer(
        token_pattern=TOKEN, n_features=SLOTS, alternate_sign=False, norm=None, dtype=np.float32, **what
    )
    return hashed.transform([text[:LONGEST] for text in texts])


def _weighted(counts: Any, columns: NDArray[np.int64], idf: Array) -> Any:
    from sklearn.preprocessing import normalize

    x = counts[:, columns]
    x.data = (1 + np.log(x.data)) * idf[x.indices]
    return normalize(x, copy=False)


def _unspaced(texts: Sequence[str]) -> bool:
    """Whether more than a third of the letters are of scripts that do not part words, as Chinese, Japanese and Thai."""
    some = "".join(text[:LONGEST] for text in texts[:: max(1, len(texts) // 1000)])
    return 3 * len(UNSPACED.findall(some)) > sum(c.isalpha() for c in some)
