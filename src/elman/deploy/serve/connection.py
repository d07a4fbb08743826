"""One connection, as uvicorn has it, and two things more: patience that ends, and refusals that cost very little."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from elman.deploy.serve.limits import Refused

SECONDS = 10.0  # for a request's line and headers to arrive
LENGTH = re.compile(rb"\r\ncontent-length: *(\d{1,12})\r\n", re.IGNORECASE)


class Connection(H11Protocol):
    """Closed where a request's line and headers take too long, the first's or a later one's.

    uvicorn waits without end for the first request, and for one that has begun: thousands of sockets that are opened
    and left half-way would keep everybody else out. And where ``shut`` says that nothing can be taken on, a request
    that arrived whole is refused before it is parsed: what is refused should not cost those who are answered.
    """

    shut: Callable[[], Refused | None] = staticmethod(lambda: None)
    turned_away: Callable[[], None] = staticmethod(lambda: None)
    waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"POST ") and (refused := self.shut()) is not None and self._whole(data):
            self.turned_away()
            self.transport.write(_written(refused.status, str(refused), *refused.headers.items()))
            if "connection" in refused.headers:
                self.transport.close()
            return
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._forget()
        super().handle_websocket_upgrade(event)

    def _whole(self, data: bytes) -> bool:
        """Whether this is one request from its first byte to its last, with nothing under way before it."""
        head = data.find(b"\r\n\r\n") + 4
        length = LENGTH.search(data, 0, head)
        if length is None or head + int(length[1]) != len(data):
            return False
        return self.conn.their_state is h11.IDLE and not self.conn.trailing_data[0]

    def _watch(self) -> None:
        """The time runs from the first byte to the end of the headers."""
        if self.conn.their_state is not h11.IDLE or self.transport.get_protocol() is not self:
            self._forget()
        elif self.waiting is None:
            self.waiting = self.loop.call_later(SECONDS, self.transport.close)

    def _forget(self) -> None:
        if self.waiting is not None:
            self.waiting.cancel()
            self.waiting = None


@lru_cache(maxsize=16)
def _written(status: int, sentence: str, *own: tuple[str, str]) -> bytes:
    """A refusal as it goes over the wire."""
    body = json.dumps({"error": sentence}).encode()
    headers = (*own, ("content-type", "application/json"), ("content-length", str(len(body))))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 {status} Service Unavailable\r\n{lines}\r\n".encode() + body
