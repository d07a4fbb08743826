"""What one request, one stream and all of them together may ask for: every field is a flag of ``elman serve``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import asdict, dataclass
from typing import Any

from elman.errors import InputError

HELD = 8  # times ``max_body`` that the bodies under way may have together


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The server's limits.

    Parameters
    ----------
    max_body
        Bytes of a request's body, and of a stream's message.
    max_rows
        Rows of a request: texts, sequences, sessions, pictures to paint.
    max_steps
        Steps of a request: its rows times the longest one; symbols to write; rows of a table.
    max_explained
        Steps of a row that is explained, which takes far longer than answering.
    max_streams
        Streams open at a time.
    queue
        Requests that wait for the model; more are refused at once.
    timeout
        Seconds for a body to arrive, and for an answer.
    idle
        Seconds without a message after which a stream is closed, its token handed over before.
    """

    max_body: int = 8 * 2**20
    max_rows: int = 1_000
    max_steps: int = 50_000
    max_explained: int = 1_000
    max_streams: int = 2_000
    queue: int = 128
    timeout: float = 30.0
    idle: float = 300.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not 0 < value < float("inf"):
                raise InputError(f"--{name.replace('_', '-')} must be a number above 0, but is {value:g}")


class Refused(Exception):
    """What is refused for the server's sake, not for the input's: the status, the sentence, the headers."""

    def __init__(self, status: int, sentence: str, **headers: str) -> None:
        super().__init__(sentence)
        self.status, self.headers = status, {name.replace("_", "-"): value for name, value in headers.items()}


def busy(sentence: str) -> Refused:
    return Refused(503, f"{sentence}: try again in a second", retry_after="1")


Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
