import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from cada.reporting.tables.transfer import write_transfer_tables
from tests.messages import line_with, refused

VARIANTS = [("global", "Global only"), ("dual", "+ ATP + ARA")]
SETS = ("drawn", "photos")
SCORES = {("drawn", "drawn"): 40, ("drawn", "photos"): 10, ("photos", "drawn"): 20, ("photos", "photos"): 60}


@pytest.fixture
def folders(write_metrics: Callable[..., Path], tmp_path: Path) -> dict[tuple[str, str], Path]:
    """Two sets, two variants, two seeds; dual is 3 better after re-ranking, and the second seed 2 better."""
    found = {}
    for (trained, tested), score in SCORES.items():
        sizes = {"drawn": {"gallery": 24, "persons": 6}, "photos": {"gallery": 90, "persons": 30}}[tested]
        where = {"dataset": tested} | sizes | ({} if trained == tested else {"trained_on": trained})
        for seed in (0, 1):
            value = score + 2 * seed
            write_metrics("global", seed, {"cosine": value}, **where)
            write_metrics("dual", seed, {"cosine": value, "calibrated": value + 3, "published": value + 1}, **where)
        found[trained, tested] = (tmp_path / "metrics").rename(tmp_path / f"{trained} on {tested}")
    return found


def test_rows_are_trained_on_and_columns_are_searched(folders: dict[tuple[str, str], Path], tmp_path: Path) -> None:
    write_transfer_tables(folders, variants=VARIANTS, seeds=[0, 1], output=tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"transfer.{kind}" for kind in ("csv", "html", "json", "md", "tex")
    ]
    with (tmp_path / "out/transfer.csv").open(encoding="utf-8", newline="") as file:
        lines = {(line["trained_on"], line["tested_on"], line["variant"]): line for line in csv.DictReader(file)}
    assert len(lines) == 8
    for (trained, tested), score in SCORES.items():
        for variant, more in (("global", 0), ("dual", 3)):
            line = lines[trained, tested, variant]
            assert (line["R1_mean"], line["mAP_std"], line["seeds"]) == (f"{score + more + 1:.4f}", "1.4142", "2")
    text = (tmp_path / "out/transfer.md").read_text(encoding="utf-8")
    assert "**dual: + ATP + ARA**" in text
    assert "| trained on |  drawn R@1 |  drawn mAP | photos R@1 | photos mAP |" in text
    assert "| photos     | 24.0 ± 1.4 | 24.0 ± 1.4 | 64.0 ± 1.4 | 64.0 ± 1.4 |" in text
    assert line_with(text, "- ", "drawn 6 persons, 24 images", "photos 30 persons, 90 images")


def test_a_missing_transfer_is_named_with_its_command(folders: dict[tuple[str, str], Path], tmp_path: Path) -> None:
    (folders["drawn", "photos"] / "dual/1.json").unlink()
    again = "`cada transfer drawn --to photos --variant dual --seed 1`"
    with refused(folders["drawn", "photos"] / "dual/1.json", again, cause=FileNotFoundError):
        write_transfer_tables(folders, variants=VARIANTS, seeds=[0, 1], output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_own_metrics_are_no_transfer(folders: dict[tuple[str, str], Path], tmp_path: Path) -> None:
    wrong = folders | {("photos", "drawn"): folders["drawn", "drawn"]}
    with refused("trained_on", "None", "'photos'", "`cada transfer photos --to drawn"):
        write_transfer_tables(wrong, variants=VARIANTS, seeds=[0, 1], output=tmp_path / "out")
