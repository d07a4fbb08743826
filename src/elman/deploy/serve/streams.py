"""Streams over WebSockets: the state stays here, or goes with the client as a signed token.

A client sends one JSON object at a time and gets one back; what it sends meanwhile waits in its socket, so that nobody
has more than one step waiting. Steps of many streams go through the model as one batch.

    {"open": {}}, or {"open": {"token": t}}          {"opened": {...}}
    {"step": x, "id": i}, or samples in binary       {"answer": ..., "id": i}
    {"finish": true}                                 {"answer": ..., "finished": true}
    {"reset": true}                                  {"reset": true}
    {"token": true}                                  {"token": t}
    {"write": {"length": n, ...}}                    {"piece": s} ..., {"done": true}
                                                     {"error": a sentence, "id": i}; the state is as it was
                                                     {"closing": a sentence, "token": t}
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np
from pydantic import ValidationError
from pydantic_core import from_json
from starlette.websockets import WebSocket, WebSocketDisconnect

from elman.deploy.serve import bodies
from elman.deploy.serve.batching import Worker
from elman.deploy.serve.limits import Limits, Refused
from elman.deploy.serve.metrics import Metrics
from elman.deploy.serve.tokens import Tokens
from elman.errors import ElmanError, InputError

RESTART, POLICY, LATER = 1012, 1008, 1013  # close codes of RFC 6455 and its registry
AT_ONCE = 256  # streams stepped in one batch
PIECES = 8  # symbols written before others have their turn
VERBS = ("open", "step", "finish", "reset", "token", "write")


class Streams:
    """All open streams of the server, over the model's own ``streams`` (`elman.deploy.stream.Streams`)."""

    def __init__(
        self, streams: Any, worker: Worker, tokens: Tokens, limits: Limits, metrics: Metrics, samples: bool
    ) -> None:
        self.streams, self.worker, self.tokens, self.limits = streams, worker, tokens, limits
        self.samples = samples
        self.sessions: set[Session] = set()
        self.metrics = metrics
        self.steps = worker.lane("steps", self._step, most=AT_ONCE)
        self.calls = worker.lane("stream calls", lambda calls: [call() for call in calls])
        metrics.gauges["open_streams"] = "Streams open now.", lambda: len(self.sessions)

    def _step(self, asked: Sequence[tuple[Any, Any]]) -> Sequence[Any]:
        return self.streams.step_many([stream for stream, _ in asked], [x for _, x in asked])

    async def serve(self, socket: WebSocket, shut: Refused | None) -> None:
        """One client's stream, from the handshake to its end."""
        await socket.accept()
        session = Session(self, socket)
        if shut is None and len(self.sessions) >= self.limits.max_streams:
            shut = Refused(429, f"{len(self.sessions):,} streams are open, which is the most: try again later")
        if shut is not None:
            self.metrics.counters["streams_refused"] += 1
            await session.say({"closing": str(shut), "status": shut.status})
            await socket.close(LATER)
            return
        self.sessions.add(session)
        self.metrics.counters["streams"] += 1
        try:
            await session.run()
        finally:
            self.sessions.discard(session)

    async def expire(self) -> None:
        """Forever: end the streams that have been silent for too long."""
        idle = self.limits.idle
        while True:
            await asyncio.sleep(min(1.0, idle / 4))
            for session in list(self.sessions):
                if session.listens and time.monotonic() - session.heard > idle:
                    session.end(f"nothing was sent for {idle:g} s", POLICY)

    async def drain(self) -> None:
        """End all streams, their tokens handed over before."""
        ending = list(self.sessions)
        for session in ending:
            session.end("the server stops", RESTART)
        await asyncio.gather(*(session.task for session in ending), return_exceptions=True)


