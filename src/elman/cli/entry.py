"""One run of the command: arguments in, exit code out, every failure said in one sentence."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import cyclopts

from elman.cli.answers import narrow
from elman.cli.arguments import whole_numbers, with_config, with_medium
from elman.cli.commands import app
from elman.cli.console import fail
from elman.errors import ElmanError, InputError, MissingDependency
from elman.stopping import Stopped, stopping

FULL = "there is not enough memory: give fewer or shorter rows, or a smaller --batch-size or --ram"


def run(tokens: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 1 failed while running, 2 wrong use or wrong input.

    128 and more are those of a signal, 143 that of SIGTERM.
    """
    arguments = list(sys.argv[1:] if tokens is None else tokens)
    _widen(sys.stdout)
    try:
        arguments = whole_numbers(with_config(with_medium(arguments)))
        with stopping():
            app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except cyclopts.CycloptsError as error:
        return fail(_usage(error), 2)
    except (InputError, MissingDependency) as error:
        return fail(str(error), 2)
    except ElmanError as error:
        return fail(str(error), 1)
    except Stopped as stop:
        return fail(str(stop), stop.code)
    except KeyboardInterrupt:
        return fail("stopped; nothing was written", 1)
    except BrokenPipeError:
        return 1
    except MemoryError:
        return fail(FULL, 1)
    except RuntimeError as error:
        if "DefaultCPUAllocator" not in str(error):  # how torch says the same
            raise
        return fail(FULL, 1)
    except OSError as error:
        return fail(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}", 1)
    return 0


def _widen(stream: Any) -> None:
    """A stream of few letters, as a pipe on Windows, gets UTF-8; where few were asked for, escapes for the others."""
    if hasattr(stream, "reconfigure") and narrow(stream):
        stream.reconfigure(
            **({"errors": "backslashreplace"} if "PYTHONIOENCODING" in os.environ else {"encoding": "utf-8"})
        )


def _usage(error: cyclopts.CycloptsError) -> str:
    """The library's message, its cause first where a setting was refused by its dataclass."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, InputError):
            return str(cause)
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, cyclopts.MissingArgumentError) and error.keyword is None and error.argument is not None:
        # Nobody who left it out wrote the name without its argument, as the library would have it.
        return f"{' '.join(error.command_chain or ())} needs {error.argument.name}, which is missing: give it"
    return " ".join(str(error).split())


def main() -> NoReturn:
    code = run()
    # Python would look for cycles among all objects of all libraries before it ends: seconds of a busy machine, for
    # memory that the system takes back at once. A process that was asked to end is given few.
    gc.freeze()
    sys.exit(code)
