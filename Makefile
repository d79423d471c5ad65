# `make demo` shows it, `make test` tests it; each target does what set-up it needs.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo test thorough check bench bench-statistics mutations lock format

setup: .venv/ready

.venv/ready: pyproject.toml requirements-dev.lock
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

demo: setup
	$(BIN)/understudy demo $(if $(ONCE),--once) $(if $(MENDED),--mended)

test: setup
	$(BIN)/pytest -n 2 $(ARGS)

# The same with many more examples for each property: some ten times as long.
thorough: setup
	HYPOTHESIS_PROFILE=thorough $(BIN)/pytest -n 2 --timeout 1200 $(ARGS)

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m proxy.cli.reference --check

bench: setup
	$(BIN)/python -m benchmarks.relay
	$(BIN)/python -m benchmarks.comparators

# Each figure of the statistics against its goal; TOPIC=gate for one of them, ARGS=--write puts them into the docs.
bench-statistics: setup
	$(BIN)/python -m benchmarks.statistics $(TOPIC) $(ARGS)

mutations: setup
	$(BIN)/python -m tests.mutations.run

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix-only .

# Pinned versions with hashes for every Python and platform; pip itself and index addresses stay out.
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-emit-package pip --no-header pyproject.toml
lock:
	$(COMPILE) --output-file requirements.lock
	$(COMPILE) --all-extras --group dev --group build --constraint requirements.lock --output-file requirements-dev.lock
