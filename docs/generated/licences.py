"""The packages of the lock file with their licences, as the installed ones state them."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

LOCK = Path("requirements.lock")


def page() -> str:
    """A row for each package. Those that are for another system or Python are not installed here."""
    locked = re.findall(r"^([a-z0-9._-]+)==(\S+)", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    lines = [f"| {name} | {version} | {licence_of(name)} |" for name, version in locked]
    return "| package | version | licence |\n|---|---|---|\n" + "\n".join(lines) + "\n"


def licence_of(name: str) -> str:
    """An expression of SPDX, else the classifiers, else the first line of the free text."""
    try:
        found = metadata(name).json
    except PackageNotFoundError:
        return "not installed here"
    classified = [entry.rpartition(" :: ")[2] for entry in found.get("classifier", []) if entry.startswith("License :: ")]
    stated = str(found.get("license_expression") or "; ".join(classified) or found.get("license", ""))
    return stated.strip().partition("\n")[0].replace("|", "/") or "not stated"
