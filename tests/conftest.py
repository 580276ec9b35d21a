"""One thread per process: the workers of pytest-xdist share the cores, and two threads on one core wait for each other."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
