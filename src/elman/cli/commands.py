"""The commands; those that have a page of their own are only named here."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.markup import escape

from elman.cli.answers import check_file, emit, one_line
from elman.cli.console import aside, people, say, show, show_times
from elman.cli.doctor import run_doctor
from elman.cli.explain import explain
from elman.cli.export import export
from elman.cli.flags import Json, Out, Overwrite, Quiet, with_settings
from elman.cli.imports import import_
from elman.cli.predict import predict
from elman.cli.serve import serve
from elman.cli.stream import stream
from elman.cli.trace import run_trace
from elman.cli.tune import tune
from elman.errors import InputError
from elman.explain.trace import Cell
from elman.tasks import store
from elman.tasks.base import Task, TaskConfig
from elman.tasks.checkpoints import Checkpoints, safe
from elman.tasks.doctor import examine
from elman.tasks.forecast import Forecaster
from elman.tasks.load import TASKS, load_task
from elman.train.plan import Plan
from elman.train.progress import Bar
from elman.train.world import ALONE, World, joined, restarted
from elman.version import __version__

CORES = os.cpu_count() or 1
app = App(
    name="elman",
    version=__version__,
    help="Recurrent networks made practical: from a file of sequences to a trained, honestly evaluated model.",
    console=Console(emoji=False),  # help and version are what was asked for
    error_console=people,
    suppress_keyboard_interrupt=False,
)
fit = App(
    name="fit",
    help="Train a model on a file, judge it beside its baselines, save it. --config FILE.toml holds flags as settings.",
)
app.command(fit)
app.command(tune)
app.command(serve)
app.command(predict)
app.command(explain)
app.command(stream)
app.command(export)
app.command(import_, name="import")


def fit_command(task: type[Task]) -> Callable[..., None]:
    """``elman fit TASK FILE``: the settings of the task's Config are the flags."""

    def command(
        file: Path,
        *,
        config: TaskConfig,
        valid: Path | None = None,
        test: Path | None = None,
        out: Out = None,
        overwrite: Overwrite = False,
        watch: Annotated[bool, Parameter(negative="")] = False,
        resume: Annotated[bool, Parameter(negative="")] = False,
        checkpoint_minutes: float = 5.0,
        json: Json = False,
        quiet: Quiet = False,
    ) -> None:
        out = out or beside(file)
        checkpoints = Checkpoints(
            Path(f"{out}.unfinished"),
            minutes=checkpoint_minutes,
            resume=resume or restarted(),
            overwrite=overwrite,
            told=aside,
        )
        with joined(config.device) as world:
            run_fit(
                task(**asdict(config)),
                file,
                valid=valid,
                test=test,
                out=out,
                overwrite=overwrite,
                inside=watch,
                as_json=json,
                quiet=quiet,
                checkpoints=checkpoints,
                world=world,
            )

    command.__doc__ = f"""{task.help}

    Parameters
    ----------
    file
        {task.file}
    valid
        A file that chooses when to stop, instead of a share of FILE.
    test
        A file that judges, instead of a share of FILE.
    out
        Directory of the model (default: the file's name with .elman).
    overwrite
        Replace a model that is there.
    watch
        Show while training how far the error comes back through time, in each layer.
    resume
        Go on with a fit that was interrupted, from what lies beside the model with the name .unfinished; where there
        is such, --overwrite speaks of the model alone.
    checkpoint_minutes
        Minutes between two checkpoints; 0 writes one only when the fit is stopped by Ctrl-C or SIGTERM.
    """
    return with_settings(command, task)


for task in TASKS.values():
    fit.command(fit_command(task), name=task.name)


