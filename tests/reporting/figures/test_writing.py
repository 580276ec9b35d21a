import csv
import io
import json
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from PIL import Image

from cada.datasets.records import Record
from cada.reporting.figures.curves import recall_values
from cada.reporting.figures.writing import figure_captions, write_figures
from cada.reporting.results.metrics import read_variants
from cada.reporting.results.rankings import read_rankings
from cada.reporting.tables.pairs import compare
from cada.reporting.tables.table import csv_text
from tests.messages import carries, refused

NAMES = ("ablation", "pairs", "recall", "open_set", "sensitivity", "training", "successes", "failures")
TITLES = [("global", "Global only"), ("dual", "+ ATP + ARA")]
RANKS = {"global": [1, 2, 30, 4, 40, 1, 60, 12], "dual": [1, 1, 20, 4, 40, 1, 1, 12]}
Draw = Callable[..., Path]


@pytest.fixture
def draw(write_metrics: Draw, write_rankings: Draw, write_history: Draw, tmp_path: Path) -> Draw:
    """Two variants with two seeds, 8 captions of 4 images of 2 persons; returns the folder of the figures."""

    def draw_figures(*, ranks: dict[str, list[int]] = RANKS, seeds: Sequence[int] = (0, 1), **changes: Any) -> Path:
        for name, scores in {"global": {"cosine": 40.0}, "dual": {"cosine": 40.0, "calibrated": 43.0, "published": 41.0}}.items():
            for seed in seeds:
                write_metrics(name, seed, scores)
                write_rankings(name, seed, ranks[name])
                more = {"loss_atp": [2, 1.5, 1, 0.9], "loss_ara": [5, 4, 3, 2]} if name == "dual" else {}
                write_history(name, seed, val_mAP=[None, 20, None, 30 + seed], **more)
        (tmp_path / "imgs").mkdir(exist_ok=True)
        for number in range(4):
            Image.new("RGB", (20 + number, 48), (60 * number, 0, 0)).save(tmp_path / "imgs" / f"{number}.png")
        settings: dict[str, Any] = {"variants": TITLES, "shown": "dual"} | changes
        measured = read_variants("toy", settings["variants"], seeds, tmp_path / "metrics")
        pairs = [("dual", "global")] if len(measured) > 1 else []
        compared = compare(
            "toy", measured, read_rankings("toy", [variant.name for variant in measured], seeds, tmp_path / "rankings"), pairs
        )
        (tmp_path / "pairs.csv").write_text(csv_text(compared), encoding="utf-8")
        write_figures(
            "toy",
            seeds=seeds,
            results=tmp_path,
            root=tmp_path,
            records=[Record(f"{number}.png", number // 2, ("A $5 hat.", "Blue."), "test") for number in range(4)],
            pairs=tmp_path / "pairs.csv",
            output=tmp_path / "figures",
            **settings,
        )
        return tmp_path / "figures"

    return draw_figures


def test_all_figures_with_captions_and_the_same_bytes_whatever_the_users_settings(draw: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = draw()
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(first) == {f"{name}.{kind}" for name in NAMES for kind in ("png", "svg")} | {"captions.json", "recall.csv"}
    for setting, value in {"font.size": 20.0, "axes.facecolor": "red", "svg.hashsalt": "other"}.items():
        monkeypatch.setitem(mpl.rcParams, setting, value)
    assert {path.name: path.read_bytes() for path in draw().iterdir()} == first
    assert mpl.rcParams["font.size"] == 20
    for name, data in first.items():
        assert b"Matplotlib" not in data and b"dc:date" not in data, name
    for name in NAMES:
        with Image.open(folder / f"{name}.png") as image:
            assert image.width == int(7.16 * 300)
            assert len(image.convert("RGB").getcolors(1 << 24) or []) > 20, f"{name} is empty"
    captions = json.loads((folder / "captions.json").read_text(encoding="utf-8"))
    assert tuple(captions) == NAMES
    assert carries(captions["successes"], "dual, seed 0", "50.0 %", "rank 1")
    assert carries(captions["failures"], "dual, seed 0", "37.5 %", "first 10 images")
    assert "over persons and seeds" in captions["pairs"] and "2 seeds" in captions["recall"]


def test_recalls_by_plain_loops(write_rankings: Draw, tmp_path: Path) -> None:
    for name, ranks in RANKS.items():
        for seed in (0, 1):
            write_rankings(name, seed, [rank + seed for rank in ranks])
    text = csv_text(recall_values("toy", read_rankings("toy", ["global", "dual"], [0, 1], tmp_path / "rankings")))
    lines = {(line["variant"], int(line["K"])): line for line in csv.DictReader(io.StringIO(text))}
    assert len(lines) == 2 * 50
    for (variant, k), line in lines.items():
        found = [100 * sum(rank + seed <= k for rank in RANKS[variant]) / 8 for seed in (0, 1)]
        assert (line["R_mean"], line["R_std"]) == (f"{statistics.fmean(found):.4f}", f"{statistics.stdev(found):.4f}")


def test_captions_speak_of_one_seed_where_there_is_one() -> None:
    captions = figure_captions(["global", "dual"], [4], shown="dual", shares={"successes": 10, "failures": 20})
    assert "over persons" in captions["pairs"] and not any("seeds" in caption for caption in captions.values())
    assert captions["training"].count("one seed") == 1
    assert carries(captions["failures"], "dual, seed 4")


def test_one_variant_that_finds_everybody_still_has_all_figures(draw: Draw) -> None:
    folder = draw(ranks={"global": [1] * 8, "dual": [1] * 8}, variants=TITLES[:1], shown="global")
    assert {path.stem for path in folder.glob("*.png")} == set(NAMES)
    with Image.open(folder / "failures.png") as image:
        assert image.height < 300  # a line of text


def test_what_is_missing_is_named_before_anything_is_drawn(draw: Draw, tmp_path: Path) -> None:
    with refused(tmp_path / "metrics/ara/0.json", "`cada evaluate toy --variant ara --seed 0`", cause=FileNotFoundError):
        draw(variants=[*TITLES, ("ara", "+ ARA")])
    assert not (tmp_path / "figures").exists()
