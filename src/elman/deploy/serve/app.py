"""The routes: what is asked over HTTP and WebSockets, and how it is answered. Documented at /openapi.json."""

import asyncio
import contextlib
import sys
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from elman.deploy.serve import bodies, inputs
from elman.deploy.serve.batching import Worker
from elman.deploy.serve.body import Bodies
from elman.deploy.serve.facts import facts
from elman.deploy.serve.limits import Limits, Refused, busy
from elman.deploy.serve.metrics import Counted, Metrics
from elman.deploy.serve.security import Gate
from elman.deploy.serve.streams import Streams
from elman.deploy.serve.tokens import Tokens
from elman.errors import ElmanError, InputError
from elman.version import __version__

PAGE = Path(__file__).parent / "page"
PIECES = 32  # symbols of a text that are drawn before others have their turn
LAST = 5.0  # seconds that the model's thread is waited for at the end
WORDS = {404: "there is nothing here: /openapi.json says what there is", 405: "this path is not asked in this way"}
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": bodies.Problem, "description": told}
    for status, told in {
        400: "The body is no JSON.",
        401: "The token is missing or wrong.",
        403: "Asked by another name or from another page.",
        408: "The body came too slowly.",
        413: "The body is too large.",
        415: "The body is said to be something else than JSON.",
        422: "The model cannot answer this.",
        503: "Too much is waiting, or the server stops: try again after Retry-After.",
    }.items()
}


class Service:
    """A model with its thread, its streams and its counts: what the routes share."""

    def __init__(self, task: Any, name: str, limits: Limits, tokens: Tokens, streams: Any, threads: int) -> None:
        self.task, self.limits, self.draining = task, limits, False
        self.kind = inputs.kind_of(task, limits)
        self.under_way = 0  # requests that wait for the model, or for what it is at
        self.metrics = Metrics()
        self.worker = Worker(self.metrics, lambda: _use(threads))
        most = limits.max_steps if self.kind.together else 1
        self.predict = self.worker.lane("predict", self.kind.replies, most=most)
        self.calls = self.worker.lane("calls", lambda asked: [call() for call in asked])
        why_not = str(streams) if isinstance(streams, InputError) else None
        self.facts = facts(task, self.kind, name, limits, why_not)
        self.streams = None
        if why_not is None:
            sound = self.facts["rate"] is not None
            self.streams = Streams(streams, self.worker, tokens, limits, self.metrics, sound)
        self.metrics.gauges["queue"] = "Requests that wait for an answer of the model.", lambda: self.under_way

    def shut(self) -> Refused | None:
        """Why nothing can be taken on now."""
        if self.draining:
            return Refused(503, "the server stops: ask another", retry_after="5", connection="close")
        if self.under_way >= self.limits.queue:
            return busy(f"{self.under_way:,} requests wait already")
        return None

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """A request's place among those that wait."""
        if (refused := self.shut()) is not None:
            raise refused
        self.under_way += 1
        try:
            yield
        finally:
            self.under_way -= 1

    async def drain(self, seconds: float) -> None:
        """Take on nothing more, end the streams, and wait until what waits is answered."""
        self.draining = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                if self.streams is not None:
                    await self.streams.drain()
                while self.under_way or not self.worker.idle:
                    await asyncio.sleep(0.02)

    async def predicted(self, body: Any) -> dict[str, Any]:
        kind, limits = self.kind, self.limits
        kind.check(body)
        with self.taken():
            if isinstance(kind, inputs.Generating):
                return await self._written(kind, body)
            cost = max(1, min(kind.bound(body), limits.max_steps)) if kind.together else 1
            found: dict[str, Any] = await self.worker.ask(
                self.predict, body, key=kind.key(body), cost=cost, seconds=limits.timeout
            )
            return found

    async def _written(self, kind: inputs.Generating, body: Any) -> dict[str, Any]:
        """A text, drawn some symbols at a time: others are answered in between, and its time can end."""
        ends = asyncio.get_running_loop().time() + self.limits.timeout
        pieces = iter(await self._called(lambda: kind.begin(body), ends))
        text: list[str] = []
        while some := await self._called(lambda: list(islice(pieces, PIECES)), ends):
            text += some
        return {"answers": [{"text": "".join(text)}]}

    async def _called(self, call: Callable[[], Any], ends: float) -> Any:
        left = ends - asyncio.get_running_loop().time()
        return await self.worker.ask(self.calls, call, seconds=left)

    async def explained(self, body: Any) -> dict[str, Any]:
        def call() -> dict[str, Any]:
            found = self.kind.explain(body)
            facts = {name: value for name, value in found.to_json().items() if name != "notes"}
            return {**facts, "html": found.html(body.lang)}

        self.kind.check(body)
        ends = asyncio.get_running_loop().time() + self.limits.timeout
        with self.taken():
            answer: dict[str, Any] = await self._called(call, ends)
            return answer


