#!/bin/sh
# Print the interpreter that .venv is made with: the first of the names (arguments; else the newest supported Python first) that can be used.
#   UV_FIND_LINKS or PIP_FIND_LINKS  a folder of wheels: where it has torch, an interpreter that it has torch for comes first
set -eu

. workflow/scripts/wheels.sh
[ $# -gt 0 ] || set -- python3.14 python3.13 python3.12 python3.11 python3

# Prints the tag of its wheels, such as cp312, or says why it cannot be used.
program='
import os, sys, sysconfig
version = sys.version_info[:2]
if not (3, 11) <= version <= (3, 14):
    sys.exit("is Python %d.%d" % version)
try:
    import ensurepip, venv
except ImportError:
    sys.exit("has no venv module")
if version == (3, 14):  # no wheel of immutables, which Snakemake asks for
    from shutil import which
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    if which(compiler) is None or not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")):
        sys.exit("needs a C compiler and Python.h for a package without a wheel")
print("cp%d%d" % version)
'
first= looked=
for name; do
    # A name that is found is not enough: pyenv puts names on the PATH that fail when they are called.
    if ! command -v "$name" >/dev/null; then
        answer="is not found"
    elif answer=$("$name" -c "$program" 2>&1); then
        [ -n "$first" ] || first=$name
        if [ -n "$(local_torch "$answer")" ]; then
            [ "$first" = "$name" ] || echo "environment: $name rather than $first: $UV_FIND_LINKS has torch for it" >&2
            echo "$name"
            exit
        fi
        continue
    else
        case $answer in
        is\ * | has\ * | needs\ *) ;;
        *) answer="fails when called" ;;
        esac
    fi
    looked="$looked
  $name $answer"
done
if [ -n "$first" ]; then
    echo "$first"
    exit
fi
cat >&2 <<END
environment: no Python 3.11 to 3.14 with venv. Looked for:$looked
Install one:
  Debian, Ubuntu from 24.04   apt install python3 python3-venv (where python3 is 3.14 also: gcc python3-dev)
  Ubuntu 22.04                apt install python3.11 python3.11-venv
  macOS                       brew install python@3.13
or name it: make PYTHON=/path/to/python3.13 ...
END
exit 1
