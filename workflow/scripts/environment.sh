#!/bin/sh
# Make or update .venv from requirements.lock.
#   PYTHON  the interpreter (default python3.11)
#   TORCH   the build of torch: cpu (default), cu126, cu128, cu130, rocm..., or auto; ignored where a local wheel folder has torch
#   UV_FIND_LINKS or PIP_FIND_LINKS  a folder of wheels
set -eu

fail() {
    echo "environment: $*" >&2
    exit 1
}

python=${PYTHON:-python3.11}
venv=.venv

if [ ! -x "$venv/bin/python" ]; then
    command -v "$python" >/dev/null || fail "$python is not found. Install Python 3.11" \
        "(Debian and Ubuntu: apt install python3.11 python3.11-venv; macOS: brew install python@3.11)" \
        "or name it: make PYTHON=/path/to/python3.11 ..."
    "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || fail "$python is not Python 3.11. Name it: make PYTHON=/path/to/python3.11 ..."
    "$python" -c 'import venv, ensurepip' 2>/dev/null || fail "$python has no venv module. Install it (Debian and Ubuntu: apt install python3.11-venv)."
    "$python" -m venv "$venv"
fi

"$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$(grep -m 1 '^uv==' requirements.lock)"

. workflow/scripts/wheels.sh
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --requirements requirements.lock
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation --editable .
touch "$venv/ready"
