"""The command ``elman``: what is for people goes to stderr, what is for programs (--json) to stdout."""

from elman.cli.entry import main, run

__all__ = ["main", "run"]
