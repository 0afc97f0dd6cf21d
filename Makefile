.DEFAULT_GOAL := help
.PHONY: help install demo test check chaos bench lock wheel clean
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
# The environment is made anew when the lock file changes.
INSTALLED := .venv/.installed

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

$(INSTALLED): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "headrace needs Python 3.11 or newer; $(PYTHON) is older: make PYTHON=/path/to/python3.11"; exit 2; }
	@echo "installing into .venv (about a minute the first time) ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

install: $(INSTALLED) ## make .venv from the lock file

demo: $(INSTALLED) ## local Kafka, Claude simulator and worker: 1,200 events before your eyes
	@$(BIN)/headrace demo

check: $(INSTALLED) ## format, lint, types, layers, unit and property tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/pytest -q -n 2 tests/unit tests/properties tests/architecture

# Tests of one file share brokers, workers and their order, so a file stays in one process.
test: check ## everything, on a real Kafka
	@$(BIN)/pytest -q -n 4 --dist loadfile --no-loadscope-reorder --ignore tests/unit --ignore tests/properties --ignore tests/architecture

chaos: $(INSTALLED) ## every fault that headrace promises to survive, one table (half an hour)
	@$(BIN)/python -m tests.chaos --seed 1

bench: $(INSTALLED) ## the measured numbers, as ratios in one run
	@$(BIN)/python bench/run.py

lock: ## renew the lock files; no index address is written
	@$(BIN)/pip-compile --quiet --strip-extras --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	  --no-emit-trusted-host --no-emit-options --allow-unsafe --upgrade --extra local --output-file requirements.lock pyproject.toml
	@$(BIN)/pip-compile --quiet --strip-extras --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	  --no-emit-trusted-host --no-emit-options --allow-unsafe --extra local --extra dev --constraint requirements.lock \
	  --output-file requirements-dev.lock pyproject.toml

wheel: $(INSTALLED) ## build dist/headrace-*.whl
	@$(BIN)/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

clean: ## remove the environment and caches
	@rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
