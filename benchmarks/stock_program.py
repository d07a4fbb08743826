"""The classic stock program, as everyone writes it: 2 LSTM layers of 50, windows of 10, batch 32, Adam, squared error.

    python benchmarks/stock_program.py [--rounds 15] [--out benchmarks/results/stock_program.json]

Every program runs in a process of its own and trains one epoch of 2,000 windows whenever it is its turn; the turns
go round, so that all meet the same weather, and the ratio is the median over rounds of peer time / elman time.
Importing is timed the same way. Keras takes part on each backend that is installed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

ROWS, WINDOW, UNITS, BATCH = 2010, 10, 50, 32


def prices() -> Any:
    import numpy as np

    walk = np.cumsum(np.random.default_rng(0).normal(size=ROWS))
    return ((walk - walk.min()) / (walk.max() - walk.min())).astype(np.float32)


def elman_epoch() -> Callable[[], float]:
    import torch
    from torch import nn

    import elman
    from elman.data.batch import Batch, shuffled
    from elman.train.config import TrainConfig
    from elman.train.step import Step

    series = torch.from_numpy(prices())

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = elman.nn.LSTM(1, UNITS, 2, batch_first=True)
            self.head = nn.Linear(UNITS, 1)

        def forward(self, x: Any) -> Any:
            return self.head(self.lstm(x)[0][:, -1])[:, 0]

    class Windows:
        inputs, targets = series.unfold(0, WINDOW, 1)[:-1], series[WINDOW:]

        def __len__(self) -> int:
            return len(self.targets)

        def batch(self, rows: Any) -> Batch:
            return Batch({"x": self.inputs[rows][..., None]}, self.targets[rows], rows)

    config = TrainConfig(batch_size=BATCH, optimizer="adam", learning_rate=1e-3, weight_decay=0, clip=0, average=0)

    def squared(outputs: Any, batch: Batch) -> Any:
        return nn.functional.mse_loss(outputs, batch.y)

    step = Step(Net(), squared, config)
    windows = Windows()
    batches = shuffled(windows, BATCH, torch.Generator().manual_seed(0))
    count = -(-len(windows) // BATCH)

    def epoch() -> float:
        return sum(step(next(batches), config.learning_rate)[0] for _ in range(count)) / count

    return epoch


def torch_epoch() -> Callable[[], float]:
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, Dataset

    series = torch.from_numpy(prices())

    class Windows(Dataset):
        def __len__(self) -> int:
            return len(series) - WINDOW

        def __getitem__(self, i: int) -> Any:
            return series[i : i + WINDOW, None], series[i + WINDOW]

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(1, UNITS, 2, batch_first=True)
            self.head = nn.Linear(UNITS, 1)

        def forward(self, x: Any) -> Any:
            return self.head(self.lstm(x)[0][:, -1])[:, 0]

    net, loader = Net(), DataLoader(Windows(), batch_size=BATCH, shuffle=True)
    adam, criterion = torch.optim.Adam(net.parameters(), lr=1e-3), nn.MSELoss()

    def epoch() -> float:
        total = 0.0
        for x, y in loader:
            adam.zero_grad()
            loss = criterion(net(x), y)
            loss.backward()
            adam.step()
            total += loss.item()
        return total / len(loader)

    return epoch


def keras_epoch() -> Callable[[], float]:
    import keras
    import numpy as np

    series = prices()
    x = np.lib.stride_tricks.sliding_window_view(series, WINDOW)[:-1, :, None].copy()
    y = series[WINDOW:]
    model = keras.Sequential(
        [keras.layers.LSTM(UNITS, return_sequences=True), keras.layers.LSTM(UNITS), keras.layers.Dense(1)]
    )
    model.compile(optimizer="adam", loss="mse")
    return lambda: model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0).history["loss"][0]


PROGRAMS = {"elman": elman_epoch, "torch": torch_epoch}
PROGRAMS |= {f"keras on {backend}": keras_epoch for backend in ("torch", "jax", "tensorflow")}


def present(name: str) -> bool:
    backend = name.removeprefix("keras on ")
    return name in ("elman", "torch") or (find_spec("keras") is not None and find_spec(backend) is not None)


def work(name: str, threads: int) -> None:
    """A worker: one line with seconds and loss for each line read."""
    import torch

    torch.set_num_threads(threads)
    epoch = PROGRAMS[name]()
    epoch()
    for _ in sys.stdin:
        start = time.perf_counter()
        loss = float(epoch())
        print(json.dumps([time.perf_counter() - start, loss]), flush=True)


class Worker:
    def __init__(self, name: str, threads: int) -> None:
        limits = {key: str(threads) for key in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")}
        flags = "--xla_cpu_multi_thread_eigen=false" if threads == 1 else ""
        more = {"KERAS_BACKEND": name.removeprefix("keras on "), "XLA_FLAGS": flags, "TF_CPP_MIN_LOG_LEVEL": "3"}
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--worker", name, "--threads", str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | limits | more,
        )

    def epoch(self) -> tuple[float, float]:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        seconds, loss = json.loads(self.process.stdout.readline())
        return seconds, loss

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def epochs(threads: int, rounds: int) -> dict[str, Any]:
    names = [name for name in PROGRAMS if present(name)]
    workers = {name: Worker(name, threads) for name in names}
    try:
        for worker in workers.values():
            worker.epoch()  # all are warm before the first that counts
        taken: dict[str, list[float]] = {name: [] for name in names}
        losses = {}
        for _ in range(rounds):
            for name, worker in workers.items():
                seconds, losses[name] = worker.epoch()
                taken[name].append(seconds)
    finally:
        for worker in workers.values():
            worker.stop()
    ratios = {
        name: median(b / a for a, b in zip(taken["elman"], taken[name], strict=True))
        for name in names
        if name != "elman"
    }
    return {
        "threads": threads,
        "rounds": rounds,
        "epoch_ms": {name: round(1e3 * median(times), 1) for name, times in taken.items()},
        "times_faster_than": {name: round(ratio, 2) for name, ratio in ratios.items()},
        "loss_after": {name: round(loss, 6) for name, loss in losses.items()},
    }


def imports(rounds: int) -> dict[str, float]:
    def once(module: str) -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
        return time.perf_counter() - start

    once("elman")
    pairs = [(once("torch"), once("elman")) for _ in range(rounds)]
    return {
        "torch_s": round(median(a for a, _ in pairs), 3),
        "elman_s": round(median(b for _, b in pairs), 3),
        "ratio": round(median(b / a for a, b in pairs), 3),
    }


def main() -> None:
    from machine import RESULTS, describe

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", default=str(RESULTS / "stock_program.json"))
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments.worker, arguments.threads)
        return
    result = {
        "machine": describe(),
        "program": f"2 LSTM layers of {UNITS}, window {WINDOW}, {ROWS - WINDOW} windows, batch {BATCH}, Adam, MSE",
        "epochs": [epochs(threads, arguments.rounds) for threads in (1, 2)],
        "import": imports(arguments.rounds),
    }
    written = json.dumps(result, indent=2)
    Path(arguments.out).write_text(written + "\n")
    print(written)


if __name__ == "__main__":
    main()
