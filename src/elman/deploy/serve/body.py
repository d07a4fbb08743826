"""The bodies of requests: counted and timed while they arrive, and held in memory only so many at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from elman.deploy.serve.limits import HELD, App, Limits, Message, Receive, Refused, Send
from elman.deploy.serve.security import respond


class Bodies:
    """Middleware: reads a request's whole body before the application is asked, or refuses it.

    ``shut`` says why nothing can be taken on now, so that what would wait in vain is not even read.
    """

    def __init__(self, app: App, limits: Limits, shut: Callable[[], Refused | None]) -> None:
        self.app, self.limits, self.shut, self.held = app, limits, shut, 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        refused = self.shut()
        if refused is not None:
            await respond(send, refused)
            return
        body = bytearray()
        try:
            if await self._read(scope, receive, body):
                await self.app(scope, _at_once(bytes(body), receive), send)
                return
        except Refused as error:
            refused = error
        finally:
            self.held -= len(body)
        if refused is not None:
            await respond(send, refused)

    async def _read(self, scope: Message, receive: Receive, body: bytearray) -> bool:
        """The body, whole; False where the client has gone."""
        try:
            async with asyncio.timeout(self.limits.timeout):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return False
                    part = message.get("body", b"")
                    body += part
                    self.held += len(part)
                    self._check(scope, len(body))
                    more = message.get("more_body", False)
        except TimeoutError:
            sentence = f"the body did not arrive within {self.limits.timeout:g} s: send it faster, or less of it"
            raise Refused(408, sentence, connection="close") from None
        return True

    def _check(self, scope: Message, size: int) -> None:
        most = self.limits.max_body
        told = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        # What is refused is not read to its end: the connection closes instead.
        if size > most or (told.isdigit() and int(told[:20]) > most):
            raise Refused(413, f"a body may have {most:,} bytes here: send less at a time", connection="close")
        if self.held > HELD * most:
            raise Refused(503, "too many bodies are under way: try again", retry_after="1", connection="close")


def _at_once(body: bytes, receive: Receive) -> Receive:
    """What receives the body as one message, and then what comes after it."""
    left = [body]

    async def whole() -> Message:
        return {"type": "http.request", "body": left.pop(), "more_body": False} if left else await receive()

    return whole
