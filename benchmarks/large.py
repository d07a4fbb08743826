"""A series larger than memory: fifty million rows learnt from disk, and what the disk costs where memory has room.

    python benchmarks/large.py [--rows 50000000] [--small 1000000] [--steps 300]

Needs pyarrow (``pip install '.[dev]'``), which writes the file by pieces, and 6 GB in the folder for temporary files.
Prints one JSON: ``lines()`` gives its lines to whoever keeps them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

ROWS, SMALL, STEPS = 50_000_000, 1_000_000, 300
BAR = 1 << 30  # bytes resident
PIECE = 1 << 20
FIT = """
import hashlib, json, sys, time
import elman
path, steps, ram = sys.argv[1], int(sys.argv[2]), sys.argv[3]
begin, began, stamps = time.perf_counter(), [], []

def watch(event):
    if event["event"] == "start":
        began.append(time.perf_counter())
    if event["event"] in ("step", "valid"):
        stamps.append((event["event"], time.perf_counter()))

model = elman.Forecaster(target="y", horizon=12, lookback=64, hidden=32, steps=steps, ram=ram).fit(path, watch=watch)
ended = time.perf_counter()
# A step that follows a validation has its time in it.
pairs = [b[1] - a[1] for a, b in zip(stamps, stamps[1:]) if a[0] == b[0] == "step"]
weights = hashlib.sha256(b"".join(w.numpy().tobytes() for w in model.network_.state_dict().values())).hexdigest()
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
predicted = model.predict().height
print(json.dumps({
    "resident_bytes": int(status["VmHWM"].split()[0]) << 10,
    "seconds": ended - begin,
    "preparing_seconds": began[0] - begin,
    "steps_a_second": 1 / sorted(pairs)[len(pairs) // 2],
    "mae": model.evaluation_.metrics["mae"],
    "best_baseline_mae": min(b["mae"] for b in model.evaluation_.baselines.values()),
    "verdict": model.evaluation_.verdict,
    "notes": model.notes_,
    "predicted": predicted,
    "weights": weights,
}))
"""


def write(path: Path, rows: int) -> None:
    """A minute's step: a day's wave, a column that drives it, noise, a value in a hundred missing; piece by piece."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng, level = np.random.default_rng(0), 0.0
    schema = pa.schema([("time", pa.timestamp("us")), ("y", pa.float64()), ("wind", pa.float64())])
    with pq.ParquetWriter(path, schema) as writer:
        for begin in range(0, rows, PIECE):
            at = np.arange(begin, min(begin + PIECE, rows))
            walk = level + 0.01 * rng.standard_normal(len(at)).cumsum()
            level = 0.9 * float(walk[-1])
            y = np.sin(at * (2 * np.pi / 1440)) + 0.3 * np.sin(walk) + 0.1 * rng.standard_normal(len(at))
            times = np.datetime64("1930-01-01", "us") + at * np.timedelta64(60, "s")
            missing = rng.random(len(at)) < 0.01
            writer.write_table(
                pa.table([pa.array(times), pa.array(y, mask=missing), pa.array(walk)], schema=schema),
                row_group_size=PIECE,
            )


def fit(path: Path, steps: int, ram: str) -> dict[str, Any]:
    """In a process of its own, whose memory is that of the fit alone."""
    done = subprocess.run([sys.executable, "-c", FIT, str(path), str(steps), ram], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def lines(rows: int = ROWS, small: int = SMALL, steps: int = STEPS) -> list[dict[str, Any]]:
    """What was tried and what held, one line a question."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.parquet"
        write(path, rows)
        large = fit(path, steps, "1GB")
        size = path.stat().st_size
        write(path, small)
        disk, memory = fit(path, steps, "1MB"), fit(path, steps, "1TB")
    same = all(disk[name] == memory[name] for name in ("weights", "mae", "best_baseline_mae", "verdict"))
    return [
        {
            "name": f"a series of {rows:,} rows is learnt within 1 GiB resident",
            "tried": 1,
            "held": int(large["resident_bytes"] < BAR),
            "rows": rows,
            "file_bytes": size,
            "steps": steps,
            "preparing_seconds_a_million_rows": round(large["preparing_seconds"] / rows * 1e6, 3),
            **{
                name: large[name]
                for name in ("resident_bytes", "seconds", "steps_a_second", "mae", "best_baseline_mae")
            },
            "verdict": large["verdict"],
            "notes": large["notes"],
        },
        {
            "name": f"a series of {small:,} rows gives the same weights and scores from disk and in memory",
            "tried": 1,
            "held": int(same),
            "rows": small,
            "steps": steps,
            **{
                f"{name}_{where}": run[name]
                for name in ("resident_bytes", "seconds", "preparing_seconds", "steps_a_second", "mae")
                for where, run in (("from_disk", disk), ("in_memory", memory))
            },
        },
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--small", type=int, default=SMALL)
    parser.add_argument("--steps", type=int, default=STEPS)
    print(json.dumps(lines(**vars(parser.parse_args())), indent=1))
