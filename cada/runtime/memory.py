"""Free memory back to the operating system.

glibc keeps what a program frees, and before version 2.38 hardly uses it for the aligned blocks that torch requests: a training grows
for as long as its captions have new lengths.
"""

from __future__ import annotations

import ctypes

_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, musl and macOS have not


def release_free_memory() -> None:
    """Give back the pages that the allocator holds and nobody uses; where the allocator is not glibc's, nothing happens."""
    if _trim is not None:
        _trim(0)
