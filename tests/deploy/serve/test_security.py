"""Who is let in, what is too large or too slow, and what is counted."""

import asyncio

import pytest
from starlette.testclient import WebSocketDenialResponse

from elman.deploy.serve.body import Bodies
from elman.deploy.serve.limits import Limits, Refused
from elman.deploy.serve.security import check_token, is_loopback
from elman.errors import InputError

TOKEN = "a-token-of-some-length"
BODY = {"texts": ["good"]}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]", "127.9.9.9"])
def test_this_machine_needs_no_token(host):
    assert is_loopback(host)
    check_token(host, None)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "localhost.evil.com", "127.0.0.1.evil.com", ""])
def test_any_other_does(host):
    with pytest.raises(InputError, match="a --token is needed"):
        check_token(host, None)
    check_token(host, TOKEN)


@pytest.mark.parametrize("token", ["short", "with some blanks in it", "é" * 20, ""])
def test_tokens_are_long_enough(token):
    with pytest.raises(InputError, match="--token has"):
        check_token("127.0.0.1", token)


def test_nothing_but_health_and_the_page_without_the_token(serving):
    client = serving(token=TOKEN)
    assert client.get("/healthz").json()["status"] == "ok"
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": TOKEN}, {"authorization": "Bearer é"}):
        headers = {name: value.encode("utf-8") for name, value in headers.items()}
        for path in ("/model", "/metrics", "/openapi.json", "/model?token=" + TOKEN):
            response = client.get(path, headers=headers)
            assert response.status_code == 401 and response.headers["www-authenticate"] == "Bearer"
        assert client.post("/predict", json=BODY, headers=headers).status_code == 401
    assert client.post("/predict", json=BODY, headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_streams_take_the_token_from_their_address(serving, told):
    client = serving(token=TOKEN, streams=told)
    for address in ("/stream", "/stream?token=", "/stream?token=wrong"):
        with pytest.raises(WebSocketDenialResponse) as denied, client.websocket_connect(address):
            pass
        assert denied.value.status_code == 401
    with client.websocket_connect(f"/stream?token={TOKEN}") as socket:
        socket.send_json({"step": "a"})
        assert socket.receive_json()["answer"]["steps"] == 1


@pytest.mark.parametrize(
    "host", ["evil.com", "evil.com:8000", "192.168.0.1", "", "127.0.0.1.evil.com", "localhost@evil"]
)
def test_other_names_are_refused_without_a_token(serving, host):
    client = serving()
    assert client.get("/model", headers={"host": host}).status_code == 403
    assert client.post("/predict", json=BODY, headers={"host": host}).status_code == 403


def test_pages_from_elsewhere_are_refused(serving, told):
    client = serving(streams=told)
    for origin in ("http://evil.com", "null", "http://127.0.0.1:8001", "file://", "http://[", "https://localhost:8000"):
        assert client.post("/predict", json=BODY, headers={"origin": origin}).status_code == 403, origin
        headers = {"origin": origin}
        with pytest.raises(WebSocketDenialResponse) as denied, client.websocket_connect("/stream", headers=headers):
            pass
        assert denied.value.status_code == 403
    own = {"origin": "http://127.0.0.1:8000", "host": "127.0.0.1:8000"}
    assert client.post("/predict", json=BODY, headers=own).status_code == 200
    with client.websocket_connect("/stream", headers=own):
        pass


def test_answers_are_guarded(serving):
    response = serving().get("/model")
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("path", ["/../model", "/page/../../server.py", "/page/%2e%2e/server.py", "/page//etc/passwd"])
def test_no_path_leads_out_of_the_page(serving, path):
    assert serving().get(path).status_code in (404, 405) or "import" not in serving().get(path).text


def test_large_bodies_are_not_read(serving):
    client = serving(max_body=1000)
    headers = {"content-type": "application/json"}
    response = client.post("/predict", content=b"x" * 1001, headers=headers)
    assert response.status_code == 413 and response.headers["connection"] == "close"
    pulled = []

    def endless():
        for at in range(10_000):
            pulled.append(at)
            yield b"x" * 100

    assert client.post("/predict", content=endless(), headers=headers).status_code == 413


def test_slow_chunked_and_many_bodies():
    limits = Limits(max_body=100, timeout=0.1)
    heard = []

    async def app(scope, receive, send):
        heard.append(await receive())
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def ask(bodies, *parts, wait=0.0):
        left, sent = list(parts), []

        async def receive():
            await asyncio.sleep(wait)
            part = left.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(left)}

        async def send(message):
            sent.append(message)

        await bodies({"type": "http", "method": "POST", "path": "/", "headers": []}, receive, send)
        return sent[0]["status"]

    async def main():
        bodies = Bodies(app, limits, lambda: None)
        assert await ask(bodies, *[b"a"] * 100) == 200 and heard[-1]["body"] == b"a" * 100
        assert await ask(bodies, *[b"a"] * 101) == 413
        assert await ask(bodies, *[b"a"] * 100, wait=0.01) == 408
        assert bodies.held == 0
        statuses = await asyncio.gather(*(ask(bodies, b"a" * 99, b"a", wait=0.01) for _ in range(20)))
        assert set(statuses) == {200, 503} and bodies.held == 0

    asyncio.run(main())


def test_what_is_too_much_is_refused_before_it_is_read(service):
    own = service(queue=2)
    with own.taken(), own.taken():
        refused = own.shut()
        assert refused.status == 503 and refused.headers["retry-after"] == "1"
        with pytest.raises(Refused, match="2 requests wait already"), own.taken():
            pass
    assert own.shut() is None and own.under_way == 0
    own.draining = True
    assert "the server stops" in str(own.shut())


def test_requests_are_counted_in_few_lines(serving):
    client = serving()
    client.post("/predict", json=BODY)
    client.post("/predict", json={})
    for at in range(20):
        client.get(f"/{at}")
    told = client.get("/metrics").text
    assert 'elman_requests_total{route="/predict",status="200"} 1' in told
    assert 'elman_requests_total{route="/predict",status="422"} 1' in told
    assert 'elman_requests_total{route="other",status="404"} 20' in told
    assert 'elman_request_seconds_bucket{route="/predict",le="+Inf"} 2' in told
    assert 'elman_batch_items_sum{lane="predict"} 1' in told and "elman_queue 0" in told
    for line in told.splitlines():
        assert line.startswith("# ") or len(line.rsplit(" ", 1)) == 2


@pytest.mark.parametrize("name", ["max_body", "queue", "timeout", "idle"])
def test_limits_are_above_zero(name):
    with pytest.raises(InputError, match=f"--{name.replace('_', '-')} must be a number above 0"):
        Limits(**{name: 0})
