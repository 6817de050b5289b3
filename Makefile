# Everything one does with this repository. `make` alone prints the list.

PYTHON ?= python3
ENVIRONMENT := .venv
BIN := $(ENVIRONMENT)/bin
STATIC := web/cloudconnect_web/static
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard cloudconnect/locale/*/LC_MESSAGES/*.po))
WEB_SOURCES := web/build.mjs $(shell find web/cloudconnect_web/islands web/cloudconnect_web/styles web/cloudconnect_web/images -type f 2>/dev/null)

# Choices: T=features/files runs the tests below tests/features/files only; K=… is pytest's -k; N is how many run at once.
T ?=
K ?=
LANGUAGE ?=
N ?= auto
STATES ?= 250000
EXAMPLES ?= 10000
REQUESTS ?= 1000000

.DEFAULT_GOAL := help
.PHONY: help run setup test crash trees requests check format lint types assets messages wheel docs ci clean
# A recipe that fails half-way must not look finished the next time.
.DELETE_ON_ERROR:

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(ENVIRONMENT)/.installed $(STATIC)/manifest.json $(CATALOGUES) ## Install what is missing and start CloudConnect here, on 127.0.0.1:8420
	@exec $(BIN)/cloudconnect up

# What is printed and compared is English.
test docs: export LC_ALL := C.UTF-8

setup: $(ENVIRONMENT)/.development $(STATIC)/manifest.json $(CATALOGUES) ## Make the environment that development needs

test: setup ## Run the tests (T=features/files for a part, K=expression to choose, N=1 for one at a time)
	$(BIN)/pytest -n $(N) $(if $(K),-k "$(K)") $(if $(T),tests/$(T))

crash: setup ## Look at 250,000 states that power cuts and disk errors may leave (STATES=…)
	$(BIN)/python tests/crash/replay/crash.py --states $(STATES)

trees: setup ## Drive three protocols and kills against a model of the tree (EXAMPLES=…)
	$(BIN)/python -m tests.crash.tree_machine --examples $(EXAMPLES)

requests: setup ## Send a daemon a million damaged requests (REQUESTS=…)
	$(BIN)/python -m tests.crash.mutated_requests --requests $(REQUESTS)

check: lint types ## Everything a reviewer's machine can see: format, lint, contracts, types

format: $(ENVIRONMENT)/.development ## Lay the code out and mend what can be mended
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

lint: $(ENVIRONMENT)/.development ## Look at layout, style and the import contracts
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/lint-imports

types: $(ENVIRONMENT)/.development web/node_modules/.package-lock.json ## Check types, of Python and of TypeScript
	$(BIN)/mypy
	cd web && node_modules/.bin/tsc --noEmit

assets: $(STATIC)/manifest.json ## Build styles and islands for the browser

messages: $(ENVIRONMENT)/.development ## Bring the translations up to date (LANGUAGE=fr begins another one)
	$(BIN)/python .ci/messages.py $(LANGUAGE)

wheel: $(ENVIRONMENT)/.development ## Build the wheel, browser assets inside, into dist/
	$(BIN)/python -m build --wheel --outdir dist .

docs: $(ENVIRONMENT)/.development ## Print the reference pages from the code
	$(BIN)/python docs/generate.py

ci: ## What continuous integration runs, on a machine it may install packages on
	.ci/run

clean: ## Remove everything that can be made again; your data is elsewhere
	rm -rf $(ENVIRONMENT) web/node_modules $(STATIC) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis $(CATALOGUES)

$(ENVIRONMENT)/bin/pip: .ci/environment.sh .ci/get_pip.py
	.ci/environment.sh $(ENVIRONMENT) $(PYTHON)
	@touch $@

$(ENVIRONMENT)/.installed: $(ENVIRONMENT)/bin/pip pyproject.toml hatch_build.py
	$(BIN)/pip install --quiet --editable .
	@touch $@

$(ENVIRONMENT)/.development: $(ENVIRONMENT)/.installed
	$(BIN)/pip install --quiet --group dev
	@touch $@

web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	@command -v npm >/dev/null || { echo "Building the web pages needs Node 20 with npm: https://nodejs.org" >&2; exit 1; }
	cd web && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(STATIC)/manifest.json: web/node_modules/.package-lock.json $(WEB_SOURCES)
	cd web && node build.mjs

%.mo: %.po $(ENVIRONMENT)/.installed
	$(BIN)/pybabel -q compile -i $< -o $@
