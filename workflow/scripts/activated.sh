#!/bin/sh
# The first command of every stage in dvc.yaml: outside the environment it says what to do, where a shell would only say 127.
command -v cada >/dev/null && exit 0
echo "The command cada is not found. Activate the environment: source .venv/bin/activate (make environment builds it)." >&2
exit 1
