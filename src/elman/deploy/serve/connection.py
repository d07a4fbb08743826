"""One connection: closed where a request's line and headers take too long, whether the first or a later one."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

SECONDS = 10.0


class Connection(H11Protocol):
    """uvicorn's own, which waits without end for the first request, and for one that has begun.

    Thousands of sockets that are opened and left half-way would keep everybody else out.
    """

    waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._forget()
        super().handle_websocket_upgrade(event)

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
