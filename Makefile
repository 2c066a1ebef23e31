# make demo, test, lint, docs, bench. Needs make and a Python of 3.11 or later. The first target
# makes a virtual environment with what cef-bridge needs; test, lint, docs and bench install their
# tools into the same one. Both happen again when pyproject.toml changes. Where cargo is, the native
# engine is built with it, and again when a source of engine/ changes. A benchmark takes its options
# from BENCH: make bench BENCH="--events 50000 --rounds 1".

VENV ?= .venv
# What test, lint and bench add to an environment. Tests of cef_bridge.spark need spark (500 MB): EXTRAS=test,lint,spark
EXTRAS ?= test,lint
PACKAGE := $(VENV)/.package-installed
TOOLS := $(VENV)/.installed-from-pyproject
# The process of make that has tried to build the engine last: it does not try twice
TRIED := $(VENV)/.engine-tried-by
INSTALL := install --quiet --disable-pip-version-check
PIP := $(VENV)/bin/python -m pip $(INSTALL)
# What the package needs to run and to be built. editables is what hatchling needs for --editable.
define REQUIREMENTS
import tomllib
declared = tomllib.load(open("pyproject.toml", "rb"))
print("pip", "editables", *declared["build-system"]["requires"], *declared["project"]["dependencies"], sep="\n")
endef
export REQUIREMENTS
ENGINE := cef_bridge/_engine.so
ENGINE_SOURCES := hatch_build.py engine/Cargo.lock engine/Cargo.toml engine/build.rs engine/src \
    $(wildcard engine/src/*.rs engine/src/*/*.rs)
