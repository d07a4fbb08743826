"""What summaries are read beside: the first words of a text, and those of its words that stand for it best."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from elman.evaluate.summary.metrics import words

SENTENCE = re.compile(r"(?<=[.!?])\s+|[。！？\n]")
MOST = 30  # words that a lead has at most


def lead(texts: Sequence[str], count: int) -> list[str]:
    """The first words of each text."""
    return [" ".join(words(text)[:count]) for text in texts]


def best_count(texts: Sequence[str], targets: Sequence[str]) -> int:
    """How many first words share most with these targets, by the mean F1 of ROUGE-1."""
    total = np.zeros(MOST)
    for text, target in zip(texts, targets, strict=True):
        wanted = words(target)
        left, found = Counter(wanted), 0
        given = words(text)[:MOST]
        for count, word in enumerate(given, 1):
            found += left[word] > 0
            left[word] -= 1
            total[count - 1] += 2 * found / (count + len(wanted))
        # A text that ends sooner is all there is of it.
        total[len(given) :] += 2 * found / ((len(given) + len(wanted)) or 1)
    return int(total.argmax()) + 1


def central(texts: Sequence[str], count: int) -> list[str]:
    """Of each text the sentence nearest to all its sentences together, and of that the first words.

    A sentence is a vector v of its words' counts times log(1 + S / sentences with the word), S the text's sentences;
    the nearest is that of the highest cosine with Σ v. Of equally near ones the first.

    Source: the centroid of Radev et al., Centroid-based summarization of multiple documents, 2004, within one text.
    """
    return [" ".join(_central(text)[:count]) for text in texts]


def _central(text: str) -> list[str]:
    sentences = [found for part in SENTENCE.split(text) if (found := words(part))]
    if not sentences:
        return []
    spread = Counter(word for sentence in sentences for word in set(sentence))
    rare = {word: math.log(1 + len(sentences) / n) for word, n in spread.items()}
    vectors = [{word: n * rare[word] for word, n in Counter(sentence).items()} for sentence in sentences]
    centre: dict[str, float] = defaultdict(float)
    for vector in vectors:
        for word, weight in vector.items():
            centre[word] += weight
    near = [
        sum(weight * centre[word] for word, weight in vector.items()) / math.hypot(*vector.values())
        for vector in vectors
    ]
    return sentences[near.index(max(near))]
