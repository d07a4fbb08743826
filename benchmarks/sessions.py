"""Next items on a stated protocol, beside counting baselines and the same in plain torch.

    python benchmarks/sessions.py [--seeds 3] [--no-plain] [--minutes-scale 1.0] [--out FILE]

Needs the data folder beside the project (../shared/data); says so where it is absent.
benchmarks/results/pictures_sessions.json is brought up to date workload by workload.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from itertools import islice
from statistics import median

import torch
from machine import DATA, RESULTS
from plain_sessions import plain_recommender
from workload import Run, Workload, run

import elman
from elman.data.batch import shuffled
from elman.data.sessions.streams import Streams
from elman.train.pace import products, threads
from elman.train.step import Step

FILE = DATA / "sessions" / "online_retail.tsv.gz"
COLUMNS = {"session": "SessionId", "item": "ItemId", "time": "Time"}
ROUNDS, STEPS = 7, 20  # of timing


def events_per_second(model: elman.Recommender, prepared: Streams) -> float:
    """Events foretold a second by whole training steps, batches included: the median of a few rounds."""
    config = model.config_
    with products(config.precision), threads(model.plan_.threads or torch.get_num_threads()):
        step = Step(model.network(config).train(), model.loss, config)
        source = shuffled(prepared, config.batch_size, torch.Generator().manual_seed(0))
        rates = []
        for _ in range(ROUNDS):
            begin, events = time.perf_counter(), 0
            for batch in islice(source, STEPS):
                step(batch, 1e-3)
                events += int((batch.y >= 0).sum())
            rates.append(events / (time.perf_counter() - begin))
    return median(rates)


def runs(seeds: int, minutes: float, plain: bool) -> Iterator[Run]:
    for seed in range(seeds):
        model = elman.Recommender(**COLUMNS, hold="last", hidden=128, minutes=minutes, seed=seed).fit(FILE)
        judged = model.evaluate()
        prepared = model.prepare(FILE, None, None, model.config_)
        found: Run = {
            "metrics": judged.metrics | {"events_per_second": events_per_second(model, prepared.train)},
            "baselines": judged.baselines,
            "minutes": model.seconds_ / 60,
            "notes": [f"{model.config_.hidden} units", *model.notes_, judged.verdict],
        }
        if plain:
            with threads(torch.get_num_threads()):
                found["plain"] = plain_recommender(
                    model.learnt_,
                    prepared.valid,
                    prepared.test,
                    items=len(model.items_),
                    hidden=model.config_.hidden,
                    minutes=minutes,
                    seed=seed,
                )
        yield found


PROTOCOL = (
    "online_retail: the last event of each customer is to be told from all before it, which is learnt from; ranked "
    "among all items, ties against the model; {}"
)
BEATEN = "v_sknn"
WORKLOADS = {
    "retail_recall": Workload(PROTOCOL.format("Recall@20"), runs, "recall_20", 0.0, 5, above=BEATEN),
    "retail_mrr": Workload(PROTOCOL.format("MRR@20"), runs, "mrr_20", 0.0, 5, above=BEATEN),
    "retail_speed": Workload(
        PROTOCOL.format("events foretold a second while training"), runs, "events_per_second", 50_000, 5
    ),
}

if __name__ == "__main__":
    if not FILE.is_file():
        sys.exit(f"{FILE} is absent: this benchmark needs the sessions that README names")
    run(__doc__, WORKLOADS, RESULTS / "pictures_sessions.json")
