import math
from collections.abc import Callable
from pathlib import Path

import pytest

from cada.reporting.results.metrics import read_variants
from cada.retrieval.metrics import METRICS
from tests.messages import Fact, refused
from tests.reporting.conftest import open_set_of

DUAL = ("dual", "+ ATP + ARA")


def test_mean_deviation_and_interval_over_seeds(write_metrics: Callable[..., Path], tmp_path: Path) -> None:
    for seed, value in enumerate((40.0, 43.0, 49.0)):
        write_metrics("global", seed, {"cosine": value})
    (variant,) = read_variants("toy", [("global", "Global")], [0, 1, 2], tmp_path / "metrics")
    whole, parts = (variant.summary("cosine", gallery) for gallery in ("all", "parts"))
    # 44 is the mean; the squares of -4, -1 and 5 sum to 42, over n - 1 = 2. The ends are 38, 41, 47 and 42, 45, 51.
    assert [whole[f"mAP_{part}"] for part in ("mean", "std", "low", "high")] == [44, pytest.approx(math.sqrt(21)), 42, 46]
    assert (parts["R5_mean"], parts["R5_std"]) == (64, pytest.approx(math.sqrt(21))) and "R5_low" not in parts
    assert variant.headline_summary() == {"score": "cosine", "seeds": 3, **whole}


def test_one_seed_has_no_deviation(write_metrics: Callable[..., Path], tmp_path: Path) -> None:
    write_metrics("global", 4, {"cosine": 40})
    (variant,) = read_variants("toy", [("global", "Global")], [4], tmp_path / "metrics")
    summary = variant.summary("cosine", "all")
    assert [summary[f"R1_{part}"] for part in ("mean", "std", "low", "high")] == [40, None, 38, 42]


def test_only_listed_files_are_read(write_metrics: Callable[..., Path], tmp_path: Path) -> None:
    write_metrics("global", 0, {"cosine": 40})
    write_metrics("global", 1, {"cosine": 90})
    write_metrics("dual", 0, {"cosine": 40, "calibrated": 41, "published": 39}).write_text("no JSON", encoding="utf-8")
    (variant,) = read_variants("toy", [("global", "Global")], [0], tmp_path / "metrics")
    assert [file.seed for file in variant.files] == [0]


def test_scores_come_in_a_fixed_order_and_the_headline_is_known(write_metrics: Callable[..., Path], tmp_path: Path) -> None:
    write_metrics("dual", 0, {"published": 39, "calibrated": 41, "cosine": 40})
    (variant,) = read_variants("toy", [DUAL], [0], tmp_path / "metrics")
    found = [(fusion, variant.is_headline(fusion)) for fusion in variant.fusions("all")]
    assert found == [("cosine", False), ("calibrated", True), ("published", False)]


def test_a_missing_file_says_how_to_make_it(tmp_path: Path) -> None:
    with refused(tmp_path / "dual/3.json", "`cada evaluate toy --variant dual --seed 3`", cause=FileNotFoundError):
        read_variants("toy", [DUAL], [3], tmp_path)


@pytest.mark.parametrize(
    ("changes", "facts"),
    [
        ({"dataset": "other"}, ("dataset", "'other'", "'toy'")),
        ({"seed": 7}, ("seed", 7, 0)),
        ({"queries": None}, ("queries", "integer")),
        ({"scores": {"cosine": {"R1": 1.0}}}, ("scores.cosine.R5",)),
        ({"scores": {"cosine": dict.fromkeys(METRICS, 100.1)}}, ("scores.cosine.R1", "less")),
        ({"headline": "calibrated"}, ("scores (cosine)", "headline", "calibrated")),
        ({"top_k": 16}, ("top_k", "fusion_weight", "scores_at_k")),
        ({"intervals": {}}, ("scores (cosine)", "intervals")),
        ({"open_set": None}, ("open_set", "val")),
        ({"val": "test", "open_set": open_set_of(30)}, ("open_set", "val")),
    ],
)
def test_a_foreign_or_incomplete_file_is_named(
    write_metrics: Callable[..., Path], tmp_path: Path, changes: dict[str, object], facts: tuple[Fact, ...]
) -> None:
    path = write_metrics("global", 0, {"cosine": 40}, **changes)
    with refused(path, *facts, "`cada evaluate toy --variant global --seed 0`"):
        read_variants("toy", [("global", "Global")], [0], tmp_path / "metrics")


def test_galleries_that_differ_do_not_share_a_table(write_metrics: Callable[..., Path], tmp_path: Path) -> None:
    write_metrics("global", 0, {"cosine": 40})
    write_metrics("global", 1, {"cosine": 40}, gallery=23)
    with refused("global/1.json: gallery", 23, 24, "global/0.json"):
        read_variants("toy", [("global", "Global")], [0, 1], tmp_path / "metrics")


def test_seeds_of_other_scores_do_not_share_a_mean(write_metrics: Callable[..., Path], tmp_path: Path) -> None:
    write_metrics("dual", 0, {"cosine": 40, "calibrated": 41, "published": 39})
    write_metrics("dual", 1, {"cosine": 40, "calibrated": 41, "published": 39}, headline="published")
    again = "`cada evaluate toy --variant dual --seed 1`"
    with refused("dual/1.json: headline", "published", "calibrated", "dual/0.json", again):
        read_variants("toy", [DUAL], [0, 1], tmp_path / "metrics")


def test_transfers_that_differ_are_made_again_by_a_transfer(write_metrics: Callable[..., Path], tmp_path: Path) -> None:
    write_metrics("dual", 0, {"cosine": 40}, trained_on="other")
    write_metrics("dual", 1, {"cosine": 40}, trained_on="other", gallery=23)
    again = "`cada transfer other --to toy --variant dual --seed 1`"
    with refused("dual/1.json: gallery", 23, 24, "dual/0.json", again):
        read_variants("toy", [DUAL], [0, 1], tmp_path / "metrics", trained_on="other")
