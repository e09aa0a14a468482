# `make demo` and `make test` are all a newcomer needs; each sets up what it uses.
PYTHON ?= python3
VENV := .venv
LIGHT := .venv-light
BIN := $(VENV)/bin
export OMP_NUM_THREADS ?= 1

.PHONY: setup demo test test-light lint bench bench-quantizers bench-layouts bench-big clean

setup: $(VENV)/.done

$(VENV)/.done: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

$(LIGHT)/.done: pyproject.toml constraints.txt
	@test -x $(LIGHT)/bin/python || $(PYTHON) -m venv $(LIGHT)
	$(LIGHT)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[eeg]' pytest hypothesis
	@touch $@

demo: setup
	$(BIN)/python -m signalpiece.apps.demo

test: setup lint
	$(BIN)/python -m pytest -n 2

test-light: $(LIGHT)/.done
	$(LIGHT)/bin/python -m pytest -c tests/light/pytest.ini tests/light

lint: setup
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/lint-imports
	$(BIN)/pyright

bench: setup
	$(BIN)/python -m benchmarks.speed

bench-quantizers: setup
	$(BIN)/python -m benchmarks.quantizers

bench-layouts: setup
	$(BIN)/python -m benchmarks.layouts

bench-big: setup
	$(BIN)/python -m benchmarks.big

clean:
	rm -rf $(VENV) $(LIGHT) build dist
