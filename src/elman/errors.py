"""What elman raises when the world is not as needed: one sentence with the value, the need and the remedy."""


class ElmanError(Exception):
    """Something went wrong while the work was under way (exit code 1)."""


class InputError(ElmanError, ValueError):
    """A file, a column, a value or an option is not usable as given (exit code 2)."""


class MissingDependency(ElmanError, ImportError):
    """An optional library is absent; the message is the command that installs it (exit code 2)."""


def reason(error: BaseException) -> str:
    """What a library said of a file, as a message shows it: its first line, cut where it is long."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0] if len(lines[0]) <= 200 else f"{lines[0][:200]}..."
