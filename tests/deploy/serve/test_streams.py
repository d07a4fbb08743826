"""Streams over WebSockets: nobody reads another's state, whatever fails, expires, or goes on elsewhere."""

import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.websockets import WebSocketDisconnect

import elman
from elman.deploy.serve.tokens import Tokens, fingerprint, read_key
from elman.deploy.stream import Streams
from elman.errors import InputError


def asked(socket, **message):
    socket.send_text(json.dumps(message))
    return socket.receive_json()


def alone(told, *words):
    stream = told.open()
    for word in words:
        answer = stream.step(word)
    return answer


def test_each_stream_answers_as_if_it_were_alone(serving, told):
    client = serving(streams=told)
    with client.websocket_connect("/stream") as a, client.websocket_connect("/stream") as b:
        assert asked(a, open={}) == {"opened": {"resumed": False}}
        for word in "one", "two", "three":
            asked(a, step=word, id=1)
            asked(b, step=word * 2)
        last = asked(a, step="four", id={"any": 1})
        assert last == {"answer": alone(told, "one", "two", "three", "four"), "id": {"any": 1}}
        assert asked(b, step="x")["answer"] == alone(told, "oneone", "twotwo", "threethree", "x")
        assert asked(a, finish=True) == {"answer": {"steps": 4, "finished": True}, "finished": True}
        assert asked(a, reset=True) == {"reset": True}
        assert asked(a, step="x")["answer"] == alone(told, "x")


def test_a_bad_step_changes_nothing(serving, told):
    with serving(streams=told).websocket_connect("/stream") as a:
        asked(a, step="one")
        assert asked(a, step="bad", id=7) == {"error": "'bad' is no text: give one", "id": 7}
        for message in (
            "{",
            "[]",
            "1",
            '{"step": NaN}',
            '{"step": "\\ud800"}',
            '{"step": 1, "reset": true}',
            '{"go": 1}',
        ):
            a.send_text(message)
            assert set(a.receive_json()) == {"error"}
        a.send_bytes(b"\0\0")
        assert "models of sound" in a.receive_json()["error"]
        assert asked(a, reset=1) == {"error": 'reset takes true: send {"reset": true}'}
        assert "length" in asked(a, write={"length": 0})["error"]
        assert "a step has 60,000 parts" in asked(a, step="a" * 60_000)["error"]
        assert asked(a, step="two")["answer"] == alone(told, "one", "two")


def test_text_is_written_in_pieces(serving, told):
    with serving(streams=told).websocket_connect("/stream") as a:
        a.send_text('{"write": {"length": 20}}')
        pieces = []
        while "done" not in (heard := a.receive_json()):
            pieces.append(heard["piece"])
        assert "".join(pieces) == "01234567890123456789" and len(pieces) == 3


def test_a_state_goes_with_the_client_and_comes_back_signed(serving, told):
    client = serving(streams=told)
    with client.websocket_connect("/stream") as a:
        asked(a, step="one")
        token = asked(a, token=True)["token"]
        ahead = asked(a, step="two")["answer"]["steps"]
    with client.websocket_connect("/stream") as b:
        assert asked(b, open={"token": token}) == {"opened": {"resumed": True}}
        assert asked(b, step="two")["answer"]["steps"] == ahead
        assert "open already" in asked(b, open={})["error"]
    for wrong in (token[:-4] + "AAAA", "", "é", token[4:], "A" * 44):
        with client.websocket_connect("/stream") as c:
            assert "was not signed by this server" in asked(c, open={"token": wrong})["error"]


@settings(max_examples=200, deadline=None)
@given(state=st.binary(max_size=200), other=st.binary(min_size=1, max_size=8), place=st.integers(0, 10**6))
def test_tokens_hold_what_was_signed_and_nothing_else(state, other, place):
    tokens = Tokens(b"k" * 32, b"m" * 32)
    token = tokens.sign(state)
    assert tokens.read(token) == state
    place %= len(token)
    changed = token[:place] + other.hex() + token[place + 1 :]
    if changed != token:
        with pytest.raises(InputError):
            tokens.read(changed)
    for stranger in (Tokens(b"l" * 32, b"m" * 32), Tokens(b"k" * 32, b"n" * 32)):
        with pytest.raises(InputError):
            stranger.read(token)


def test_keys_are_made_for_their_owner_alone(tmp_path):
    key = read_key(tmp_path / "key")
    assert len(key) == 32 and read_key(tmp_path / "key") == key
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(InputError, match="can be read by others"):
        read_key(tmp_path / "key")
    (tmp_path / "short").touch(0o600)
    with pytest.raises(InputError, match="has 0 bytes"):
        read_key(tmp_path / "short")
    with pytest.raises(InputError, match="cannot read or make the key"):
        read_key(tmp_path / "no" / "key")
    assert fingerprint({"a": b"1", "b": b"2"}) == fingerprint({"b": b"2", "a": b"1"}) != fingerprint({"a": b"12"})


def test_silent_streams_end_with_their_token(serving, told):
    with serving(streams=told, idle=0.2).websocket_connect("/stream") as a:
        asked(a, step="one")
        heard = a.receive_json()
        assert heard["closing"] == "nothing was sent for 0.2 s" and heard["token"]
        with pytest.raises(WebSocketDisconnect) as ended:
            a.receive_json()
        assert ended.value.code == 1008


def test_too_many_streams_are_refused_and_places_come_back(serving, told):
    client = serving(streams=told, max_streams=2)
    with client.websocket_connect("/stream") as a, client.websocket_connect("/stream") as b:
        asked(a, step="one"), asked(b, step="one")
        with client.websocket_connect("/stream") as c:
            assert c.receive_json()["status"] == 429
    for _ in range(100):
        if told.closed == 2:
            break
        time.sleep(0.02)
    with client.websocket_connect("/stream") as a:
        assert asked(a, step="one")["answer"]["steps"] == 1
    assert "elman_open_streams 0" in client.get("/metrics").text or told.closed == 2


def test_a_model_that_cannot_be_streamed_says_so(serving):
    client = serving()
    assert client.get("/model").json()["stream"] == {"why_not": "this model cannot be streamed"}
    with client.websocket_connect("/stream") as a:
        assert a.receive_json() == {"closing": "this model cannot be streamed", "status": 422}


@pytest.fixture(scope="module")
def waves():
    """A classifier of numbers that can be streamed."""
    x = np.random.default_rng(0).normal(size=(60, 6, 2)).cumsum(1)
    y = np.where(x[:, -1, 0] > 0, "up", "down")
    settings = {"bidirectional": False, "pool": "last", "blend": False}
    return elman.Classifier(cell="gru", steps=10, hidden=8, **settings).fit(x, y)


def test_a_real_model_streams_to_the_bit(serving, waves, model):
    streams = Streams(waves, most=16)
    client = serving(streams=streams)
    x = np.random.default_rng(1).normal(size=(9, 2)).tolist()
    whole = Streams(waves, most=1).open()
    offline = [whole.step(row) for row in x]
    with client.websocket_connect("/stream") as a, client.websocket_connect("/stream") as b:
        for at, row in enumerate(x):
            assert asked(a, step=row)["answer"] == offline[at]
            asked(b, step=[1e3, -1e3])
            assert "error" in asked(b, step=["a", 1]) and "error" in asked(b, step=[[1.0]])
        token = asked(a, token=True)["token"]
        then = asked(a, step=[1, 2])
    with client.websocket_connect("/stream") as c:
        asked(c, open={"token": token})
        assert asked(c, step=[1, 2]) == then
