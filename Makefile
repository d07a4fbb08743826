# Everything runs in .venv; each target makes what it needs first.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check check-slow bench clean

# torch comes first and alone: 2.13.0 is the version tested, and later installs then keep it.
.venv/done: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "elman needs Python 3.11 or newer; call make with PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

demo: .venv/done
	$(BIN)/elman demo --out demo --overwrite

test: .venv/done
	$(BIN)/python -m pytest -m 'not slow' -n 2

check: .venv/done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check-slow: check test
	$(BIN)/python -m pytest -m slow

bench: .venv/done
	$(BIN)/python benchmarks/stock_program.py
	$(BIN)/python benchmarks/forecast.py

clean:
	rm -rf .venv demo build dist
