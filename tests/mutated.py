"""Mutated files of every kind, each read in a process that may take little time and memory, and counted.

``python mutated.py FOLDER COUNT SEED`` prints what became of so many as JSON. A process that dies or hangs is a finding
too: the next one goes on behind the file that did it.
"""

import json
import os
import random
import resource
import select
import signal
import subprocess
import sys
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

SECONDS, BYTES = 2.0, 1 << 30  # that one file may take: of the processor, and beyond what the libraries take
WAIT = 30.0  # seconds on the clock until a process is given up, for others may be at work beside it


class Late(BaseException):
    """Of no kind that a reader catches."""


def late(*_: Any) -> None:
    raise Late


def case(at: int, seed: int, files: dict[str, list[bytes]]) -> tuple[str, bytes]:
    """The kind and the bytes of mutated file number ``at``."""
    from mutations import mutated

    kind = list(files)[at % len(files)]
    draw = random.Random(f"file {seed} {at}")
    return kind, mutated(draw.choice(files[kind]), draw, files[kind])


def trial(kind: str, raw: bytes, folder: Path) -> str:
    """What becomes of a file: "read", "refused", or what is wrong, with the place in the source."""
    from elman.errors import ElmanError
    from parsers import PARSERS

    path = folder / f"file{PARSERS[kind].suffix}"
    path.write_bytes(raw)
    signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what is printed between the lines of an answer is no answer
            PARSERS[kind].read(path)
    except ElmanError as error:
        if "\n" in str(error) or len(str(error)) > 1000:
            return f"no sentence: {str(error)[:200]!r}"
        return "refused"
    except BaseException as error:
        frames = [one for one in traceback.extract_tb(error.__traceback__) if "/elman/" in one.filename]
        place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
        return f"{type(error).__name__} at {place}: {str(error)[:200]}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return "read"


def limited() -> None:
    """From here on this process may take so much more memory, and no more."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def work(folder: Path, begin: int, end: int, seed: int, kinds: list[str]) -> None:
    """Try the files from ``begin`` on, a line of stdout before each and one after."""
    import torch

    from parsers import PARSERS

    torch.set_num_threads(1)
    files = {kind: PARSERS[kind].good() for kind in kinds}
    for kind, good in files.items():  # what is loaded once, when first needed, is loaded now
        said = [trial(kind, raw, folder) for raw in good]
        assert set(said) <= ({"read", "refused"} if PARSERS[kind].many else {"read"}), f"good {kind} files: {said}"
    limited()
    for at in range(begin, end):
        kind, raw = case(at, seed, files)
        print(json.dumps([at, kind]), flush=True)
        began = time.process_time()
        said = trial(kind, raw, folder)
        print(json.dumps([said, time.process_time() - began]), flush=True)


def main(folder: Path, count: int, seed: int, kinds: list[str] | None = None) -> dict[str, Any]:
    """So many mutated files, in processes one after another."""
    from parsers import PARSERS

    kinds = [kind for kind in kinds or PARSERS if PARSERS[kind].here]
    found, lost, slowest, at = Counter[str](), [], 0.0, 0
    while at < count:
        command = [sys.executable, __file__, "--work", *map(str, (folder, at, count, seed, ",".join(kinds)))]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"}
        with (folder / "stderr").open("wb") as errors:
            worker = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, env={**environment, "POLARS_MAX_THREADS": "1"}
            )
        kind = None
        while line := _line(worker, 120 if kind is None else WAIT):
            said, of = json.loads(line)
            if isinstance(said, int):
                at, kind = said, of
                continue
            found[said if said in ("read", "refused") else "lost"] += 1
            lost += [f"{kind} {seed} {at}: {said}"] * (said not in ("read", "refused"))
            slowest, at, kind = max(slowest, of), at + 1, ""
        worker.kill()
        code = worker.wait()
        if at < count:
            if not kind:
                raise RuntimeError((folder / "stderr").read_text(errors="replace")[-2000:])
            said = (
                "a hang"
                if code == -signal.SIGKILL
                else f"exit {code}: {(folder / 'stderr').read_text(errors='replace')[-300:]}"
            )
            found["lost"] += 1
            lost.append(f"{kind} {seed} {at}: {said}")
            at += 1
    return {"tried": count, "found": dict(found), "lost": lost, "slowest": round(slowest, 2), "kinds": kinds}


def _line(worker: subprocess.Popen, seconds: float) -> bytes:
    """The next line of a process; nothing where it is over, or says nothing for so long."""
    assert worker.stdout
    ready, _, _ = select.select([worker.stdout], [], [], seconds)
    return worker.stdout.readline() if ready else b""


if __name__ == "__main__":
    if sys.argv[1] == "--work":
        folder, begin, end, seed, kinds = sys.argv[2:]
        work(Path(folder), int(begin), int(end), int(seed), kinds.split(","))
    else:
        print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:] or None), indent=1))
