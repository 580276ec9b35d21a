#!/bin/sh
# How Snakemake and DVC call a step: workflow/scripts/step.sh cada train ...
# The code is that of the folder the step runs in: `dvc exp run --temp` has a folder of its own.
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
# The step takes its recipe as it is (cada/recipes/files.py) and ends when its caller is killed (cada/runtime/parent_process.py).
export CADA_IN_WORKFLOW=1
if command -v "$1" >/dev/null; then exec "$@"; fi
# An environment of Snakemake's own (--sdm conda) has what cada needs, and not the command.
if [ "$1" = cada ] && python -c 'from importlib.util import find_spec as found; exit(not (found("typer") and found("torch")))' 2>/dev/null; then
    shift
    exec python -m cada "$@"
fi
echo "The command $1 is not found. Activate the environment: source .venv/bin/activate (make environment builds it)." >&2
exit 127
