"""The tables of the association files: hand-made files of two variants and two seeds."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr

from cada.analysis.association.names import columns
from cada.reporting.association_measures import estimates, in_slots, measured, ratio
from cada.reporting.results.associations import AssociationsFile, read_associations
from cada.reporting.results.metrics import read_variants
from cada.reporting.tables.association_gains import correlation
from cada.reporting.tables.associations import write_association_tables
from cada.reporting.tables.cells import MINUS
from tests.messages import line_with, refused
from tests.reporting.conftest import Write

VARIANTS, SEEDS = ("global", "dual"), (0, 1)
EXAMPLE = {
    **{"image": "0.png", "caption": "a red hat", "phrases": ["red hat"], "slots": ["hat"], "regions": ["hat", "lower"]},
    **{"coverage": [[1, 0], [0, 1]], "maps": [[1, 0]], "looks": [[2, 0]], "predicts": [[1.5, -0.2]]},
}


def file(variant: str, seed: int, **changes: Any) -> dict[str, Any]:
    """24 phrases of 6 persons, every second one of a hat, which is small."""
    return {
        **{"dataset": "toy", "variant": variant, "seed": seed, "persons": 6, "pairs": 12},
        **{"attributions": ["attention_1", "gradient"], "attribution": "gradient", "grid": [2, 1]},
        **{"trains_match": variant == "dual", "trains_decoder": False, "slots": {"hat": 0.05, "lower": 0.3}, "example": EXAMPLE},
    } | changes


def table(variant: str, seed: int) -> pd.DataFrame:
    """The highest patch of dual is the hat for 40 % of its area, that of global for 20 %; for the lower both have 60 %."""
    places = np.arange(24)
    hat = places % 2 == 0
    named: dict[str, Any] = {"image": [f"{place // 2}.png" for place in places], "caption": 0, "phrase": places % 2}
    named |= {"person": places // 4, "slot": np.where(hat, "hat", "lower")}
    values = dict.fromkeys(columns(AssociationsFile.model_validate(file(variant, seed)).attributions), 0.5) | {
        "area": np.where(hat, 0.02, 0.2)
    }
    for name in ("attention_1", "gradient"):
        values[f"{name}_pointing"] = np.where(hat, 0.4 if variant == "dual" else 0.2, 0.6)
    values |= {"anatomy_pointing": np.where(hat, 0.16, 0.5), "bound_pointing": np.where(hat, 0.5, 0.9)}
    values |= {"whole": -1.0 - seed, "nothing": -5.0, "without": -4.0, "alone": -2.0, "other": -1.5 - seed}
    values |= {"colour_alone": np.where(hat, 1.0, np.nan), "agreement": 0.25, "same": places % 4 != 0, "text_right": 1.0}
    values |= {"image_right": places % 4 != 0}
    return pd.DataFrame(named | values).astype({"same": float, "image_right": float})


@pytest.fixture
def written(tmp_path: Path) -> Path:
    for variant in VARIANTS:
        for seed in SEEDS:
            write(tmp_path, variant, seed)
    return tmp_path


def write(root: Path, variant: str, seed: int, measured: Mapping[str, Any] | None = None, **changes: Any) -> None:
    path = root / "associations" / variant / f"{seed}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(file(variant, seed, **changes)))
    table(variant, seed).assign(**(measured or {})).to_parquet(path.with_suffix(".parquet"), index=False)


def tables(root: Path, write_metrics: Write) -> dict[str, str]:
    for variant in VARIANTS:
        for seed in SEEDS:
            write_metrics(variant, seed, {"cosine": 50.0 + seed})
    files, phrases = read_associations("toy", VARIANTS, SEEDS, root / "associations")
    results = read_variants("toy", [(name, name) for name in VARIANTS], SEEDS, root / "metrics")
    write_association_tables("toy", files, phrases, results=results, pairs=[("dual", "global")], output=root / "tables")
    return {path.name: path.read_text() for path in (root / "tables").iterdir()}


def cells(text: str, *labels: str, number: int = 0) -> list[str]:
    """The cells behind the labels, in the `number`-th row that begins with them."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return [row for row in rows if row[: len(labels)] == list(labels)][number][len(labels) :]


def test_correspondence_beside_chance_anatomy_and_bound(written: Path, write_metrics: Write) -> None:
    text = tables(written, write_metrics)["correspondence.md"]
    assert cells(text, "gradient", "dual")[:3] == ["50.0", "50.0 to 50.0", "4.5"]  # of all phrases: 0.5 of 0.11
    assert cells(text, "gradient", "dual", number=1)[:3] == ["40.0", "40.0 to 40.0", "20.0"]
    assert cells(text, "mean region of the slot", "", number=1)[0] == "16.0"
    assert cells(text, "the region on this grid", "", number=1)[0] == "50.0"
    assert line_with(text, "- dual", "40.0 %", "20 times chance", "2.50 times", "+24.0 points", "71 % of what is possible", "50.0")
    assert line_with(text, "match head", "global") and "attribute decoder" not in text
    assert "more than this grid allows" not in text  # twice 16 is less than 50


