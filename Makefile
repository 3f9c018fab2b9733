PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export FINETUNE_ADVISOR_PORT ?= 8080

PYTEST := $(BIN)/python -m pytest -n auto --dist worksteal
# Tests start hundreds of processes, which would each compile their imports anew.
unexport PYTHONDONTWRITEBYTECODE
# Tests that need Node.js, Go, Java or Chromium, or take minutes: make contract.
JUDGED := tests/contract/test_lint.py tests/contract/test_breaking.py tests/contract/test_fuzz.py \
	tests/contract/test_teeth.py tests/clients tests/web tests/formats/test_camunda.py \
	tests/formats/test_mermaid.py tests/formats/test_oracles.py tests/telemetry/test_tracers.py \
	tests/telemetry/test_collector.py tests/public/test_gateway.py
# Tests of the deployment around an instance: make chart.
DEPLOYED := tests/helm tests/monitoring tests/drain
# Tests in PostgreSQL, Spark and Polars: make engines.
ENGINES := tests/engines
# Minutes of trees that change under load: make reload.
RELOADED := tests/reload
# Clusters of Kubernetes' own programs, which need root: make cluster.
CLUSTERED := tests/cluster
# Installs the archives of a release from the package index on each Python: make package.
PACKAGED := tests/package/test_installed.py
# Compares times, which needs a machine that does nothing else: make public.
TIMED := tests/public/test_key_timing.py::test_near_and_far_keys_take_as_long
OUTSIDE := $(JUDGED:%=--ignore=%) $(DEPLOYED:%=--ignore=%) $(ENGINES:%=--ignore=%) $(RELOADED:%=--ignore=%) \
	$(CLUSTERED:%=--ignore=%) $(PACKAGED:%=--ignore=%) $(TIMED:%=--deselect=%)

.DEFAULT_GOAL := help

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(VENV)/.serve: requirements/runtime.txt requirements/build.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt -r requirements/runtime.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.develop: $(VENV)/.serve requirements/develop.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/develop.txt
	@touch $@

$(VENV)/.chart: $(VENV)/.develop requirements/chart.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/chart.txt
	@touch $@

$(VENV)/.engines: $(VENV)/.develop requirements/engines.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/engines.txt
	@touch $@

serve: $(VENV)/.serve ## Serve on 127.0.0.1:8080, or FINETUNE_ADVISOR_PORT
	$(BIN)/finetune-advisor serve

install: $(VENV)/.develop ## Create .venv with everything for development

test: $(VENV)/.develop ## Run the whole suite, with coverage
	@rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest -n auto --dist worksteal $(OUTSIDE)
	@$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under=95
	$(BIN)/coverage report --fail-under=100 --include='*/engine/*,*/trees/loader.py,*/trees/document_schema.py,*/trees/yaml_document.py,*/trees/yaml_reader.py,*/trees/lifecycle.py,*/trees/catalog.py'

chart: $(VENV)/.chart ## Test the Helm chart, its alerts and dashboard, and the drain
	$(PYTEST) $(DEPLOYED)

cluster: $(VENV)/.chart ## Test the chart on real clusters of 0, 1 and 2 nodes, or of NODES (as root, on Linux)
	$(BIN)/python -m tests.cluster $(NODES:%=--nodes %)

engines: $(VENV)/.engines ## Test exported SQL and bulk recipes in PostgreSQL, Spark and Polars
	$(PYTEST) $(ENGINES)

reload: $(VENV)/.develop ## Change trees 70 times under load, over several workers and over one
	$(BIN)/python -m pytest $(RELOADED)

chart-readme: $(VENV)/.chart ## Regenerate the chart's README and its defaults.yaml
	$(BIN)/python -m tests.helm.tools

check: $(VENV)/.develop ## Check style, types, layers, Dockerfile and scripts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	$(BIN)/shellcheck image/*

contract: $(VENV)/.develop ## Run linters, a differ, a fuzzer (EXAMPLES), clients, a browser, engines, tracers
	$(PYTEST) tests/contract/test_openapi.py $(JUDGED)

public: $(VENV)/.develop ## Attack API keys with 100,000 requests, time them, and rotate them under load
	$(BIN)/python -m tests.public

SEEDS ?= 5
fuzz: $(VENV)/.develop ## Fuzz at full strength, or as set by EXAMPLES, MUTATED, SEEDS and ONLY
	$(BIN)/python -m tests.contract.fuzz $(EXAMPLES:%=--examples %) $(MUTATED:%=--mutated %) --seeds $(SEEDS) $(ONLY:%=--only %)

openapi: $(VENV)/.serve ## Regenerate openapi/openapi.yaml
	$(BIN)/finetune-advisor openapi > $@.tmp && mv $@.tmp openapi/openapi.yaml

ROUNDS ?= 21
SECONDS ?= 0.6
bench: $(VENV)/.develop ## Compare the speed with other services, with ROUNDS and SECONDS
	$(BIN)/python -m bench --rounds $(ROUNDS) --seconds $(SECONDS)

image: ## Build the container image with Docker, or with buildah
	image/build

image-test: $(VENV)/.develop ## Build the image without a registry, and test it in a container (as root)
	image/test

package: $(VENV)/.develop ## Build the wheel and the source archive into dist/, and install them on each Python
	$(BIN)/python -m tests.package
	PACKAGE_DIST=dist $(BIN)/python -m pytest tests/package

release: $(VENV)/.develop ## Raise the version to VERSION and date the changelog; docs/releasing.md
	$(BIN)/python .ci/release.py $(VERSION)

lock: $(VENV)/.develop ## Regenerate requirements/ from pyproject.toml
	$(BIN)/python requirements/lock.py

.PHONY: help serve install test contract fuzz chart chart-readme cluster engines check openapi bench public reload image image-test package release lock
