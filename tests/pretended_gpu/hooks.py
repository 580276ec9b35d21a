"""A CUDA that does nothing, for a torch that was built without one.

torch asks for CUDA's hooks once, when it is loaded, and autograd asks for a guard of the device: `hooks.cpp` has both.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).with_name("hooks.cpp")
COMPILER = os.environ.get("CXX", "c++")


def absent() -> str:
    """Why there can be no pretended GPU on this machine; empty where there can."""
    if sys.platform != "linux":
        return f"torch's libraries are loaded as on Linux, and this is {sys.platform}"
    return "" if shutil.which(COMPILER) else f"there is no C++ compiler {COMPILER}"


def compiled() -> Path:
    """The library of `hooks.cpp`, made once for each version of the source and of torch."""
    found = importlib.util.find_spec("torch")
    assert found is not None and found.submodule_search_locations
    torch = Path(found.submodule_search_locations[0])
    of = hashlib.sha256(SOURCE.read_bytes() + (torch / "version.py").read_bytes() + str(torch).encode()).hexdigest()[:16]
    library = Path(tempfile.gettempdir()) / f"cada-pretended-gpu-{os.getuid()}-{of}.so"
    if not library.exists():
        partial = library.with_suffix(f".{os.getpid()}")
        linked = [f"-L{torch / 'lib'}", "-ltorch_cpu", "-lc10", f"-Wl,--no-as-needed,-rpath,{torch / 'lib'}"]
        command = [COMPILER, "-shared", "-fPIC", "-std=c++20", "-isystem", str(torch / "include"), str(SOURCE), "-o", str(partial), *linked]
        subprocess.run(command, check=True)
        partial.replace(library)
    return library


def load() -> None:
    """Give torch the hooks. Errors: `RuntimeError` where torch is there already, and has none."""
    if "torch" in sys.modules:
        raise RuntimeError("torch has been imported before the hooks of its pretended GPU.")
    ctypes.CDLL(os.fspath(compiled()), mode=ctypes.RTLD_GLOBAL)
