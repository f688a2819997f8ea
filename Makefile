# make run: the pipeline on the embedded model. make test: lint, types, tests. Both do all the set-up.
# make test-train: training on a processor (installs torch); last run 2026-11-22. make test-heavy: long integration
# tests; last run 2026-11-22.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp

.PHONY: run test test-heavy test-train lint types tests clean
.DELETE_ON_ERROR:

run: $(STAMP)-local
	$(BIN)/reasonmed run examples/questions.json --limit 3

test: lint types tests

lint: $(STAMP)-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)-dev
	$(BIN)/mypy

tests: $(STAMP)-dev
	$(BIN)/pytest -n auto --dist loadfile --ignore tests/heavy

test-heavy: $(STAMP)-dev
	$(BIN)/pytest -s tests/heavy

test-train: $(STAMP)-train
	REASONMED_TRAIN_EMBEDDED=1 OMP_NUM_THREADS=1 $(BIN)/pytest tests/training

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "reasonmed needs Python 3.11 or newer; say which with: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(STAMP)-local: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[local]'
	@touch $@

$(STAMP)-dev: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[local,dev]'
	@touch $@

$(STAMP)-train: $(STAMP)-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[train]' 'torch==2.13.0'
	@touch $@

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache
