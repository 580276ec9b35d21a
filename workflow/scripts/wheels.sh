# Sourced: where uv finds wheels. It reads none of pip's settings, and takes the CUDA build of torch from PyPI unless told otherwise.
export UV_FIND_LINKS="${UV_FIND_LINKS:-${PIP_FIND_LINKS:-}}"
export UV_TORCH_BACKEND="${TORCH:-cpu}"
for wheel in "$UV_FIND_LINKS"/torch-2.*.whl; do
    if [ -e "$wheel" ]; then
        echo "torch: taken from $UV_FIND_LINKS (TORCH is not used)"
        unset UV_TORCH_BACKEND
    fi
done
[ -n "$UV_FIND_LINKS" ] || unset UV_FIND_LINKS
