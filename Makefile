# Two commands do it all: `make demo` and `make test`. Each sets up .venv first, once.
PYTHON ?= python3
BIN := .venv/bin
# The demo's run folder is replaced each time; other runs are never touched.
DEMO := runs/demo

.PHONY: demo test lint bench format clean
.DELETE_ON_ERROR:

demo: .venv/installed
	$(BIN)/charlstm train --config configs/quickstart.toml --run $(DEMO) --overwrite
	$(BIN)/charlstm sample $(DEMO) --prime "The " --length 600 --seed 4

test: .venv/installed-dev
	$(BIN)/python -m pytest -n 2

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The parts that train need tiny Shakespeare: make bench SHAKESPEARE=path/to/tinyshakespeare.txt
bench: .venv/installed
	$(BIN)/python scripts/bench.py $(if $(SHAKESPEARE),--shakespeare '$(SHAKESPEARE)')

clean:
	rm -rf .venv

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@
