# make lab    JupyterLab on the tour          make demo   the main job without a browser
# make test   everything that is checked      make setup  only the environment
#
# PYTHON=python3.12 chooses the interpreter; VENV=path the environment. Nothing is downloaded
# once the environment is there and neither pyproject.toml nor constraints.txt has changed.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
STAMP := $(VENV)/.installed
TOUR := notebooks/00__tour.ipynb
JS_TESTS = $(shell find widgets tests -name '*.test.js' -o -name '*.test.mjs')
# JupyterLab refuses to run for root, which a container's user often is, unless told to.
AS_ROOT = $(if $(filter 0,$(shell id -u)),--allow-root)

.PHONY: setup lab demo test lint types unit js lessons clean

setup: $(STAMP)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed, and $(PYTHON) is not: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "python -m venv failed. On Debian and Ubuntu: sudo apt install python3-venv"; exit 1; }

# The build back end is installed beside the rest, so that a change of pyproject.toml needs no
# network. Python compiles what it imports, so compiling all of it now would double the time.
$(STAMP): pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --quiet --no-compile -c constraints.txt hatchling editables
	$(PIP) install --quiet --no-compile -c constraints.txt --no-build-isolation -e '.[lab,fused,test,dev]'
	@$(BIN)/python -m pyright --version > /dev/null # fetches what it needs once, here and not in the first check
	@touch $@

lab: $(STAMP)
	$(BIN)/python -m jupyterlab $(AS_ROOT) --LabApp.default_url=/lab/tree/$(TOUR)

demo: $(STAMP)
	$(BIN)/python -m toolkit demo

test: lint types unit js lessons
	@echo "All checks passed."

lint: $(STAMP)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .

types: $(STAMP)
	$(BIN)/python -m pyright --pythonpath $(BIN)/python

unit: $(STAMP)
	$(BIN)/python -m pytest -q -ra

js: $(STAMP)
ifneq ($(JS_TESTS),)
	@if command -v node > /dev/null; then node --test $(JS_TESTS); \
	else echo "$(words $(JS_TESTS)) files of JavaScript tests did not run, because node was not found:" \
	  "apt install nodejs, or brew install node"; fi
endif

lessons: $(STAMP)
	$(BIN)/python -m pytest -q --nbval-lax notebooks

clean:
	rm -rf $(VENV) out build dist .pytest_cache .ruff_cache .hypothesis
