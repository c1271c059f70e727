# Portillon's commands. `make help` explains each; `make demo` and `make test` set up all they need.
PYTHON ?= python3
BUDGET ?= 60
VENV := .venv
PY := $(VENV)/bin/python
AXE := node_modules/axe-core/axe.min.js
DISTRIBUTIONS := rules wire drivers firmware-bridge config edge cloud
EDITABLE := $(foreach d,$(DISTRIBUTIONS),-e ./$(d))

.DEFAULT_GOAL := help
.PHONY: help setup system demo story test check bench simulate chaos mutate fuzz peers lock clean

help: ## Explain each command
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(VENV)/ready: requirements.txt $(foreach d,$(DISTRIBUTIONS),$(d)/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Portillon needs Python 3.11 or newer: run 'make PYTHON=python3.11 $(MAKECMDGOALS)'."; exit 1; }
	@echo "Setting up $(VENV) (first time: about a minute)…"
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv is missing. On Debian: apt-get install python3-venv"; exit 1; }
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index $(EDITABLE)
	@touch $@

setup: $(VENV)/ready ## Install Portillon and its tools into .venv

system: ## Install what tests need from Debian: Mosquitto, PostgreSQL, Chromium, npm
	@PYTHON=$(PYTHON) sh tests/system-packages

.peers/ready: $(wildcard tests/peers/*.txt) tests/peers/libosdp_build.h tests/peers/build | setup system
	@sh tests/peers/build $(PY)

peers: .peers/ready ## Build the OSDP peers of other makers, each in an environment of its own

$(AXE): package-lock.json | system
	@for try in 1 2 3; do npm ci --silent && [ -f $@ ] && break; done; \
	[ -f $@ ] || { echo "npm could not install axe-core, which the page tests need: run 'npm ci' and look."; exit 1; }
	@touch $@

demo: setup ## The whole gym on this machine: two turnstile lanes, gateway, cloud. Add BROKER=mqtt://… for a real broker
	@PYTHONPATH=tests $(PY) -m stories.demo

story: setup ## Play the demo unattended; fails at the first thing that is not so
	@PYTHONPATH=tests $(PY) -m stories.story

check: setup ## Format, lint, types, layers, no host or machine path in any committed file
	@$(VENV)/bin/ruff format --check --quiet . || { echo "Run: $(VENV)/bin/ruff format ."; exit 1; }
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/mypy --config-file tests/mypy.ini tests
	@$(VENV)/bin/lint-imports --no-cache

test: setup system peers $(AXE) check ## Everything that must hold, in under 20 minutes: units, properties, contracts, story, pages
	@$(PY) -m pytest -n 2 --dist loadgroup

bench: setup ## Measure against a floor in the same run. BUDGET=seconds
	@PYTHONPATH=tests $(PY) -m bench.run --budget $(BUDGET)

simulate: setup ## Search for broken invariants with seeded faults. BUDGET=60s, 15m, 8h; SEED=the first
	@PYTHONPATH=tests $(PY) -m simulation.run --budget $(BUDGET) $(if $(SEED),--seed $(SEED))

chaos: setup ## A gym's year in processes that SIGKILL ends, a lying payment service too, on both engines, to the same end. BUDGET=60s, 8h; MEMBERS, SEED
	@PYTHONPATH=tests $(PY) -m chaos.run --budget $(BUDGET) $(if $(MEMBERS),--members $(MEMBERS)) $(if $(SEED),--seed $(SEED))

mutate: setup ## Change the rules in every small way, and see that a test notices each. RULES="schedule passback"
	@$(PY) tests/mutation/run.py $(RULES)

fuzz: setup ## Throw bytes at every parser, led by coverage. BUDGET=seconds in all
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/fuzz/requirements.txt || { echo "The fuzzer has wheels for Python 3.11 to 3.13 on x86-64 only: run this on such a machine."; exit 1; }
	@PYTHONPATH=tests $(PY) -m fuzz.run --budget $(BUDGET)

lock: ## Choose the newest allowed versions anew and write requirements.txt (needs uv)
	@uv lock --upgrade --quiet && uv export --quiet --all-packages --no-emit-workspace --no-header --no-annotate -o requirements.txt

clean: ## Remove what was built; no data of yours is in it but the demo's
	@rm -rf $(VENV) .peers .demo .cache
