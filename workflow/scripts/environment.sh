#!/bin/sh
# Make or update .venv from requirements.lock.
#   PYTHON  the interpreter (default: the newest of Python 3.11 to 3.14 that runs)
#   TORCH   the build of torch: cpu (default), cu126, cu128, cu130, rocm..., auto, or pypi, the one on PyPI (on Linux with CUDA);
#           ignored where a local wheel folder has torch
#   VENV    another folder than .venv
#   UV_FIND_LINKS or PIP_FIND_LINKS  a folder of wheels
set -eu

venv=${VENV:-.venv}
. workflow/scripts/wheels.sh

if [ ! -x "$venv/bin/python" ]; then
    python=$(workflow/scripts/interpreter.sh ${PYTHON:+"$PYTHON"})
    echo "environment: $venv of $("$python" --version) ($(command -v "$python"))"
    "$python" -m venv "$venv"
fi

"$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$(grep -m 1 '^uv==' requirements.lock)"

choose_torch "$("$venv/bin/python" -c 'import sys; print("cp%d%d" % sys.version_info[:2])')"
if ! "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --requirements requirements.lock; then
    [ -z "${UV_TORCH_BACKEND:-}" ] ||
        echo "environment: where PyTorch's own index (TORCH=$UV_TORCH_BACKEND) cannot be reached: make TORCH=pypi ..., on Linux some gigabytes" >&2
    exit 1
fi
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation --editable .
touch "$venv/ready"
