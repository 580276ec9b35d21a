"""Drawn persons, the start as a model, and an index of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import cada
from cada.gallery import Index

START = Path("weights/synthpedes-start")


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of twelve persons, two each, and their captions."""
    root = tmp_path_factory.mktemp("drawn")
    persons = cada.synthpedes.Persons(train=1, val=1, test=12)
    cada.synthpedes.draw_set(root, cada.synthpedes.Synthesis(seed=1, persons=persons, images_per_person=(2, 2), size=(96, 48)))
    return root


@pytest.fixture
def photos(drawn: Path, tmp_path: Path) -> Path:
    """A folder of its own with these images."""
    return Path(shutil.copytree(drawn / "imgs" / "test", tmp_path / "photos")).resolve()


@pytest.fixture
def index(photos: Path, tmp_path: Path) -> Index:
    """An index of them."""
    made = Index.create(tmp_path / "gallery", START)
    made.add(photos)
    return made
