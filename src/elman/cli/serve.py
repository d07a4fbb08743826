"""``elman serve MODEL``: a saved model behind HTTP, with its limits as flags."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.markup import escape

from elman.cli.answers import emit
from elman.cli.console import aside, say
from elman.cli.flags import Json, Quiet
from elman.deploy.serve.limits import Limits
from elman.deploy.serve.server import serve as run_server
from elman.errors import InputError

LIMITS = Limits()


def serve(
    model: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str | None = None,
    key: Path | None = None,
    threads: int = 1,
    limits: Annotated[Limits, Parameter(name="*")] = LIMITS,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Serve a saved model over HTTP: predictions, explanations, streams, and a page to try it.

    Parameters
    ----------
    model
        Directory of a saved model.
    host
        Address to listen at; any other than this machine's own needs a --token.
    port
        Port to listen at; 0 picks a free one.
    token
        What requests must carry, as Authorization: Bearer; ELMAN_TOKEN of the environment when left out.
    key
        File of the key that signs the tokens of streams, made where there is none: these then outlive the server.
    threads
        Threads that the model computes with; one more serves the network.
    json
        Print {"url": ...} on stdout once requests are taken.
    """
    if not 0 <= port < 65536:
        raise InputError(f"--port must be a number from 0 to 65535, but is {port}")
    if not 1 <= threads <= (os.cpu_count() or 1):
        raise InputError(f"--threads must be from 1 to the {os.cpu_count()} cores here, but is {threads}")

    def told(url: str) -> None:
        if json:
            emit({"url": url})
            sys.stdout.flush()
        say(f"Serving [bold]{escape(str(model))}[/] at {url} (Ctrl+C ends it)")
        if not quiet and key is None:
            aside("tokens of streams are signed with a key of this process and end with it; --key FILE keeps one")

    token = token or os.environ.get("ELMAN_TOKEN") or None
    run_server(model, host=host, port=port, token=token, key=key, threads=threads, limits=limits, told=told)
