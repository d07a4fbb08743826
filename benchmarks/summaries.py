"""Summaries on a stated protocol, beside their baselines and an LSTM that attends in plain torch.

    python benchmarks/summaries.py [--seeds 1] [--no-plain] [--minutes-scale 1.0] [--out FILE]

Needs the data folder beside the project (../shared/data); says so where it is absent. benchmarks/results/seq2seq.json
is brought up to date workload by workload.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import torch
from machine import DATA, RESULTS
from plain_summaries import plain_summarizer
from workload import Run, Workload, run

import elman
from elman.data.text.pairs import Pairs, read_pairs
from elman.evaluate.summary.extract import lead
from elman.evaluate.summary.metrics import means, rouge
from elman.train.pace import threads

PAIRS = DATA / "pairs"
COLUMNS = ("document", "summary")
BLOCK, EVERY = 100, 30  # each 30th block of 100 rows chooses the weights: rows that lie together are of one family


def runs(seeds: int, minutes: float, plain: bool) -> Iterator[Run]:
    known, test = (read_pairs(PAIRS / f"debian_summaries_{part}.tsv.gz", *COLUMNS) for part in ("train", "valid"))
    chooses = torch.arange(len(known)) // BLOCK % EVERY == EVERY // 2
    train, valid = (known.take(rows.nonzero()[:, 0]) for rows in (~chooses, chooses))
    for seed in range(seeds):
        yield one_run(train, valid, test, minutes, plain, seed)


def one_run(train: Pairs, valid: Pairs, test: Pairs, minutes: float, plain: bool, seed: int) -> Run:
    model = elman.Summarizer(source=COLUMNS[0], target=COLUMNS[1], minutes=minutes, seed=seed)
    model.fit(frame(train), valid=frame(valid), test=frame(test))
    judged = model.evaluate()
    rows = model.rows(test.sources)
    greedy = model.texts(rows, [best[0] for best in model.written(rows, 1)])
    begin = time.perf_counter()
    model.written(rows)
    seconds = time.perf_counter() - begin
    found: Run = {
        "metrics": judged.metrics
        | {
            "rouge1_greedy": means(rouge(greedy, test.targets))["rouge1"],
            "beam_5_seconds_per_1000": 1000 * seconds / len(test),
        },
        "baselines": judged.baselines | {"lead_10": means(rouge(lead(test.sources, 10), test.targets))},
        "minutes": model.seconds_ / 60,
        "notes": [f"{model.config_.hidden} units", *model.notes_, judged.verdict],
    }
    if plain:
        with threads(torch.get_num_threads()):
            found["plain"] = plain_summarizer(
                (train.sources, train.targets),
                (test.sources, test.targets),
                tokens=model.target_tokens_,
                longest=model.config_.longest,
                minutes=minutes,
                seed=seed,
            )
    return found


def frame(pairs: Pairs) -> dict[str, list[str]]:
    return dict(zip(COLUMNS, (pairs.sources, pairs.targets), strict=True))


PROTOCOL = (
    "one-line summaries of package descriptions: debian_summaries_train trains, each 30th block of 100 of its rows "
    "chooses the weights; debian_summaries_valid, other families of packages, judges: F1 of small words unstemmed, the "
    "mean over rows; plain torch reads the same words and writes greedily"
)
WORKLOADS = {
    "summaries": Workload(PROTOCOL, runs, "rouge1", 40, 20, seeds=1),
    "summaries_in_order": Workload(PROTOCOL, runs, "rougeL", 38, 20, seeds=1),
}

if __name__ == "__main__":
    if not PAIRS.is_dir():
        sys.exit(f"{PAIRS} is absent: this benchmark needs the pairs that README names")
    run(__doc__, WORKLOADS, RESULTS / "seq2seq.json")
