"""Many processes at one search, and many at one prediction, ended in the middle: what was made once, what was lost.

python benchmarks/many.py prints a line each as JSON. It uses the tests' own pages, and takes some minutes. The line of
PostgreSQL says why it has no figures where there is no server, or no driver.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
SHARDS = 3


def tuned(kind: str, trials: int) -> dict[str, Any]:
    """A search over kills: one process killed, one asked to end, the one that judges killed and started again."""
    import postgres
    from searches import over_kills, prices

    name = f"elman tune, processes ended in the middle of a trial, {kind}"
    with ExitStack() as stack:
        folder = prices(Path(stack.enter_context(tempfile.TemporaryDirectory())) / "here")
        storage = near = f"sqlite:///{folder / 'trials.db'}"
        if kind == "PostgreSQL":
            if why := postgres.absent():
                return {"name": name, "tried": 0, "held": 0, "lost": [], "why": why}
            server = stack.enter_context(postgres.server())
            storage, near = server.url, server.near
        kills = over_kills(folder, storage, near, trials)
    lost = [f"trial {at} was made {count} times" for at, count in enumerate(kills.made) if count != 1]
    wanted = {"killed": -9, "asked": 143, "left": 0, "again": 0}
    lost += [f"{which} ended with {code}" for which, code in kills.codes.items() if code != wanted[which]]
    held = sum(count == 1 for count in kills.made)
    more = {"killed": 2, "stopped": 1, "seconds_to_stop": round(kills.seconds, 1)}
    return {"name": name, "tried": trials, "held": held, "lost": lost} | more


def predicted(files: int, kills: int, seed: int = 0) -> dict[str, Any]:
    """Files answered by shards that are killed again and again; each answer is compared with the file's own."""
    from elman.cli import run
    from elman.tasks.forecast import Forecaster
    from searches import prices

    draw = random.Random(seed)
    with tempfile.TemporaryDirectory() as home:
        folder = prices(Path(home) / "here")
        head, *rows = (folder / "prices.csv").read_text().splitlines()
        (folder / "shops").mkdir()
        for at in range(files):
            lines = [head, *rows[: 60 + draw.randrange(140)]]
            (folder / "shops" / f"shop{at:04}.csv").write_text("\n".join(lines) + "\n")
        model = Forecaster(target="Close", horizon=2, lookback=8, hidden=4, steps=4).fit(folder / "prices.csv")
        model.save(folder / "prices.elman")
        killed = _killed_shards(folder, files, kills, draw)
        own = {}
        for file in (folder / "shops").iterdir():
            with redirect_stdout(StringIO()) as said:
                run(["predict", str(folder / "prices.elman"), str(file)])
            own[file.name] = said.getvalue()
        told = {file.name: file.read_text() for file in (folder / "said").glob("[!.]*.csv")}
    lost = [name for name in own if told.get(name) != own[name]] + [name for name in told if name not in own]
    held = sum(told.get(name) == text for name, text in own.items())
    return {
        "name": f"elman predict, {SHARDS} shards that are killed and started again",
        "tried": files,
        "held": held,
        "lost": lost,
        "killed": killed,
    }


def _killed_shards(folder: Path, files: int, kills: int, draw: random.Random) -> int:
    """Start the shards until all are done, killing the first ``kills`` of them at any moment; returns how many were."""
    words = ["-m", "elman", "predict", "prices.elman", "shops", "--out", "said"]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    killed, at_work = 0, dict.fromkeys(range(1, SHARDS + 1))
    while at_work:
        for shard, process in list(at_work.items()):
            if process is not None and process.poll() == 0:
                del at_work[shard]
            elif process is None or process.poll() is not None:
                command = [sys.executable, *words, "--shard", f"{shard}/{SHARDS}"]
                at_work[shard] = subprocess.Popen(command, cwd=folder, env=env, stderr=subprocess.DEVNULL)
        there = len(list((folder / "said").glob("*"))) if (folder / "said").exists() else 0
        # The kills are spread over the answers, so that each shard is somewhere in its part.
        if at_work and killed < kills and there > files * killed // (2 * kills):
            victim = at_work[draw.choice(list(at_work))]
            if victim.poll() is None:
                victim.kill()
                killed += victim.wait() == -9
        time.sleep(0.01)
    return killed


def lines(quick: bool = False) -> list[dict[str, Any]]:
    """The figures, a dictionary a line: ``name``, ``tried``, ``held``, ``lost`` and what else is told."""
    trials, files, kills = (6, 200, 4) if quick else (20, 2000, 20)
    return [tuned("SQLite", trials), tuned("PostgreSQL", trials), predicted(files, kills)]


if __name__ == "__main__":
    print(json.dumps(lines("--quick" in sys.argv), indent=1))
