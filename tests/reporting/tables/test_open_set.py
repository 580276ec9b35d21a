from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cada.reporting.results.metrics import MeasuredVariant, read_variants
from cada.reporting.tables.open_set import NOTHING_MEASURED, open_set_table
from cada.reporting.tables.table import csv_text, markdown
from tests.reporting.conftest import open_set_of

Write = Callable[..., Path]
TITLES = [("global", "Global only"), ("dual", "+ ATP + ARA")]


def read(write: Write, folder: Path, **changes: dict[str, Any]) -> list[MeasuredVariant]:
    """Two variants with two seeds: TPIR 40 and 44 for global, 43 and 47 for dual, but for `changes` of a variant."""
    for seed, value in enumerate((40.0, 44.0)):
        write("global", seed, {"cosine": value}, **changes.get("global", {}))
        write("dual", seed, {"cosine": value, "calibrated": value + 3, "published": value + 1}, **changes.get("dual", {}))
    return read_variants("toy", TITLES, [0, 1], folder / "metrics")


def test_values_are_means_over_seeds(write_metrics: Write, tmp_path: Path) -> None:
    values, _ = open_set_table("toy", read(write_metrics, tmp_path))
    first, second = csv.DictReader(io.StringIO(csv_text(values)))
    labels = ("variant", "title", "score", "seeds", "gallery", "val_gallery", "growth")
    assert [first[name] for name in labels] == ["global", "Global only", "cosine", "2", "20", "12", "0.5000"]
    assert [first[f"TPIR10_{part}"] for part in ("mean", "std", "low", "high")] == ["42.0000", "2.8284", "40.0000", "44.0000"]
    assert [second[f"FPIR10_{part}"] for part in ("mean", "std", "low", "high")] == ["8.0000", "0.0000", "6.0000", "10.0000"]
    assert [second[f"ECE_{part}"] for part in ("mean", "low", "high")] == ["4.5000", "2.5000", "6.5000"]
    assert {first[f"{kind}{rate}_mean"] for kind in ("TPIR", "FPIR") for rate in (1, 5)} == {""}
    # 60 searches of 96 at 10 and 5 of 100, 36 at 60 and 70
    assert (first["predicted"], first["observed"]) == ("28.7500", "29.3750")


def test_what_a_reader_sees(write_metrics: Write, tmp_path: Path) -> None:
    text = markdown(open_set_table("toy", read(write_metrics, tmp_path))[1])
    above, below = text.split("**Non-mated searches above the same threshold (FPIR, %), by the stated FPIR**")
    assert "| dual    | calibrated | 45.0 ± 2.8 | 43.0 to 47.0 |" in above
    assert re.search(r"\| dual    \| calibrated \| +8\.0 ± 0\.0 \| +6\.0 to 10\.0 \|", below)
    assert "1 % |" not in text and "5 % |" not in above.replace("95 % |", ""), "no column that is empty everywhere"
    assert "dual: of 100 searches for a person who is there, 45 find" in text and "for a person who is not, 8 find" in text
    assert "holds the stated one in 2 of 2 cases" in text
    for rate in (1, 5):
        assert f"No threshold for {rate} %: in val fewer than 10 non-mated searches would be above it (global, dual)." in text
    assert "from 150 non-mated searches of val in 12 images, for test's 20 images" in text and "global 0.50; dual 0.50" in text
    assert "dual 4.5 ± 0.3 (95 % 2.5 to 6.5), 29 said, 29 right" in text
    assert len({len(line) for line in text.splitlines() if line.startswith("|")}) == 1


def test_a_seed_without_a_threshold_leaves_the_cell_of_its_variant_empty(write_metrics: Write, tmp_path: Path) -> None:
    read(write_metrics, tmp_path)
    lacking = open_set_of(44)
    lacking["rates"]["10"] = None
    write_metrics("global", 1, {"cosine": 44.0}, open_set=lacking)
    variants = read_variants("toy", TITLES, [0, 1], tmp_path / "metrics")
    values, table = open_set_table("toy", variants)
    assert values["TPIR10_mean"].isna().tolist() == [True, False]
    assert [row[2] for row in table.sections[0].rows] == ["", "45.0 ± 2.8"]
    assert any("No threshold for 10 %" in note and "(global)" in note for note in table.notes)


def test_where_val_is_test_there_is_no_row(write_metrics: Write, tmp_path: Path) -> None:
    values, table = open_set_table("toy", read(write_metrics, tmp_path, dual={"val": "test"}))
    assert values["variant"].tolist() == ["global"]
    assert any("val is test" in note and "(dual)" in note for note in table.notes)


def test_where_nothing_was_measured_it_is_said(write_metrics: Write, tmp_path: Path) -> None:
    values, table = open_set_table("toy", read(write_metrics, tmp_path, **{"global": {"val": "test"}, "dual": {"val": "test"}}))
    assert values.empty and not table.sections and table.notes == (NOTHING_MEASURED,)


@pytest.mark.parametrize(("growth", "text"), [(0.0, "global 0.00"), (1.0, "global 1.00")])
def test_the_growth_is_said(write_metrics: Write, tmp_path: Path, growth: float, text: str) -> None:
    variants = read(write_metrics, tmp_path, **{"global": {"open_set": open_set_of(40, growth=growth)}})
    assert any(text in note for note in open_set_table("toy", variants)[1].notes)
