#!/bin/sh
# Write requirements.lock from pyproject.toml and the pip list of environment.yml from requirements.lock.
# What is locked stays, where pyproject.toml allows it. For another version, edit its line in requirements.lock first.
set -eu

. workflow/scripts/wheels.sh
choose_torch 'cp*'
# One lock for every supported Python and system (--universal).
# The CPU build asks for no CUDA packages; which build is installed is chosen when the environment is made.
torch=$(grep '^torch==' requirements.lock)
echo "$torch+cpu" | uv pip compile pyproject.toml --override - --all-extras --universal --python-version 3.11 \
    --custom-compile-command "make lock" --no-emit-find-links --no-emit-index-url --quiet --output-file requirements.lock
sed -i.bak 's/^\(torch==[0-9.]*\)+[a-z0-9.]*/\1/' requirements.lock && rm requirements.lock.bak
{
    sed '/^ *- pip:/q' environment.yml
    sed -n 's/^[a-zA-Z0-9_.-]*==/      - &/p' requirements.lock
} >environment.yml.new
mv environment.yml.new environment.yml
