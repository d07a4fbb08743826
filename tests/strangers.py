"""Models as somebody with bad intent might hand them on: one thing is changed, and the hashes are signed again.

``python strangers.py FOLDER COUNT SEED`` tries so many on models of every kind, under limits of time and memory, and
prints what became of them as JSON.
"""

import hashlib
import json
import random
import resource
import signal
import struct
import sys
import time
import warnings
import zoneinfo
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

SECONDS, BYTES = 2.0, 500 << 20  # that loading may take at most
LEFT_OUT = ("manifest.json", "report.html", "picture.svg")
BAD_VALUES = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        2,
        7,
        10**6,
        10**9,
        10**12,
        2**53,
        2**63 - 1,
        -(2**63),
        10**30,
        0.5,
        -0.5,
        1e-300,
        1e300,
    ),
    *("", "cpu", "cuda:7", "meta", "last", "1 microsecond", "999999999999999 years", "../../etc/passwd", "/etc/passwd"),
    *(
        "Europe/Paris",
        "posixrules",
        "x" * 100_000,
        "\ud800",
        "\0",
        "n-grams",
        "word",
        "numbers",
        "text",
        "subword",
        "row",
    ),
    *([], {}, [1], ["a", "a"], [[[[]]]], {"a": {}}, [0] * 10_000, list(range(300)), [[]] * 5, [None], [[1, 2], [3]]),
)
Files = dict[str, bytes]


def read(path: Path) -> Files:
    return {one.name: one.read_bytes() for one in path.iterdir() if one.name not in LEFT_OUT}


