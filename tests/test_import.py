"""The public names, and what importing them costs."""

import subprocess
import sys

import pytest

import elman


def test_public_names():
    assert sorted(elman.__all__) == dir(elman)
    assert len(elman.__all__) <= 25
    for name in elman.__all__:
        assert getattr(elman, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Forcaster'"):
        elman.Forcaster  # noqa: B018


def test_names_are_the_objects_of_their_pages():
    from elman.tasks.forecast import Forecaster
    from elman.tasks.load import load

    assert elman.Forecaster is Forecaster
    assert elman.load is load
    assert issubclass(elman.InputError, elman.ElmanError)
    assert issubclass(elman.InputError, ValueError)


def test_importing_loads_no_frames_plots_or_terminal():
    heavy = ["polars", "sklearn", "matplotlib", "rich", "cyclopts", "narwhals", "pandas", "pyarrow", "jinja2"]
    code = f"import sys, elman; print(*[name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == ""


def test_the_package_runs_as_the_command():
    done = subprocess.run([sys.executable, "-m", "elman", "--version"], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout.strip()) == (0, elman.__version__)
