"""An end asked for from outside, by SIGTERM or SIGHUP, as an exception: what is under way can be put away first."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = ("SIGTERM", "SIGHUP")  # Windows has no SIGHUP
AGAIN = 10.0  # seconds in which the same wish, sent twice, counts once: a shell and its terminal both hang up


class Stopped(KeyboardInterrupt):
    """The process was asked to end. ``left`` says what is there now, ``code`` is a shell's: 128 + ``signal``."""

    def __init__(self, number: int, left: str = "nothing was written") -> None:
        self.signal, self.left = int(number), left
        super().__init__(f"stopped by {signal.Signals(number).name}; {left}")

    @property
    def code(self) -> int:
        return 128 + self.signal


@contextmanager
def stopping() -> Iterator[None]:
    """In this block SIGTERM and SIGHUP raise Stopped, in the main thread.

    One that somebody else handles, or that ``nohup`` ignores, is left so. One that follows within ``AGAIN`` seconds is
    passed over: it would interrupt the putting away.
    """
    last = -AGAIN

    def stop(number: int, _: object) -> None:
        nonlocal last
        if time.monotonic() - last >= AGAIN:
            last = time.monotonic()
            raise Stopped(number)

    main = threading.current_thread() is threading.main_thread()
    numbers = [getattr(signal, name) for name in SIGNALS if main and hasattr(signal, name)]
    numbers = [number for number in numbers if signal.getsignal(number) == signal.SIG_DFL]
    try:
        for number in numbers:
            signal.signal(number, stop)
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)
