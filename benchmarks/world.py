"""What a second process brings and costs: steps a second of one and of two, and the adding up of gradients.

    python benchmarks/world.py            # --table: those of docs/torchrun.md, of what was written

One and two processes take turns within one run, some steps each, so that what else the machine does meets both alike;
each computes with one thread. As root gradients are added up over a link of 1 Gbit/s as well, between two network
namespaces. Written to benchmarks/results/world.json.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from machine import RESULTS, describe
from torch import Tensor, nn

from elman.data.batch import Batch
from elman.nn import GRU, LSTM
from elman.train.config import TrainConfig
from elman.train.step import Step
from elman.train.world import ALONE, World, joined

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from namespaces import ADDRESSES, Absent, two_hosts, within

ROUNDS = 9
SECONDS = 0.6  # of steps in one turn, about
BATCHES = (64, 32, 16, 8, 4, 1)
SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)  # parameters whose gradients are added up
RATE = "1gbit"
COUNTS = (1, 2, 8, 64)  # processes of the table
MESSAGES = 2  # a step: the gradients, and whether to stop or to keep a checkpoint
BANDWIDTH = 1.25e9  # bytes a second: 10 GbE


class Reader(nn.Module):
    """A recurrent layer over x (T, B, F), and a head on its last state."""

    def __init__(self, layer: nn.Module, hidden: int, outputs: int) -> None:
        super().__init__()
        self.layer, self.head = layer, nn.Linear(hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x)[0][-1])


WORK: dict[str, tuple[Callable[[], nn.Module], int, int]] = {
    "GRU 32, 48 steps": (lambda: Reader(GRU(4, 32), 32, 8), 48, 4),
    "LSTM 256, 60 steps": (lambda: Reader(LSTM(64, 256), 256, 2), 60, 64),
}


def squared(outputs: Tensor, batch: Batch) -> Tensor:
    assert batch.y is not None
    return (outputs - batch.y).square().mean()


def made(name: str, world: World = ALONE) -> tuple[Step, Callable[[int], Batch]]:
    torch.manual_seed(0)
    build, steps, features = WORK[name]
    network = build()
    x, y = torch.randn(steps, 64, features), torch.randn(64, network.head.out_features)

    def batch(rows: int) -> Batch:
        return Batch({"x": x[:, :rows].contiguous()}, y[:rows], torch.arange(rows))

    return Step(network, squared, TrainConfig(), world=world), batch


def clock(step: Step, batch: Batch, times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        step([batch], 1e-4)
    return (time.perf_counter() - start) / times


def by_batch(name: str) -> dict[str, float]:
    """Milliseconds of a step of one process by the rows of its part, by turns."""
    step, batch = made(name)
    times = {rows: max(2, round(0.1 / clock(step, batch(rows), 3))) for rows in BATCHES}
    found: dict[int, list[float]] = {rows: [] for rows in BATCHES}
    for _ in range(ROUNDS):
        for rows in BATCHES:
            found[rows].append(clock(step, batch(rows), times[rows]))
    return {str(rows): round(1e3 * median(each), 4) for rows, each in found.items()}


def by_processes(name: str, world: World) -> dict[str, Any]:
    """Milliseconds of a step on 64 rows: of the first process alone, and of all on their parts."""
    alone, batch = made(name)
    together, _ = made(name, world)
    whole, part = batch(64), batch(64 // world.size)
    (count,) = world.agree(float(world.first) * max(5, round(SECONDS / clock(alone, whole, 3))))
    clock(together, part, 3)
    one, all_ = [], []
    for _ in range(ROUNDS):
        if world.first:
            one.append(clock(alone, whole, int(count)))
        world.agree(0.0)  # the others wait without computing
        all_.append(clock(together, part, int(count)))
    found = {"one": [1e3 * t for t in one], "all": [1e3 * t for t in all_]}
    shares = sorted(a / b for a, b in zip(found["one"], found["all"], strict=True)) if world.first else [0.0]
    return {
        "parameters": sum(p.numel() for p in together.parameters),
        "one_ms": round(median(found["one"] or [0.0]), 4),
        "all_ms": round(median(found["all"]), 4),
        "times": round(median(shares), 3),
        "least": round(shares[0], 3),
        "most": round(shares[-1], 3),
        "faster": sum(share > 1 for share in shares),
    }


def adding(world: World) -> dict[str, float]:
    """Milliseconds that adding up the gradients of so many parameters takes."""
    found = {}
    for size in SIZES:
        tensor = torch.ones(size)
        world.add([tensor])
        each = []
        for _ in range(3 * ROUNDS if size < 10**6 else ROUNDS):
            world.agree(0.0)
            start = time.perf_counter()
            world.add([tensor])
            each.append(time.perf_counter() - start)
        found[str(size)] = round(1e3 * median(each), 4)
    return found


def work(what: str, out: str) -> None:
    """One of the processes."""
    torch.set_num_threads(1)
    with joined("cpu") as world:
        scaling = {name: by_processes(name, world) for name in WORK} if what == "all" else {}
        found = {"processes": world.size, "scaling": scaling, "adding_ms": adding(world)}
        if world.first:
            Path(out).write_text(json.dumps(found))


def started(what: str, out: Path, *options: str, inside: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
    run = [sys.executable, "-m", "torch.distributed.run", *options, __file__, "--work", what, str(out)]
    return subprocess.Popen([*inside, *run], env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL)


def run(what: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "found.json"
        code = started(what, out, "--standalone", "--nproc-per-node", "2").wait()
        if code:
            raise SystemExit(f"torchrun ended with {code}")
        return json.loads(out.read_text())


def narrowed(host: str) -> None:
    """Let a host's end of the link take so many bits a second. Needs tc."""
    limit = f"qdisc add dev e0 root tbf rate {RATE} burst 256kb latency 50ms"
    subprocess.run(["tc", "-n", host, *limit.split()], check=True, capture_output=True)


