"""One run of the command, in a folder of its own: what it printed, what it refused, and what it left behind."""

import os
import shutil
import subprocess
import sys

import pytest

from elman.cli import run


@pytest.fixture
def here(made, tmp_path, monkeypatch):
    """A working folder with a copy of what the page's ``made`` holds."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def printed(capsys):
    def succeed(*arguments):
        """Run what must succeed; returns its stdout."""
        capsys.readouterr()
        assert run([str(argument) for argument in arguments]) == 0
        return capsys.readouterr().out

    return succeed


@pytest.fixture
def refused(here, capsys):
    def content():
        return {path: path.read_bytes() if path.is_file() else None for path in here.rglob("*")}

    def fail(*arguments, code=2):
        """Run what must fail; returns what it said: one sentence, no traceback, stdout empty, no file changed."""
        before = content()
        capsys.readouterr()
        assert run([str(argument) for argument in arguments]) == code
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("elman: ")
        assert err.count("\n") == 1
        assert err.endswith("\n")
        assert "Traceback" not in err
        assert content() == before
        return err

    return fail


@pytest.fixture
def command(here):
    def start(*arguments):
        """Run the command in a process of its own."""
        return subprocess.run(
            [sys.executable, "-c", "from elman.cli import main; main()", *arguments],
            cwd=here,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return start
