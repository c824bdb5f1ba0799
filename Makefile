# Everything a developer or an operator types. `make` alone lists the targets.
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
FLASK := $(BIN)/flask --app wsgi portal

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "There is no $(PYTHON); Python 3.11 or newer is needed. Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install python"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $(PYTHON) is older. Try: make PYTHON=python3.12"; exit 1; }
	@{ command -v uv >/dev/null 2>&1 && uv venv -q --no-python-downloads --python $(PYTHON) $(VENV); } || $(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); echo "Python's venv module is missing; on Debian and Ubuntu: apt install python3-venv"; exit 1; }

# $(1): a requirements file whose every package is pinned by hash. An environment that uv made has no pip.
define install
	@echo "Installing $(1) …"
	@if command -v uv >/dev/null 2>&1; then uv pip install -q --python $(BIN)/python --require-hashes -r $(1); else \
	  $(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null 2>&1 || { echo "Neither uv nor pip is there; on Debian and Ubuntu: apt install python3-venv, then: make clean"; exit 1; }; \
	  $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $(1); fi
endef

$(VENV)/.run: requirements.txt | $(BIN)/python
	$(call install,requirements.txt)
	@touch $@

$(VENV)/.dev: requirements-dev.txt | $(BIN)/python
	$(call install,requirements-dev.txt)
	@touch $@ $(VENV)/.run

CATALOGUES := $(patsubst %.po,%.mo,$(wildcard portal/translations/*/LC_MESSAGES/messages.po))
%.mo: %.po | $(VENV)/.run
	@$(BIN)/pybabel -q compile -i $< -o $@

.PHONY: run
run: $(VENV)/.run $(CATALOGUES) ## the portal with a demonstration on http://localhost:8000
	@RENSHO_DEMO=yes $(FLASK) up

.PHONY: test
test: $(VENV)/.dev $(CATALOGUES) ## the whole test suite, about 5 minutes on two processors [ARGS="tests/jobs"]
	@$(BIN)/python -m pytest $(if $(ARGS),$(ARGS),-q -n auto --maxprocesses 4 --dist loadfile)

.PHONY: rehearse
rehearse: $(VENV)/.run $(CATALOGUES) ## a whole campaign from files: MEMBERS=… WORKS=… OUT=… [ARGS="--quorum 2/3"]
	@test -n "$(MEMBERS)" -a -n "$(WORKS)" -a -n "$(OUT)" || { echo 'usage: make rehearse MEMBERS=members.csv WORKS=works/ OUT=out/ [ARGS="--quorum 2/3 --approve 30"]'; exit 2; }
	@$(FLASK) rehearse "$(MEMBERS)" "$(WORKS)" "$(OUT)" $(ARGS)

.PHONY: check
check: $(VENV)/.dev $(CATALOGUES) ## lint, types, import contract, templates, translations: what CI checks
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/djlint templates --lint --quiet
	@$(BIN)/python -m tests.translations

.PHONY: format
format: $(VENV)/.dev ## put the code into its form
	@$(BIN)/ruff check -q --fix . ; $(BIN)/ruff format -q .

.PHONY: strings
strings: $(VENV)/.dev ## collect the strings of the portal into the catalogues
	@$(BIN)/pybabel -q extract -F portal/translations/babel.cfg -k _l -k say:1 -k say_n:1,2 --no-location --sort-output --omit-header -o portal/translations/messages.pot .
	@for language in ja; do $(BIN)/pybabel -q update -i portal/translations/messages.pot -d portal/translations -l $$language --no-fuzzy-matching --ignore-obsolete --omit-header; done
	@rm -f portal/translations/messages.pot

.PHONY: pictures
pictures: $(VENV)/.dev $(CATALOGUES) ## the pictures in docs/, from a running demonstration
	@$(BIN)/python -m tests.pictures

.PHONY: soak
soak: $(VENV)/.dev $(CATALOGUES) ## the long campaigns in full
	@RENSHO_SOAK=yes $(BIN)/python -m pytest -m slow --timeout=3600 $(ARGS)

LOCK := uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command 'make lock' pyproject.toml
.PHONY: lock
lock: ## pin the dependencies anew (needs uv)
	@$(LOCK) -o requirements.txt
	@$(LOCK) --group dev -o requirements-dev.txt

.PHONY: clean
clean: ## remove what make made (the data in var/ stays)
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find portal -name '*.mo' -delete
