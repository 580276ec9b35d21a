#!/bin/sh
# How Snakemake and DVC call a step: workflow/scripts/step.sh cada train ...
command -v "$1" >/dev/null || {
    echo "The command $1 is not found. Activate the environment: source .venv/bin/activate (make environment builds it)." >&2
    exit 1
}
# The code is that of the folder the step runs in: `dvc exp run --temp` has a folder of its own.
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
# A step whose caller was killed ends too, and the next call goes on from its saved state: cada/caller.py.
export CADA_END_WITH_CALLER=1
exec "$@"
