"""``elman tune TASK FILE``: search settings, compare the values of one, or see whether more data would help."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from rich.markup import escape
from rich.table import Table

from elman.cli.answers import check_file, emit
from elman.cli.arguments import flag_of
from elman.cli.console import aside, people, say, show
from elman.cli.flags import Json, Out, Overwrite, Quiet, with_settings
from elman.data.files import at_once
from elman.errors import ElmanError, InputError
from elman.evaluate.wording import number
from elman.stopping import Stopped
from elman.tasks import store
from elman.tasks.base import Task, TaskConfig
from elman.tasks.load import TASKS
from elman.tune.storage import shown

SHOWN = 5  # trials in the terminal
COLOURS = {True: "green", False: "red", None: "yellow"}

tune = App(
    name="tune",
    help="Search a task's settings by cross-validation, and judge what is found on rows that the search did not see. "
    "--compare and --curve measure instead of searching.",
)


def tune_command(task: type[Task]) -> Callable[..., None]:
    """``elman tune TASK FILE``: the settings of the task's Config are flags, as of ``elman fit``."""

    def command(
        file: Path,
        *,
        config: TaskConfig,
        test: Path | None = None,
        trials: int | None = None,
        folds: int | None = None,
        seeds: int | None = None,
        search: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative="")] = (),
        grid: Annotated[bool, Parameter(negative="")] = False,
        together: str | None = None,
        join: Annotated[bool, Parameter(negative="")] = False,
        compare: str | None = None,
        curve: Annotated[bool, Parameter(negative="")] = False,
        pruner: Literal["median", "halving", "none"] = "median",
        storage: str | None = None,
        out: Out = None,
        overwrite: Overwrite = False,
        json: Json = False,
        quiet: Quiet = False,
    ) -> None:
        own: dict[str, Any] = {"trials": trials, "search": search, "grid": grid, "storage": storage, "join": join}
        given = [name for name, value in own.items() if value]
        instead = [flag for flag, value in (("--compare", compare), ("--curve", curve)) if value]
        if instead[1:]:
            raise InputError("--compare and --curve are two questions: ask one at a time")
        if instead and given:
            raise InputError(f"{flag_of(given[0])} is for a search, but {instead[0]} makes none: leave it out")
        if curve and folds is not None:
            raise InputError("--folds is for a search or --compare, but --curve judges on one part: leave it out")
        settings = asdict(config)
        minutes = settings.pop("minutes")
        counts = {name: count for name, count in (("folds", folds), ("seeds", seeds)) if count is not None}
        request = {"test": test, "minutes": minutes, "together": together, **counts}
        request["told"] = (lambda line: None) if quiet else aside
        if compare or curve:
            run_measure(task(**settings), file, compare, request, out=out, overwrite=overwrite, as_json=json)
            return
        request |= {"trials": trials, "written": search, "grid": grid, "pruner": pruner}
        if join:
            run_join(task(**settings), file, {**request, "storage": storage}, as_json=json)
            return
        run_tune(task(**settings), file, request, storage, out=out, overwrite=overwrite, as_json=json)

    command.__doc__ = f"""{task.help}

    Settings that are given another value than their default are not searched; --minutes is the budget of everything.

    Parameters
    ----------
    file
        {task.file}
    test
        A file that judges, instead of a share of FILE.
    trials
        Settings to try; 20 when left out, or as many as --minutes allow.
    folds
        Parts that judge a trial, one after another: in order of time for series and texts to go on with, elsewhere each
        label in its proportion and equal rows together (3 when left out, 5 of --compare).
    seeds
        Starts of the networks that are judged at the end (3 when left out, 1 of --compare).
    search
        What to search, instead of a setting's usual values: cell=rnn,gru hidden=16..128 learning_rate=1e-4..1e-2.
    grid
        Try every combination of what --search lists.
    together
        Column of a table: rows with the same name in it are never parted, such as those of one speaker.
    join
        Make trials for the search of another process, which judges: the same command with its --storage.
    compare
        Measure the values of one setting side by side: cell, or cell=gru,lstm.
    curve
        Measure what an eighth, a quarter and a half of the rows would have taught, and whether more would help.
    pruner
        What ends a trial early: median, halving (successive), or none.
    storage
        SQLite file, or URL of a database, of the trials, which several processes may share and the same command goes on
        with (default: beside --out, .tune.db).
    out
        Directory of the best model (default: the file's name with .elman); of --compare and --curve an .html file.
    overwrite
        Replace what is there; trials are kept.
    """
    return with_settings(command, task)


