"""Known vulnerabilities of the locked packages.

Advisories are PyPI's, by pip-audit, or, where there is no network, those of a file: OSV's all.zip of its ecosystem PyPI
(https://osv-vulnerabilities.storage.googleapis.com/PyPI/all.zip). A package that could not be looked up is no package without faults.
"""

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from cada.errors import CadaError
from cada.runtime.console import console
from cada.storage.files import reading

LOCK = Path("requirements.lock")
PIP_AUDIT = ["uv", "tool", "run", "pip-audit==2.10.1", "--no-deps", "--disable-pip", "--progress-spinner=off", "--format=json"]
Found = Iterator[tuple[str, str, str]]  # package, version, advisory


def by_file(advisories: Path, locked: dict[str, Version]) -> Found:
    """The advisories of OSV's file that are about a locked version."""
    with reading(advisories), zipfile.ZipFile(advisories) as archive:
        for name in archive.namelist():
            told = json.loads(archive.read(name))
            for affected in [] if "withdrawn" in told else told.get("affected", []):
                package = canonicalize_name(affected.get("package", {}).get("name", ""))
                if package in locked and is_affected(locked[package], affected):
                    yield package, str(locked[package]), told["id"]


def is_affected(version: Version, affected: dict[str, Any]) -> bool:
    """Whether a version is in OSV's list, or in one of its ranges: from `introduced` to before `fixed`, or up to `last_affected`."""
    if any(_version(listed) == version for listed in affected.get("versions", [])):
        return True
    inside = False
    for each in affected.get("ranges", []):
        events = [(kind, _version(text)) for event in each["events"] for kind, text in event.items() if each["type"] == "ECOSYSTEM"]
        since = [start for kind, start in events if kind == "introduced" and start <= version]
        ended = [end for kind, end in events if (kind == "fixed" and end <= version) or (kind == "last_affected" and end < version)]
        inside |= bool(since) and (not ended or max(ended) < max(since))
    return inside


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:  # of the time before PEP 440
        return Version("0")


def by_network() -> Found:
    """What PyPI knows. Errors: `CadaError` where it does not know all packages, as a mirror of it."""
    done = subprocess.run([*PIP_AUDIT, "--requirement", str(LOCK)], capture_output=True, text=True, check=False)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError) as error:
        raise CadaError(f"pip-audit: {done.stderr.strip().splitlines()[-1:]}. Without network: make audit ADVISORIES=all.zip") from error
    if unknown := [package["name"] for package in packages if "skip_reason" in package]:
        more = f"{len(unknown)} of {len(packages)} packages were not found at PyPI, {unknown[0]} the first"
        raise CadaError(f"{LOCK}: {more}. Without network: make audit ADVISORIES=all.zip")
    for package in packages:
        for fault in package["vulns"]:
            yield package["name"], package["version"], fault["id"]


if __name__ == "__main__":
    with console("audit"):
        locked = {canonicalize_name(name): Version(text) for name, text in re.findall(r"^([\w.-]+)==([^\s;]+)", LOCK.read_text(), re.M)}
        found = sorted(set(by_file(Path(sys.argv[1]), locked) if len(sys.argv) > 1 else by_network()))
        for package, version, advisory in found:
            print(f"{package} {version}: {advisory}, https://osv.dev/{advisory}")
        if found:
            raise CadaError(f"{LOCK}: {len(found)} known vulnerabilities. Raise the versions in {LOCK}, then make lock.")
        print(f"{len(locked)} locked packages, no known vulnerability")
