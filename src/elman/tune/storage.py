"""Where trials are kept: a SQLite file, or any database that Optuna speaks to; never two searches in one."""

from __future__ import annotations

import json
import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from elman.errors import ElmanError, InputError

STUDY = "elman"
LATE = 3  # times that a process may miss its sign of life before it counts as gone
WAIT = 2.0  # seconds to wait for a file that another process writes into before signals are heard
PATIENCE = 60.0  # seconds to wait for it at all
TRIES, PAUSE = 4, 0.5  # to open a storage, and seconds between two
# Seconds (of one milliseconds) that PostgreSQL's drivers give a network that says nothing, instead of a quarter hour.
SILENCE = {"connect_timeout": 10, "tcp_user_timeout": 20_000, "keepalives_idle": 10, "keepalives_interval": 5}
SILENCE |= {"keepalives_count": 2}
SETTLED = 5.0  # seconds in which the process that made a storage says what is searched
OTHER = "see that it is there, or give another --storage"
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


def opened(optuna: Any, storage: str | None, pruner: Any, beats: int) -> tuple[Any, bool]:
    """The study in a file or at a URL, in memory without either, and whether it was made here."""
    made: Any = None if storage is None else _connected(optuna, storage, beats)
    try:
        return optuna.create_study(study_name=STUDY, storage=made, pruner=pruner), True
    except optuna.exceptions.DuplicatedStudyError:
        return optuna.load_study(study_name=STUDY, storage=made, pruner=pruner), False


def _connected(optuna: Any, storage: str, beats: int) -> Any:
    class Storage(optuna.storages.RDBStorage):
        def record_heartbeat(self, trial_id: int) -> None:
            """One that is lost says nothing yet; in its thread nobody would hear of it."""
            try:
                super().record_heartbeat(trial_id)
            except optuna.exceptions.StorageInternalError:
                if threading.current_thread() is threading.main_thread():
                    raise

    file = "://" not in storage
    url = _file_url(Path(storage)) if file else storage
    lite = url.startswith("sqlite")
    for attempt in range(TRIES):
        try:
            found = Storage(url, engine_kwargs=_engine(url), heartbeat_interval=beats, grace_period=LATE * beats)
            break
        except Exception as error:  # of the library, of the one below it, or of the driver
            # Processes that begin together make the tables together: all but one fail, and find them there.
            if attempt == TRIES - 1 or isinstance(error, ImportError):
                raise InputError(f"the storage {shown(storage)} cannot be opened ({_reason(error)}): {OTHER}") from None
            time.sleep(PAUSE)
    if lite:
        _in_turn(found.engine)
    return found


def _engine(url: str) -> dict[str, Any]:
    from sqlalchemy.engine import make_url

    if url.startswith("sqlite"):
        return {"connect_args": {"timeout": WAIT}}
    # A connection is tried before it is used, so that a server may be started anew while a trial is made.
    known = make_url(url).get_driver_name() in ("psycopg", "psycopg2")
    return {"pool_pre_ping": True, "connect_args": SILENCE if known else {}}


def _in_turn(engine: Any) -> None:
    """SQLite locks no rows: only where whole transactions wait for one another do two never get the same trial."""
    from sqlalchemy import event
    from sqlalchemy.exc import OperationalError

    @event.listens_for(engine, "connect")
    def leave_transactions_to_us(connection: Any, _: Any) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                return
            except OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > until:
                    raise

    engine.dispose()  # connections from before know nothing of it


def alive(study: Any, trial: Any) -> None:
    """The first sign of life of a process at work on a trial, and that there was one: without it none is missed."""
    if hasattr(study._storage, "record_heartbeat"):  # not in memory
        study._storage.record_heartbeat(trial._trial_id)
    trial.set_user_attr("began", True)


@contextmanager
def answering(storage: str | None) -> Iterator[None]:
    """A storage that stops to answer in the middle is said to, in one sentence."""
    try:
        yield
    except Exception as error:
        if isinstance(error, ElmanError) or (silent := _silent(error)) is None:
            raise
        where, reason = shown(storage or "in memory"), _reason(silent.__cause__ or silent)
        raise ElmanError(
            f"the storage {where} does not answer any more ({reason}): see that it does; the same command goes on with "
            "the trials in it"
        ) from None


def _silent(error: BaseException | None) -> BaseException | None:
    """The error of the storage from which another one came: the library stumbles over some of them itself."""
    while error is not None:
        if type(error).__name__ == "StorageInternalError" or type(error).__module__.startswith("sqlalchemy."):
            return error
        error = error.__cause__ or error.__context__
    return None


def shown(storage: str) -> str:
    """A storage as it may be told: without its password."""
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", storage)


def _reason(error: BaseException) -> str:
    """The driver's own words, without those of the libraries around it."""
    words = str(getattr(error, "orig", None) or error).strip()
    return words.splitlines()[0] if words else type(error).__name__


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


def require_same(study: Any, identity: dict[str, Any], budget: dict[str, Any], made: bool) -> dict[str, Any]:
    """Keep what is searched with its ``budget``, or refuse a storage of anything else; returns the budget kept.

    The budget is ``seconds`` of a fit, which depend on the time left, and sizes, which depend on the machine's speed:
    those of the process that ``made`` the study hold for all. Where it was gone too early, another says them.
    """
    own = {name: json.dumps(value, sort_keys=True, default=str) for name, value in identity.items()}
    until = time.monotonic() + (0 if made else SETTLED)
    while (kept := study.user_attrs.get("identity")) is None and time.monotonic() < until:
        time.sleep(0.1)
    if kept is None:
        study.set_user_attr("budget", budget)
        study.set_user_attr("identity", own)
        return budget
    if different := [name for name in own if own[name] != kept.get(name)]:
        words = " and ".join(WORDS.get(name, name) for name in different)
        raise InputError(f"the storage holds the trials of {words}: give another --storage, or repeat the same command")
    agreed: dict[str, Any] = study.user_attrs["budget"]
    if (agreed["seconds"] is None) != (budget["seconds"] is None):
        raise InputError("the storage holds trials of a search with or without --minutes, unlike this: repeat the same")
    return agreed
