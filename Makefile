# The first target that is called sets up one virtual environment for all: only Python 3.11 or newer and make are needed.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
PYTEST := $(BIN)/python -m pytest --numprocesses 2 --dist worksteal

LOWEST := .venv-lowest

.PHONY: demo test test-slow test-lowest docs lint type bench notebooks

demo: $(READY)  ## an agent and a GAN: trained, judged, shown; five minutes
	$(BIN)/python scripts/demo.py

test: $(READY)  ## the test suite, but for the longest tests
	$(PYTEST) -m "not slow"

test-slow: $(READY)  ## the longest tests: clusters, killed studies, compiled steps with every setting
	$(PYTEST) -m slow

test-lowest:  ## the test suite with the lowest versions that pyproject.toml allows, in an environment of its own
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/pip install --quiet --disable-pip-version-check uv
	$(LOWEST)/bin/uv pip install --quiet --python $(LOWEST)/bin/python --resolution lowest-direct --editable ".[dev]" --editable ./ca2_models
	$(LOWEST)/bin/python -m pytest --numprocesses 2 --dist worksteal -m "not slow"

docs: $(READY)  ## the site, in docs/_build/html
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet docs docs/_build/html
	@echo "docs/_build/html/index.html"

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python scripts/import_circles.py ca2_core ca2_rl ca2_gan

type: $(READY)
	$(BIN)/mypy

bench: $(READY)  ## the agents of the README; goes on from its record, seven hours on two cores without one
	$(BIN)/python scripts/study_rl.py pendulum-matched

notebooks: $(READY)  ## the notebooks of the course, from its scripts
	$(BIN)/python scripts/notebooks.py

$(READY): pyproject.toml ca2_models/pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable ".[dev]" --editable ./ca2_models
	touch $@
