"""A server that answers as `elman serve` does, with fixed data of every task. The data is Greek."""

import asyncio
import io
import json
import math
import struct
import threading
import time
import wave
import zlib
from base64 import b64decode, b64encode
from datetime import datetime, timedelta
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.responses import FileResponse, JSONResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

import elman.deploy
from elman.evaluate.report import Report, Section, Table

FOLDER = Path(elman.deploy.__file__).parent / "serve" / "page"
HEADERS = {
    "content-security-policy": (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "media-src 'self' data: blob:; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
LABELS = {"χαρά": 0.72, "λύπη": 0.2, "φόβος": 0.06, "οργή": 0.02}
ITEMS = [f"βιβλίο {n}" for n in range(1, 41)]
WORDS = ["ο", "γάτος", "κοιμάται", "στο", "ζεστό", "περβάζι", "και", "ονειρεύεται", "θάλασσα"]
SENTENCE = "For α speaks most β (+0.5)."


def greek(n):
    return " ".join(WORDS[: n + 1])


def forecast(groups=(None,), rows=96, horizon=24):
    start = datetime(2024, 3, 1)
    history, answers = [], []
    for place, group in enumerate(groups):
        own = {} if group is None else {"σειρά": group}
        for at in range(rows + horizon):
            mean = 20 + 5 * place + 6 * math.sin(at / 12 * math.pi) + 1.5 * math.sin(at)
            when = (start + timedelta(hours=at)).isoformat()
            if at < rows:
                history.append({**own, "time": when, "value": mean})
            else:
                wide = 1 + 0.25 * (at - rows)
                bands = {
                    "lower": mean - 2 * wide,
                    "upper": mean + 2 * wide,
                    "lower_80": mean - wide,
                    "upper_80": mean + wide,
                }
                answers.append({**own, "time": when, "forecast": mean, **bands})
    return {"answers": answers, "history": history}


def sound(seconds=0.4, rate=16_000):
    sink = io.BytesIO()
    with wave.open(sink, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", "not compressed"))
        tone = [int(9000 * math.sin(2 * math.pi * 330 * at / rate)) for at in range(int(seconds * rate))]
        file.writeframes(struct.pack(f"<{len(tone)}h", *tone))
    return sink.getvalue()


def picture(shift=0, size=24):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(
        b"\0" + bytes(int(127 + 120 * math.sin((x + shift) / 4) * math.cos(y / 5)) for x in range(size))
        for y in range(size)
    )
    head = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def label(text=""):
    happy = max(0.1, 0.72 - 0.1 * text.count("κακό"))
    probabilities = {**LABELS, "χαρά": happy, "οργή": LABELS["οργή"] + LABELS["χαρά"] - happy}
    best = max(probabilities, key=probabilities.get)
    return {"label": best, "probability": probabilities[best], "probabilities": probabilities}


def tags(text):
    words = text.split()
    return {"words": words, "tags": ["Β-ΤΟΠ" if word[:1].isupper() else "O" for word in words]}


def in_base64(data):
    return b64encode(data).decode()


def predicted(kind, asked):
    """What /predict answers."""
    if kind.startswith("forecast"):
        return forecast(("άλφα", "βήτα") if kind == "forecast groups" else (None,))
    if kind == "classify text":
        return {"answers": [label(text) for text in asked["texts"]]}
    if kind == "regress sequence":
        return {"answers": [{"value": sum(map(sum, row)) / len(row)} for row in asked["sequences"]]}
    if kind == "tag":
        return {"answers": [tags(text) for text in asked["texts"]]}
    if kind == "generate":
        return {"answers": [{"text": " " + greek(8)}]}
    if kind in ("translate", "summarize"):
        ranked = [{"text": greek(6 - k), "score": -0.5 - k} for k in range(asked.get("best", 1))]
        best = {"best": ranked} if len(ranked) > 1 else {}
        return {"answers": [{"text": greek(6), **best} for _ in asked["texts"]]}
    if kind in ("classify sound", "transcribe"):
        assert b64decode(asked["sound"])[8:12] == b"WAVE"
        return {"answers": [{"text": greek(5)} if kind == "transcribe" else label()]}
    if kind == "speak":
        return {"answers": [{"sound": in_base64(sound()), "seconds": 0.4, "stopped": True, "unknown": []}]}
    if kind == "recommend":
        session = asked["sessions"][0]
        first = ITEMS.index(session[-1]) + 1 if session[-1] in ITEMS else 0
        items = [ITEMS[(first + k) % len(ITEMS)] for k in range(asked["top"])]
        return {"answers": [{"items": items, "scores": [0.3 / (k + 1) for k in range(len(items))]}]}
    if kind == "classify picture":
        assert b64decode(asked["picture"])[1:4] == b"PNG"
        return {"answers": [label()]}
    assert kind == "paint"
    return {"answers": [{"picture": in_base64(picture(3 * k))} for k in range(asked["count"])]}


def explained(asked):
    title = "结果的原因" if asked.get("lang") == "zh" else "Why this answer"
    rows = [("α", 0.5), ("β", -0.25)]
    section = Section(title, "", [Table(("part", "share"), rows)])
    words = " ".join(asked.get("texts") or [asked.get("prompt", "")]).split()
    parts = [{"part": word, "integrated_gradients": (-0.7) ** at, "hidden": 0.0} for at, word in enumerate(words)]
    html = Report(title, sections=(section,)).render("zh" if asked.get("lang") == "zh" else "en")
    return {"title": title, "sentence": SENTENCE, "html": html, **({"parts": parts} if parts else {})}


FACTS = {
    "forecast": {"target": ["θερμοκρασία"], "horizon": 24, "time": ["ώρα"], "takes": ["rows", "csv"]},
    "forecast groups": {"target": ["πωλήσεις"], "horizon": 24, "time": [], "group": "σειρά", "takes": ["rows", "csv"]},
    "classify text": {"labels": list(LABELS), "takes": ["texts"], "examples": ["καλό βιβλίο", "κακό κακό κακό βιβλίο"]},
    "regress sequence": {"takes": ["sequences"], "features": 2, "stream": {"why_not": "it reads both ways"}},
    "tag": {"takes": ["texts"], "examples": ["η Μαρία μένει στην Αθήνα τώρα"]},
    "generate": {"takes": ["prompt"], "examples": ["Μια φορά"]},
    "translate": {"takes": ["texts"], "sources": ["α"], "targets": ["β"], "stream": {"why_not": "it reads both ways"}},
    "summarize": {"takes": ["texts"], "stream": {"why_not": "it reads both ways"}},
    "classify sound": {"takes": ["sound"], "rate": 8_000, "labels": list(LABELS), "stream": {"why_not": "both ways"}},
    "transcribe": {"takes": ["sound"], "rate": 16_000},
    "speak": {"takes": ["texts"], "stream": {"why_not": "it reads all first"}, "examples": ["καλημέρα κόσμε"]},
    "recommend": {"takes": ["sessions"], "items": ITEMS, "examples": [["βιβλίο 3", "βιβλίο 9"]]},
    "classify picture": {"takes": ["picture"], "labels": list(LABELS), "stream": {"why_not": "pictures"}},
    "paint": {"takes": ["count"], "stream": {"why_not": "pictures"}},
}


class StandIn:
    """Serves one kind of model on a port of its own; ``asked`` is what came in, ``heard`` the samples of streams."""

    def __init__(self, kind, token=None, slow=0.0, **facts):
        self.kind, self.token, self.slow, self.asked, self.heard = kind, token, slow, [], bytearray()
        score = {"verdict": "Better than every baseline.", "good": True}
        common = {"task": kind.split()[0], "name": "Ήλιος", "lang": "en", "stream": True, "score": score}
        common |= {"limits": {"max_body": 2**20}, "columns": [], "examples": []}
        self.model = common | FACTS[kind] | facts
        routes = [
            Route("/", lambda request: FileResponse(FOLDER / "index.html", headers=HEADERS)),
            Route("/model", self.tell),
            Route("/predict", self.predict, methods=["POST"]),
            Route("/explain", self.explain, methods=["POST"]),
            WebSocketRoute("/stream", self.stream),
            Mount("/page", StaticFiles(directory=FOLDER)),
        ]
        config = uvicorn.Config(Starlette(routes=routes), port=0, log_level="critical", ws="websockets-sansio")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        self.url = f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}/"

    def close(self):
        self.server.should_exit = True
        self.thread.join(10)

    def next(self, count):
        """What came in after so many, waited for."""
        end = time.monotonic() + 10
        while len(self.asked) <= count:
            assert time.monotonic() < end
            time.sleep(0.01)
        return self.asked[count]

    def refused(self, request):
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            return JSONResponse({"error": "this server asks for a token"}, 401)
        return None

    async def tell(self, request):
        return self.refused(request) or JSONResponse(self.model)

    async def predict(self, request):
        if refused := self.refused(request):
            return refused
        body = await request.json()
        self.asked.append(body)
        await asyncio.sleep(self.slow)
        if "αδύνατο" in json.dumps(body, ensure_ascii=False):
            return JSONResponse({"error": "this text cannot be read: give another"}, 422)
        return JSONResponse(predicted(self.kind, body))

    async def explain(self, request):
        body = await request.json()
        self.asked.append(body)
        return JSONResponse(explained(body))

    async def stream(self, socket):
        if self.token and socket.query_params.get("token") != self.token:
            return await socket.close(1008)
        await socket.accept()
        read = ""
        while (message := await socket.receive())["type"] != "websocket.disconnect":
            if message.get("bytes") is not None:
                self.heard += message["bytes"]
                steps = {"text": greek(min(8, len(self.heard) // 8_000))}
                await socket.send_json({"answer": steps})
                continue
            asked = json.loads(message["text"])
            number = {"id": asked["id"]} if "id" in asked else {}
            self.asked.append(asked)
            if "open" in asked:
                await socket.send_json({"opened": {"resumed": False}})
            elif "reset" in asked:
                read = ""
                await socket.send_json({"reset": True})
            elif "finish" in asked:
                await socket.send_json({"answer": {"text": greek(7)}, "finished": True, **number})
            elif "write" in asked:
                for at in range(asked["write"]["length"]):
                    await socket.send_json({"piece": "αβγδε ζηθ"[at % 9]})
                    await asyncio.sleep(0.002)
                await socket.send_json({"done": True})
            else:
                read += asked["step"]
                await socket.send_json({"answer": self.step(asked["step"], read), **number})
        return None

    def step(self, x, read):
        if self.kind == "tag":
            return tags(x)
        if self.kind == "generate":
            return {"next": [["α", 0.5], [" ", 0.3], ["\n", 0.1]]}
        found = label(read)
        return {"label": found["label"], "probabilities": found["probabilities"], "steps": len(read.split())}
