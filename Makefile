# `make report` and `make test` set up .venv by themselves; only Python 3.11 or later and make are
# needed. PYTHON=... names another interpreter, DEMO=... another folder for the demo company.

PYTHON ?= $(shell for name in python3.11 python3 python; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && \
	echo $$name && break; done)
DEMO ?= data/demo
WORKERS ?= 3
SOAK ?= tests/test_scenarios.py tests/test_demo.py tests/test_crash.py tests/test_processes.py \
	tests/test_cost.py tests/test_converge.py tests/test_order_crash.py \
	tests/test_order_totals.py tests/test_real_orders.py

BIN := .venv/bin
READY := .venv/.ready
BENCHMARK := .benchmark-venv

.PHONY: help report test lint types format soak benchmark clean

help:
	@echo "make report     write the demo company and run the reports on it"
	@echo "make test       run every test"
	@echo "make lint       check style and layers"
	@echo "make types      check types"
	@echo "make format     format code and notebooks, and empty the notebooks' outputs"
	@echo "make soak       run the tests that draw, kill and race for much longer"
	@echo "make benchmark  compare the speed with other tools, and a run after edits with a full one"
	@echo "make clean      remove the environments and the demo company"

define create
@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed; PYTHON=... names one." >&2; exit 1; }
@echo "Setting up $(1)" >&2
@$(PYTHON) -m venv $(1) || { echo "$(PYTHON) cannot make a virtual environment." \
	"On Debian and Ubuntu, install the package python3.11-venv." >&2; exit 1; }
endef

# uv is six times as fast; where it cannot be had, pip does the same.
define install
@{ $(1)/bin/python -m pip install --quiet --disable-pip-version-check uv && \
	$(1)/bin/uv pip install --quiet --python $(1)/bin/python $(2); } || \
	$(1)/bin/python -m pip install --quiet --disable-pip-version-check $(2)
endef

$(READY): requirements.lock pyproject.toml
	$(call create,.venv)
	$(call install,.venv,-r requirements.lock)
	$(call install,.venv,--no-deps -e .)
	@touch $@

# A crossed threshold (status 1) is a result here, not a failure of make.
report: $(READY) $(DEMO)/workspace.yaml
	@$(BIN)/navcrm-recon report --workspace $(DEMO)/workspace.yaml || test $$? -eq 1

$(DEMO)/workspace.yaml: | $(READY)
	@$(BIN)/navcrm-recon demo $(DEMO)

test: $(READY)
	$(BIN)/pytest -n $(WORKERS) --dist worksteal

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-cache --no-logo

types: $(READY)
	$(BIN)/mypy

format: $(READY)
	$(BIN)/jupyter nbconvert --clear-output --inplace notebooks/*.ipynb
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

soak: $(READY)
	NAVCRM_SOAK=1 $(BIN)/pytest -n $(WORKERS) --dist loadscope $(SOAK)

$(BENCHMARK)/.ready: benchmarks/requirements.txt pyproject.toml
	$(call create,$(BENCHMARK))
	$(call install,$(BENCHMARK),-r benchmarks/requirements.txt -e .)
	@touch $@

benchmark: $(BENCHMARK)/.ready $(READY)
	$(BENCHMARK)/bin/python -m benchmarks.compare
	$(BIN)/python -m benchmarks.incremental

clean:
	rm -rf .venv $(BENCHMARK) data/demo
