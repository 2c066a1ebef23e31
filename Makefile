# make demo, make test, make lint, make bench. Needs make and a Python of 3.11 or later; each target
# makes its own virtual environment on first use, and again when pyproject.toml changes.

VENV ?= .venv
STAMP := $(VENV)/.installed-from-pyproject
SHELL := /bin/sh

.PHONY: help demo test lint bench
help:
	@echo "make demo    convert sample events, and forward some to a collector that dies on the way"
	@echo "make test    run the tests"
	@echo "make lint    check style and types"
	@echo "make bench   measure convert against a bare JSON parser, coverage and diff against convert, and"
	@echo "             forward beside its peers"

demo: $(STAMP)
	@$(VENV)/bin/cef-bridge demo

test: $(STAMP)
	@$(VENV)/bin/python -m pytest -m "not alone" -n 2 --dist loadfile
	@$(VENV)/bin/python -m pytest -m alone

lint: $(STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

bench: $(STAMP)
	@$(VENV)/bin/python benchmarks/convert.py
	@$(VENV)/bin/python benchmarks/mapping.py
	@$(VENV)/bin/python benchmarks/forward.py

# `python3` may be older than what else is installed: the first that is new enough is taken.
$(STAMP): pyproject.toml
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	    if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        echo "setting up $(VENV) with $$($$python --version)"; \
	        $$python -m venv $(VENV) || exit 1; \
	        $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check \
	            --editable '.[test,lint]' || exit 1; \
	        touch $@; \
	        exit 0; \
	    fi; \
	done; \
	echo "cef-bridge needs Python 3.11 or later. Install it, or name it: make PYTHON=/path/to/python3" >&2; \
	exit 1
