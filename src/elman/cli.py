"""The command ``elman``: what is for people goes to stderr, what is for programs (--json) to stdout."""

from __future__ import annotations

import json
import os
import re
import sys
import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import MISSING, asdict, fields
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, get_type_hints

import cyclopts
from cyclopts import App, Parameter
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from elman.data.frames import WRITTEN, as_csv, write_frame
from elman.errors import ElmanError, InputError, MissingDependency
from elman.evaluate.evaluation import Evaluation
from elman.evaluate.wording import number, percent
from elman.tasks import store
from elman.tasks.base import Task, TaskConfig
from elman.tasks.doctor import examine
from elman.tasks.forecast import Forecaster
from elman.tasks.generate import Generator
from elman.tasks.load import TASKS, load
from elman.train.progress import Bar
from elman.version import __version__

if TYPE_CHECKING:
    from elman.bench import Measured

CORES = os.cpu_count() or 1
people = Console(stderr=True, emoji=False)
app = App(
    name="elman",
    version=__version__,
    help="Recurrent networks made practical: from a file of sequences to a trained, honestly evaluated model.",
    console=people,
    error_console=people,
    suppress_keyboard_interrupt=False,
)
fit = App(
    name="fit",
    help="Train a model on a file, judge it beside its baselines, save it. --config FILE.toml holds flags as settings.",
)
app.command(fit)

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print one JSON object on stdout.")]
Quiet = Annotated[bool, Parameter(name=["--quiet", "-q"], negative="", help="No progress.")]
Out = Annotated[Path | None, Parameter(name="--out")]
Overwrite = Annotated[bool, Parameter(negative="")]


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
        json: Json = False,
        quiet: Quiet = False,
    ) -> None:
        settings = {f.name: getattr(config, f.name) for f in fields(config)}
        run_fit(
            task(**settings),
            file,
            valid=valid,
            test=test,
            out=out,
            overwrite=overwrite,
            as_json=json,
            quiet=quiet,
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
    """
    # A setting inherited from another module names its type in words of that module; the library would not find them.
    task.Config.__init__.__annotations__ = get_type_hints(task.Config)
    command.__annotations__["config"] = Annotated[task.Config, Parameter(name="*", consume_multiple=True)]
    if all(f.default is not MISSING for f in fields(task.Config)):
        assert command.__kwdefaults__ is not None
        command.__kwdefaults__["config"] = task.Config()
    return command


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
    old = load(model)
    task = type(old)(**asdict(old.config_))
    run_fit(
        task,
        file,
        valid=valid,
        test=test,
        out=out,
        overwrite=overwrite,
        as_json=json,
        quiet=quiet,
        plan=old.plan_,
    )


def run_fit(
    task: Task,
    file: Path,
    *,
    valid: Path | None,
    test: Path | None,
    out: Path | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    plan: Any = None,
) -> None:
    out = out or Path(f"{file.name.split('.')[0]}.elman")
    store.check_free(out, overwrite)
    began = time.perf_counter()
    task.fit(file, valid=valid, test=test, plan=plan, watch=(lambda event: None) if quiet else Bar(people))
    task.save(out, overwrite=overwrite)
    for note in task.notes_:
        say(f"[dim]{escape(note)}[/]")
    show(task.evaluation_)
    say(f"\nSaved [bold]{escape(str(out))}[/]: open {escape(str(out / 'report.html'))}, or")
    hints = [(f"elman {arguments.format(out)}", gives) for arguments, gives in task.after]
    for line, gives in hints:
        say(f"  {escape(line.ljust(max(len(other) for other, _ in hints)))}   {escape(gives)}")
    if as_json:
        seconds = round(time.perf_counter() - began, 3)
        judged = task.evaluation_.to_json() if task.evaluation_ else {"task": task.name}
        emit({**judged, "seconds": seconds, "model": str(out)})


@app.command
def evaluate(model: Path, file: Path | None = None, *, json: Json = False) -> None:
    """Score a model beside its baselines: on FILE, or as recorded when it was fitted.

    Parameters
    ----------
    model
        Directory of a saved model.
    file
        New data; rows that the fit has seen are not judged.
    """
    evaluation = load(model).evaluate(file)
    for note in evaluation.notes:
        say(f"[dim]{escape(note)}[/]")
    show(evaluation)
    if json:
        emit(evaluation.to_json())


@app.command
def predict(
    model: Path,
    source: str | None = None,
    *,
    prompt: str | None = None,
    length: int | None = None,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    out: Out = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """What a model says: the next values, the labels of a text or a file, or the text that goes on from a prompt.

    Parameters
    ----------
    model
        Directory of a saved model.
    source
        A file, or one text for a model of texts; a forecaster goes on from its own data without one.
    prompt
        Text to go on from (generators).
    length
        Characters, words or other symbols to write (generators; 500 when left out).
    temperature
        Below 1 likelier and duller, above 1 wilder; 0 takes the likeliest each time (generators; 0.8 when left out).
    top_k
        Draw from the so many likeliest symbols alone (generators).
    top_p
        Draw from the fewest symbols that hold this share of the probability (generators).
    seed
        The same text each time (generators).
    out
        Write here (.csv, .tsv, .parquet, .jsonl; .txt for generated text) instead of printing.
    overwrite
        Replace a file that is there.
    """
    check_file(out, overwrite)
    task = load(model)
    drawing = {
        "prompt": prompt,
        "length": length,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "seed": seed,
    }
    drawing = {name: value for name, value in drawing.items() if value is not None}
    if isinstance(task, Generator):
        if source is not None:
            raise InputError(
                f"this model writes text, and {source!r} is no option of it: give the beginning as --prompt"
            )
        write_text(task, drawing, out, json)
        return
    if drawing:
        raise InputError(
            f"--{next(iter(drawing)).replace('_', '-')} is for generators, but {model} is a {task.name} model"
        )
    if out is not None and out.suffix not in WRITTEN:
        raise InputError(
            f"{out.name} ends in {out.suffix!r}, but {', '.join(WRITTEN)} can be written: give another --out"
        )
    write_table(task.predict(source), out, json)


def write_text(task: Generator, drawing: dict[str, Any], out: Path | None, as_json: bool) -> None:
    """Generated text, printed as it comes."""
    pieces = task.stream(**drawing)
    unknown = task.unknown(drawing.get("prompt", ""))
    if unknown:
        say(f"[yellow]The model does not know {escape(', '.join(map(repr, unknown)))} of the prompt.[/]")
    if out is not None or as_json:
        text = "".join(pieces)
        if out is not None:
            out.write_text(text, encoding="utf-8")
            say(f"Wrote {len(text):,} characters to {escape(str(out))}")
        if as_json:
            emit({"prompt": drawing.get("prompt", ""), "text": text})
        return
    sys.stdout.write(drawing.get("prompt", ""))
    for at, piece in enumerate(pieces):
        sys.stdout.write(piece)
        if at % 8 == 0 or sys.stdout.isatty():
            sys.stdout.flush()
    sys.stdout.write("\n")


def write_table(frame: Any, out: Path | None, as_json: bool) -> None:
    """A frame, printed as CSV or written."""
    if out is not None:
        write_frame(frame, out)
        say(f"Wrote {frame.height} rows to {escape(str(out))}")
    if as_json:
        emit(
            {
                "rows": [
                    {k: v.isoformat() if hasattr(v, "isoformat") else v for k, v in row.items()}
                    for row in frame.to_dicts()
                ]
            }
        )
    elif out is None:
        sys.stdout.write(as_csv(frame))


@app.command
def doctor(*, json: Json = False) -> None:
    """Say what is installed, which kernels run, and what would not work here."""
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
        watch=(lambda text: None) if quiet else (lambda text: say(f"[dim]{escape(text)}[/]")),
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
    say(f"[dim]elman fit forecast {escape(file.name)} --target temp_max --horizon 14 --minutes {minutes:g}[/]")
    task = Forecaster(target="temp_max", horizon=14, minutes=minutes)
    run_fit(task, file, valid=None, test=None, out=out, overwrite=overwrite, as_json=json, quiet=quiet)


def show(evaluation: Evaluation | None) -> None:
    """The table for people, on stderr."""
    if evaluation is None:
        say("Not judged: no part of the data was held out.")
        return
    head, rows = evaluation.table()
    table = Table(*(escape(name.replace("_", "\n")) for name in head), box=None, pad_edge=False, header_style="bold")
    table.columns[0].no_wrap = True
    for column in table.columns[1:]:
        column.justify = "right"
    for at, row in enumerate(rows):
        cells = ["" if cell is None else cell if isinstance(cell, str) else number(cell) for cell in row]
        table.add_row(*cells, style="bold" if at == 0 else "")
    people.print(table)
    colour = {True: "green", False: "red", None: "yellow"}[evaluation.good]
    say(f"[{colour}]{escape(evaluation.verdict)}[/]")


def show_times(measured: Measured) -> None:
    """How often elman's time goes into each peer's, a row each, and which kernels made it, on stderr."""
    peers = list(dict.fromkeys(peer for row in measured.rows for peer in row.ratio))
    heads = (peer.replace(" ", "\n") for peer in peers)
    table = Table("workload", "threads", "ms", *heads, "limit", box=None, pad_edge=False, header_style="bold")
    for column in table.columns[1:]:
        column.justify, column.no_wrap = "right", True
    for row in measured.rows:
        ratios = [f"{row.ratio[peer]:.2f}x" if peer in row.ratio else "" for peer in peers]
        table.add_row(row.workload, str(row.threads), number(row.ms), *ratios, percent(row.limit_share))
    people.print(table)
    for note in measured.notes:
        say(f"[dim]{escape(note)}[/]")
    say("ms: elman's median; 2.00x: the peer takes twice as long; limit: the share of what the machine could do.")
    say(f"Kernels: {escape(measured.machine['library'])}")


def say(text: str) -> None:
    """One line for people; only a terminal gets it folded, for a file or a pipe keeps lines whole."""
    people.print(text, soft_wrap=not people.is_terminal)


def emit(value: Any) -> None:
    sys.stdout.write(one_line(value))


def one_line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n"


def check_file(out: Path | None, overwrite: bool) -> None:
    """Raise InputError unless a file may be written here: before the work, not after it."""
    if out is None:
        return
    if out.is_dir():
        raise InputError(f"{out} is a folder, but a file is needed: give another --out")
    if out.exists() and not overwrite:
        raise InputError(f"{out} exists: give another --out, or --overwrite to replace it")
    if not out.parent.is_dir():
        raise InputError(
            f"there is no directory {out.parent} to write {out.name} into: create it, or give another --out"
        )


def with_config(arguments: list[str]) -> list[str]:
    """Replace ``--config FILE.toml`` by the flags it stands for; flags on the command line win."""
    at = next((i for i, token in enumerate(arguments) if token.split("=")[0] == "--config"), None)
    if at is None:
        return arguments
    joined, rest = "=" in arguments[at], arguments[:at]
    named = arguments[at].partition("=")[2:] if joined else arguments[at + 1 : at + 2]
    if not named or not named[0]:
        raise InputError("--config needs the name of a TOML file")
    rest += arguments[at + (1 if joined else 2) :]
    path = Path(named[0])
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"there is no file {path} for --config: check the name and the folder") from None
    except OSError as error:
        raise InputError(f"cannot read {path} for --config ({error.strerror}): give a TOML file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path} is not readable as TOML ({error}): correct it") from None
    given = {token.split("=")[0].replace("--no-", "--", 1) for token in rest}
    flags: list[str] = []
    for name, value in settings.items():
        flag = f"--{name.replace('_', '-')}"
        if flag in given:
            continue
        if isinstance(value, bool):
            flags.append(flag if value else flag.replace("--", "--no-", 1))
        else:
            flags += [f"{flag}={item}" for item in (value if isinstance(value, list) else [value])]
    return rest + flags


def whole_numbers(arguments: list[str]) -> list[str]:
    """Refuse a fraction where a whole number is needed: the library would round it without a word."""
    settings = [f for task in TASKS.values() for f in fields(task.Config)]
    whole = {f"--{f.name.replace('_', '-')}" for f in settings if str(f.type).split(" ")[0] == "int"}
    whole |= {"--length", "--top-k"}
    for flag, _, value in (token.partition("=") for token in [*arguments, *map("=".join, pairwise(arguments))]):
        if flag in whole and re.fullmatch(r"-?\d*\.\d+|-?\d+\.", value):
            raise InputError(f"{flag} must be a whole number, but is {value}")
    return arguments


def run(tokens: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 1 failed while running, 2 wrong use or wrong input."""
    arguments = list(sys.argv[1:] if tokens is None else tokens)
    try:
        app(whole_numbers(with_config(arguments)), exit_on_error=False, print_error=False, result_action="return_value")
    except cyclopts.CycloptsError as error:
        return fail(_usage(error), 2)
    except (InputError, MissingDependency) as error:
        return fail(str(error), 2)
    except ElmanError as error:
        return fail(str(error), 1)
    except KeyboardInterrupt:
        return fail("stopped; nothing was written", 1)
    except BrokenPipeError:
        return 1
    except OSError as error:
        return fail(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}", 1)
    return 0


def _usage(error: cyclopts.CycloptsError) -> str:
    """The library's message, its cause first where a setting was refused by its dataclass."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, InputError):
            return str(cause)
        cause = cause.__cause__ or cause.__context__
    return " ".join(str(error).split())


def fail(message: str, code: int) -> int:
    people.print(f"[bold red]elman:[/] {escape(message)}", highlight=False, soft_wrap=True)
    return code


def main() -> NoReturn:
    sys.exit(run())
