# make help lists the targets. PYTHON chooses the interpreter that makes .venv.

PYTHON ?= $(shell for python in python3 python3.11 python3.12 python3.13; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && \
	echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
BASE_STAMP := $(VENV)/installed-base
UNIT_TESTS := tests/accuracy tests/golden tests/detector/folders/test_journal_machine.py \
	$(addprefix tests/detector/,results system pipeline) $(addprefix tests/training/,data samplers)
WORKERS := 2
IN_PARALLEL = -n $(WORKERS) --dist loadgroup
RAY_STAMP := $(VENV)/installed-ray
PIP := $(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo check lint unit test docs test-ray soak install clean chromium

help: ## say what there is to make
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 10

demo: $(BASE_STAMP) ## find the digits in ten real images through a real server
	@$(BIN)/python scripts/demo.py

test: $(STAMP) chromium docs lint ## lint, check types, build the documents, run the whole test suite
	$(BIN)/python -m pytest $(IN_PARALLEL) -m "not soak and not ray"

check: $(STAMP) ## lint, check types and contracts, run the quick unit tests: a minute between two thoughts
	@$(MAKE) --no-print-directory -j 2 lint unit

lint: $(STAMP) ## lint, check types and contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(STAMP) ## run the quick unit tests
	$(BIN)/python -m pytest -q $(IN_PARALLEL) --hypothesis-profile=quick \
		-m "not slow and not soak and not ray" $(UNIT_TESTS)

docs: $(STAMP) ## build the documents into build/docs; a warning is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# In two processes: the second is connected to a cluster, and Ray lets a process be that once at a time.
test-ray: $(RAY_STAMP) ## install Ray too, and test the service, the folder job and training on clusters of several nodes
	$(BIN)/python -m pytest -m "ray and not soak" tests/on_ray/folders tests/on_ray/training
	$(BIN)/python -m pytest -m "ray and not soak" tests/on_ray/test_*.py tests/on_ray/service

soak: $(STAMP) ## run the tests that take minutes, such as installing the wheel into an empty environment
	$(BIN)/python -m pytest -m soak

# Pages are tested in a real browser: root gets Debian's, others may have one; without it those tests are skipped.
chromium:
	@if ! command -v chromedriver >/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing Debian's chromium for the tests of the pages"; \
		{ apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
			apt-get -qq install --yes --no-install-recommends chromium chromium-driver; } >/dev/null 2>&1 || \
		echo "that failed: the tests of the pages are skipped"; fi

install: $(STAMP) ## make .venv and install this checkout into it, editable

# Both are rebuilt only when one of the two files changes; what is made stays usable if a run is interrupted.
# The base is what a user installs: half a gigabyte, without what training needs.
$(BASE_STAMP): pyproject.toml constraints.txt
	$(environment)
	@echo "installing the detector into $(VENV), without training: about 20 packages, half a gigabyte"
	@$(PIP) -q setuptools
	@$(PIP) --no-build-isolation -e .
	@touch $@

$(STAMP): pyproject.toml constraints.txt
	$(environment)
	@echo "installing everything for development into $(VENV): a few minutes the first time"
	@$(PIP) -qq setuptools
	@$(PIP) -qq --no-build-isolation -e '.[dev]'
	@touch $@ $(BASE_STAMP)

define environment
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed: apt-get install python3-venv," \
		"or name one: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		version=$$($(PYTHON) -c 'import sys; print("python%d.%d" % sys.version_info[:2])'); \
		echo "$(PYTHON) has no venv module: apt-get install $$version-venv (or python3-venv)"; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
endef

$(RAY_STAMP): $(STAMP)
	@echo "installing Ray into $(VENV)"
	@$(PIP) -qq --no-build-isolation -e '.[dev,test-ray]'
	@touch $@

clean: ## remove .venv and everything that was made
	rm -rf $(VENV) build dist demo-output *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
