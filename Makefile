# One verb each. Needs Python 3.11 or later, a C compiler and make; installs into .venv and build/ alone.
#   make demo SCENARIO=early-help      make test PYTHON=python3.13 VENV=/tmp/venv

PYTHON ?= python3
VENV ?= .venv
SCENARIO ?= asthma-mould
# Bundles of another OPA differ in bytes; tools/policies.py refuses them.
OPA_VERSION := $(shell sed -n 's/^OPA_VERSION = "\(.*\)".*/\1/p' tools/policies.py)
JOBS ?= 2
# Peers that benchmarks measure against, apart from everything of ours.
BENCH_VENV ?= build/bench-venv
# Everything of VENV, and Spark.
SPARK_VENV ?= build/spark-venv

BIN := $(VENV)/bin
RUN := $(VENV)/.run
DEV := $(VENV)/.dev
# The lock is the whole resolution: pip checks hashes and resolves nothing.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --no-build-isolation

# One lock for every Python, without addresses. The overrides are why uv: pip and pip-tools have none.
RESOLVE := --quiet --universal --python-version 3.11 --override requirements/overrides.txt --generate-hashes \
  --no-emit-index-url --no-annotate --no-header

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test test-slow test-spark spark-venv lint format protos protos-check weights weights-check \
  policies policies-check opa image bench bench-venv plots locks clean

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

demo: $(RUN) ## a question between agencies of this machine, told step by step; SCENARIO=asthma-mould is the first
	$(BIN)/python -m demo $(SCENARIO)

# Bytecode is kept whatever the environment says, for tests start many interpreters. Each worker begins with
# its own half of the tests, so that what those of one file share is made once, and takes some of the other's in the end.
test: $(DEV) ## every test but the slow ones; OPA and PostgreSQL are used where they are installed
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not slow" $(ARGS)

test-slow: $(DEV) ## the slow ones: the whole fault matrix, every benchmark at its smallest
	$(BIN)/python -m pytest -n $(JOBS) -m slow $(ARGS)

test-spark: $(DEV) $(SPARK_VENV)/.spark ## the runner on Spark, in local mode (needs Java 17 or 21)
	EXCHANGE_SPARK=1 $(SPARK_VENV)/bin/python -m pytest tests/spark $(ARGS)

spark-venv: $(SPARK_VENV)/.spark ## what `exchange trial --runner spark` needs, in build/spark-venv (needs Java 17 or 21)

# PySpark has no wheel. Whatever is in VENV is seen from here; the command is there under its name, too.
$(SPARK_VENV)/.spark: requirements/spark.txt $(RUN)
	$(BIN)/python -m venv $(SPARK_VENV)
	$(BIN)/python -c 'import sysconfig; print("import site; site.addsitedir(%r)" % sysconfig.get_path("purelib"))' \
	  > $$($(SPARK_VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/exchange.pth
	$(SPARK_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
	  --no-build-isolation -r requirements/spark.txt
	printf '#!/bin/sh\nexec "$$(dirname "$$0")/python" -m exchange_cli.main "$$@"\n' > $(SPARK_VENV)/bin/exchange
	chmod +x $(SPARK_VENV)/bin/exchange
	@touch $@

lint: $(DEV) build/types/exchange_cli protos-check ## style, types, who may import whom, generated code
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# Tests import the command line under the name that it is installed with; mypy asks no import hook where that is.
build/types/exchange_cli:
	@mkdir -p $(@D)
	ln -s ../../cli $@

format: $(DEV) ## mend what the linter can mend by itself
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

protos: $(DEV) ## write the Python of proto/ into exchange_node/wire
	$(BIN)/python tools/protos.py

protos-check: $(DEV)
	$(BIN)/python tools/protos.py --check

weights: $(DEV) ## learn the weighted schema's bits from made-up registers (a minute)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tools.weights

weights-check: $(DEV) ## compare them with what is committed
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tools.weights --check

opa: build/bin/opa ## build the pinned OPA into build/bin (needs Go)

build/bin/opa:
	@command -v go >/dev/null || { echo "Go is needed to build OPA $(OPA_VERSION); or name a ready one in EXCHANGE_OPA" >&2; exit 1; }
	GOBIN=$(CURDIR)/build/bin go install github.com/open-policy-agent/opa@v$(OPA_VERSION)

image: | $(BIN)/python ## build the container's image into build/image, on Debian's packages (needs root, podman, mmdebstrap)
	$(BIN)/python tools/image.py

policies: $(DEV) ## write the policy bundle from policies/ (needs the pinned OPA: make opa)
	$(BIN)/python tools/policies.py build

policies-check: $(DEV) ## test and lint the Rego, and compare the bundle with it (needs the pinned OPA)
	$(BIN)/python tools/policies.py check

bench: $(DEV) $(BENCH_VENV)/.peers ## each benchmark prints a ratio against a peer measured in the same run
	$(BIN)/python -m benchmarks $(ARGS)

bench-venv: $(BENCH_VENV)/.peers ## the peers that benchmarks measure against (Splink), in build/bench-venv

$(BENCH_VENV)/.peers: requirements/bench.txt | $(BIN)/python
	$(BIN)/python -m venv $(BENCH_VENV)
	$(BENCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
	  --only-binary :all: -r requirements/bench.txt
	@touch $@

plots: $(BENCH_VENV)/.peers ## draw docs/plots anew from benchmarks/figures
	$(BENCH_VENV)/bin/python -m benchmarks.plots

locks: ## resolve requirements/*.in anew (needs uv; see docs/adr/0005)
	uv pip compile $(RESOLVE) requirements/build.in --output-file requirements/build.txt
	uv pip compile $(RESOLVE) requirements/run.in --output-file requirements/run.txt
	uv pip compile $(RESOLVE) --constraint requirements/run.txt requirements/dev.in --output-file requirements/dev.txt
	uv pip compile $(RESOLVE) requirements/bench.in --output-file requirements/bench.txt
	uv pip compile $(RESOLVE) requirements/spark.in --output-file requirements/spark.txt

clean: ## remove everything that make made here
	rm -rf $(VENV) build *.egg-info exchange_node/kernels/*.so.1 .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
