"""When, where and from which code a report was made."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from datetime import UTC, datetime

from cada.doctor.machine import gpus, installed, processor
from cada.storage import git


def provenance() -> Mapping[str, str]:
    """Label to text. The kind of the machine, and neither its name nor any path."""
    commit = git.commit()
    state = " with changes that are not committed" if git.dirty() else ""
    cpu = processor()
    graphics = ", ".join(gpu.name for gpu in gpus()) or "none"
    versions = {"Python": platform.python_version(), **installed()}
    return {
        "commit": f"{commit}{state}" if commit else "not known: this is no git repository",
        "written": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "machine": f"{platform.system()}, {platform.machine()}, {cpu.name}, {cpu.memory / 1e9:.0f} GB of memory; GPU: {graphics}",
    }
