# demo: try it.  test: the checks of every change.  test-slow: also the long ones.
PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null)
SOURCES := $(shell git ls-files pyproject.toml README.md src 2>/dev/null)

ifdef UV
venv = $(UV) venv -q --python $(PYTHON)
install = $(UV) pip install -q --reinstall-package opendensepose --python $(1)/bin/python
else
venv = $(PYTHON) -m venv
install = $(1)/bin/python -m pip install -q --disable-pip-version-check
endif

.PHONY: demo test test-slow check clean

demo: .venv/installed
	@.venv/bin/densepose predict "$$(.venv/bin/python -c 'import opendensepose; print(opendensepose.SAMPLE_IMAGE)')" --out demo_out
	@echo "The results are in $(CURDIR)/demo_out; look at sample_overlay.jpg first."
	@echo "Your own photos: .venv/bin/densepose predict PHOTO.jpg --out results"

# as a user gets it: not editable, without torch
.venv/installed: $(SOURCES)
	@echo "Setting up .venv, without torch (a minute the first time) ..."
	@test -x .venv/bin/python || $(venv) .venv
	@$(call install,.venv) .
	@touch $@

.venv-dev/installed: pyproject.toml
	@echo "Setting up .venv-dev, with torch (some GB the first time) ..."
	@test -x .venv-dev/bin/python || $(venv) .venv-dev
	@$(call install,.venv-dev) -e '.[dev]'
	@touch $@

check: .venv-dev/installed
	.venv-dev/bin/ruff check .
	.venv-dev/bin/ruff format --check .
	.venv-dev/bin/mypy

# a process for each group: in one long process data-loader workers that start late crash it
TEST_GROUPS := annotate benchmarks,cli,core,data eval,io model,runtime surface,synth test_*.py train,viz
in_groups = @set -e; for group in $(TEST_GROUPS); do \
	.venv-dev/bin/pytest $(1) $$(echo "$$group" | tr ',' '\n' | sed 's,^,tests/,'); done

test: check
	$(call in_groups,)

test-slow: check
	$(call in_groups,-m 'slow or not slow')

clean:
	rm -rf .venv demo_out build dist
