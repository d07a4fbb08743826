"""A server in a process of its own: its address, its end, what survives it, and sockets that say nothing."""

import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time

import httpx
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

import elman
from elman.cli import run
from elman.deploy.serve.limits import Limits
from elman.deploy.serve.server import make_room
from elman.deploy.stream import Streams
from elman.errors import InputError


@pytest.fixture(scope="module")
def waves(tmp_path_factory):
    """A saved classifier of numbers that can be streamed."""
    x = np.random.default_rng(0).normal(size=(60, 6, 2)).cumsum(1)
    settings = {"bidirectional": False, "pool": "last", "blend": False}
    task = elman.Classifier(cell="gru", steps=10, hidden=8, **settings).fit(x, np.where(x[:, -1, 0] > 0, "up", "down"))
    return task.save(tmp_path_factory.mktemp("waves") / "waves.elman")


@contextlib.contextmanager
def served(model, *flags):
    """A process that serves, and its address."""
    command = [sys.executable, "-m", "elman", "serve", str(model), "--port", "0", "--json", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            yield process, json.loads(line)["url"]
        finally:
            process.kill()


def streaming(url):
    return connect(url.replace("http", "ws") + "stream", proxy=None)


def asked(socket, **message):
    socket.send(json.dumps(message))
    return json.loads(socket.recv())


@pytest.mark.slow
def test_streams_go_on_after_the_server_was_killed_and_its_end_loses_nothing(waves, tmp_path):
    before = {path: path.read_bytes() for path in waves.iterdir()}
    x = np.random.default_rng(1).normal(size=(8, 2)).tolist()
    whole = Streams(elman.load(waves), most=1).open()
    offline = [whole.step(row) for row in x]
    with served(waves, "--key", str(tmp_path / "key")) as (process, url):
        with streaming(url) as stream:
            assert [asked(stream, step=row)["answer"] for row in x[:3]] == offline[:3]
            token = asked(stream, token=True)["token"]
        process.kill()
    with served(waves, "--key", str(tmp_path / "key")) as (process, url), contextlib.ExitStack() as several:
        host, port = url.removeprefix("http://").strip("/").split(":")
        silent = [several.enter_context(socket.create_connection((host, int(port)))) for _ in range(200)]
        for at, one in enumerate(silent):
            one.sendall(b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\n"[: at % 40])
        stream = several.enter_context(streaming(url))
        assert asked(stream, open={"token": token}) == {"opened": {"resumed": True}}
        assert [asked(stream, step=row)["answer"] for row in x[3:6]] == offline[3:6]
        found = httpx.post(f"{url}predict", json={"sequences": [x]})
        assert found.status_code == 200 and "server" not in found.headers
        answers = []
        slow = threading.Thread(
            target=lambda: answers.append(httpx.post(f"{url}explain", json={"sequences": [x]}, timeout=30))
        )
        slow.start()
        while "elman_queue 1" not in (told := httpx.get(f"{url}metrics").text) and 'lane="calls"' not in told:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        heard = json.loads(stream.recv())
        assert heard["closing"] == "the server stops"
        with pytest.raises(ConnectionClosed) as closed:
            stream.recv()
        assert closed.value.rcvd.code == 1012
        assert process.wait(20) == 0
        slow.join(10)
        assert answers[0].status_code == 200
    with served(waves, "--key", str(tmp_path / "key")) as (process, url), streaming(url) as stream:
        asked(stream, open={"token": heard["token"]})
        assert [asked(stream, step=row)["answer"] for row in x[6:]] == offline[6:]
    assert {path: path.read_bytes() for path in waves.iterdir()} == before


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--host", "0.0.0.0"], "lets other machines in, for which a --token is needed"),
        (["--token", "short"], "--token has 5 characters"),
        (["--port", "70000"], "--port must be a number from 0 to 65535"),
        (["--threads", "0"], "--threads must be from 1"),
        (["--queue", "0"], "--queue must be a number above 0"),
        (["--key", "."], "cannot read or make the key"),
        (["--host", "no.such.host.invalid", "--token", "a-token-of-some-length"], "cannot listen at"),
    ],
)
def test_what_cannot_be_served_is_said_before(waves, capsys, flags, said):
    assert run(["serve", str(waves), *flags]) == 2
    out, err = capsys.readouterr()
    assert out == "" and said in err and "Traceback" not in err


def test_more_streams_than_sockets_are_refused_and_room_is_made_for_fewer(monkeypatch):
    resource = pytest.importorskip("resource")
    made = []
    monkeypatch.setattr(resource, "getrlimit", lambda what: (1024, 4096))
    monkeypatch.setattr(resource, "setrlimit", lambda what, value: made.append(value))
    make_room(Limits(max_streams=10, queue=10))
    assert made == [(1044, 4096)]
    with pytest.raises(InputError, match="may open 4,096 files and sockets: give 2,944 at most"):
        make_room(Limits(max_streams=5000))
    make_room(Limits(max_streams=2944))
    assert made[1:] == [(4096, 4096)]


def test_a_port_that_is_taken(waves, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert run(["serve", str(waves), "--port", str(taken.getsockname()[1])]) == 2
    assert "give another --port" in capsys.readouterr().err


@pytest.mark.slow
def test_half_a_request_is_not_waited_for_forever(waves):
    with served(waves) as (_, url):
        host, port = url.removeprefix("http://").strip("/").split(":")
        with socket.create_connection((host, int(port))) as one:
            one.sendall(b"GET /healthz HTTP/1.1\r\n")
            one.settimeout(15)
            assert one.recv(100) == b""
        with socket.create_connection((host, int(port))) as one:
            one.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert b"200 OK" in one.recv(4096)
            one.sendall(b"GET /healthz HT")
            one.settimeout(15)
            while one.recv(4096):
                pass
