"""Every workload of `elman bench` with 1 and 2 threads, beside its bars.

    python benchmarks/kernels.py [--seconds 4] [--threads 1 2] [--only NAME ...] [--out benchmarks/results/kernels.json]

One process; all contestants of a workload take turns. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from machine import RESULTS, describe

from elman.bench import Row, bench, chosen

# For 1 and 2 threads: how many times longer a peer must take, and the share of the machine's limit ("limit") to reach.
_OPTIONS = ({"torch": 5.0, "plain": 0.8}, {"torch": 8.0, "plain": 0.8})
BARS: dict[str, tuple[dict[str, float], dict[str, float]]] = {
    "rnn train, tiny": ({"torch": 4.0}, {"torch": 4.0}),
    "gru train, forecasting": ({"torch": 4.0}, {"torch": 6.0}),
    "gru train, text": ({"torch": 2.5, "limit": 0.6}, {"torch": 4.0, "limit": 0.5}),
    "lstm train, tiny": ({"torch": 3.0}, {"torch": 3.0}),
    "lstm train, forecasting": ({"torch": 1.7}, {"torch": 2.0}),
    "lstm train": ({"torch": 1.1}, {"torch": 1.2, "limit": 0.65}),
    "lstm train, large": ({"torch": 1.0}, {"torch": 1.0}),
    "bi-lstm train, lengths 10-100": (
        {"torch packed": 6.0, "torch padded": 1.5},
        {"torch packed": 8.0, "torch padded": 1.5},
    ),
    "layer-norm lstm train": _OPTIONS,
    "peephole lstm train": _OPTIONS,
    "zoneout lstm train": _OPTIONS,
    "slstm train, 4 heads": ({"torch": 5.0}, {"torch": 8.0}),
    "linear scan train": ({"torch": 5.0}, {"limit": 0.6}),
    "lstm streaming step, 1 layer": ({"torch": 5.0, "onnx runtime": 1.5}, {}),
    "lstm streaming step, 2 layers": ({"torch": 5.0, "onnx runtime": 1.5}, {}),
    "gru streaming step": ({"torch": 10.0}, {}),
    "gru inference, long": ({"torch": 3.0, "onnx runtime": 1.3}, {"torch": 3.0}),
}


def bars(row: Row) -> dict[str, float]:
    """The bars of a row's workload at its thread count."""
    return BARS[row.workload][row.threads - 1] if row.workload in BARS and row.threads in (1, 2) else {}


def missed(row: Row) -> dict[str, float]:
    """The bars that a row has a figure for and does not reach."""
    found = {**row.ratio, "limit": row.limit_share}
    return {peer: bar for peer, bar in bars(row).items() if peer in found and found[peer] < bar}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--out", type=Path, default=RESULTS / "kernels.json")
    arguments = parser.parse_args()
    measured = bench(
        chosen(arguments.only),
        threads=arguments.threads,
        seconds=arguments.seconds,
        watch=lambda text: print(text, file=sys.stderr, flush=True),
    )
    rows: list[dict[str, Any]] = [{**row._asdict(), "bars": bars(row), "missed": missed(row)} for row in measured.rows]
    if arguments.only and arguments.out.exists():  # the others stay as they were
        anew = {(row.workload, row.threads) for row in measured.rows}
        old = json.loads(arguments.out.read_text())["rows"]
        rows = [row for row in old if (row["workload"], row["threads"]) not in anew] + rows
    result = {**measured.to_json(), "machine": {**describe(), **measured.machine}, "rows": rows}
    written = json.dumps(result, indent=2)
    arguments.out.write_text(written + "\n")
    print(written)


if __name__ == "__main__":
    main()
