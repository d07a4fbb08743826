"""What a server holds: requests, streams, three times the load, kill -9, and ten thousand lives of streams.

    python benchmarks/serve.py [--only requests streams overload killed lives] [--seconds 60]

The model is a GRU of 64 units that labels sequences of 3 numbers, fitted here in seconds. The server is a process of
its own (elman serve, its limits as they are), the client this one, both on the same cores. Written to
benchmarks/results/serve.json, the parts that were not asked for left as they are.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import os
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from machine import RESULTS, describe

import elman
from elman.deploy.stream import Streams

STEPS = 20  # of a request's sequence
LARGE: dict[str, Any] = {"length": 100, "settings": {"cell": "lstm", "hidden": 512, "layers": 2, "steps": 2}}
CLIENTS = (1, 16, 128)
STREAMS, PACE = 1000, 1.0  # streams at a time, and seconds between a stream's steps
KILLED = 100
LIVES, AT_ONCE = 10_000, 50


def fitted(folder: Path, length: int = STEPS, **settings: Any) -> Path:
    x = np.random.default_rng(0).normal(size=(400, length, 3)).cumsum(1)
    settings = {"cell": "gru", "hidden": 64, "steps": 100, "bidirectional": False, "pool": "last", **settings}
    model = elman.Classifier(blend=False, **settings)
    return model.fit(x, np.where(x[:, -1, 0] > 0, "up", "down")).save(folder / f"{settings['hidden']}.elman")


@contextlib.contextmanager
def served(model: Path, *flags: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    command = [sys.executable, "-m", "elman", "serve", str(model), "--port", "0", "--json", "--quiet", *flags]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    ) as own:
        try:
            assert own.stdout is not None
            yield own, int(json.loads(own.stdout.readline())["url"].rstrip("/").rpartition(":")[2])
        finally:
            own.kill()


def seconds_of(process: subprocess.Popen[str]) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def percentiles(values: list[float]) -> dict[str, float]:
    p50, p99 = np.percentile(values, (50, 99)) * 1e3 if values else (float("nan"),) * 2
    return {"p50_ms": round(float(p50), 2), "p99_ms": round(float(p99), 2)}


class Http:
    """One connection that is kept, for requests written beforehand."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def __aenter__(self) -> Http:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    async def ask(self, request: bytes) -> int:
        """The status of the answer."""
        try:
            self.writer.write(request)
            head = await self.reader.readuntil(b"\r\n\r\n")
        except (ConnectionError, asyncio.IncompleteReadError):  # closed after having been idle for a while
            await self.__aenter__()
            return await self.ask(request)
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        await self.reader.readexactly(length)
        return int(head[9:12])


def request(steps: int) -> bytes:
    x = np.random.default_rng(1).normal(size=(steps, 3)).cumsum(0).round(3).tolist()
    body = json.dumps({"sequences": [x]}).encode()
    head = f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


async def closed_loop(port: int, clients: int, seconds: float, asked: bytes) -> tuple[Counter[int], list[float]]:
    """Clients that ask again as soon as they are answered: statuses, and seconds of those answered with 200."""
    statuses: Counter[int] = Counter()
    took: list[float] = []
    ends = time.perf_counter() + seconds

    async def client() -> None:
        async with Http(port) as http:
            while (began := time.perf_counter()) < ends:
                status = await http.ask(asked)
                statuses[status] += 1
                if status == 200:
                    took.append(time.perf_counter() - began)

    await asyncio.gather(*(client() for _ in range(clients)))
    return statuses, took


def whole(answer: bytes) -> bool:
    """Whether an answer has arrived to its end."""
    head, apart, body = answer.partition(b"\r\n\r\n")
    return bool(apart) and len(body) == int(head.lower().partition(b"content-length:")[2].split()[0])


