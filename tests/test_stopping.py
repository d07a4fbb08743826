"""SIGTERM and SIGHUP as an exception: raised once, in the main thread, with the exit code that a shell gives."""

import os
import signal
import threading

import pytest

from elman import stopping as page
from elman.cli import entry
from elman.stopping import Stopped, stopping


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_is_an_exception_with_its_exit_code(number, code):
    before = signal.getsignal(number)
    with pytest.raises(Stopped, match=f"stopped by {number.name}; nothing was written") as found, stopping():
        os.kill(os.getpid(), number)
    assert (found.value.signal, found.value.code) == (number, code)
    assert signal.getsignal(number) is before


def test_a_second_signal_does_not_interrupt_the_putting_away(monkeypatch):
    put_away = False
    with pytest.raises(Stopped) as found, stopping():
        try:
            os.kill(os.getpid(), signal.SIGHUP)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            put_away = True
    assert put_away
    assert found.value.signal == signal.SIGHUP
    # One long after it is a new wish: a putting away that hangs can be ended.
    monkeypatch.setattr(page, "AGAIN", 0.0)
    with pytest.raises(Stopped) as found, stopping():
        try:
            os.kill(os.getpid(), signal.SIGHUP)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
    assert found.value.signal == signal.SIGTERM


def test_what_is_ignored_or_handled_by_others_stays_so():
    heard = []
    term = signal.signal(signal.SIGTERM, lambda *_: heard.append("theirs"))
    hang_up = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup has it
    try:
        with stopping():
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGTERM)
        assert heard == ["theirs"]
    finally:
        signal.signal(signal.SIGTERM, term)
        signal.signal(signal.SIGHUP, hang_up)


def test_a_thread_that_is_not_the_main_one_goes_without():
    done = []

    def work():
        with stopping():
            done.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [signal.SIG_DFL]


def test_the_command_says_it_in_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr(entry, "app", lambda *_, **__: os.kill(os.getpid(), signal.SIGTERM))
    assert entry.run(["doctor"]) == 143
    assert capsys.readouterr().err == "elman: stopped by SIGTERM; nothing was written\n"
