# Everything starts from nothing but Python 3.11 or newer: each target makes the environment that it needs.
#
#   make up        run the whole service here, with a demo company   (make up ARGS="--port 8000")
#   make test      all tests, on servers of their own                (make test ARGS="-k relay")
#   make check     style, types, contracts, coverage of the domain, then all tests
#   make openapi   write services/api/openapi.json anew from the routes
#   make docs      write docs/refusals.md anew from the refusals that the routes declare
#   make fuzz      requests and rulesets of all kinds, valid and not                (make fuzz EXAMPLES=500)
#   make bench    how fast it is beside what the database and the wire cost   (make bench ARGS="--only push_batch --seconds 5")
#   make vectors  grade worked examples of other systems under their presets       (make vectors FILE=cases.json)
#   make lint, make format, make lock, make clean

VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	command -v $$name >/dev/null 2>&1 && $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo $$name; break; }; done)
RUN_READY := $(VENV)/.ready-to-run
DEV_READY := $(VENV)/.ready-to-test
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq --no-input
TESTS := $(BIN)/python -m pytest -n logical --maxprocesses 4

.PHONY: up test check docs openapi fuzz vectors lint format lock clean bench
.DELETE_ON_ERROR:

# The last line is one plain command, so that a signal to make reaches it.
up: $(RUN_READY)
	@$(BIN)/okr up --demo $(ARGS)

test: $(DEV_READY)
	@$(TESTS) $(ARGS)

check: lint
	@$(TESTS) tests/domain --cov=okr.domain --cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=100
	@$(TESTS) --ignore=tests/domain

docs: $(RUN_READY)
	@$(BIN)/python -m okr_api.refusals docs/refusals.md
	@$(BIN)/python -m okr.rulesets.reference docs/ruleset-reference.md

openapi: $(RUN_READY)
	@$(BIN)/python -m okr_api.openapi services/api/openapi.json

# A test of the contract with more examples; `make test` runs it with a few.
EXAMPLES ?= 100
fuzz: $(DEV_READY)
	@RULESET_EXAMPLES=$$((30 * $(EXAMPLES))) FUZZ_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest \
		tests/contract/test_fuzzing.py tests/rulesets tests/api/test_mutated_rulesets_over_http.py -s $(ARGS)

# About three minutes; the table on standard output, progress on standard error, the figures in .okr/bench.json.
bench: $(RUN_READY)
	@PYTHONPATH=tests $(BIN)/python -m bench $(ARGS)

# Tells each case that comes out otherwise, then counts; without a file the project's own cases.
FILE ?= tests/vectors/cases.json
vectors: $(RUN_READY)
	@PYTHONPATH=tests $(BIN)/python -m vectors "$(FILE)"

lint: $(DEV_READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(DEV_READY)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# Names and hashes only: no address of any package index is written down.
LOCK = $(BIN)/uv pip compile pyproject.toml --quiet --generate-hashes --universal --python-version 3.11 \
	--no-emit-index-url --no-emit-find-links
lock: $(RUN_READY)
	@$(PIP) install uv
	@$(LOCK) -o requirements.lock
	@$(LOCK) --extra dev -o requirements-dev.lock

clean:
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage .coverage.* htmlcov dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "okr: Python 3.11 or newer is needed and no python3 here is: install it, or name one with make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "okr: $(PYTHON) is no Python 3.11 or newer" >&2; exit 1; }
	@echo "making a Python environment in $(VENV)"
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "okr: this Python cannot make environments: install its venv module (Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); echo "okr: could not make the Python environment $(VENV)" >&2; exit 1; }

$(RUN_READY): requirements.lock pyproject.toml | $(BIN)/python
	@echo "installing what the service needs, which can take a minute or two"
	@$(PIP) install --require-hashes -r requirements.lock || { echo "okr: could not install requirements.lock (see above)" >&2; exit 1; }
	@$(PIP) install --no-deps --no-build-isolation -e . || { echo "okr: could not install this project (see above)" >&2; exit 1; }
	@touch $@

$(DEV_READY): requirements-dev.lock $(RUN_READY) | $(BIN)/python
	@echo "installing what the tests need, which can take a minute or two"
	@$(PIP) install --require-hashes -r requirements-dev.lock || { echo "okr: could not install requirements-dev.lock (see above)" >&2; exit 1; }
	@touch $@
