"""What the matrix no longer lists is moved away with its times, and restored when it is listed again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cada.config import Workflow
from cada.storage.unlisted import move_unlisted, restore_listed

NAMES = {
    "metrics": "0.json", "rankings": "0.parquet", "history": "0.csv", "probes": "0.json", "choices": "0.parquet",
    "associations": "0.json", "models": "0/model.safetensors",
}  # fmt: skip


def matrix(*variants: str, seeds: tuple[int, ...] = (0,)) -> Workflow:
    return Workflow(datasets=("toy",), variants=variants, seeds=seeds)


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for variant in ("global", "dual", "dual,ara=0.5"):
        for kind, name in NAMES.items():
            path = Path("results/toy", kind, variant, name)
            path.parent.mkdir(parents=True)
            path.write_text(f"{kind} of {variant}")
            os.utime(path, (1, 1))
    return Path("results/toy")


def files(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_it_goes_and_comes_back_as_it_was(results: Path) -> None:
    before = files(results)
    moved = list(move_unlisted(matrix("global")))
    assert {str(path) for path in moved} == {f"results/toy/{kind}/dual/{name}" for kind, name in NAMES.items()}
    assert files(results) == {name: text for name, text in before.items() if "/dual/" not in name}
    assert list(move_unlisted(matrix("global"))) == []

    restore_listed(matrix("global", "dual", seeds=(0, 1)))
    assert files(results) == before
    assert (results / "metrics/dual/0.json").stat().st_mtime == 1


def test_what_was_made_in_the_meantime_stays(results: Path) -> None:
    list(move_unlisted(matrix("global")))
    (results / "metrics/dual/0.json").write_text("newer")
    restore_listed(matrix("global", "dual"))
    assert files(results)["metrics/dual/0.json"] == "newer"


def test_the_chapter_of_a_data_set_goes_and_comes_back(results: Path) -> None:
    chapter = Path("results/report/old/chapter.json")
    chapter.parent.mkdir(parents=True)
    chapter.write_text("old")
    assert list(move_unlisted(matrix("global", "dual"))) == [chapter]
    assert files(results.parent / "report") == {}
    restore_listed(Workflow(datasets=("old", "toy"), variants=("global", "dual"), seeds=(0,)))
    assert chapter.read_text() == "old"
