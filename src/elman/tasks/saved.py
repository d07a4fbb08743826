"""A task as the files of a saved model, and back: what each file holds. How they lie on disk is ``store.py``'s."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from elman.errors import InputError
from elman.evaluate import chinese
from elman.evaluate.evaluation import Evaluation
from elman.tasks import format, store
from elman.tasks.kept import check_kept
from elman.tasks.outline import check_weights
from elman.train import log
from elman.train.plan import Plan

WEIGHTS, KEPT = "weights.safetensors", "kept.safetensors"
NEEDED = ("config.json", "encoders.json", WEIGHTS, KEPT, "metrics.json")
# Of a loaded model, when it is saved again.
CARRIED = ("report.html", "log.jsonl", "inside.jsonl", "picture.svg", "tune.html", "tune.json")
MET = "met"  # the name that ``met_`` is saved by


def files_of(task: Any) -> dict[str, bytes]:
    """What a fitted task is saved as: names and contents."""
    head = {
        "task": task.name,
        "params": task.get_params(deep=False),
        "config": asdict(task.config_),
        "plan": task.plan_.to_json(),
        "source": Path(task.source_).name if task.source_ else None,
        "notes": list(task.notes_),
    }
    files = {
        "config.json": store.dump_json(head),
        "encoders.json": store.dump_json(task.encoders()),
        WEIGHTS: store.dump(task.network_.state_dict()),
        KEPT: store.dump({**task.kept(), MET: task.met_}),
        "metrics.json": store.dump_json(task.evaluation_.to_json() if task.evaluation_ else None),
    }
    if not hasattr(task, "training_"):
        return files | task.carried
    files["report.html"] = task.report().encode()
    files["log.jsonl"] = log.lines(task.history_).encode()
    files["inside.jsonl"] = log.lines(task.looks_).encode()
    if task.judged_ and task.judged_.picture:
        svg = task.judged_.picture.svg
        files["picture.svg"] = (chinese.drawn(svg) if task.config_.lang == "zh" else svg).encode()
    return files


def restored(kind: Any, files: dict[str, bytes], path: str | Path) -> Any:
    """The task of class ``kind`` that was saved as these files. Raises InputError where they do not fit together.

    Whoever wrote them may mean ill: each file must have its shape (``format.py``, ``kept.py``) before anything is made
    of it, and the network that the settings describe its outline (``outline.py``) before it is made.
    """
    missing = set(NEEDED) - set(files)
    if missing:
        raise InputError(f"the model {path} lacks {', '.join(sorted(missing))}: use the model as it was saved")
    head, encoders, metrics = (_parsed(files, name) for name in ("config.json", "encoders.json", "metrics.json"))
    format.HEAD(head, "config.json")
    format.ENCODERS[kind.name](encoders, "encoders.json")
    format.METRICS(metrics, "metrics.json")
    kept, weights = (store.tensors(files[name], name) for name in (KEPT, WEIGHTS))
    try:
        task = kind(**_tuples(head["params"]))
        # A network is read into memory, whatever it was fitted on.
        task.config_ = replace(kind.Config(**_tuples(head["config"])), device="cpu")
        for config in (task.config(), task.config_):
            format.check_settings(config, len(weights))
        task.plan_ = Plan.from_json(head["plan"])
        task.source_, task.notes_ = head["source"], tuple(head["notes"])
        task.met_ = _met(kept.pop(MET, task.met_))  # models of elman 0.1 have none
        check_kept(task.name, encoders, kept, KEPT)
        task.restore(encoders, kept)
        task.evaluation_ = Evaluation.from_json(metrics) if metrics else None
        check_weights(lambda: task.network(task.config_), weights, WEIGHTS)
        task.network_ = task.network(task.config_)
        task.network_.load_state_dict(weights)
    except InputError:
        raise
    except Exception as error:  # a file that is sound JSON but no model of ours can fail anywhere above
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        raise InputError(f"the model {path} does not fit together ({reason}): use the model as it was saved") from error
    task.network_.eval()
    task.judged_ = None
    task.carried = {name: files[name] for name in CARRIED if name in files}
    task.history_, task.looks_ = (_lines(files, name) for name in ("log.jsonl", "inside.jsonl"))
    return task


def _parsed(files: dict[str, bytes], name: str) -> Any:
    return store.parse_json(files[name], name)


def _lines(files: dict[str, bytes], name: str) -> list[dict[str, Any]]:
    found = [store.parse_json(line, name) for line in files.get(name, b"").splitlines()]
    for at, line in enumerate(found, 1):
        format.LINES[name](line, f"line {at} of {name}")
    return found


def _met(fingerprints: Tensor) -> Tensor:
    if fingerprints.dim() != 1 or fingerprints.dtype != torch.int64:
        raise InputError(f"{MET!r} of {KEPT} are no fingerprints: use the model as it was saved")
    return fingerprints


def _tuples(params: dict[str, Any]) -> dict[str, Any]:
    """JSON has lists where the settings have tuples."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in params.items()}
