"""Where trials are kept: a SQLite file, or any database that Optuna speaks to; never two searches in one."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from elman.errors import InputError

STUDY = "elman"
SQLITE = b"SQLite format 3\0"
WORDS = {
    "task": "another task",
    "source": "another file",
    "test": "another --test",
    "settings": "other settings",
    "search": "another --search",
    "folds": "other --folds",
    "grid": "a search with and without --grid",
    "pruner": "another --pruner",
    "together": "another --together",
}


def opened(optuna: Any, storage: str | None, pruner: Any, beats: int) -> Any:
    """The study in a file or at a URL, made where there is none; in memory without either."""
    made: Any = None
    if storage is not None:
        url = storage if "://" in storage else _file_url(Path(storage))
        patient = {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else {}
        try:
            made = optuna.storages.RDBStorage(
                url, engine_kwargs=patient, heartbeat_interval=beats, grace_period=3 * beats
            )
        except Exception as error:  # of the library, of the one below it, or of the driver
            reason = str(error).splitlines()[0]
            raise InputError(f"the storage {storage} cannot be opened ({reason}): give another --storage") from None
    return optuna.create_study(study_name=STUDY, storage=made, load_if_exists=True, pruner=pruner)


def _file_url(path: Path) -> str:
    if path.is_dir() or not path.parent.is_dir():
        raise InputError(f"{path} cannot hold the trials: give --storage a file name in a folder that is there")
    if path.exists() and path.stat().st_size:
        with path.open("rb") as file:
            if file.read(len(SQLITE)) != SQLITE:
                raise InputError(f"{path} is no SQLite file: give another --storage")
        connection = sqlite3.connect(path)
        try:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        except sqlite3.DatabaseError as error:
            raise InputError(f"{path} is a damaged SQLite file ({error}): give another --storage") from None
        finally:
            connection.close()
        if tables and "studies" not in tables:
            raise InputError(f"{path} holds tables of something else: give another --storage")
    return f"sqlite:///{path.resolve()}"


def require_same(study: Any, identity: dict[str, Any], budget: dict[str, Any]) -> dict[str, Any]:
    """Keep what is searched with its ``budget``, or refuse a storage of anything else; returns the budget kept.

    The budget is ``seconds`` of a fit, which depend on the time left, and sizes, which depend on the machine's speed.
    """
    own = {name: json.dumps(value, sort_keys=True, default=str) for name, value in identity.items()}
    kept = study.user_attrs.get("identity")
    if kept is None:
        study.set_user_attr("budget", budget)
        study.set_user_attr("identity", own)
        return budget
    if different := [name for name in own if own[name] != kept.get(name)]:
        words = " and ".join(WORDS.get(name, name) for name in different)
        raise InputError(f"the storage holds the trials of {words}: give another --storage, or repeat the same command")
    made: dict[str, Any] = study.user_attrs["budget"]
    if (made["seconds"] is None) != (budget["seconds"] is None):
        raise InputError("the storage holds trials of a search with or without --minutes, unlike this: repeat the same")
    return made
