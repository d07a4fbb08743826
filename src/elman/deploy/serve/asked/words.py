"""Words for words: tags, texts of texts and of sounds, sounds of texts, and texts that go on."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

from elman.deploy.serve import bodies, media
from elman.deploy.serve.asked.kind import Alone
from elman.deploy.serve.asked.rows import OfSounds, OfTexts
from elman.errors import InputError


class Tags(OfTexts):
    def rows(self, body: bodies.Texts) -> list[Any]:
        found = [text.split() for text in super().rows(body)]
        if not all(found):
            raise InputError(f"text {found.index([]) + 1} holds no words: give some, parted by blanks")
        return found

    def pieces(self, text: str) -> Sequence[Any]:
        return text.split()

    def answers(self, rows: list[Any], body: Any) -> list[dict[str, Any]]:
        tags = self.task.predict(rows)
        return [{"words": words, "tags": list(own)} for words, own in zip(rows, tags, strict=True)]


class Writing(OfTexts):
    """A text for each text."""

    body = bodies.Written

    def key(self, body: Any) -> Hashable:
        return super().key(body), body.best, body.beam

    def rows(self, body: Any) -> list[Any]:
        found = super().rows(body)
        open_at_once = max(body.best, body.beam or self.task.config_.beam)
        # So many texts are written for each, and each of them is about as long as what is read.
        self.few(len(found), open_at_once * max(map(len, found)), self.limits.max_steps + 1)
        return found

    def pieces(self, text: str) -> Sequence[Any]:
        return self.task.read_by.pieces(text)

    def answers(self, rows: list[Any], body: bodies.Written) -> list[dict[str, Any]]:
        if body.best == 1:
            return [{"text": text} for text in self.task.predict(rows, beam=body.beam)]
        answers = []
        for text in rows:
            found = self.task.predict([text], best=body.best, beam=body.beam)
            ranked = [
                {"text": said, "score": score}
                for said, score in zip(found[self.task.config_.target], found["score"], strict=True)
            ]
            answers.append({"text": ranked[0]["text"], "best": ranked})
        return answers


class Hearing(OfSounds):
    """What is said in a sound."""

    body = bodies.Heard

    def key(self, body: bodies.Heard) -> Hashable:
        return body.beam

    def of_files(self, paths: list[Path], body: bodies.Heard) -> list[dict[str, Any]]:
        return [{"text": text} for text in self.task.predict(paths, beam=body.beam)]


class Speaking(OfTexts):
    """A sound for each text."""

    def rows(self, body: bodies.Texts) -> list[Any]:
        for at, text in enumerate(body.texts, 1):
            if not text.strip():
                raise InputError(f"text {at} is empty: give one with letters to speak")
        return super().rows(body)

    def pieces(self, text: str) -> Sequence[Any]:
        return text

    def answers(self, rows: list[Any], body: Any) -> list[dict[str, Any]]:
        return [
            {
                "sound": media.as_wav(one.wave, one.rate),
                "seconds": one.seconds,
                "stopped": one.stopped,
                "unknown": list(one.unknown),
            }
            for one in self.task.predict(rows)
        ]


class Generating(Alone):
    """A text that goes on; it is drawn a few symbols at a time, so that others are answered in between (`app`)."""

    body = bodies.Prompt

    def bound(self, body: bodies.Prompt) -> int:
        return len(body.prompt) + body.length

    def begin(self, body: bodies.Prompt) -> Any:
        """The pieces of the text."""
        self.few(1, self.bound(body), self.bound(body))
        return self.task.stream(
            body.prompt, body.length, body.temperature, top_k=body.top_k, top_p=body.top_p, seed=body.seed
        )

    def source(self, body: bodies.Prompt) -> str:
        return body.prompt
