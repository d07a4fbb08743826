"""The next items of sessions."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from elman.deploy.serve import bodies
from elman.deploy.serve.asked.kind import Kind


class NextItems(Kind):
    """The likeliest next items of each session."""

    body = bodies.Sessions

    def bound(self, body: bodies.Sessions) -> int:
        return len(body.sessions) * max(map(len, body.sessions))

    def key(self, body: bodies.Sessions) -> Hashable:
        return max(map(len, body.sessions)).bit_length(), body.top, body.new

    def check(self, body: bodies.Sessions) -> None:
        longest = max(body.top, *map(len, body.sessions))  # of what is read and of what is told
        self.few(len(body.sessions), longest, self.limits.max_steps + 1)

    def rows(self, body: bodies.Sessions) -> list[Any]:
        return [list(map(str, session)) for session in body.sessions]

    def answers(self, rows: list[Any], body: bodies.Sessions) -> list[dict[str, Any]]:
        answers: list[dict[str, Any]] = [{"items": [], "scores": []} for _ in rows]
        found = self.task.predict(rows, top=body.top, new=body.new)
        for at, item, score in zip(found["session"], found["item"], found["probability"], strict=True):
            answers[int(at)]["items"].append(item)
            answers[int(at)]["scores"].append(score)
        return answers
