# Every target makes .venv from requirements.lock on first use.
#   PYTHON=/path/to/python3.12          another interpreter than the newest of Python 3.11 to 3.14 (when .venv is made)
#   TORCH=cu130 | auto | cpu | pypi     the build of torch (when .venv is made; `rm -rf .venv` to choose again)
#   CORES=8                             how many cores Snakemake may use (all of the machine's)
PYTHON ?=
TORCH ?= cpu
CORES ?= all
KILLS ?= 100
SEED ?= 0

SHELL := /bin/sh
VENV := .venv
export PYTHON TORCH
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export MLFLOW_DISABLE_TELEMETRY := true
# Where nothing compiled is kept, every step spends twice the time on its imports.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help environment reproduce test test-slow coverage smoke record restore report workflow-report ui faults audit bench gpu-check lint docs lock generated clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@sed -n '2,4s/^# //p' $(firstword $(MAKEFILE_LIST))

environment: $(VENV)/ready  ## .venv alone; then: source .venv/bin/activate

$(VENV)/ready: requirements.lock pyproject.toml workflow/scripts/environment.sh workflow/scripts/interpreter.sh workflow/scripts/wheels.sh
	@workflow/scripts/environment.sh

reproduce: $(VENV)/ready  ## run whatever is not up to date, record it with DVC, print the tables and where the report is
	@snakemake --cores $(CORES) all
	@workflow/scripts/record.sh
	@python workflow/scripts/print_tables.py
	@echo "The report: results/report.html"

smoke: $(VENV)/ready  ## the same graph on a small drawn set, in a minute: does everything work?
	@snakemake --cores $(CORES) --configfile params/smoke/workflow.yaml -- all
	@cat results/smoke/tables/ablation.md
	@echo "The report: results/smoke/report.html"

record: $(VENV)/ready  ## commit the data and all outputs to DVC, when Snakemake has nothing left to do
	@workflow/scripts/record.sh

restore: $(VENV)/ready  ## after `dvc pull`: make Snakemake accept what was pulled
	@workflow/scripts/restore.sh

report: $(VENV)/ready  ## results/report.html: what was run and what came out, for readers; runs whatever is not up to date
	@snakemake --cores $(CORES) results/report.html

workflow-report: $(VENV)/ready  ## results/workflow.html: Snakemake's own report, on the steps of the last run
	@snakemake --report results/workflow.html

ui: $(VENV)/ready  ## MLflow on the comparison of the variants (PORT=5000)
	@python workflow/scripts/ui.py

test: $(VENV)/ready  ## all tests but the slow ones
	@pytest --numprocesses 2 --dist worksteal -m "not slow" tests

test-slow: $(VENV)/ready  ## the published size on this machine, and all steps under Slurm: some minutes and 12 GB of memory
	@pytest -m slow tests

# In one process, for a worker of several that ends slowly is killed with what it has counted. Tests that limit the size of files fail.
coverage: $(VENV)/ready  ## lines and branches that the tests run, room by room: all tests in one process, so it takes long
	@uv pip install --quiet coverage==7.17.5
	@rm -rf .cada/coverage
	-@coverage run -m pytest -m "not slow" tests
	@coverage combine --quiet
	@coverage json --quiet -o .cada/coverage/rooms.json
	@python workflow/scripts/rooms.py .cada/coverage/rooms.json

faults: $(VENV)/ready  ## kill, fill the disk, damage files at random, in copies of a small run (KILLS=100, SEED=0): results/faults.md
	@python -m tests.faults --kills $(KILLS) --seed $(SEED)

audit: $(VENV)/ready  ## known vulnerabilities and an SBOM of what is locked (without network: ADVISORIES=all.zip of OSV)
	@uv tool run --quiet --from cyclonedx-bom==7.5.0 cyclonedx-py environment $(VENV) --output-reproducible --output-file results/sbom.json
	@python workflow/scripts/audit.py $(ADVISORIES)

bench: $(VENV)/ready  ## measure this machine beside the published procedure, in ten minutes: results/benchmarks.md
	@python -m benchmarks

gpu-check: $(VENV)/ready  ## what only a GPU can tell, in eight minutes: results/gpu-check.md
	@python -m benchmarks.gpu_check

lint: $(VENV)/ready  ## ruff, mypy, snakefmt, snakemake --lint
	@ruff check .
	@ruff format --check .
	@mypy cada benchmarks docs/generated
	@snakefmt --check Snakefile workflow
	@snakemake --lint

docs: $(VENV)/ready  ## the pages as a site, docs/_build/index.html; a warning is an error
	@rm -rf docs/_build
	@sphinx-build --quiet --fail-on-warning --keep-going --jobs auto docs docs/_build
	@echo "The pages: docs/_build/index.html"

lock: $(VENV)/ready  ## after a change of pyproject.toml: requirements.lock and environment.yml anew
	@workflow/scripts/lock.sh

generated: $(VENV)/ready  ## after a change of cada/pipeline.py, of a switch or a loss: dvc.yaml, tables and the graph of the steps anew (needs Graphviz)
	@workflow/scripts/generated.sh

clean:  ## remove results, logs and caches; keeps .venv, data, the DVC cache and MLflow's store
	rm -rf results docs/_build .cada .snakemake .pytest_cache .ruff_cache .mypy_cache .hypothesis