def test_slots_and_regions(written: Path, write_metrics: Write) -> None:
    made = tables(written, write_metrics)
    hat = cells(made["slots.md"], "hat")
    assert hat == ["5 %", "12", "2.0", "16.0", "50.0", "20.0", "+4.0 to +4.0", "40.0", "+24.0 to +24.0"]
    likely, image, region, _, other, local, _, alone, colour, found, *_ = cells(made["prediction.md"], "dual")
    assert (likely, image, region, other) == (f"{MINUS}1.50", "3.50", "2.50", "0.50")  # means of both seeds
    assert (local, alone, colour, found) == ("57", "86", "50.0", "100.0")
    assert line_with(made["prediction.md"], "attribute decoder", "global, dual")


def test_the_directions_and_who_is_right(written: Path, write_metrics: Write) -> None:
    text = tables(written, write_metrics)["discrepancy.md"]
    agreement, _, same, _, mutual, _, text_right, _, image_right, _, where, _, image_where, _ = cells(text, "dual")
    assert (agreement, same, mutual, text_right, image_right) == ("0.25", "75.0", "50.0", "100.0", "75.0")
    assert (where, image_where) == ("100.0", "0.0")
    assert line_with(text, "- dual: the region that a phrase looks at is right more often", "25.0 points")


def test_what_cannot_be_told_is_said(tmp_path: Path, write_metrics: Write) -> None:
    """A grid on which nothing points at twice what anatomy does, and directions that are right equally often."""
    for variant in VARIANTS:
        for seed in SEEDS:
            text = np.where((np.arange(24) + seed) % 4, 1.0, 0.0)
            write(tmp_path, variant, seed, {"anatomy_pointing": 0.3, "text_right": text, "image_right": np.roll(text, 1)})
    made = tables(tmp_path, write_metrics)
    assert line_with(made["correspondence.md"], "more than this grid allows", "50.0 is 1.67 times 30.0")
    assert line_with(made["discrepancy.md"], "- dual: no difference is established", "+0.0 points")


def test_differences_are_paired_and_those_established_are_told(written: Path, write_metrics: Write) -> None:
    made = tables(written, write_metrics)
    assert line_with(made["gains.md"], "pointing on small slots, gradient", "dual has 20.0 points more than global", "2 seeds")
    assert line_with(made["gains.md"], "For all others no difference")
    found = {one["measure"]: one for one in csv.DictReader(StringIO(made["gains.csv"]))}
    assert found["gradient_pointing"]["difference"] == "20.0000" and found["local"]["difference"] == "0.0000"
    assert cells(made["correlation.md"], "pointing on small slots, gradient")[:2] == ["+0.00", f"{MINUS}0.96 to +0.96"]


def test_a_set_without_truth_has_agreement_alone(tmp_path: Path, write_metrics: Write) -> None:
    for variant in VARIANTS:
        for seed in SEEDS:
            write(tmp_path, variant, seed, slots={})
    made = tables(tmp_path, write_metrics)
    for name in ("correspondence", "slots", "prediction"):
        assert made[f"{name}.csv"].count("\n") == 1 and line_with(made[f"{name}.md"], "drawn images only")
    assert cells(made["discrepancy.md"], "dual")[0] == "0.25" and "bands" in made["discrepancy.md"]
    assert "pointing" not in made["gains.md"] and "Rank agreement" in made["gains.md"]


def test_files_of_other_settings_are_refused(written: Path) -> None:
    write(written, "dual", 1, persons=5)
    with refused("associations/dual/1.json", "global/0.json", "`cada associate toy --variant dual --seed 1`"):
        read_associations("toy", VARIANTS, SEEDS, written / "associations")
    (written / "associations/global/0.parquet").unlink()
    write(written, "dual", 1)
    with refused("associations/global/0.parquet", "`cada associate toy --variant global --seed 0`", cause=FileNotFoundError):
        read_associations("toy", VARIANTS, SEEDS, written / "associations")


def test_a_measure_is_over_the_phrases_that_have_it() -> None:
    own = [measured(table("dual", seed).set_index(["image", "caption", "phrase"])) for seed in SEEDS]
    found = estimates(own, ["gradient_pointing", "colour_alone"])
    assert (found["gradient_pointing"].mean, found["colour_alone"].mean) == pytest.approx((50, 100))
    assert estimates([one[one["person"] == 0] for one in own], ["gradient_pointing"]) == {}
    assert len(in_slots(own, ["hat"])[0]) == 12


def test_a_ratio_of_means_by_hand() -> None:
    random = np.random.default_rng(0)
    own = [pd.DataFrame({"person": np.arange(40) // 2, "one": random.random(40), "other": 1 + random.random(40)}) for _ in SEEDS]
    found = ratio(own, "one", "other")
    assert found is not None
    expected = sum(table["one"].mean() for table in own) / sum(table["other"].mean() for table in own)
    assert found.mean == pytest.approx(100 * expected) and found.interval[0] < found.mean < found.interval[1]
    twice = ratio([table.assign(one=2 * table["other"]) for table in own], "one", "other")
    assert twice is not None and twice.interval == pytest.approx((200, 200))  # one mean may vary as it likes, the ratio does not


def test_a_correlation_has_fishers_interval() -> None:
    one, other = np.array([1.0, 2, 3, 4, 6]), np.array([2.0, 1, 4, 3, 7])
    found = correlation("x", one, other)
    expected = pearsonr(one, other)
    ends = expected.confidence_interval(0.95)
    assert [found["x_r"], found["x_low"], found["x_high"]] == pytest.approx([expected.statistic, ends.low, ends.high])
    assert correlation("x", one, other, less=2) == {"x_r": None, "x_low": None, "x_high": None}
    assert correlation("x", np.ones(5), other)["x_r"] is None
