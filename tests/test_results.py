"""README quotes the recorded results, and the example runs."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def script(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tables_of_readme_are_those_of_the_results():
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert script(ROOT / "benchmarks" / "table.py").filled(page) == page, "run: python benchmarks/table.py"


def test_the_example_runs(capsys):
    pytest.importorskip("vega_datasets")
    script(ROOT / "examples" / "forecast.py").main(minutes=0.1)
    assert "weights.safetensors" in capsys.readouterr().out
