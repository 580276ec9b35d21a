# Sourced: where uv finds wheels. It reads none of pip's settings.
UV_FIND_LINKS=${UV_FIND_LINKS:-${PIP_FIND_LINKS:-}}
if [ -n "$UV_FIND_LINKS" ]; then export UV_FIND_LINKS; else unset UV_FIND_LINKS; fi

# The pinned torch in the folder of wheels, for a tag such as cp312 (or the pattern cp*) and this processor; nothing when it is not there.
local_torch() {
    [ -n "${UV_FIND_LINKS:-}" ] || return 0
    for wheel in "$UV_FIND_LINKS"/torch-"$(sed -n 's/^torch==//p' requirements.lock)"[-+]*-$1-*_"$(uname -m)".whl; do
        if [ -e "$wheel" ]; then
            echo "$wheel"
            break
        fi
    done
}

# Where torch comes from for such a tag. Left alone, uv takes PyPI's build, which on Linux is the one with CUDA: some gigabytes.
choose_torch() {
    if [ -n "$(local_torch "$1")" ]; then
        echo "torch: taken from $UV_FIND_LINKS (TORCH is not used)"
    elif [ "${TORCH:-cpu}" != pypi ]; then
        export UV_TORCH_BACKEND="${TORCH:-cpu}"
    fi
}
