"""The process: a socket, uvicorn in it, and an end that loses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from elman.deploy.serve.limits import Limits
from elman.deploy.serve.security import check_token
from elman.errors import InputError, MissingDependency
from elman.tasks import store
from elman.tasks.load import load_task
from elman.tasks.saved import NEEDED

DRAIN = 8.0  # seconds for what waits to be answered once the server is told to stop
SWITCH = 0.0002  # seconds that a thread may keep the other waiting
SPARE = 512  # connections beside those of streams


def serve(
    model: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str | None = None,
    key: Path | None = None,
    threads: int = 1,
    limits: Limits | None = None,
    told: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve a saved model until SIGTERM or SIGINT; ``told`` is called with the address once requests are taken.

    Port 0 picks a free one. Raises InputError for what cannot be served, and for a host that others can reach without a
    ``token``; MissingDependency without FastAPI and uvicorn.
    """
    check_token(host, token)
    limits = limits or Limits()
    make_room(limits)
    service = service_of(model, key, limits, threads)
    listening = _listening(host, port)
    with listening:
        _run(service, token, listening, told)


def sockets(limits: Limits) -> int:
    """Connections that are taken at a time."""
    return limits.max_streams + limits.queue + SPARE


def make_room(limits: Limits) -> None:
    """Let this process open so many sockets. Raises InputError where the system does not allow it."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    needed = sockets(limits) + SPARE
    soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < needed:
        raise InputError(
            f"--max-streams is {limits.max_streams:,}, but this process may open {most:,} files and sockets: give "
            f"{max(1, most - needed + limits.max_streams):,} at most, or raise ulimit -n"
        )
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, most))


def service_of(model: Path, key: Path | None, limits: Limits, threads: int = 1) -> Any:
    """The service of a saved model."""
    try:
        from elman.deploy.serve.app import Service
    except ImportError:
        raise MissingDependency("models are served by FastAPI and uvicorn: pip install 'elman[serve]'") from None
    from elman.deploy.serve.tokens import SIZE, Tokens, fingerprint, read_key

    task, files = load_task(model), store.read(Path(model))
    own = read_key(key) if key is not None else secrets.token_bytes(SIZE)
    tokens = Tokens(own, fingerprint({name: files[name] for name in NEEDED}))
    return Service(
        task, model.resolve().name.removesuffix(".elman"), limits, tokens, _streams(task, limits.max_streams), threads
    )


def _streams(task: Any, most: int) -> Any:
    """The model's streams, or the InputError that says why there are none."""
    from elman.deploy.stream import Streams

    try:
        return Streams(task, most=most)
    except InputError as error:
        return error


def _listening(host: str, port: int) -> socket.socket:
    """A socket bound to the address."""
    with contextlib.ExitStack() as opened:
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(
                host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            found = opened.enter_context(socket.socket(family, kind, protocol))
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(address)
        except OSError as error:
            raise InputError(
                f"cannot listen at {host}, port {port} ({error.strerror}): give another --port or --host"
            ) from None
        opened.pop_all()
    return found


def _run(service: Any, token: str | None, listening: socket.socket, told: Callable[[str], None]) -> None:
    import uvicorn

    from elman.deploy.serve.app import application
    from elman.deploy.serve.connection import SECONDS, Connection

    host, port = listening.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}/"

    class Served(Connection):
        shut = staticmethod(service.shut)
        turned_away = staticmethod(service.metrics.turned_away)

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            self.loop = asyncio.get_running_loop()
            told(url)

        def handle_exit(self, sig: int, frame: Any) -> None:
            """The first signal drains, the second ends at once; the exit code is 0."""
            if service.draining:
                self.should_exit = self.force_exit = True
            else:
                service.draining = True
                self.loop.call_soon_threadsafe(lambda: asyncio.ensure_future(self._drained()))

        async def _drained(self) -> None:
            for server in self.servers:
                server.close()
            await service.drain(DRAIN)
            self.should_exit = True

    config = uvicorn.Config(
        application(service, token),
        http=Served,
        ws="websockets-sansio",
        ws_max_size=service.limits.max_body,
        ws_per_message_deflate=False,
        loop="asyncio",
        limit_concurrency=sockets(service.limits),
        timeout_keep_alive=int(SECONDS),
        timeout_graceful_shutdown=2,
        backlog=1024,
        server_header=False,
        access_log=False,
        log_config=None,
        log_level="critical",
    )
    # Two threads share one interpreter: at the usual 5 ms the network's would wait that long at every packet.
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH)
    try:
        Server(config).run(sockets=[listening])
    finally:
        sys.setswitchinterval(before)
