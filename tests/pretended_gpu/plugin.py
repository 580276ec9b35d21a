"""`pytest -p tests.pretended_gpu.plugin`: the hooks are there before anything imports torch."""

from tests.pretended_gpu.hooks import load

load()
