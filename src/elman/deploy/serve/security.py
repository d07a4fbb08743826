"""Who may ask: the token, the names that this server goes by, and the pages that may speak to it."""

from __future__ import annotations

import hmac
import ipaddress
import json
from urllib.parse import parse_qs, urlsplit

from elman.deploy.serve.limits import App, Message, Receive, Refused, Send
from elman.errors import InputError

FREE = ("/", "/healthz")  # and what lies under /page/: the same for everybody, and no fact of the model
LEAST = 16  # characters of a token: a shorter one is soon guessed
HEADERS = {
    "content-security-policy": (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "media-src 'self' data: blob:; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
_RAW = [(name.encode(), value.encode()) for name, value in HEADERS.items()]


def is_loopback(host: str) -> bool:
    """Whether a name or an address, [::1] too, is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_token(host: str, token: str | None) -> None:
    """InputError where others could reach the server and nothing keeps them out."""
    if token is None and not is_loopback(host):
        raise InputError(
            f"--host {host} lets other machines in, for which a --token is needed: give one, or leave --host out"
        )
    if token is not None and (len(token) < LEAST or not token.isascii() or not token.isprintable() or " " in token):
        raise InputError(
            f"--token has {len(token)} characters, but {LEAST} at least are needed, ASCII and without blanks: "
            'python -c "import secrets; print(secrets.token_urlsafe())" makes one'
        )


class Gate:
    """Middleware: lets nobody in without the token, and without one only those who call this machine by its own name.

    A page from elsewhere can make a browser send requests here, and by a name of its own that it lets point here
    (DNS rebinding) even read the answers; its Host or Origin tells. Source: RFC 6454; OWASP, CSRF prevention.
    """

    def __init__(self, app: App, token: str | None) -> None:
        self.app, self.token = app, token

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        refused = self._refused(scope)
        if refused is None:
            await self.app(scope, receive, send if scope["type"] == "websocket" else _guarded(send))
        elif scope["type"] == "http":
            await respond(send, refused)
        elif "websocket.http.response" in scope.get("extensions", {}):
            await receive()
            await respond(send, refused, "websocket.http.response")
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1008})

    def _refused(self, scope: Message) -> Refused | None:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host, path = headers.get(b"host", ""), scope["path"]
        if self.token is None and not is_loopback(_name(host)):
            return Refused(403, "this server answers to the names of this machine alone: ask 127.0.0.1 or localhost")
        origin = headers.get(b"origin")
        asks = scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD")
        if asks and origin is not None and _place(origin) != host.lower():
            return Refused(403, "a page from elsewhere may not ask this server: open its own page")
        if self.token is None or (scope["type"] == "http" and (path in FREE or path.startswith("/page/"))):
            return None
        given = headers.get(b"authorization", "")
        token = given[7:] if given[:7].lower() == "bearer " else None
        if token is None and scope["type"] == "websocket":  # where a browser can send no header of its own
            token = parse_qs(scope["query_string"].decode("latin-1")).get("token", [None])[0]
        if token is not None and hmac.compare_digest(token.encode("utf-8", "replace"), self.token.encode()):
            return None
        return Refused(
            401,
            "this server asks for a token: send it as Authorization: Bearer, to /stream as ?token=",
            www_authenticate="Bearer",
        )


def _name(host: str) -> str:
    """The name of a Host header, without its port."""
    return host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host


def _place(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None


def _guarded(send: Send) -> Send:
    async def adding(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *_RAW]}
        await send(message)

    return adding


async def respond(send: Send, refused: Refused, kind: str = "http.response") -> None:
    """Send an error as JSON, before anything else has looked at the request."""
    body = json.dumps({"error": str(refused)}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *_RAW]
    headers += [(name.encode(), value.encode()) for name, value in refused.headers.items()]
    await send({"type": f"{kind}.start", "status": refused.status, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})
