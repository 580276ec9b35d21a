"""A file system without locks, as flock reports it: by three error numbers."""

from __future__ import annotations

import errno
import fcntl
import os

NUMBERS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)


def refuse_locks(number: int) -> None:
    """From now on this process gets no lock."""

    def flock(*_: int) -> None:
        raise OSError(number, os.strerror(number))

    fcntl.flock = flock
