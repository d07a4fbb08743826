"""An end asked for from outside, by SIGTERM or SIGHUP, as an exception: what is under way can be put away first."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = ("SIGTERM", "SIGHUP")  # Windows has no SIGHUP
NOTHING = "nothing was written"
AGAIN = 10.0  # seconds in which the same wish, sent twice, counts once: a shell and its terminal both hang up


class Stopped(KeyboardInterrupt):
    """The process was asked to end. ``left`` says what is there now, ``code`` is a shell's: 128 + ``signal``."""

    def __init__(self, number: int, left: str = NOTHING) -> None:
        self.signal, self.left = int(number), left
        super().__init__(f"stopped by {signal.Signals(number).name}; {left}")

    @property
    def code(self) -> int:
        return 128 + self.signal


class Held:
    """What was asked for while it could not be done: ``stopped``, if anything."""

    def __init__(self) -> None:
        self.stopped: Stopped | None = None
        self.open = False  # whether to stop at once

    def stop(self) -> None:
        """Stop now, if that was asked for."""
        if self.stopped is not None:
            raise self.stopped

    @contextmanager
    def now(self) -> Iterator[None]:
        """In this block a wish to stop is granted at once."""
        self.open = True
        try:
            self.stop()
            yield
        finally:
            self.open = False


_holding: list[Held] = []  # the last one holds


@contextmanager
def held() -> Iterator[Held]:
    """In this block a wish to stop, Ctrl-C as well, waits until it is asked after: what must not be halved is not."""
    found = Held()

    def interrupt(number: int, _: object) -> None:
        _stop(number)

    main = threading.current_thread() is threading.main_thread()
    own = main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    _holding.append(found)
    try:
        if own:
            signal.signal(signal.SIGINT, interrupt)
        yield found
    finally:
        _holding.remove(found)
        if own:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _stop(number: int) -> None:
    """Raise Stopped, or note it where it is held back; whoever asks a second time is not put off."""
    stopped = Stopped(number)
    holding = _holding[-1] if _holding else None
    second = holding is not None and holding.stopped is not None
    if holding is not None:
        holding.stopped = stopped
    if holding is None or holding.open or second:
        raise stopped


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
            _stop(number)

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