def write(path: Path, files: Files) -> Path:
    """The files as a directory whose manifest agrees with them."""
    path.mkdir(exist_ok=True)
    for old in path.iterdir():
        old.unlink()
    for name, raw in files.items():
        (path / name).write_bytes(raw)
    entries = {name: {"sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw)} for name, raw in files.items()}
    (path / "manifest.json").write_text(json.dumps({"format": 1, "elman": "0", "files": entries}))
    return path


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to everything in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at] * bool(at) + [place for key, one in inner for place in places(one, (*at, key))]


def put(value: Any, at: tuple[Any, ...], change: Callable[[Any, Any], None]) -> None:
    for key in at[:-1]:
        value = value[key]
    change(value, at[-1])


def change_json(raw: bytes, draw: random.Random) -> bytes:
    """Something replaced, taken out, doubled, renamed, multiplied, or wrapped."""
    value = json.loads(raw)
    if not (every := places(value)):
        return json.dumps(draw.choice(BAD_VALUES)).encode()
    # A long list is one place more often than each of its many values is.
    few = draw.random() < 0.7
    at = draw.choice([place for place in every if not few or not isinstance(place[-1], int) or place[-1] < 2] or every)

    def change(inside: Any, key: Any) -> None:
        own, how = inside[key], draw.randrange(7)
        if how == 0:
            del inside[key]
        elif how == 1 and isinstance(inside, dict):
            inside[f"{key}_"] = inside.pop(key)
        elif how == 2 and isinstance(own, list):
            inside[key] = own * 2 if draw.random() < 0.5 else own[:-1]
        elif how == 3 and isinstance(own, int | float):
            inside[key] = own * draw.choice((-1, 2, 1000, 10**9, 10**15))
        elif how == 4:
            inside[key] = [own] if draw.random() < 0.5 else str(own)
        else:
            inside[key] = draw.choice(BAD_VALUES)

    put(value, at, change)
    return json.dumps(value).encode()


def change_text(raw: bytes, draw: random.Random) -> bytes:
    """JSON that no program of ours would write."""
    text = raw.decode()
    number = draw.choice(("NaN", "Infinity", "1e999", "-1e999", "1" * 5000, "1e-999", "0x1", "[" * 5000, "{" * 500))
    digits = [at for at, sign in enumerate(text) if sign.isdigit() and not text[at - 1].isalnum()]
    if digits and draw.random() < 0.8:
        at = draw.choice(digits)
        end = at
        while end < len(text) and (text[end].isalnum() or text[end] in ".-+"):
            end += 1
        return (text[:at] + number + text[end:]).encode()
    return (text[: text.find("{") + 1] + '"a": 1, "a": 2, ' + text[text.find("{") + 1 :]).encode()


def change_bytes(raw: bytes, draw: random.Random) -> bytes:
    changed = bytearray(raw)
    if draw.random() < 0.3 or not changed:
        return bytes(changed[: draw.randrange(len(changed) + 1)])
    for _ in range(draw.choice((1, 1, 4))):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def change_tensors(raw: bytes, draw: random.Random) -> bytes:
    """A header of other names, types, sizes or places; or other numbers behind it."""
    (size,) = struct.unpack("<Q", raw[:8])
    head, body = json.loads(raw[8 : 8 + size]), bytearray(raw[8 + size :])
    name = draw.choice([one for one in head if one != "__metadata__"])
    entry, how = head[name], draw.randrange(7)
    begin, end = entry["data_offsets"]
    if how == 0:
        entry["shape"] = draw.choice(([], [0], [10**9], [2**62, 4], entry["shape"][::-1], [1, *entry["shape"]], [-1]))
    elif how == 1:
        entry["dtype"] = draw.choice(("F64", "F32", "I64", "I32", "BF16", "BOOL", "U8", "X"))
    elif how == 2:
        entry["data_offsets"] = [begin, draw.choice((end + 4, end - 4, begin, 2**62))]
    elif how == 3:
        head[draw.choice(("x", "counted_keys_9", "weight", "memory", ""))] = head.pop(name)
    elif how == 4 and end > begin:
        width = {"F64": 8, "I64": 8, "F32": 4, "I32": 4}.get(entry["dtype"], 1)
        at = begin + width * draw.randrange((end - begin) // width)
        body[at : at + width] = draw.choice((b"\xff", b"\x7f", b"\x00", b"\x80")) * width
    elif how == 5 and len(head) > 1:
        other = draw.choice(list(head))
        head[name], head[other] = head[other], head[name]
    else:
        body[begin:end] = bytes(reversed(body[begin:end]))
    packed = json.dumps(head).encode()
    return struct.pack("<Q", len(packed)) + packed + bytes(body)


def mutant(files: Files, draw: random.Random) -> Files:
    """The files, one of them changed."""
    name = draw.choice(["config.json", "config.json", *["encoders.json"] * 4, "kept.safetensors", *files])
    kinds = [change_bytes]
    if name.endswith(".json"):
        kinds = [*[change_json] * 6, change_text, change_bytes]
    elif name.endswith(".safetensors"):
        kinds = [*[change_tensors] * 4, change_bytes]
    return {**files, name: draw.choice(kinds)(files[name], draw)}


class Watch:
    """What a block opens beside a folder, and what it runs, by Python's own events."""

    RUNS = (
        "exec",
        "compile",
        "import",
        "os.system",
        "os.exec",
        "os.posix_spawn",
        "os.fork",
        "pty.spawn",
        "pickle.find_class",
    )

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.folder: Path | None = None
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.folder is None:
            return
        if event in self.RUNS or event.startswith(("subprocess", "socket", "marshal.load", "shutil", "os.remove")):
            self.seen.append(f"{event} {arguments}"[:200])
        elif event == "open" and not isinstance(arguments[0], int):
            self._opened(Path(str(arguments[0])))

    def _opened(self, path: Path) -> None:
        allowed = (self.folder, Path(sys.prefix), Path(sys.base_prefix), *map(Path, zoneinfo.TZPATH))
        if ".." in path.parts or not any(path.is_relative_to(one) for one in allowed if one):
            self.seen.append(f"open {path}")


class Late(BaseException):
    """Of no kind that a loader catches."""


def late(*_: Any) -> None:
    raise Late


def trial(home: Path, files: Files, ask: Callable[[Any], Any], watch: Watch | None = None) -> str:
    """What becomes of a model of these files: "refused", "answered", "not answered", or what is wrong."""
    from elman.errors import InputError
    from elman.tasks.load import load

    path = write(home, files)
    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    stage = "loading"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a stranger's numbers overflow is his own
            if watch:
                watch.folder = path
            try:
                model = load(path)
            finally:
                if watch:
                    watch.folder = None
            stage = "answering"
            signal.setitimer(signal.ITIMER_REAL, 2 * SECONDS)
            ask(model)
            model.diagnose()
    except InputError as error:
        if "\n" in str(error) or len(str(error)) > 600:
            return f"{stage}: no sentence: {str(error)[:200]!r}"
        return "refused" if stage == "loading" else "not answered"
    except BaseException as error:
        return f"{stage}: {type(error).__name__}: {str(error)[:200]}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return "answered"


GOOD = ("refused", "answered", "not answered")


def limited() -> None:
    """From here on this process may take so much more memory, and no more."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def main(folder: Path, count: int, seed: int) -> dict[str, Any]:
    import torch

    from tiny_models import tiny_models

    torch.set_num_threads(1)
    models = [(name, read(path), ask) for name, path, ask in tiny_models(folder)]
    found, bad, slowest = Counter[str](), [], 0.0
    for _, files, ask in models:  # what is loaded once, when first needed, is loaded now
        assert trial(folder / "good", files, ask) == "answered"
    watch = Watch()
    limited()
    for at in range(count):
        name, files, ask = models[at % len(models)]
        began = time.perf_counter()
        said = trial(folder / "bad", mutant(files, random.Random(f"{seed} {at}")), ask, watch)
        slowest = max(slowest, time.perf_counter() - began)
        found[said if said in GOOD else "bad"] += 1
        if said not in GOOD:
            bad.append(f"{name} {seed} {at}: {said}")
    return {"found": found, "bad": bad, "ran": sorted(set(watch.seen)), "slowest": round(slowest, 2)}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
