#!/bin/sh
# Write what follows from the Snakefile and cada/config: the picture of the steps and the schema of the matrix.
set -eu

command -v dot >/dev/null || {
    echo "generated: dot is not found. Install Graphviz (Debian and Ubuntu: apt install graphviz; macOS: brew install graphviz)." >&2
    exit 1
}
snakemake --rulegraph dot 2>/dev/null | sed -n '/^digraph/,/^}/p' | dot -Grankdir=LR -Tsvg >docs/steps.svg
python - >workflow/schemas/workflow.schema.json <<'END'
import json
from cada.config import Workflow
print(json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema"} | Workflow.model_json_schema(), indent=2))
END