@app.command
def refit(
    model: Path,
    file: Path,
    *,
    valid: Path | None = None,
    test: Path | None = None,
    out: Path,
    overwrite: Overwrite = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Repeat a recorded fit: the same settings, sizes and steps as MODEL, so with the same file the same bits.

    Parameters
    ----------
    model
        Directory of a saved model.
    file
        The file to learn from.
    valid
        A file that chooses when to stop.
    test
        A file that judges.
    out
        Directory of the new model.
    overwrite
        Replace a model that is there.
    """
    old = load_task(model)
    with joined(old.config_.device) as world:
        run_fit(
            type(old)(**asdict(old.config_)),
            file,
            valid=valid,
            test=test,
            out=out,
            overwrite=overwrite,
            as_json=json,
            quiet=quiet,
            plan=old.plan_,
            world=world,
        )


def run_fit(
    task: Task,
    file: Path,
    *,
    valid: Path | None = None,
    test: Path | None = None,
    out: Path | None,
    overwrite: bool,
    inside: bool = False,
    as_json: bool,
    quiet: bool,
    plan: Plan | None = None,
    checkpoints: Checkpoints | None = None,
    world: World = ALONE,
) -> None:
    """Fit, save and show: what every command that makes a model does. Of several processes the first one shows."""
    out = out or beside(file)
    with world.all_or_none():
        if checkpoints is not None and world.first:
            checkpoints.check()
            overwrite = overwrite or checkpoints.goes_on()  # what is in the way by now is its own
        if world.first:
            store.check_free(out, overwrite)
    began = time.perf_counter()
    watch = (lambda event: None) if quiet else Bar(people, inside=inside)
    task.fit(
        file,
        valid=valid,
        test=test,
        plan=plan,
        look="always" if inside else "ends",
        watch=watch,
        checkpoints=checkpoints,
        world=world,
    )
    if not world.first:
        return
    with safe(checkpoints):
        task.save(out, overwrite=overwrite)
    if checkpoints is not None:
        checkpoints.done()
    for note in task.notes_:
        aside(note)
    for finding in task.diagnose():
        if finding.kind == "problem":
            aside(f"WARNING: {finding}")
    show(task.evaluation_)
    say(f"\nSaved [bold]{escape(str(out))}[/]: open {escape(str(out / 'report.html'))}, or")
    hints = [(f"elman {arguments.format(out)}", gives) for arguments, gives in task.hints()]
    for line, gives in hints:
        say(f"  {escape(line.ljust(max(len(other) for other, _ in hints)))}   {escape(gives)}")
    if as_json:
        seconds = round(time.perf_counter() - began, 3)
        judged = task.evaluation_.to_json() if task.evaluation_ else {"task": task.name}
        emit({**judged, "seconds": seconds, "model": str(out)})


def beside(file: Path) -> Path:
    """Where a model is written if nobody says where."""
    return Path(f"{file.name.split('.')[0]}.elman")


@app.command
def evaluate(model: Path, file: Path | None = None, *, json: Json = False) -> None:
    """Score a model beside its baselines: on FILE, or as recorded when it was fitted.

    Parameters
    ----------
    model
        Directory of a saved model.
    file
        New data; of a series, rows that the fit has seen are not judged.
    """
    evaluation = load_task(model).evaluate(file)
    for note in evaluation.notes:
        aside(note)
    show(evaluation)
    if json:
        emit(evaluation.to_json())


@app.command(name="trace")
def trace_command(
    *,
    cell: Cell = "rnn",
    inputs: Annotated[tuple[float, ...], Parameter(consume_multiple=True, negative="")] = (1, 0, 1, 1, 0),
    weights: Path | None = None,
    out: Out = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Work a small network out by hand: each step's gates and states, with the numbers in their equations.

    Parameters
    ----------
    cell
        rnn, lstm or gru.
    inputs
        The numbers that it reads, one a step.
    weights
        A JSON object of lists: W and U, a number a gate in torch's order (of several units and features a list a row),
        and if wanted b, V, d and x. When left out, every W is 0.5, every U 0.8, and the answer is h.
    out
        Draw the states here (.svg).
    overwrite
        Replace a file that is there.
    """
    check_file(out, overwrite)
    run_trace(cell, inputs, weights, out, json)


@app.command
def doctor(model: Path | None = None, *, json: Json = False) -> None:
    """Say what is wrong with how a model learnt and what to change; without MODEL what is installed here and will run.

    Parameters
    ----------
    model
        Directory of a saved model.
    """
    if model is not None:
        run_doctor(model, json)
        return
    report = examine()
    if json:
        emit(report)
        return
    for section, facts in report.items():
        say(f"[bold]{section}[/]")
        for name, value in facts.items():
            say(f"  {name}: {escape(str(value))}")


@app.command
def bench(
    *,
    only: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative="", show_default=False)] = (),
    threads: Annotated[tuple[float, ...], Parameter(consume_multiple=True, negative="")] = (1, 2)[:CORES],
    seconds: float = 4.0,
    out: Out = None,
    overwrite: Overwrite = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Time the layers here, beside torch's and ONNX Runtime's and beside what the machine could do.

    Parameters
    ----------
    only
        Workloads by name, or by a part of it: "lstm train", scan.
    threads
        Numbers of threads, each measured by itself.
    seconds
        Time for each workload and number of threads; slow ones take longer, for 15 rounds.
    out
        Write the JSON object here as well.
    overwrite
        Replace a file that is there.
    """
    from elman.bench import bench as measure
    from elman.bench import chosen

    for count in threads or (0,):
        if count % 1 or not 1 <= count <= CORES:
            raise InputError(f"--threads must be whole numbers from 1 to the {CORES} cores here, but holds {count:g}")
    if not 0 < seconds < float("inf"):
        raise InputError(f"--seconds must be a number above 0, but is {seconds:g}")
    check_file(out, overwrite)
    measured = measure(
        chosen(only),
        threads=tuple(map(int, threads)),
        seconds=seconds,
        watch=(lambda text: None) if quiet else aside,
    )
    if out is not None:
        out.write_text(one_line(measured.to_json()), encoding="utf-8")
    if json:
        emit(measured.to_json())
    else:
        show_times(measured)


@app.command
def demo(
    *,
    out: Path = Path("demo"),
    minutes: float = 1.0,
    overwrite: Overwrite = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Forecast two weeks of daily temperatures in Seattle, from data that an installed package carries.

    Parameters
    ----------
    out
        Directory to write into.
    minutes
        Time budget.
    overwrite
        Replace an earlier demo.
    """
    from elman.tasks.demo import weather

    file = weather()
    say("Seattle, daily weather of 2012 to 2015 (package vega_datasets): the highest temperatures of the next 14 days.")
    aside(f"elman fit forecast {file.name} --target temp_max --horizon 14 --minutes {minutes:g}")
    task = Forecaster(target="temp_max", horizon=14, minutes=minutes)
    run_fit(task, file, out=out, overwrite=overwrite, as_json=json, quiet=quiet)