for one in TASKS.values():
    tune.command(tune_command(one), name=one.name)


def run_tune(
    task: Task,
    file: Path,
    request: dict[str, Any],
    storage: str | None,
    *,
    out: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Search, judge, save and show."""
    from elman.tune import report
    from elman.tune.tuning import tune as search

    out = out or Path(f"{file.name.split('.')[0]}.elman")
    store.check_free(out, overwrite)
    storage = storage or str(out.with_name(f"{out.name.removesuffix('.elman')}.tune.db"))
    with _kept_in(storage):
        tuned = search(task, file, storage=storage, **request)
    found = tuned.to_json()
    page = report.tuned_page(tuned, file.name)
    tuned.model.save(out, overwrite=overwrite, beside={"tune.html": page.encode(), "tune.json": store.dump_json(found)})
    for note in tuned.notes:
        aside(note)
    _show_trials(tuned)
    show(tuned.model.evaluation_)
    say(f"[{COLOURS[tuned.good]}]{escape(tuned.sentence)}[/]")
    kept = shown(storage)
    say(f"\nSaved [bold]{escape(str(out))}[/]: open {escape(str(out / 'tune.html'))}; the trials are in {kept}")
    if as_json:
        emit({**found, "model": str(out), "storage": kept})


def run_join(task: Task, file: Path, request: dict[str, Any], *, as_json: bool) -> None:
    """Make trials for the search of another process."""
    from elman.tune.tuning import join

    with _kept_in(request["storage"]):
        trials = join(task, file, **request).trials
    storage = shown(request["storage"])
    say(f"{len(trials)} trials are in {escape(storage)}: the process that began the search judges them")
    if as_json:
        emit({"task": task.name, "trials": len(trials), "storage": storage})


@contextmanager
def _kept_in(storage: str | None) -> Iterator[None]:
    """However it is stopped, what was tried is kept."""
    left = f"the trials are kept in {shown(storage or '')}, and the same command goes on with them"
    try:
        yield
    except Stopped as stop:
        raise Stopped(stop.signal, left) from None
    except KeyboardInterrupt:
        raise ElmanError(f"stopped; {left}") from None


def run_measure(
    task: Task,
    file: Path,
    setting: str | None,
    request: dict[str, Any],
    *,
    out: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Compare the values of ``setting``, or draw the learning curve where it is None; write the page and show."""
    from elman.tune import report
    from elman.tune.comparison import compare
    from elman.tune.learning_curve import curve

    stem = f"{file.name.split('.')[0]}.{'curve' if setting is None else setting.partition('=')[0]}.html"
    out = out or Path(stem)
    if out.suffix != ".html":
        raise InputError(f"{out.name} does not end in .html, but a page is what is written: give another --out")
    check_file(out, overwrite)
    measured: Any
    if setting is None:
        measured = curve(task, file, **request)
        page = report.curve_page(measured, task.name, file.name, task.config().lang)
    else:
        measured = compare(task, file, setting, **request)
        page = report.comparison_page(measured, task.name, file.name, task.config().lang)
    with at_once(out) as staged:
        staged.write_text(page, encoding="utf-8")
    for note in measured.notes:
        aside(note)
    say(f"[{COLOURS[measured.good]}]{escape(measured.sentence)}[/]")
    say(f"\nSaved [bold]{escape(str(out))}[/]")
    if as_json:
        emit({"task": task.name, **measured.to_json(), "page": str(out)})


def _show_trials(tuned: Any) -> None:
    """The best few, for people."""
    names = [dimension.name for dimension in tuned.space]
    heads = ["trial", tuned.measure, *(name.replace("_", "\n") for name in names), "s"]
    table = Table(*map(escape, heads), box=None, pad_edge=False, header_style="bold")
    done = sorted((one for one in tuned.found.trials if one.score is not None), key=lambda one: one.score)
    for one in done[:SHOWN]:
        words = [one.words.get(name, "") for name in names]
        cells = [number(word) if isinstance(word, float) else str(word) for word in words]
        name = f"{one.number + 1}{' (default)' if one.default else ''}"
        table.add_row(name, number(one.score, 4), *cells, f"{one.seconds:.1f}", style="bold" if one is done[0] else "")
    people.print(table)
