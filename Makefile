# Everything runs in .venv, which the first target that needs it makes.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell for p in python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
INSTALLED := .venv/.installed
# One process a core, each with one thread.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto
DEMO_IN := examples/1ubq/cg.pdb
DEMO_OUT := build/demo/1ubq_atoms.pdb
SAMPLED := ../shared/data/idp/PED00151val.pdb ../shared/data/idp/PED00055.pdb

.PHONY: help demo test test-slow lint format types docs picture benchmark benchmark-minimise \
	benchmark-accuracy benchmark-real clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

$(INSTALLED): requirements.txt constraints.txt pyproject.toml $(wildcard plugins/*/pyproject.toml)
	@[ -n "$(PYTHON)" ] || { echo "error: Python 3.11 or later is needed (python3.11 or python3 on PATH)" >&2; exit 1; }
	@[ -x $(BIN)/python ] || { echo "making .venv"; $(PYTHON) -m venv .venv; }
	@echo "installing herobm and its plug-ins into .venv (minutes the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -c constraints.txt
	@touch $@

demo: $(INSTALLED) ## turn a Martini 3 ubiquitin back into atoms
	@mkdir -p $(dir $(DEMO_OUT))
	$(BIN)/herobm backmap $(DEMO_IN) -o $(DEMO_OUT) --overwrite
	@echo "The atoms are in $(DEMO_OUT)"

test: $(INSTALLED) ## run the tests that take seconds
	$(PYTEST) -m "not slow and not gpu"

test-slow: $(INSTALLED) ## run all tests but those that need a GPU
	$(PYTEST) -m "not gpu"

lint: $(INSTALLED) ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(INSTALLED) ## mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(INSTALLED) ## check the types
	$(BIN)/mypy

docs: $(INSTALLED) ## build the documentation into build/docs
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs build/docs
	@echo "The documentation begins at build/docs/index.html"

picture: $(DEMO_OUT) ## draw the picture of the README anew
	$(BIN)/python docs/make_picture.py $(DEMO_IN) $(DEMO_OUT) -o docs/images/ubiquitin.png

$(DEMO_OUT):
	@$(MAKE) --no-print-directory demo

benchmark: $(INSTALLED) ## time the start of the command line and the backmapping of a protein
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/speed.py

benchmark-minimise: $(INSTALLED) ## add hydrogens to STRUCTURES="file ...", minimise them and run 5 ps
	@[ -n "$(STRUCTURES)" ] || { echo 'error: name files: make benchmark-minimise STRUCTURES="a.pdb b.pdb"' >&2; exit 2; }
	$(BIN)/python benchmarks/minimise.py $(STRUCTURES)

benchmark-accuracy: $(INSTALLED) ## measure all models with weights, and samples, into docs/ (LIMIT=3 PEERS=1 CLASHSCORE=1)
	$(BIN)/python benchmarks/accuracy.py -o docs/accuracy.md $(if $(LIMIT),--limit $(LIMIT)) $(if $(PEERS),--peers) \
		$(if $(CLASHSCORE),--clashscore)
	$(BIN)/python benchmarks/samples.py $(SAMPLED) --frames $(or $(LIMIT),60) --mapping ca_only/ca -o docs/samples.md

benchmark-real: $(INSTALLED) ## backmap real Martini 3 simulations and judge the atoms (STRIDE=10)
	$(BIN)/python benchmarks/real_cg.py $(if $(STRIDE),--stride $(STRIDE))

clean: ## remove what was built, but keep .venv
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis docs/_build docs/generated
	find herobm tests plugins docs benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
