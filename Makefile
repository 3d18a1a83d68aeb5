# Two targets matter: `make demo` and `make test`. Both set up what they need, in .venv, on a
# machine that has Python 3.11 or later, git and make.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
JOBS ?= 2
BIN := .venv/bin
PY := $(BIN)/python
UV := VIRTUAL_ENV=.venv $(BIN)/uv --quiet
# Trust what git and curl trust here, where there is such a bundle (a company's own root, for instance).
export UV_SYSTEM_CERTS ?= $(if $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem),1,0)
export UV_HTTP_TIMEOUT ?= 120
LOCKS := requirements/run.txt requirements/dev.txt requirements/frameworks.txt requirements/tokens.txt requirements/encryption.txt requirements/vectors.txt

# What ruff looks at.
CODE := $(wildcard src tests tools scripts benchmarks docs)

.PHONY: help setup setup-run test test-agents test-frameworks-oldest lint fmt types layers cover demo faults fuzz bench bench-peers bench-context docs docs-check lock clean

help:  ## show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

# --- environment ---------------------------------------------------------------------------------

.venv/.uv: requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit("segue needs Python 3.11 or later; say which: make PYTHON=python3.12 ...") if sys.version_info < (3, 11) else None'
	@test -x $(PY) || $(PYTHON) -m venv .venv || { echo 'hint: this Python lacks venv; on Debian: apt-get install python3-venv' >&2; exit 1; }
	@$(PY) -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

# What running segue needs: seconds. `make demo` stops here.
.venv/.run: .venv/.uv requirements/run.txt pyproject.toml
	@$(UV) pip install --require-hashes -r requirements/run.txt
	@$(UV) pip install --no-deps --no-build-isolation --editable .
	@touch $@

# Everything the tests need, frameworks and tokenizers included: exactly what the locks name.
.venv/.all: .venv/.run $(LOCKS) requirements/cc.txt
	@$(UV) pip install --require-hashes $(addprefix -r ,$(LOCKS))
	@command -v cc >/dev/null || command -v gcc >/dev/null || command -v clang >/dev/null || \
	  $(UV) pip install --require-hashes -r requirements/cc.txt
	@touch $@

setup-run: .venv/.run
setup: .venv/.all  ## make .venv with all that tests, docs and benchmarks need

# --- checks --------------------------------------------------------------------------------------

test: setup lint  ## everything that is short: lint, types, layers, tests, faults (at most 15 minutes)
	@$(PY) -m pytest -n $(JOBS) --dist worksteal -m 'not long'

# The real coding agents, pinned, with Node from the machine. Some 900 MB, once.
.cache/agents/.installed: tests/agents/package.json tests/agents/package-lock.json
	@command -v npm >/dev/null || { echo 'the real agents need Node 20 or later and npm' >&2; exit 1; }
	@mkdir -p .cache/agents && cp $^ .cache/agents/
	@npm install --prefix .cache/agents --no-fund --no-audit --loglevel=error  # not ci: some packages of other platforms are never published
	@touch $@

# Real MCP servers, pinned. Some 80 MB, once.
.cache/mcp/.installed: tests/agents/mcp/package.json tests/agents/mcp/package-lock.json
	@command -v npm >/dev/null || { echo 'the real MCP servers need Node 20 or later and npm' >&2; exit 1; }
	@mkdir -p .cache/mcp && cp $^ .cache/mcp/
	@npm ci --prefix .cache/mcp --ignore-scripts --no-fund --no-audit --loglevel=error
	@touch $@

test-agents: setup .cache/agents/.installed .cache/mcp/.installed  ## the real coding agents, against a scripted model on loopback
	@$(PY) -m pytest -n $(JOBS) --dist worksteal --timeout 900 tests/agents -m long

# The oldest versions of the frameworks that their adapters work with, in an environment of their own.
OLDEST := .cache/frameworks-oldest
$(OLDEST)/.installed: .venv/.uv requirements/run.txt requirements/dev.txt requirements/encryption.txt requirements/frameworks-oldest.txt
	@test -x $(OLDEST)/bin/python || $(PYTHON) -m venv $(OLDEST)
	@VIRTUAL_ENV=$(OLDEST) $(BIN)/uv --quiet pip install --require-hashes $(addprefix -r ,$(filter %.txt,$^))
	@touch $@

test-frameworks-oldest: $(OLDEST)/.installed  ## the frameworks' adapters, with the oldest versions that they support
	@PYTHONPATH=src $(OLDEST)/bin/python -m pytest -n $(JOBS) --dist worksteal -m 'not long' -W default tests/integrations

lint: setup types layers docs-check  ## ruff, mypy --strict, import contracts, spelling, generated docs
	@$(BIN)/ruff check --quiet $(CODE)
	@$(BIN)/ruff format --quiet --check $(CODE)
	@$(BIN)/codespell

types: setup
	@$(BIN)/mypy --no-error-summary

layers: setup
	@$(BIN)/lint-imports --no-logo > .venv/layers.log || { cat .venv/layers.log; exit 1; }

fmt: setup  ## format, and fix what can be fixed
	@$(BIN)/ruff check --quiet --fix --exit-zero $(CODE)
	@$(BIN)/ruff format --quiet $(CODE)

cover: setup  ## branch coverage of the tests, what is missing by line
	@$(PY) -m pytest -q -n $(JOBS) -m 'not long' --cov --cov-report=term-missing

# --- programs ------------------------------------------------------------------------------------

demo: setup-run  ## a recorded session is captured live, killed, recovered and restored
	@$(PY) scripts/demo.py

faults: setup  ## kill -9, crash states, failing calls, power loss, damage: the long form (some two hours on two idle cores)
	@$(PY) -m tests.faults.run --long
	@$(PY) -m pytest -n $(JOBS) tests/contract tests/unit tests/acceptance tests/cli -m long

.venv/.fuzz: .venv/.all requirements/fuzz.txt
	@$(UV) pip install --require-hashes -r requirements/fuzz.txt
	@touch $@

SECONDS_EACH ?= 300
fuzz: .venv/.fuzz  ## what takes in others' files, fuzzed with coverage to guide it: SECONDS_EACH for each target, 300 by default
	@PYTHONPATH=. $(PY) -m tests.fuzz.run --seconds $(SECONDS_EACH) --write docs/agents-tested.md

bench: setup  ## speed against the raw floor and five peers
	@$(PY) benchmarks/run.py

bench-peers: setup  ## beside four programs that read agents' sessions (installs them): damage, time, space
	@$(PY) benchmarks/peers.py --write docs/peers.md

bench-context: setup  ## what restored contexts keep: evidence, next actions, token figures, budgets
	@$(PY) benchmarks/context.py
	@$(PY) benchmarks/prediction.py

# --- documents and locks -------------------------------------------------------------------------

docs: setup  ## write what is generated: reference, answers in README and docs, the text of --help
	@$(PY) scripts/write_help.py
	@$(PY) scripts/generate_docs.py

docs-check: setup
	@$(PY) scripts/write_help.py --check
	@$(PY) scripts/generate_docs.py --check

lock: .venv/.uv  ## compile requirements/*.in (versions and hashes, no address)
	@for name in uv run dev frameworks frameworks-oldest tokens encryption vectors cc fuzz; do \
	  $(BIN)/uv --quiet pip compile --universal --python-version 3.11 --generate-hashes \
	    --no-header --no-annotate $(LOCKFLAGS) requirements/$$name.in -o requirements/$$name.txt; done

clean:  ## remove the environment and all caches
	@rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