def open_loop(port: int, rate: float, seconds: float, asked: bytes, most: int = 400) -> dict[str, Any]:
    """Requests that come at a rate, whatever becomes of those before, over connections that are free.

    By hand, since a client of asyncio's would take more of the two cores than the server that it is to load.
    """
    poll, free, began = select.epoll(), list[socket.socket](), dict[int, float]()
    every: dict[int, socket.socket] = {}
    parts: dict[int, bytes] = {}
    statuses: Counter[str] = Counter()
    took: dict[str, list[float]] = {"200": [], "503": []}

    def opened() -> socket.socket:
        one = socket.create_connection(("127.0.0.1", port))
        every[one.fileno()] = one
        poll.register(one, select.EPOLLIN)
        return one

    free += [opened() for _ in range(most)]
    begins, sent = time.perf_counter(), 0
    while (now := time.perf_counter()) < begins + seconds or began:
        while sent < rate * min(seconds, now - begins) and now < begins + seconds:
            sent += 1
            if not free:
                statuses["no connection left"] += 1
                continue
            one = free.pop()
            began[one.fileno()] = time.perf_counter()
            one.sendall(asked)
        if now > begins + seconds + 10:
            break
        for number, _ in poll.poll(0.001):
            one = every[number]
            heard = one.recv(65536)
            answer = parts.pop(number, b"") + heard
            if not heard:  # closed after a while without a request
                poll.unregister(one)
                one.close()
                del every[number]
                if one in free:
                    free.remove(one)
                began.pop(number, None)
                free.append(opened())
            elif not whole(answer):
                parts[number] = answer
            else:
                status = answer[9:12].decode()
                statuses[status] += 1
                took[status].append(time.perf_counter() - began.pop(number))
                free.append(one)
    for one in every.values():
        one.close()
    return {
        "offered_a_second": round(sent / seconds, 1),
        "good_a_second": round(statuses["200"] / seconds, 1),
        "answered": dict(statuses),
        "good": percentiles(took["200"]),
        "refused": percentiles(took["503"]),
    }