def _use(threads: int) -> None:
    import torch

    torch.set_num_threads(threads)


def application(service: Service, token: str | None = None) -> Any:
    """The ASGI application of a service."""

    @contextlib.asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        service.worker.start()
        expiring = None if service.streams is None else asyncio.ensure_future(service.streams.expire())
        yield
        if expiring is not None:
            expiring.cancel()
        service.worker.stop(LAST)

    app = FastAPI(
        title=f"elman: {service.facts['title']}",
        version=__version__,
        docs_url=None,  # whose page loads its code from elsewhere
        redoc_url=None,
        lifespan=life,
    )
    asked = type(service.kind).body
    _routes(app, service, asked, bodies.why(asked))
    _refusals(app)
    guarded = Bodies(app, service.limits, service.shut)
    return Counted(Gate(guarded, token), service.metrics)


def _routes(app: FastAPI, service: Service, asked: type[bodies.Body], why: type[bodies.Body]) -> None:
    few: dict[int | str, dict[str, Any]] = {status: REFUSALS[status] for status in (401, 403)}

    @app.get("/healthz", response_model=bodies.Health, responses={403: REFUSALS[403]})
    async def healthz() -> Response:
        """Whether the server takes requests."""
        status = "draining" if service.draining else "ok"
        return JSONResponse({"status": status, "task": service.task.name, "elman": __version__})

    @app.head("/healthz", include_in_schema=False)
    async def alive() -> Response:
        return Response()

    @app.get("/model", response_model=dict[str, Any], responses=few)
    async def model() -> Response:
        """What the model is: its task, what it takes and gives, and how good it was when it was judged."""
        return JSONResponse(service.facts)

    @app.get("/metrics", response_class=PlainTextResponse, responses=few)
    async def metrics() -> Response:
        """What the server has counted, as Prometheus reads it."""
        return PlainTextResponse(service.metrics.text(), media_type="text/plain; version=0.0.4")

    @app.post("/predict", response_model=bodies.Answers, responses=REFUSALS, openapi_extra=_described(asked))
    async def predict(request: Request) -> Response:
        """What the model answers."""
        return JSONResponse(await service.predicted(await _given(request, asked)))

    @app.post("/explain", response_model=bodies.Explanation, responses=REFUSALS, openapi_extra=_described(why))
    async def explain(request: Request) -> Response:
        """Why the model answers so."""
        return JSONResponse(await service.explained(await _given(request, why)))

    @app.websocket("/stream")
    async def stream(socket: WebSocket) -> None:
        if service.streams is None:
            await socket.accept()
            await socket.send_json({"closing": service.facts["stream"]["why_not"], "status": 422})
            await socket.close(1008)
        else:
            draining = service.shut() if service.draining else None
            await service.streams.serve(socket, draining)

    if PAGE.is_dir():

        @app.get("/", include_in_schema=False)
        async def page() -> Response:
            return FileResponse(PAGE / "index.html")

        app.mount("/page", StaticFiles(directory=PAGE))


async def _given(request: Request, body: type[bodies.Body]) -> bodies.Body:
    """The body of a request, read by pydantic at once: no NaN, no endless nesting, and half the time.

    A type that no page from elsewhere may send unasked is insisted on.
    """
    raw = await request.body()
    if not raw and not _needed(body):
        return body()
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, "the body must be JSON, and its Content-Type application/json: send it so")
    try:
        return body.model_validate_json(raw)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        if found[0]["type"] == "json_invalid":
            raise Refused(400, "the body is not JSON: send a JSON object") from None
        raise InputError(bodies.sentence(found)) from None


def _needed(body: type[bodies.Body]) -> bool:
    return any(field.is_required() for field in body.model_fields.values())


def _described(body: type[bodies.Body]) -> dict[str, Any]:
    content = {"application/json": {"schema": body.model_json_schema()}}
    return {"requestBody": {"required": _needed(body), "content": content}}


def _refusals(app: FastAPI) -> None:
    """Every error as one sentence in JSON."""

    @app.exception_handler(InputError)
    async def unusable(request: Request, error: InputError) -> Response:
        return JSONResponse({"error": str(error)}, 422)

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        return JSONResponse({"error": str(error)}, error.status, error.headers)

    @app.exception_handler(ElmanError)
    async def failed(request: Request, error: ElmanError) -> Response:
        return JSONResponse({"error": str(error)}, 500)

    @app.exception_handler(HTTPException)
    async def missing(request: Request, error: HTTPException) -> Response:
        told = WORDS.get(error.status_code, str(error.detail))
        return JSONResponse({"error": told}, error.status_code, dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> Response:
        traceback.print_exception(error, file=sys.stderr)
        return JSONResponse({"error": "the server failed to answer this: what went wrong is in its log"}, 500)
