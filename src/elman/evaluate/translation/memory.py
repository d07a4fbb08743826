"""What translations are read beside: the source copied, and the translation of the most similar known source."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from elman.errors import InputError

MOST = 50_000  # pairs remembered; of more, evenly spaced ones
# Texts pack to a third or a tenth; a few bytes that unpack to gigabytes are none.
RATIO, UNPACKED = 32, 1 << 24  # at most so many times as much, or so many bytes


@dataclass(frozen=True)
class TranslationMemory:
    """Known pairs; a new source gets the target of the known one with the nearest n-grams of 1 to 4 characters."""

    sources: Sequence[str]
    targets: Sequence[str]

    @classmethod
    def fit(cls, sources: Sequence[str], targets: Sequence[str]) -> Self:
        stride = -(-len(sources) // MOST)
        return cls(sources[::stride], targets[::stride])

    def predict(self, sources: Sequence[str]) -> list[str]:
        """Of equally near ones the first."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        texts = [text.lower() for text in self.sources]
        vectors = TfidfVectorizer(analyzer="char", ngram_range=(1, 4), sublinear_tf=True, dtype=np.float32)
        known = vectors.fit_transform(texts).T.tocsr()
        nearest: list[int] = []
        for begin in range(0, len(sources), 256):
            found = vectors.transform([text.lower() for text in sources[begin : begin + 256]]) @ known
            nearest += np.asarray(found.argmax(axis=1)).ravel().tolist()
        return [self.targets[at] for at in nearest]

    def array(self) -> NDArray[np.uint8]:
        """The pairs as compressed bytes."""
        text = json.dumps([list(self.sources), list(self.targets)], ensure_ascii=False)
        return np.frombuffer(zlib.compress(text.encode("utf-8", "replace")), np.uint8).copy()

    @classmethod
    def from_array(cls, kept: NDArray[Any]) -> Self:
        """Raises InputError for what ``array`` never gave."""
        packed, unpack = kept.tobytes(), zlib.decompressobj()
        try:
            text = unpack.decompress(packed, max(UNPACKED, RATIO * len(packed)))
            if not unpack.eof:
                raise ValueError("it is cut off, or unpacks to far more than texts do")
            sources, targets = json.loads(text)
            if len(sources) != len(targets) or not all(isinstance(one, str) for one in (*sources, *targets)):
                raise ValueError("its pairs are none of texts")
            if not any(one.strip() for one in sources):
                raise ValueError("it holds no pair")
        except (zlib.error, ValueError, TypeError, RecursionError) as error:
            raise InputError(f"the known pairs are not readable ({error}): use the model as it was saved") from None
        return cls(sources, targets)
