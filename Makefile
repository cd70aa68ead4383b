# Everything is installed into .venv, in this folder, from requirements.lock.
PYTHON ?= python3
BIN := .venv/bin


.PHONY: install demo test check bench bench-evaluate bench-experiment bench-replay bench-panel bench-newcomer docs lock

install: .venv/installed  ## make .venv with everything that the product, its tests and benchmarks need

.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

demo: install  ## watch a bandit learn on real prompts over real HTTP
	$(BIN)/bandit-router demo $(ARGS)

test: check  ## every check and every test, on SQLite and PostgreSQL
	$(BIN)/pytest -n 2 --dist worksteal $(ARGS)

check: install  ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: install  ## speed: prints figures, asserts none
	$(BIN)/python -m simulate.speed

bench-evaluate: install  ## the estimators of replay: errors against published ones, coverage, speed
	$(BIN)/python -m simulate.evaluation

bench-experiment: install  ## experiments: false positives, power, alarms; ARGS="TABLE": covariates, the real service
	$(BIN)/python -m simulate.experiments $(ARGS)

bench-replay: install  ## replay: how often its intervals hold the truth, and a 10-million-decision log's time and memory
	$(BIN)/python -m simulate.replaying $(ARGS)

bench-panel: install  ## how good a calibrated panel is: ARGS="TABLE --truth JUDGE [--http]", a table with recorded judges
	$(BIN)/python -m simulate.panel $(ARGS)

bench-newcomer: install  ## how well a model that never answered is predicted: ARGS="TABLE [--score MODEL=SHARE ...]"
	$(BIN)/python -m simulate.newcomer $(ARGS)

docs: install  ## write docs/commands.md from the command line's own help
	$(BIN)/python tests/docs/test_commands.py

lock: install  ## pin the newest versions that pyproject.toml allows
	$(BIN)/uv pip compile pyproject.toml --universal --generate-hashes --no-header --python-version 3.11 \
		--extra dev --extra demo --extra evaluate --extra ray --output-file requirements.lock --upgrade
