# Everything runs in .venv; each target makes what it needs first.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo native test check check-slow sanitize fuzzer bench clean

# torch comes first and alone: 2.13.0 is the version tested, and later installs then keep it.
# The native kernels are left to `native`.
.venv/done: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "elman needs Python 3.11 or newer; call make with PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]' \
		--config-settings=wheel.cmake=false
	touch $@

# Without a C++ compiler the demo runs on torch's kernels.
demo: .venv/done
	-$(MAKE) native
	$(BIN)/elman demo --out demo --overwrite

# Needs GCC or Clang; compiles only what has changed, and puts the libraries beside src/elman/kernels/library.py.
native: .venv/done
	$(BIN)/cmake --log-level=WARNING -S . -B build/native
	$(BIN)/cmake --build build/native --parallel 2

test: native
	$(BIN)/python -m pytest -m 'not slow' -n 2

check: .venv/done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check-slow: check test sanitize fuzzer
	$(BIN)/python -m pytest -m slow

# Every test of the kernels once more on libraries that stop at the first wrong address or undefined operation (GCC).
# Without libstdc++ beside it the sanitizer stops at the first exception that torch throws, for it cannot find the thrower.
sanitize: .venv/done
	$(BIN)/cmake --log-level=WARNING -S . -B build/sanitize -DELMAN_OUTPUT=$(CURDIR)/build/sanitize/libraries \
		-DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_CXX_FLAGS="-fsanitize=address,undefined -fno-sanitize-recover=all"
	$(BIN)/cmake --build build/sanitize --parallel 2
	ELMAN_NATIVE_DIR=$(CURDIR)/build/sanitize/libraries ASAN_OPTIONS=detect_leaks=0 \
		LD_PRELOAD="$$(c++ -print-file-name=libasan.so) $$(c++ -print-file-name=libstdc++.so)" $(BIN)/python -m pytest -m 'not slow' -n 2 tests/kernels

# Each parser is fuzzed for a minute (ELMAN_FUZZ_SECONDS) where atheris has a wheel; elsewhere those tests are skipped.
fuzzer: .venv/done
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: atheris

bench: native
	$(BIN)/python benchmarks/kernels.py
	$(BIN)/python benchmarks/stock_program.py
	$(BIN)/python benchmarks/forecast.py
	$(BIN)/python benchmarks/text.py

clean:
	rm -rf .venv demo build dist src/elman/kernels/_native_*
