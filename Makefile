# Everything runs in .venv; the stamp makes set-up a no-op once it is done.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
OUT ?= out/demo

.PHONY: setup demo test check bench format clean help

help:  ## Show what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(STAMP)  ## Create .venv and install the pinned set

$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "ragset needs Python 3.11 or newer: make PYTHON=python3.11"; exit 2; }
	@echo "installing the pinned set (about 3 GB, a few minutes, once) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(STAMP)

demo: $(STAMP)  ## Build a question-answer set from the manual and show it
	@$(BIN)/ragset build corpora/guide --out $(OUT) -n 40 --force || test $$? -eq 3
	@$(BIN)/ragset show $(OUT)/kept.jsonl -k 5
	@echo "to run ragset yourself in this shell: source $(BIN)/activate"

test: $(STAMP)  ## Run the whole test suite
	@$(BIN)/python -m pytest -n 2 --dist worksteal

check: $(STAMP)  ## Lint, types, and the floors
	@$(BIN)/ruff check src tests
	@$(BIN)/ruff format --check src tests
	@$(BIN)/pyright src
	@$(BIN)/lint-imports --no-logo

bench: $(STAMP)  ## Print the figures that matter
	@for file in tests/benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

format: $(STAMP)  ## Format the code
	@$(BIN)/ruff check --fix src tests; $(BIN)/ruff format src tests

clean:  ## Remove what was made (not .venv)
	@rm -rf out build dist .pytest_cache .ruff_cache
