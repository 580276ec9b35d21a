"""A gallery that Snakemake's jobs index in parts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cada.gallery import Index
from tests.gallery.conftest import START, drawn, photos

__all__ = ["drawn", "photos"]
SNAKEFILE = Path("workflow/gallery/Snakefile").resolve()


def snakemake(folder: Path, *config: str) -> subprocess.CompletedProcess[str]:
    command = ["snakemake", "--snakefile", str(SNAKEFILE), "--cores", "2", "--config", *config]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(command, cwd=folder, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False)


@pytest.mark.workflow
def test_jobs_index_parts_and_merge_them(photos: Path, tmp_path: Path) -> None:
    shutil.copytree(photos, folder := tmp_path / "a folder" / "photos")
    config = ("images=photos", f"model={START.resolve()}", "output=gallery", "parts=2")
    done = snakemake(folder.parent, *config)
    assert done.returncode == 0, done.stderr
    index = Index.open(folder.parent / "gallery")
    assert len(index) == 24
    assert index.add(folder).unchanged == 24
    again = snakemake(folder.parent, *config)
    assert "Nothing to be done" in again.stderr
    assert "model" in snakemake(folder.parent, "images=photos", "output=gallery").stderr
