"""What the benchmarks of scores share: a workload, what is recorded of its runs, and the command that runs them."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median, pstdev
from typing import Any, Literal

from machine import DATA, describe

# The metrics whose low values are good ones.
FALLING = ("log_loss", "ece", "nats", "bits_per_character", "bits_per_dimension", "perplexity", "wer", "cer")

Run = dict[str, Any]


@dataclass(frozen=True)
class Workload:
    """``runs`` takes how many seeds, the minutes of a run and whether the peer runs too, and gives what each found.

    Workloads that share it, and differ in their metric and bar, are of the same fits.
    """

    protocol: str
    runs: Callable[[int, float, bool], Iterable[Run]]
    metric: str
    bar: float | None  # None where the score is only told
    minutes: float | None = None  # of a run
    within: float | None = None  # minutes that all runs may take together
    above: str | None = None  # the baseline that the bar is added to
    middle: Literal["mean", "median"] = "mean"
    repeats: str = "seeds"
    seeds: int = 3


def told(runs: list[Run], middle: str) -> dict[str, dict[str, Any]]:
    """Mean or median and deviation of every metric, and each value."""
    values = {metric: [run["metrics"][metric] for run in runs] for metric in runs[0]["metrics"]}
    return {
        metric: {
            middle: rounded({"mean": mean, "median": median}[middle](each)),
            "sd": rounded(pstdev(each)),
            "each": [rounded(one) for one in each],
        }
        for metric, each in values.items()
    }


def rounded(value: float) -> float:
    """To five digits."""
    return float(f"{value:.5g}")


def minutes_told(runs: list[Run]) -> dict[str, float]:
    used = [run["minutes"] for run in runs]
    return {"mean": rounded(mean(used)), "longest": rounded(max(used)), "all": rounded(sum(used))}


def record(work: Workload, runs: list[Run], scale: float) -> dict[str, Any]:
    scores = told(runs, work.middle)
    baselines = {
        name: {metric: rounded(mean(run["baselines"][name][metric] for run in runs)) for metric in found}
        for name, found in runs[0]["baselines"].items()
    }
    bar, figure = work.bar, scores[work.metric][work.middle]
    if work.above is not None and bar is not None:
        bar = rounded(baselines[work.above][work.metric] + bar)
    reached = bar is None or (figure <= bar if work.metric in FALLING else figure >= bar)
    result: dict[str, Any] = {"protocol": work.protocol, work.repeats: len(runs), "metric": work.metric}
    if work.minutes is not None:
        result["minutes"] = {"allowed": rounded(work.minutes * scale), "used": minutes_told(runs)}
        if work.within is not None:
            reached = reached and result["minutes"]["used"]["all"] <= work.within
    result |= ({} if bar is None else {"bar": bar, "reached": bool(reached)}) | {
        "score": figure,
        "elman": scores,
        "baselines": baselines,
    }
    if "alone" in runs[0]:
        result["network_alone"] = rounded(mean(run["alone"] for run in runs))  # its accuracy before the blend
    if "plain" in runs[0]:
        peers = [run["plain"] for run in runs]
        result["plain_torch"] = told(peers, work.middle)
        result["plain_score"] = result["plain_torch"][work.metric][work.middle]
        if work.minutes is not None:
            result["minutes"]["plain_torch"] = minutes_told(peers)
    result["cores"] = len(os.sched_getaffinity(0))  # that the runs could use
    if "notes" in runs[0]:
        result["notes"] = [note.replace(f"{DATA}/", "") for note in runs[0]["notes"]]  # not where they lie here
    return result


def run(description: str, workloads: dict[str, Workload], out: Path) -> None:
    """Run the workloads that the command line names; the JSON is brought up to date workload by workload."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=list(workloads))
    parser.add_argument("--seeds", type=int, help="instead of each workload's own; folds stay as they are")
    parser.add_argument("--minutes-scale", type=float, default=1.0)
    parser.add_argument("--no-plain", action="store_true")
    parser.add_argument("--out", type=Path, default=out)
    arguments = parser.parse_args()
    made: dict[Any, list[Run]] = {}
    for name in arguments.only or workloads:
        work = workloads[name]
        asked = arguments.seeds or work.seeds, (work.minutes or 0) * arguments.minutes_scale, not arguments.no_plain
        known = made.get((work.runs, *asked))  # of another workload, by another metric
        runs: list[Run] = []
        for found in work.runs(*asked) if known is None else known:
            runs.append(found)
            peer = found.get("plain", {"metrics": {}})["metrics"].get(work.metric)
            print(name, len(runs), found["metrics"][work.metric], peer, found.get("minutes"), flush=True)
        made[work.runs, *asked] = runs
        # Read again: another script may have written other workloads meanwhile.
        result = json.loads(arguments.out.read_text()) if arguments.out.exists() else {"workloads": {}}
        result["workloads"][name] = record(work, runs, arguments.minutes_scale)
        result["machine"] = describe()
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")
