# make run: the pipeline on the embedded model. make test: lint, types, tests. Both do all the set-up.
# make test-train: training on a processor (installs torch); last run 2026-11-26, 20 minutes beside other work.
# make test-heavy: long integration tests; last run as a whole 2026-11-22.
# Tests in a browser need chromium (Debian: apt-get install chromium); without it they are skipped, with a line.
# make coverage: the tests of make test again, with a table of the lines that none of them reaches.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
HEAVY := tests/heavy tests/evaluation/test_hub.py tests/cli/test_long_runs.py tests/runs/test_odd_selftest.py \
	tests/runs/test_agents_options.py tests/hostile/test_repeated_keys.py
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check
WORKERS = $(shell $(BIN)/python -c 'import os; print((os.cpu_count() or 1) + 1)')
LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	--custom-compile-command 'make lock'

.PHONY: run test test-heavy test-train coverage lint types tests lock clean
.DELETE_ON_ERROR:

run: $(STAMP)-local
	$(BIN)/reasonmed run examples/questions.json --limit 6 --max-failures 6

test: lint types tests

lint: $(STAMP)-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)-dev
	$(BIN)/mypy

tests: $(STAMP)-dev
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(addprefix --ignore ,$(HEAVY))

test-heavy: $(STAMP)-dev
	REASONMED_EVERY_STEP=1 $(BIN)/pytest -s $(HEAVY) tests/hostile tests/runs/test_durability.py \
		tests/runs/test_resume.py tests/parsing/test_order.py tests/test_bench.py tests/pipeline/judging/test_mutations.py

test-train: $(STAMP)-train
	REASONMED_TRAIN_EMBEDDED=1 OMP_NUM_THREADS=1 $(BIN)/pytest tests/training

coverage: $(STAMP)-dev
	$(PIP) 'coverage>=7.10,<8'
	$(BIN)/coverage run -m pytest $(or $(TESTS),$(addprefix --ignore ,$(HEAVY)))
	$(BIN)/coverage report

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "reasonmed needs Python 3.11 or newer; say which with: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(STAMP)-local: $(BIN)/python pyproject.toml requirements-run.lock
	$(PIP) --require-hashes -r requirements-run.lock
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(STAMP)-dev: $(BIN)/python pyproject.toml requirements.lock
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(STAMP)-train: $(STAMP)-dev
	$(PIP) -e '.[train]' 'torch==2.13.0'
	@touch $@

lock:  # the exact packages that make installs, with hashes; needs uv
	$(LOCK) --extra local --extra dev -o requirements.lock pyproject.toml
	echo 'hatchling\neditables' | $(LOCK) --extra local -c requirements.lock -o requirements-run.lock pyproject.toml -

clean:
	rm -rf $(VENV) build dist .coverage* .mypy_cache .pytest_cache .ruff_cache
