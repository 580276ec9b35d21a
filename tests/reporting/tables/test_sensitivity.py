"""Sensitivity to the number of re-ranked images and to the numbers of a sweep: which curves there are, and their values."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image

from cada.reporting.figures.sensitivity import sensitivity_figure
from cada.reporting.figures.style import save, style
from cada.reporting.results.metrics import MeasuredVariant, read_variants
from cada.reporting.tables.sensitivity import NOTHING_VARIED, sensitivity_table, sensitivity_values
from cada.reporting.tables.table import csv_text, markdown
from cada.retrieval.metrics import METRICS

Write = Callable[..., Path]


def read(names: Sequence[str], folder: Path, *, seeds: Sequence[int] = (0, 1)) -> list[MeasuredVariant]:
    return read_variants("toy", [(name, name) for name in names], seeds, folder / "metrics")


def lines_of(variants: Sequence[MeasuredVariant]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(csv_text(sensitivity_values("toy", variants)))))


def at_k(**values: float) -> dict[str, dict[str, float]]:
    return {k.removeprefix("k"): dict.fromkeys(METRICS, value) for k, value in values.items()}


def test_over_k_by_hand(write_metrics: Write, tmp_path: Path) -> None:
    for seed in (0, 1):
        write_metrics("global", seed, {"cosine": 40})
        scores = {"cosine": 40 + seed, "calibrated": 44 + 2 * seed, "published": 1}
        write_metrics("dual", seed, scores, scores_at_k=at_k(k1=40 + seed, k4=42 + seed, k16=44 + 2 * seed))
    variants = read(["global", "dual"], tmp_path)
    headlines = [line for line in lines_of(variants) if line["score"] == "calibrated"]
    shown = [[line[key] for key in ("quantity", "variant", "value", "seeds")] for line in headlines]
    assert shown == [["k", "dual", k, "2"] for k in ("1", "4", "16")]
    assert [headlines[2][f"mAP_{part}"] for part in ("mean", "std", "lowest", "highest")] == ["45.0000", "1.4142", "44.0000", "46.0000"]
    text = markdown(sensitivity_table("toy", sensitivity_values("toy", variants), variants))
    assert "**Re-ranked images (k)**" in text
    assert "| dual    | calibrated | 4     | 42.5 ± 0.7 |" in text
    assert "global" not in text and "| cosine" not in text, "k = 1 is the cosine"


def curves(variants: Sequence[MeasuredVariant]) -> dict[tuple[str, str, str], list[tuple[str, float]]]:
    """By quantity, variant and score the values and the R@1 at each, in order."""
    found: dict[tuple[str, str, str], list[tuple[str, float]]] = {}
    for line in lines_of(variants):
        found.setdefault((line["quantity"], line["variant"], line["score"]), []).append((line["value"], float(line["R1_mean"])))
    return found


def test_a_sweep_has_a_curve_for_what_is_left_of_each_combination(write_metrics: Write, tmp_path: Path) -> None:
    """ara over two weights, ara_rate over three in no order, ara_masking has no numbers and group_count only one."""
    names, expected = [], {}
    for ara in ("0.1", "1"):
        for kind in ("words", "phrases"):
            for rate, value in (("0.8", 5), ("0.4", 3), ("1", 7)):
                names.append(f"dual,group_count=2,ara={ara},ara_masking={kind},ara_rate={rate}")
                expected[ara, kind, rate] = value + 10 * float(ara) + 20 * (kind == "words")
                write_metrics(names[-1], 0, {"cosine": 2, "calibrated": expected[ara, kind, rate], "published": 1})
    variants = read(names, tmp_path, seeds=(0,))
    found = curves(variants)
    assert list(dict.fromkeys(quantity for quantity, _, _ in found)) == ["k", "ara", "ara_rate"]
    for score in ("calibrated", "cosine"):
        counts = [sum((quantity, of) == (name, score) for quantity, _, of in found) for name in ("k", "ara", "ara_rate")]
        assert counts == [12, 6, 4]
    for ara in ("0.1", "1"):
        for kind in ("words", "phrases"):
            curve = found["ara_rate", f"dual,group_count=2,ara={ara},ara_masking={kind}", "calibrated"]
            assert curve == [(rate, expected[ara, kind, rate]) for rate in ("0.4", "0.8", "1")]
    cosines = [line for line in lines_of(variants) if line["quantity"] == "ara" and line["score"] == "cosine"]
    assert [(line["R1_mean"], line["R1_std"]) for line in cosines] == [("2.0000", "")] * 12


def test_variants_that_stop_at_the_cosine_have_one_curve_over_an_axis(write_metrics: Write, tmp_path: Path) -> None:
    names = [f"ara,ara_rate={rate}" for rate in ("0.4", "0.8")]
    for name in names:
        write_metrics(name, 0, {"cosine": 40})
    assert curves(read(names, tmp_path, seeds=(0,))) == {("ara_rate", "ara", "cosine"): [("0.4", 40), ("0.8", 40)]}


def test_a_headline_that_changes_along_an_axis_is_followed(write_metrics: Write, tmp_path: Path) -> None:
    """With an ATP weight of 0 nothing is re-ranked, and the variant is judged by its cosine."""
    write_metrics("dual,atp=0", 0, {"cosine": 40})
    write_metrics("dual,atp=1", 0, {"cosine": 41, "calibrated": 50, "published": 1})
    found = curves(read(["dual,atp=0", "dual,atp=1"], tmp_path, seeds=(0,)))
    assert found["atp", "dual", "headline"] == [("0", 40), ("1", 50)]
    assert found["atp", "dual", "cosine"] == [("0", 40), ("1", 41)]


def test_where_nothing_is_varied_it_is_said(write_metrics: Write, tmp_path: Path) -> None:
    write_metrics("global", 0, {"cosine": 40})
    variants = read(["global"], tmp_path, seeds=(0,))
    assert lines_of(variants) == []
    assert sensitivity_table("toy", sensitivity_values("toy", variants), variants).notes == (NOTHING_VARIED,)


def test_a_switch_without_a_title_goes_by_its_name(write_metrics: Write, tmp_path: Path) -> None:
    names = [f"dual,novel={value}" for value in ("1", "2")]
    for name in names:
        write_metrics(name, 0, {"cosine": 40, "calibrated": 44, "published": 41})
    variants = read(names, tmp_path, seeds=(0,))
    values = sensitivity_values("toy", variants)
    assert "novel" in [section.heading for section in sensitivity_table("toy", values, variants).sections]
    with style():
        save(sensitivity_figure(values), tmp_path, "sensitivity")


def test_the_figure_has_a_row_for_each_quantity(write_metrics: Write, tmp_path: Path) -> None:
    heights = []
    for names in (["dual"], [f"dual,ara={ara},ara_rate={rate}" for ara in ("0.1", "1") for rate in ("0.4", "0.8")]):
        for name in names:
            write_metrics(name, 0, {"cosine": 40, "calibrated": 44, "published": 41})
        with style():
            save(sensitivity_figure(sensitivity_values("toy", read(names, tmp_path, seeds=(0,)))), tmp_path, "sensitivity")
        with Image.open(tmp_path / "sensitivity.png") as image:
            assert image.width == int(7.16 * 300)
            heights.append(image.height)
    assert heights[1] > 2.5 * heights[0]
