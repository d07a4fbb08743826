"""Translation on stated protocols, beside its baselines and the same in plain torch.

    python benchmarks/translation.py [--only zh_en de_en] [--seeds 1] [--no-plain] [--minutes-scale 1.0] [--out FILE]

Needs the data folder beside the project (../shared/data); says so where it is absent. benchmarks/results/seq2seq.json
is brought up to date workload by workload.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import polars as pl
import torch
from machine import DATA, RESULTS
from plain_translation import plain_translator
from workload import Run, Workload, run

import elman
from elman.evaluate.translation.metrics import grouped, translation_metrics
from elman.train.pace import threads

PAIRS = DATA / "pairs"
Columns = dict[str, list[str]]


def table(name: str, *columns: str) -> Columns:
    frame = pl.read_csv(PAIRS / name, separator="\t", quote_char=None, infer_schema_length=0)
    return {column: frame[column].to_list() for column in columns}


def translate(file: str, source: str, target: str, **settings: Any) -> Callable[[int, float, bool], Iterator[Run]]:
    """Fitted on one file, a part of it choosing when to stop; scored on another with every reference of a source."""

    def runs(seeds: int, minutes: float, plain: bool) -> Iterator[Run]:
        train, test = table(f"{file}_train.tsv", source, target), table(f"{file}_valid.tsv", source, target)
        sources, references = grouped(test[source], test[target])
        for seed in range(seeds):
            model = elman.Translator(source=source, target=target, lower=True, minutes=minutes, seed=seed, **settings)
            model.fit(train, test=test)
            judged = model.evaluate()
            rows = model.rows(sources)
            greedy, begin = model.written(rows, 1), time.perf_counter()
            model.written(rows, 5)
            seconds = time.perf_counter() - begin
            texts = model.texts(rows, [best[0] for best in greedy])
            metrics = translation_metrics(texts, references, chinese=target == "zh")
            found: Run = {
                "metrics": judged.metrics
                | {"bleu_greedy": metrics["bleu"], "beam_5_seconds_per_1000": 1000 * seconds / len(sources)},
                "baselines": judged.baselines,
                "minutes": model.seconds_ / 60,
                "notes": [f"{model.config_.hidden} units", *model.notes_, judged.verdict],
            }
            if plain:
                with threads(torch.get_num_threads()):
                    found["plain"] = plain_translator(
                        (train[source], train[target]),
                        (test[source], test[target]),
                        tokens=(model.source_tokens_, model.target_tokens_),
                        chinese=target == "zh",
                        minutes=minutes,
                        seed=seed,
                    )
            yield found

    return runs


TATOEBA = (
    "Tatoeba sentences {}: en_zh_train trains, 5 % of it chooses the weights; en_zh_valid judges with every reference "
    "of a source, small letters, sacrebleu; plain torch writes greedily"
)
MULTI30K = (
    "Multi30k captions de->en: de_en_train trains, 5 % of it chooses the weights; de_en_valid judges, small letters, "
    "sacrebleu; plain torch writes greedily"
)


def pair(protocol: str, minutes: float, *of: str) -> Callable[[str, float], Workload]:
    """Workloads of the same fits, by what is judged and its bar."""
    runs = translate(*of)
    return lambda metric, bar: Workload(protocol, runs, metric, bar, minutes, seeds=1)


zh_en = pair(TATOEBA.format("zh->en"), 15, "en_zh", "zh", "en")
de_en = pair(MULTI30K, 15, "de_en", "de", "en")
WORKLOADS = {
    "zh_en": zh_en("bleu_greedy", 29),
    "zh_en_searched": zh_en("bleu", 31),
    "en_zh": pair(TATOEBA.format("en->zh, the zh tokenizer"), 15, "en_zh", "en", "zh")("bleu", None),
    "de_en": de_en("bleu_greedy", 34.5),
    "de_en_searched": de_en("bleu", 36),
}

if __name__ == "__main__":
    if not PAIRS.is_dir():
        sys.exit(f"{PAIRS} is absent: this benchmark needs the pairs that README names")
    run(__doc__, WORKLOADS, RESULTS / "seq2seq.json")