class Socket:
    """A WebSocket client with no more than is needed here (RFC 6455), so that it takes little of the processor."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def __aenter__(self) -> Socket:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        key = base64.b64encode(random.randbytes(16)).decode()
        self.writer.write(
            f"GET /stream HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        head = await self.reader.readuntil(b"\r\n\r\n")
        assert b" 101 " in head, head
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    async def ask(self, **message: Any) -> dict[str, Any]:
        self.send(message)
        return await self.hear()

    def send(self, message: dict[str, Any]) -> None:
        raw = json.dumps(message).encode()
        size = bytes([0x80 | len(raw)]) if len(raw) < 126 else b"\xfe" + struct.pack("!H", len(raw))
        if len(raw) > 0xFFFF:
            size = b"\xff" + struct.pack("!Q", len(raw))
        self.writer.write(b"\x81" + size + b"\0\0\0\0" + raw)  # masked by a key of zeros

    async def hear(self) -> dict[str, Any]:
        while True:
            first, size = await self.reader.readexactly(2)
            if size > 125:
                wide = await self.reader.readexactly(2 if size == 126 else 8)
                size = int.from_bytes(wide, "big")
            raw = await self.reader.readexactly(size)
            if first & 15 == 1:
                return dict(json.loads(raw))
            if first & 15 == 9:
                self.writer.write(b"\x8a" + bytes([0x80 | len(raw)]) + b"\0\0\0\0" + raw)


def offline(model: Path, x: np.ndarray) -> list[list[Any]]:
    """The answers to the streams x (S, T, F), made here without a server: [t][s]."""
    streams = Streams(elman.load(model), most=len(x))
    opened = [streams.open() for _ in x]
    return [streams.step_many(opened, x[:, t].tolist()) for t in range(x.shape[1])]


# The parts.


def requests(model: Path, seconds: float) -> dict[str, Any]:
    found: dict[str, Any] = {"steps": STEPS, "bytes": len(request(STEPS))}
    with served(model) as (process, port):
        asyncio.run(closed_loop(port, 16, 1, request(STEPS)))
        for clients in CLIENTS:
            used = seconds_of(process)
            statuses, took = asyncio.run(closed_loop(port, clients, min(seconds, 8), request(STEPS)))
            used = seconds_of(process) - used
            rate = statuses[200] / min(seconds, 8)
            found[f"{clients} clients"] = {
                "requests_a_second": round(rate, 1),
                **percentiles(took),
                "server_cpu_ms_a_request": round(1e3 * used / statuses.total(), 3),
                "refused": statuses[503],
            }
    return found


async def _stream(port: int, x: list[Any], expected: list[Any], ends: float, took: list[float]) -> Counter[str]:
    told: Counter[str] = Counter()
    await asyncio.sleep(random.random() * PACE)
    async with Socket(port) as socket:
        for at, (row, answer) in enumerate(zip(x, expected, strict=True)):
            began = time.perf_counter()
            if began > ends:
                break
            found = await socket.ask(step=row, id=at)
            took.append(time.perf_counter() - began)
            told["steps"] += 1
            told["lost" if found.get("id") != at else "same" if found.get("answer") == answer else "different"] += 1
            await asyncio.sleep(max(0.0, began + PACE - time.perf_counter()))
    return told


def streams(model: Path, seconds: float) -> dict[str, Any]:
    """Streams that each step once a second; every answer is compared with that made without a server."""
    x = np.random.default_rng(2).normal(size=(STREAMS, int(seconds / PACE) + 1, 3)).round(4)
    expected = offline(model, x)
    took: list[float] = []

    async def main(port: int) -> Counter[str]:
        ends = time.perf_counter() + seconds
        each = (
            _stream(port, x[at].tolist(), [answers[at] for answers in expected], ends, took) for at in range(STREAMS)
        )
        return sum(await asyncio.gather(*each), Counter())

    with served(model) as (process, port):
        used, began = seconds_of(process), time.perf_counter()
        told = asyncio.run(main(port))
        lasted, used = time.perf_counter() - began, seconds_of(process) - used
    return {
        "streams": STREAMS,
        "seconds": round(lasted, 1),
        "steps_a_second": round(told["steps"] / lasted, 1),
        **percentiles(took),
        "server_cpu_ms_a_step": round(1e3 * used / told["steps"], 3),
        "steps": told["steps"],
        "bitwise_as_offline": told["same"],
        "different": told["different"],
        "lost": told["lost"],
    }


def overload(model: Path, seconds: float) -> dict[str, Any]:
    """Three times the requests that the server can answer at most: of the small model, and of one that takes long."""
    large = fitted(model.parent, LARGE["length"], **LARGE["settings"])
    return {
        "small model, limited by HTTP": _flooded(model, STEPS, 300.0, seconds),
        "large model": {**LARGE, **_flooded(large, LARGE["length"], 20.0, seconds)},
    }


def _flooded(model: Path, steps: int, rate: float, seconds: float) -> dict[str, Any]:
    asked, lasts = request(steps), min(seconds, 8)
    with served(model, "--queue", "64") as (process, port):
        open_loop(port, rate, 2, asked)
        # The most that is answered, asked for in the same way: more and more until no more is answered.
        peak = 0.0
        while (good := open_loop(port, rate, lasts / 2, asked)["good_a_second"]) > 1.05 * peak:
            peak, rate = good, 1.4 * max(rate, good)
        peak = max(peak, good)
        used = seconds_of(process)
        over = open_loop(port, 3 * peak, lasts, asked)
        used = seconds_of(process) - used
        began = time.perf_counter()
        asyncio.run(closed_loop(port, 1, 0.01, asked))
    return {
        "peak_a_second": round(peak, 1),
        **over,
        "goodput_of_peak": round(over["good_a_second"] / peak, 3),
        "server_cores_used": round(used / lasts, 2),
        "first_answer_after_s": round(time.perf_counter() - began, 2),
    }


def killed(model: Path, seconds: float) -> dict[str, Any]:
    """Streams go on from their tokens in another process, after the first was killed."""
    x = np.random.default_rng(3).normal(size=(KILLED, 20, 3)).round(4)
    expected = offline(model, x)
    key = str(model.parent / "key")

    async def part(port: int, begin: int, end: int, tokens: list[str] | None) -> tuple[int, list[str]]:
        async def one(at: int) -> tuple[int, str]:
            async with Socket(port) as socket:
                if tokens is not None:
                    await socket.ask(open={"token": tokens[at]})
                same = 0
                for t in range(begin, end):
                    same += (await socket.ask(step=x[at, t].tolist()))["answer"] == expected[t][at]
                return same, (await socket.ask(token=True))["token"]

        told = await asyncio.gather(*(one(at) for at in range(KILLED)))
        return sum(same for same, _ in told), [token for _, token in told]

    with served(model, "--key", key) as (process, port):
        before, tokens = asyncio.run(part(port, 0, 10, None))
        process.send_signal(signal.SIGKILL)
        process.wait()
    with served(model, "--key", key) as (_, port):
        after, _ = asyncio.run(part(port, 10, 20, tokens))
    return {
        "streams": KILLED,
        "bitwise_before": before,
        "bitwise_after": after,
        "of": KILLED * 10,
        "token_bytes": len(tokens[0]),
    }


def lives(model: Path, seconds: float) -> dict[str, Any]:
    """Streams that open, step, send nonsense, reset, leave in the middle of a step or go on from a token, at random."""
    draw = random.Random(4)
    count = int(LIVES * min(1.0, seconds / 60))
    x = np.random.default_rng(5).normal(size=(256, 8, 3)).round(4)
    expected, rows = offline(model, x), x.tolist()
    told: Counter[str] = Counter()

    async def life(port: int, number: int) -> None:
        own = draw.randrange(len(rows))
        async with Socket(port) as socket:
            token = None
            for t in range(draw.randint(1, 8)):
                kind = draw.random()
                if kind < 0.1:
                    bad = draw.choice([[float(10**9), "x", 1], [1.0], "text", None, [[1.0] * 3] * 3 + [[1.0]]])
                    told["refused"] += "error" in await socket.ask(step=bad)
                elif kind < 0.15:
                    socket.writer.write(b"\x81\x8f\0\0\0\0" + b'{"step": [NaN]}')
                    told["refused"] += "error" in await socket.hear()
                elif kind < 0.2:
                    token = (await socket.ask(token=True))["token"]
                elif kind < 0.25:
                    socket.send({"step": rows[own][t]})  # and is gone before the answer
                    told["left"] += 1
                    return
                found = await socket.ask(step=rows[own][t])
                told["same" if found.get("answer") == expected[t][own] else "different"] += 1
            if token is not None and draw.random() < 0.5:
                async with Socket(port) as again:
                    told["resumed"] += (await again.ask(open={"token": token})) == {"opened": {"resumed": True}}
            if draw.random() < 0.2:
                await socket.ask(reset=True)
                told[
                    "same" if (await socket.ask(step=rows[own][0]))["answer"] == expected[0][own] else "different"
                ] += 1
        told["whole"] += 1

    async def main(port: int) -> None:
        left = iter(range(count))

        async def some() -> None:
            for number in left:
                await life(port, number)

        await asyncio.gather(*(some() for _ in range(AT_ONCE)))

    with served(model) as (process, port):
        began = time.perf_counter()
        asyncio.run(main(port))
        lasted = time.perf_counter() - began
        open_now = asyncio.run(_metric(port, "elman_open_streams"))
        assert process.poll() is None
    return {"lives": count, "seconds": round(lasted, 1), **dict(sorted(told.items())), "open_at_the_end": open_now}


async def _metric(port: int, name: str) -> float:
    await asyncio.sleep(1)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    text = (await reader.read()).decode()
    writer.close()
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} "))


PARTS = {"requests": requests, "streams": streams, "overload": overload, "killed": killed, "lives": lives}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args()
    file = RESULTS / "serve.json"
    found = json.loads(file.read_text()) if file.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        model = fitted(Path(folder))
        for name in given.only:
            found[name] = {**PARTS[name](model, given.seconds), "load_average_before": round(os.getloadavg()[0], 1)}
            print(name, json.dumps(found[name], indent=2))
            found["machine"] = describe()
            file.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
