"""What elman raises when the world is not as needed: one sentence with the value, the need and the remedy."""


class ElmanError(Exception):
    """Something went wrong while the work was under way (exit code 1)."""


class InputError(ElmanError, ValueError):
    """A file, a column, a value or an option is not usable as given (exit code 2)."""


class MissingDependency(ElmanError, ImportError):
    """An optional library is absent; the message is the command that installs it (exit code 2)."""