class Session:
    """One socket and its stream."""

    def __init__(self, streams: Streams, socket: WebSocket) -> None:
        self.all, self.socket = streams, socket
        self.stream: Any = None
        self.ending: tuple[str, int] | None = None  # why the server ends it, and the code to close with
        self.listens, self.heard = False, time.monotonic()
        task = asyncio.current_task()
        assert task is not None
        self.task = task

    async def run(self) -> None:
        """Answer message after message until the client leaves or the server ends the stream."""
        try:
            while (message := await self._received()) is not None:
                await self._answer(message)
            await self._end()
        except WebSocketDisconnect:
            pass
        finally:
            if self.stream is not None:
                # In the model's own thread: a step that the client did not wait for may be under way there.
                await asyncio.shield(self.all.worker.ask(self.all.calls, self.stream.close))

    def end(self, reason: str, code: int) -> None:
        """End it once what is under way is answered."""
        self.ending = reason, code
        if self.listens:
            self.listens = False
            self.task.cancel()

    async def say(self, value: dict[str, Any]) -> None:
        await self.socket.send_text(json.dumps(value, ensure_ascii=False, allow_nan=False))

    async def _received(self) -> dict[str, Any] | None:
        """The client's next message; None once the server ends the stream."""
        if self.ending is not None:
            return None
        self.listens = True
        try:
            message = await self.socket.receive()
        except asyncio.CancelledError:
            if self.ending is None:
                raise
            self.task.uncancel()
            return None
        finally:
            self.listens, self.heard = False, time.monotonic()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        return dict(message)

    async def _end(self) -> None:
        assert self.ending is not None
        reason, code = self.ending
        token = {} if self.stream is None else {"token": await self._token()}
        await self.say({"closing": reason, **token})
        await self.socket.close(code)

    async def _answer(self, message: dict[str, Any]) -> None:
        number: Any = None
        try:
            verb, value, number = self._read(message)
            if verb == "write":
                await self._write(value)
                return
            answer = await getattr(self, f"_{verb}_asked")(value)
        except (ElmanError, Refused) as error:
            self.all.metrics.counters["stream_errors"] += 1
            answer = {"error": str(error)}
        except WebSocketDisconnect:
            raise
        except Exception:  # which the worker has told on stderr
            answer = {"error": "the server failed to answer this: what went wrong is in its log"}
        try:
            await self.say(answer if number is None else {**answer, "id": number})
        except ValueError:  # of the JSON: a number of the answer is not finite
            await self.say({"error": "the model's answer is not finite: reset the stream, and give other numbers"})

    def _read(self, message: dict[str, Any]) -> tuple[str, Any, Any]:
        """What is asked, with what, and the number that the answer is to carry."""
        raw = message.get("bytes")
        if raw is not None:
            return "step", self._samples(raw), None
        text = message["text"]
        if len(text) > self.all.limits.max_body:
            raise InputError(f"a message may have {self.all.limits.max_body:,} characters: send less at a time")
        try:
            value = from_json(text, allow_inf_nan=False)  # no lone halves of surrogates, no endless nesting either
        except ValueError:
            raise InputError('a message must be a JSON object, like {"step": ...}, and this is none') from None
        asked = [verb for verb in VERBS if isinstance(value, dict) and verb in value]
        if len(asked) != 1 or not set(value) <= {asked[0], "id"}:
            raise InputError(f"a message has one of {', '.join(VERBS)}, and an id if wanted: send one at a time")
        return asked[0], value[asked[0]], value.get("id")

    def _samples(self, raw: bytes) -> np.ndarray:
        """Samples (N,) in -1 .. 1 of 16 bits, the lower byte first."""
        if not self.all.samples:
            raise InputError("binary messages are for models of sound: send a JSON object")
        if len(raw) % 2:
            raise InputError(f"{len(raw):,} bytes are no samples of 16 bits: send an even number")
        return np.frombuffer(raw, "<i2").astype(np.float32) / 32768

    # What is asked, one by one.

    async def _open_asked(self, value: Any) -> dict[str, Any]:
        token = value.get("token") if isinstance(value, dict) else None
        if self.stream is not None:
            raise InputError("the stream is open already: reset it, or open another")
        if not isinstance(value, dict) or not set(value) <= {"token"} or not isinstance(token, str | None):
            raise InputError('open takes {} or {"token": a token of this server}')
        await self._opened(None if token is None else self.all.tokens.read(token))
        return {"opened": {"resumed": token is not None}}

    async def _opened(self, state: bytes | None = None) -> None:
        if self.stream is None:
            given = () if state is None else (state,)
            self.stream = await self._call(lambda: self.all.streams.open(*given))

    async def _step_asked(self, x: Any) -> dict[str, Any]:
        await self._opened()
        worker, limits = self.all.worker, self.all.limits
        cost = self._steps(x)
        answer = await worker.ask(
            self.all.steps, (self.stream, x), cost=1, key=cost.bit_length(), seconds=limits.timeout, patient=True
        )
        self.all.metrics.counters["steps"] += 1
        return {"answer": answer}

    def _steps(self, x: Any) -> int:
        """How long a chunk is at most; those of about one length are stepped together."""
        steps = len(x) if isinstance(x, str | list | np.ndarray) else 1
        most = self.all.limits.max_steps * (400 if isinstance(x, np.ndarray) or self.all.samples else 1)
        if steps > most:
            raise InputError(f"a step has {steps:,} parts, but {most:,} are read at once: send it in pieces")
        return steps

    async def _finish_asked(self, value: Any) -> dict[str, Any]:
        _true("finish", value)
        await self._opened()
        return {"answer": await self._call(self.stream.finish), "finished": True}

    async def _reset_asked(self, value: Any) -> dict[str, Any]:
        _true("reset", value)
        await self._opened()
        await self._call(self.stream.reset)
        return {"reset": True}

    async def _token_asked(self, value: Any) -> dict[str, Any]:
        _true("token", value)
        await self._opened()
        return {"token": await self._token()}

    async def _write(self, value: Any) -> None:
        """Text that goes on, piece by piece."""
        await self._opened()
        try:
            asked = bodies.Write.model_validate(value)
        except ValidationError as error:
            raise InputError(bodies.sentence(error.errors())) from None
        if asked.length > self.all.limits.max_steps:
            raise InputError(f"length is {asked.length:,}, but {self.all.limits.max_steps:,} are written at most")
        settings = asked.model_dump(exclude={"length"})
        pieces = iter(await self._call(lambda: self.stream.write(asked.length, **settings)))
        while some := await self._call(lambda: list(islice(pieces, PIECES))):
            await self.say({"piece": "".join(some)})
            if self.ending is not None:
                return
        await self.say({"done": True})

    async def _token(self) -> str:
        return self.all.tokens.sign(await self._call(self.stream.dumps))

    async def _call(self, call: Any) -> Any:
        """What a method of the stream gives, called in the model's thread."""
        return await self.all.worker.ask(self.all.calls, call, seconds=self.all.limits.timeout, patient=True)


def _true(verb: str, value: Any) -> None:
    if value is not True:
        raise InputError(f'{verb} takes true: send {{"{verb}": true}}')
