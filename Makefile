# One verb each. Needs Python 3.11 or later, a C compiler and make; installs into .venv and build/ alone.
#   make demo SCENARIO=early-help      make test PYTHON=python3.13 VENV=/tmp/venv

PYTHON ?= python3
VENV ?= .venv
SCENARIO ?= asthma-mould
OPA_VERSION := v1.22.2
OPA ?= build/bin/opa

BIN := $(VENV)/bin
RUN := $(VENV)/.run
DEV := $(VENV)/.dev
# The lock is the whole resolution: pip checks hashes and resolves nothing.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --no-build-isolation

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test lint format protos protos-check policies policies-check opa bench locks clean

help: ## these lines
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(RUN) ## the run-time set and the command `exchange`, in .venv

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or later is needed; $(PYTHON) is `$(PYTHON) --version 2>&1`." >&2; \
	  echo "Name another one: make PYTHON=/path/to/python3.13" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Build tools first, hashed too: anonlink has no wheel for every Python, and pip would fetch them unchecked.
$(RUN): requirements/build.txt requirements/run.txt pyproject.toml setup.py | $(BIN)/python
	$(INSTALL) -r requirements/build.txt
	$(INSTALL) -r requirements/run.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): requirements/dev.txt $(RUN)
	$(INSTALL) -r requirements/dev.txt
	@touch $@
