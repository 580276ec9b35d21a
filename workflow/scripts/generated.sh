#!/bin/sh
# Write what follows from the code: the tables of docs/deviations.md, dvc.yaml, and the graph of the steps.
set -eu

python workflow/scripts/tables.py
python workflow/scripts/dvc_yaml.py >dvc.yaml

command -v dot >/dev/null || {
    echo "generated: dot is not found. Install Graphviz (Debian and Ubuntu: apt install graphviz; macOS: brew install graphviz)." >&2
    exit 1
}
snakemake --rulegraph dot 2>/dev/null | sed -n '/^digraph/,/^}/p' | dot -Grankdir=LR -Tsvg >docs/steps.svg
