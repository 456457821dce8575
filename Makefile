# Everything a fresh machine needs: Python 3.11 or 3.12 and make.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONPATH := $(CURDIR)
# uv does not read pip's own settings; hand the one over that offline mirrors rely on.
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)

.PHONY: help setup check test test-long run night models bench
help: ## every target with one line
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 12

setup: $(VENV)/.installed ## create .venv and install the pinned requirements

$(VENV)/.installed: requirements.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if v in ((3, 11), (3, 12)) else f"Python 3.11 or 3.12 is needed, found {sys.version.split()[0]}: run make PYTHON=/path/to/python3.11")'
	@echo "Installing the pinned requirements into $(VENV) (about 3 GB, one to four minutes) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv==0.11.*"
	@$(BIN)/uv pip install --python $(BIN)/python --compile-bytecode -r requirements.txt
	@touch $@

check: setup ## linters, types, SQL style, import rule, security
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/sqlfluff lint include/sql
	$(BIN)/lint-imports
	$(BIN)/bandit -q -ll -r include dags plugins expectations demo local

test: check ## the linters and the whole test suite
	$(BIN)/pytest -n 2 --dist loadfile

test-long: setup ## what takes minutes by itself: a whole selection in the Airflow UI, with its approval
	$(BIN)/pytest -m long

# By the environment and not as arguments, which every user of the machine can read; an address may hold a password.
run night: export ADS_SOURCE_URI := $(or $(value SOURCE),$(value ADS_SOURCE_URI))
run night: export ADS_LAKE_URI := $(or $(value LAKE),$(value ADS_LAKE_URI))

run: setup ## Airflow with a week of nights, of a made-up bank unless SOURCE= names yours; also LAKE=, PORT=
	@$(BIN)/python -m local.run --port "$(PORT)"

night: setup ## one night, headless: DATE=YYYY-MM-DD SOURCE=URI LAKE=URI
	@$(BIN)/python -m local.headless --date "$(DATE)"

models: setup ## MLflow's pages over the trainings' figures and plots, on this machine only: LAKE=, PORT=
	@$(BIN)/python -W ignore -m local.models_page --lake "$(LAKE)" --port "$(PORT)"

bench: setup ## measure nights and detectors, up to a million transactions; writes bench-results.json
	@$(BIN)/python -W ignore -m tests.benchmark.night
	@OMP_NUM_THREADS=1 $(BIN)/python -W ignore -m tests.benchmark.detectors
	@$(BIN)/python -W ignore -m tests.benchmark.floods
