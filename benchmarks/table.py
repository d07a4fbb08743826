"""Bring the tables of README.md up to date with benchmarks/results/*.json: python benchmarks/table.py"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
REPEATS = ("folds", "speakers", "seeds", "times")
FALLING = ("nats", "wer", "cer")  # the metrics whose low values are good ones
UNITS = {  # before and after a figure
    "nats": ("", "nats"),
    "characters_per_second": ("", "a second"),
    "bleu": ("BLEU", ""),
    "bleu_greedy": ("BLEU", "greedy"),
    "rouge1": ("ROUGE-1", ""),
    "events_per_second": ("", "events a second"),
    "rougeL": ("ROUGE-L", ""),
}
SHARES = {
    "recall_20": "Recall@20",
    "mrr_20": "MRR@20",
    "wer": "WER",
    "cer": "CER",
    "exact": "exact",
    "focused": "focused",
    "words_understood": "understood",
}


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


def scores(file: str, what: str) -> str:
    """A line a workload; columns that no workload has are left out."""
    workloads = json.loads((RESULTS / file).read_text())["workloads"]
    lines = [_scored(name, found) for name, found in workloads.items()]
    heads = [head for head in lines[0] if any(line[head] for line in lines)]
    named = [what, *heads[1:]]
    rows = ["| " + " | ".join(line[head] for head in heads) + " |" for line in lines]
    return "\n".join(["| " + " | ".join(named) + " |", "|---" * len(named) + "|", *rows])


def _scored(name: str, found: dict[str, Any]) -> dict[str, str]:
    metric, kind = found["metric"], next(kind for kind in REPEATS if kind in found)
    score = _figure(metric, found["score"])
    if found[kind] > 1:
        score += f" ± {_figure(metric, found['elman'][metric]['sd'], bare=True)}"
    bar = _figure(metric, found["bar"]) + ("" if found["reached"] else " (missed)") if "bar" in found else ""
    # Baselines know no greedy writing from another.
    known = metric if any(metric in each for each in found["baselines"].values()) else metric.partition("_")[0]
    rivals = {rival: each[known] for rival, each in found["baselines"].items() if known in each}
    best = (min if metric in FALLING else max)(rivals, key=lambda rival: rivals[rival], default=None)
    return {
        "name": name,
        "runs": f"{found[kind]} {kind if found[kind] > 1 else kind.removesuffix('s')}",
        "minutes": f"{found['minutes']['allowed']:g}" if "minutes" in found else "",
        "cores": str(found.get("cores", "")),
        "score": score,
        "bar": bar,
        "best baseline": f"{best.replace('_', ' ')} {_figure(known, rivals[best])}" if best else "",
        "network alone": _figure(metric, found["network_alone"]) if "network_alone" in found else "",
        "plain torch": _figure(metric, found["plain_score"]) if "plain_score" in found else "",
    }


def _figure(metric: str, value: float, bare: bool = False) -> str:
    """A share in percent, BLEU and ROUGE in points, everything else in its unit; ``bare`` is without it."""
    name, unit = UNITS.get(metric, (metric, ""))
    if metric in UNITS:
        figure = (
            f"{value:.3f}" if metric == "nats" else f"{value:,.0f}" if unit.endswith("a second") else f"{value:.1f}"
        )
        return figure if bare else " ".join(part for part in (name, figure, unit) if part)
    figure = f"{100 * value:.1f}"
    return figure if bare else f"{SHARES.get(metric, '')} {figure} %".strip()


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


def inside() -> str:
    """A line a problem of long memory: what each network learnt, and what the doctor said of the first."""
    workloads = json.loads((RESULTS / "inside.json").read_text())["workloads"]
    lines = [
        "| problem, lag | steps | tanh RNN | the doctor's advice | with it | LSTM by default |",
        "|---|---|---|---|---|---|",
    ]
    for name, found in workloads.items():
        if "rnn" not in found:
            continue
        advised = found.get("advised")
        flags = " ".join(f"--{key} {value}" for key, value in advised["settings"].items()) if advised else ""
        cells = [
            name.replace("_", ", "),
            f"{found['steps']:,}",
            _learnt(found["rnn"]),
            f"`{flags}`" if flags else "none",
            _learnt(advised) if advised else "",
            _learnt(found["lstm"]),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def reliability() -> str:
    """A line for every thing that was tried, of all parts."""
    path = RESULTS / "reliability.json"
    parts = json.loads(path.read_text())["parts"] if path.exists() else {}
    lines = ["| what was tried | times | held | lost |", "|---|---|---|---|"]
    for part in parts.values():
        lines += [f"| {one['name']} | {one['tried']:,} | {one['held']:,} | {one['lost']:,} |" for one in part["lines"]]
    return "\n".join(lines)


def _learnt(run: dict[str, Any]) -> str:
    score = f"MSE {run['mse']:.2g}" if "mse" in run else f"{100 * run['recalled']:.0f} % recalled"
    return f"{score}, {run['verdict']}"


def _beside(run: dict[str, Any], what: str, figure: str) -> str:
    return f"{figure} (bar missed)" if what in run["missed"] else figure


def filled(page: str) -> str:
    """The page with each table between its two markers as the results have it now."""
    tables = {
        "forecast": forecast(),
        "text": scores("text.json", "text"),
        "seq2seq": scores("seq2seq.json", "task"),
        "pictures": scores("pictures_sessions.json", "task"),
        "stock": stock_program(),
        "kernels": kernels(),
        "inside": inside(),
        "reliability": reliability(),
    }
    for name, table in tables.items():
        begin, end = f"<!-- {name} table -->", f"<!-- /{name} table -->"
        page = page[: page.index(begin) + len(begin)] + f"\n{table}\n" + page[page.index(end) :]
    return page


if __name__ == "__main__":
    readme = RESULTS.parents[1] / "README.md"
    readme.write_text(filled(readme.read_text(encoding="utf-8")), encoding="utf-8")
