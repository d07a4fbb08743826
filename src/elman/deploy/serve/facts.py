"""What the page, and whoever asks GET /model, is told of the model."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from elman.deploy.serve.inputs import Kind
from elman.deploy.serve.limits import Limits

MOST_ITEMS = 10_000  # of a recommender, the most frequent ones


def facts(task: Any, kind: Kind, name: str, limits: Limits, why_no_stream: str | None) -> dict[str, Any]:
    """Plain values; what a task has none of is null."""
    own = {"forecast": _forecaster, "classify": _classifier, "tag": _tagger, "recommend": _recommender}
    own |= {"translate": _writer, "summarize": _writer}
    taken = type(kind).body.model_fields
    blank = dict.fromkeys(
        ("target", "horizon", "columns", "time", "group", "labels", "tags", "sources", "targets", "items")
    )
    score = None if task.evaluation_ is None else task.evaluation_.to_json()
    return {
        "task": task.name,
        "title": task.title(),
        "name": name,
        "lang": task.config_.lang,
        "takes": list(taken),
        "stream": True if why_no_stream is None else {"why_not": why_no_stream},
        "rate": task.encoder_.rate if "sound" in taken else None,
        # Notes may name the files of the fit.
        "score": None if score is None else {key: value for key, value in score.items() if key != "notes"},
        **blank,
        **own.get(task.name, lambda task: {})(task),
        "features": task.encoder_.features if "sequences" in taken else None,
        "examples": [],
        "limits": asdict(limits),
    }


def _forecaster(task: Any) -> dict[str, Any]:
    config, reader = task.config_, task.reader_
    return {
        "target": list(config.target),
        "horizon": config.horizon,
        "columns": list(reader.columns),
        "time": list(reader.time),
        "group": config.group,
    }


def _classifier(task: Any) -> dict[str, Any]:
    return {"labels": [str(label) for label in task.classes_], "target": task.config_.label}


def _tagger(task: Any) -> dict[str, Any]:
    return {"tags": list(task.tags_)}


def _recommender(task: Any) -> dict[str, Any]:
    return {"items": [str(item) for item in task.items_.to_json()[:MOST_ITEMS]]}


def _writer(task: Any) -> dict[str, Any]:
    return {"sources": [task.config_.source], "targets": [task.config_.target]}
