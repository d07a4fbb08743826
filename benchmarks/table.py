"""Bring the tables of README.md up to date with benchmarks/results/*.json: python benchmarks/table.py"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def forecast() -> str:
    workloads = json.loads((RESULTS / "forecast.json").read_text())["workloads"]
    lines = [
        "| series | minutes | MAE | RMSE | best baseline (MAE / RMSE) | plain torch (MAE / RMSE) | steps |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, found in workloads.items():
        s = found["summary"]
        mae, rmse = (f"{s[m]['mean']:.4g} ± {s[m]['sd']:.2g}" for m in ("mae", "rmse"))
        rival, plain = s["best_baseline"], s["plain_torch"]
        lines.append(
            f"| {name} | {s['minutes']:g} | {mae} | {rmse} | {rival['name'].replace('_', ' ')} "
            f"{rival['mae']:.4g} / {rival['rmse']:.4g} | {plain['mae']:.4g} / {plain['rmse']:.4g} "
            f"| {s['steps']:,} : {plain['steps']:,.0f} |"
        )
    return "\n".join(lines)


def text() -> str:
    workloads = json.loads((RESULTS / "text.json").read_text())["workloads"]
    heads = ("text", "runs", "minutes", "score", "bar", "best baseline", "network alone", "plain torch")
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for name, found in workloads.items():
        metric, kind = found["metric"], next(kind for kind in ("folds", "seeds", "times") if kind in found)
        minutes = f"{found['minutes']['allowed']:g}" if "minutes" in found else ""
        score, runs = _text_score(metric, found["score"]), f"{found[kind]} {kind if found[kind] > 1 else kind[:-1]}"
        if found[kind] > 1:
            score += f" ± {_text_score(metric, found['elman'][metric]['sd'], bare=True)}"
        bar = _text_score(metric, found["bar"]) + ("" if found["reached"] else " (missed)")
        rivals = {rival: scores[metric] for rival, scores in found["baselines"].items()}
        best = (min if metric == "nats" else max)(rivals, key=lambda rival: rivals[rival], default=None)
        beside = f"{best} {_text_score(metric, rivals[best])}" if best else ""
        alone, plain = (
            _text_score(metric, found[key]) if key in found else "" for key in ("network_alone", "plain_score")
        )
        lines.append(f"| {name} | {runs} | {minutes} | {score} | {bar} | {beside} | {alone} | {plain} |")
    return "\n".join(lines)


def _text_score(metric: str, value: float, bare: bool = False) -> str:
    if metric == "accuracy":
        return f"{100 * value:.1f}" + ("" if bare else " %")
    unit = {"nats": "nats", "characters_per_second": "a second"}[metric]
    return (f"{value:.3f}" if metric == "nats" else f"{value:,.0f}") + ("" if bare else f" {unit}")


def stock_program() -> str:
    result = json.loads((RESULTS / "stock_program.json").read_text())
    rivals = list(result["epochs"][0]["times_faster_than"])
    lines = ["| threads | " + " | ".join(f"against {name}" for name in rivals) + " |", "|---" * (len(rivals) + 1) + "|"]
    for run in result["epochs"]:
        lines.append(
            f"| {run['threads']} | " + " | ".join(f"{run['times_faster_than'][n]:.2f}x" for n in rivals) + " |"
        )
    return "\n".join(lines)


def kernels() -> str:
    """A line a workload; in a cell 1 / 2 threads, those that have a bar where either has, and whether it is missed."""
    found = json.loads((RESULTS / "kernels.json").read_text())["rows"]
    barred = {row["workload"] for row in found if row["bars"]}
    rows = [row for row in found if row["bars"] or row["workload"] not in barred]
    by_name: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_name.setdefault(row["workload"], []).append(row)
    peers = list(dict.fromkeys(peer for row in rows for peer in row["ratio"]))
    lines = [
        "| workload | ms | " + " | ".join(f"against {peer}" for peer in peers) + " | of the limit |",
        "|---" * (len(peers) + 3) + "|",
    ]
    for name, runs in by_name.items():
        cells = [" / ".join(f"{run['ms']:.3g}" for run in runs)]
        for peer in peers:
            cells.append(
                " / ".join(_beside(run, peer, f"{run['ratio'][peer]:.2f}x") for run in runs if peer in run["ratio"])
            )
        cells.append(" / ".join(_beside(run, "limit", f"{100 * run['limit_share']:.0f} %") for run in runs))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _beside(run: dict[str, Any], what: str, figure: str) -> str:
    return f"{figure} (bar missed)" if what in run["missed"] else figure


def filled(page: str) -> str:
    """The page with each table between its two markers as the results have it now."""
    tables = {"forecast": forecast(), "text": text(), "stock": stock_program(), "kernels": kernels()}
    for name, table in tables.items():
        begin, end = f"<!-- {name} table -->", f"<!-- /{name} table -->"
        page = page[: page.index(begin) + len(begin)] + f"\n{table}\n" + page[page.index(end) :]
    return page


if __name__ == "__main__":
    readme = RESULTS.parents[1] / "README.md"
    readme.write_text(filled(readme.read_text(encoding="utf-8")), encoding="utf-8")