def over_a_link() -> dict[str, float] | None:
    """As `adding`, between two namespaces; None where there can be none."""
    try:
        with tempfile.TemporaryDirectory() as folder, two_hosts() as hosts:
            for host in hosts:
                narrowed(host)
            out = Path(folder) / "found.json"
            options = ["--nnodes", "2", "--nproc-per-node", "1", "--master-addr", ADDRESSES[0]]
            os.environ["GLOO_SOCKET_IFNAME"] = "e0"
            both = [
                started("add", out, *options, "--node-rank", str(rank), inside=tuple(within(host)))
                for rank, host in enumerate(hosts)
            ]
            for one in both:
                one.wait()
            return json.loads(out.read_text())["adding_ms"]
    except (Absent, OSError, subprocess.CalledProcessError) as error:
        print(f"no link between namespaces here ({error})", file=sys.stderr)
        return None


def measured() -> dict[str, Any]:
    torch.set_num_threads(1)
    found = run("all")
    return {
        "machine": describe(),
        "rounds": ROUNDS,
        "processes": found["processes"],
        "scaling": found["scaling"],
        "step_ms_by_rows": {name: by_batch(name) for name in WORK},
        "adding_ms": {"loopback": found["adding_ms"], f"link of {RATE}": over_a_link()},
        "load": [round(load, 1) for load in os.getloadavg()],
    }


def modelled(found: dict[str, Any]) -> str:
    """The table of docs/torchrun.md: milliseconds of a step of so many processes, each on a host of its own.

    c(rows) + MESSAGES * 2 (N - 1) * hop + 2 (N - 1) / N * bytes / bandwidth: c measured here, a hop half of what adding
    up 1,000 numbers takes of two processes here, the bandwidth assumed.
    """
    hop = found["adding_ms"]["loopback"]["1000"] / 2
    rows = []
    for name, times in found["step_ms_by_rows"].items():
        size = 4 * found["scaling"][name]["parameters"]

        def adding(count: int, size: int = size) -> float:
            return MESSAGES * 2 * (count - 1) * hop + 2 * (count - 1) / count * size / BANDWIDTH * 1e3

        one = times["64"]
        for count in COUNTS:
            shared, grown = times[str(64 // count)] + adding(count), one + adding(count)
            cells = [f"{shared:.1f}", f"{one / shared:.2f}", f"{grown:.1f}", f"{count * one / grown:.1f}"]
            rows.append(f"| {name} | {count} | {adding(count):.1f} | {' | '.join(cells)} |")
    head = (
        "| network | N | adding up, ms | 64 rows: ms | times as fast | 64 rows each: ms | rows a second, times one's |"
    )
    return "\n".join([head, "|---|---|---|---|---|---|---|", *rows])


def brought(found: dict[str, Any]) -> str:
    rows = [
        f"| {name} | {each['parameters']:,} | {each['one_ms']:.1f} | {each['all_ms']:.1f} | {each['times']:.2f} "
        f"({each['least']:.2f} to {each['most']:.2f}) |"
        for name, each in found["scaling"].items()
    ]
    head = "| network | parameters | ms a step, one process | two | times as fast: median (least to most) |"
    adding = [
        f"| {place} | {' | '.join(f'{ms:.1f}' for ms in times.values())} |"
        for place, times in found["adding_ms"].items()
        if times
    ]
    sizes = " | ".join(f"{size:,}" for size in SIZES)
    head_adding = f"| adding up, ms, by parameters | {sizes} |"
    return "\n".join([head, "|---|---|---|---|---|", *rows, "", head_adding, f"|---|{'---|' * len(SIZES)}", *adding])


def lines() -> list[dict[str, Any]]:
    """What held, a line a claim, for the record of what was tried."""
    found = measured()
    return [
        {
            "name": f"two processes are faster than one, {name}",
            "tried": found["rounds"],
            "held": each["faster"],
            "times": each["times"],
            "range": [each["least"], each["most"]],
        }
        for name, each in found["scaling"].items()
    ]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        work(*sys.argv[2:4])
    elif sys.argv[1:] == ["--table"]:
        found = json.loads((RESULTS / "world.json").read_text())
        print(f"{brought(found)}\n\n{modelled(found)}")
    else:
        found = measured()
        (RESULTS / "world.json").write_text(json.dumps(found, indent=1) + "\n")
        print(json.dumps(found, indent=1))
