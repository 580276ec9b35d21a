import csv
import io

import pytest

from cada.reporting.tables.cells import scaled
from cada.reporting.tables.cost import CountedSizes, VariantCost, cost_table
from cada.reporting.tables.table import csv_text
from tests.messages import carries

PLAIN = VariantCost("global", 549_000, 549_000, None, 6.74e9, 9_130_000, None, {"train": 97.4, "evaluate": None, "probe": 20.0})
FULL = VariantCost("dual", 893_000, 549_000, 624_000, 17.9e9, 9_130_000, 180_000_000, {"train": 247.0, "evaluate": None, "probe": None})
COUNTING = CountedSizes(batch=64, train_tokens={"global": 27, "dual": 73}, query_tokens=26, gallery=2372, top_k=16)


def test_what_is_not_there_is_left_empty() -> None:
    (section,) = cost_table("toy", [PLAIN, FULL], {}, COUNTING, seeds=3)[1].sections
    assert section.rows == (
        ("global", "549 k", "549 k", "", "6.74 G", "9.13 M", "", "97", "", "20"),
        ("dual", "893 k", "549 k", "624 k", "17.9 G", "9.13 M", "180 M", "247", "", ""),
    )


def test_notes_say_for_what_it_was_counted_and_who_measured() -> None:
    notes = " ".join(cost_table("toy", [PLAIN, FULL], {"data": 46.2, "initial": None}, COUNTING, seeds=3)[1].notes)
    assert carries(notes, "64 pairs", "27 (global), 73 (dual) tokens", "26 tokens", "2372 images", 16)
    assert carries(notes, "3 seeds", "data 46 s", "19 min") and "initial" not in notes  # 46.2 + 3 x 364.4


def test_without_snakemake_nobody_measured() -> None:
    cost = VariantCost("global", 1, 1, None, 1.0, 1, None, {"train": None, "evaluate": None, "probe": None})
    _, table = cost_table("toy", [cost], {}, COUNTING, seeds=1)
    assert carries(table.notes[-1], "Seconds", "none", "Snakemake", "DVC")
    assert "re-ranking" not in " ".join(table.notes)


def test_all_numbers_are_in_the_csv() -> None:
    values, _ = cost_table("toy", [PLAIN, FULL], {"data": 46.2, "initial": None}, COUNTING, seeds=3)
    lines = list(csv.DictReader(io.StringIO(csv_text(values))))
    assert [(line["kind"], line["name"], line["seeds"]) for line in lines] == [
        ("variant", "global", "3"), ("variant", "dual", "3"), ("step", "data", ""), ("step", "initial", "")
    ]  # fmt: skip
    shown = ("rerank_flops", "step_flops", "train_seconds", "evaluate_seconds")
    assert [lines[1][name] for name in shown] == ["180000000", "17900000000", "247.00", ""]
    assert [line["seconds"] for line in lines[2:]] == ["46.20", ""]


@pytest.mark.parametrize(
    ("value", "text"), [(999, "999"), (1000, "1.00 k"), (12_345, "12.3 k"), (361_335_104, "361 M"), (9.7e12, "9.70 T"), (8.23e17, "823 P")]
)
def test_three_figures(value: float, text: str) -> None:
    assert scaled(value) == text