SITE_ASSETS := build/site-assets/mermaid.min.js
MERMAID := 11.17.2
IFRAME_WORKER := 1.0.4
STUDIO := cef_bridge/studio/static/LICENSES.txt
STUDIO_PACKAGES := studio/node_modules/.package-lock.json
STUDIO_SOURCES := studio/build.mjs studio/tsconfig.json $(wildcard studio/src/*)
PLAYWRIGHT := playwright==1.65.2
SHELL := /bin/sh

.NOTPARALLEL:
.PHONY: help demo test lint engine docs studio test-studio fuzz fuzz-guided fuzz-targets bench bench-forward bench-mapping bench-soak release audit
help:
	@echo "make demo    show an event as CEF and in SIEMs, and forward to a collector that dies"
	@echo "make test    run the tests"
	@echo "make lint    check style and types"
	@echo "make engine  build the native engine, as demo, test and bench do; needs Rust 1.85 or later"
	@echo "make docs    build the documentation as a site, in site/; needs npm for its diagrams"
	@echo "make studio  build the pages of cef-bridge studio; needs npm"
	@echo "make test-studio  drive them in a browser; needs Chromium"
	@echo "make fuzz    hold the engine against the reference, with events and mappings made up"
	@echo "make fuzz-guided  the same, led by what lines reach in the reference (installs Atheris)"
	@echo "make fuzz-targets  any bytes for decoder, archives, messages, configs and mappings (the same)"
	@echo "make bench   measure convert against a bare JSON parser and its peers; a quarter of an hour"
	@echo "make bench-forward, bench-mapping, bench-soak: forward beside its peers, coverage and diff"
	@echo "             against convert, forward at a steady rate for ten minutes"
	@echo "make release VERSION=0.2.0  build all that a version is published as into dist/"
	@echo "make audit   look for known vulnerabilities in the libraries that ship; needs the network"
	@if [ -f cef_bridge/_no_engine.txt ]; then \
	    echo "no native engine: $$(cat cef_bridge/_no_engine.txt)"; fi

demo: engine
	@$(VENV)/bin/cef-bridge demo

test: $(TOOLS) engine
	@$(VENV)/bin/python -m pytest -m "not apart" -n 3 --dist loadfile --no-loadscope-reorder
	@$(VENV)/bin/python -m pytest -m apart -n 4 --dist worksteal

lint: $(TOOLS)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

engine: $(ENGINE)

# A broken link or anchor ends it. site/index.html opens in a browser, without a server.
docs: $(VENV)/.installed-docs $(SITE_ASSETS)
	@NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict --clean
	@echo "site/index.html"

$(VENV)/.installed-docs: pyproject.toml | $(PACKAGE)
	@$(PIP) --editable '.[docs]'
	@touch $@

# Scripts of others that the site brings along: a reader's browser loads nothing from elsewhere.
$(SITE_ASSETS): docs/site/assets.sha256 Makefile
	@command -v npm >/dev/null || { echo "make docs needs npm (Debian: apt install npm)" >&2; exit 1; }
	@rm -rf $(@D) && mkdir -p $(@D)
	@cd $(@D) && npm pack --silent mermaid@$(MERMAID) iframe-worker@$(IFRAME_WORKER) >/dev/null && \
	    tar -xzOf mermaid-$(MERMAID).tgz package/dist/mermaid.min.js >mermaid.min.js && \
	    tar -xzOf iframe-worker-$(IFRAME_WORKER).tgz package/shim/index.js >iframe-worker.js && \
	    sha256sum --quiet --check $(CURDIR)/docs/site/assets.sha256 && rm ./*.tgz
	@touch $@

studio: $(STUDIO)

# Type check and bundle, from the packages of the lock file, without their install scripts
$(STUDIO): $(STUDIO_SOURCES) $(STUDIO_PACKAGES)
	@cd studio && npm run --silent check && npm run --silent build

$(STUDIO_PACKAGES): studio/package.json studio/package-lock.json
	@command -v npm >/dev/null || { echo "make studio needs npm (Debian: apt install npm)" >&2; exit 1; }
	@cd studio && npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@

# Pictures for the docs: make test-studio PICTURES=docs/pictures
test-studio: $(TOOLS) engine studio
	@$(PIP) $(PLAYWRIGHT)
	@STUDIO_PICTURES=$(abspath $(PICTURES)) $(VENV)/bin/python -m pytest -n 2 --dist loadfile tests/studio_browser

# For hours: make fuzz FUZZ="--seconds 36000". It prints its seed, and what differs.
fuzz: $(TOOLS) engine
	@$(VENV)/bin/python tests/engine/equality.py $(FUZZ)

fuzz-guided: $(TOOLS) engine
	@$(VENV)/bin/python -m pip install --quiet 'atheris>=2.3'
	@$(VENV)/bin/python tests/engine/guided.py $(FUZZ)

# Each for a minute: make fuzz-targets FUZZ="--seconds 3600" for longer
fuzz-targets: $(TOOLS) engine
	@$(VENV)/bin/python -m pip install --quiet 'atheris>=2.3'
	@for target in decoder archive message config mapping; do \
	    $(VENV)/bin/python tests/fuzz/run.py $$target $(FUZZ) || exit 1; \
	done

bench: $(TOOLS) engine
	@$(VENV)/bin/python benchmarks/bench.py $(BENCH)

bench-forward: $(TOOLS) engine
	@$(VENV)/bin/python benchmarks/forward.py $(BENCH)

bench-mapping: $(TOOLS) engine
	@$(VENV)/bin/python benchmarks/mapping.py $(BENCH)

bench-soak: $(TOOLS) engine
	@$(VENV)/bin/python benchmarks/soak.py $(BENCH)

# Wheel, sdist, zipapp, deb, rpm, chart, image, bill of materials, SHA256SUMS: deploy/release/README.md.
release: $(VENV)/.installed-release
	@test -n "$(VERSION)" || { echo "name the version: make release VERSION=0.2.0" >&2; exit 2; }
	@$(VENV)/bin/python deploy/release/release.py $(VERSION) $(RELEASE)

# The libraries of the image and the packages, by version and hash, against PyPI's known vulnerabilities.
audit: | $(PACKAGE)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check 'pip-audit>=2.7'
	@$(VENV)/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off \
	    --requirement deploy/image/requirements.txt --requirement deploy/image/requirements-build.txt

$(VENV)/.installed-release: pyproject.toml | $(PACKAGE)
	@$(PIP) --editable '.[release]'
	@touch $@

# Without an engine this runs each time, and says why there is none: cargo may be there by now.
$(ENGINE): $(ENGINE_SOURCES) | $(PACKAGE)
	@if [ "$$(cat $(TRIED) 2>/dev/null)" = $$PPID ]; then :; \
	elif [ "$$CEF_BRIDGE_BUILD" = skip ] && [ -f cef_bridge/_no_engine.txt ]; then :; \
	elif $(VENV)/bin/python -c 'import hatchling' 2>/dev/null; then \
	    $(VENV)/bin/python -m hatchling build --hooks-only --target wheel:editable --directory $(VENV); \
	else \
	    $(PIP) --no-deps --editable .; \
	fi

$(TOOLS): $(PACKAGE)
	@$(PIP) --editable '.[$(EXTRAS)]'
	@echo $$PPID > $(TRIED)
	@touch $@

# `python3` may be older than what else is installed: the first that is new enough is taken. cargo
# works while pip downloads. The libraries come first, so that only the package itself waits for it:
# its hook then finds what cargo made. A new enough pip beside that Python saves setting up another.
$(PACKAGE): pyproject.toml
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	    if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        echo "setting up $(VENV) with $$($$python --version)"; \
	        if [ "$$CEF_BRIDGE_BUILD" != skip ]; then \
	            (cd engine && exec cargo build --release --offline --locked) >/dev/null 2>&1 & \
	            trap "kill $$! 2>/dev/null" EXIT; trap 'exit 130' INT TERM; \
	        fi; \
	        pip="$$python -m pip --python $(VENV)/bin/python"; \
	        $$python -m venv --without-pip $(VENV) || exit 1; \
	        if ! $$pip --version >/dev/null 2>&1; then \
	            $$python -m venv $(VENV) || exit 1; \
	            pip="$(VENV)/bin/python -m pip"; \
	        fi; \
	        $$python -c "$$REQUIREMENTS" >$(VENV)/requirements.txt || exit 1; \
	        $$pip $(INSTALL) --no-compile --requirement $(VENV)/requirements.txt || exit 1; \
	        $(PIP) --no-deps --no-build-isolation --editable . || exit 1; \
	        echo $$PPID > $(TRIED); \
	        touch $@; \
	        exit 0; \
	    fi; \
	done; \
	echo "cef-bridge needs Python 3.11 or later. Install it, or name it: make PYTHON=/path/to/python3" >&2; \
	exit 1
