"""Sensitivity to the number of re-ranked pictures and to the numbers of a sweep: which curves there are, and their values."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image

from cada.reporting.formats import markdown
from cada.reporting.measured import METRICS, Variant, read_variants
from cada.reporting.sensitivity import NOTHING, quantities, sensitivity_csv, sensitivity_figure, sensitivity_table
from cada.reporting.style import save, style

Write = Callable[..., Path]


def read(names: Sequence[str], folder: Path, *, seeds: Sequence[int] = (0, 1)) -> list[Variant]:
    return read_variants("toy", [(name, name) for name in names], seeds, folder / "metrics")


def lines_of(variants: Sequence[Variant]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(sensitivity_csv("toy", variants))))


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
    text = markdown(sensitivity_table("toy", variants))
    assert "**Pictures that are re-ranked (k)**" in text
    assert "| dual    | calibrated | 4     | 42.5 ± 0.7 |" in text
    assert "global" not in text and "| cosine" not in text, "k = 1 is the cosine"


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
    found = {quantity.name: quantity for quantity in quantities(variants)}
    assert list(found) == ["k", "ara", "ara_rate"]
    assert len(found["k"].headlines) == 12
    rates = {curve.variant: curve for curve in found["ara_rate"].headlines}
    assert len(rates) == 4 and len(found["ara"].headlines) == 6
    for ara in ("0.1", "1"):
        for kind in ("words", "phrases"):
            curve = rates[f"dual,group_count=2,ara={ara},ara_masking={kind}"]
            points = [(value, scores[0].R1) for value, scores in curve.points]
            assert points == [(float(rate), expected[ara, kind, rate]) for rate in ("0.4", "0.8", "1")]
    assert {scores[0].R1 for curve in found["ara"].cosines for _, scores in curve.points} == {2}
    cosines = [line for line in lines_of(variants) if line["quantity"] == "ara" and line["score"] == "cosine"]
    assert len(cosines) == 12 and cosines[0]["R1_std"] == ""


def test_variants_that_stop_at_the_cosine_have_one_curve_over_an_axis(write_metrics: Write, tmp_path: Path) -> None:
    names = [f"ara,ara_rate={rate}" for rate in ("0.4", "0.8")]
    for name in names:
        write_metrics(name, 0, {"cosine": 40})
    (found,) = quantities(read(names, tmp_path, seeds=(0,)))
    assert (found.name, len(found.headlines), found.cosines) == ("ara_rate", 1, ())


def test_a_headline_that_changes_along_an_axis_is_followed(write_metrics: Write, tmp_path: Path) -> None:
    """With an ATP weight of 0 nothing is re-ranked, and the variant is judged by its cosine."""
    write_metrics("dual,atp=0", 0, {"cosine": 40})
    write_metrics("dual,atp=1", 0, {"cosine": 41, "calibrated": 50, "published": 1})
    atp = quantities(read(["dual,atp=0", "dual,atp=1"], tmp_path, seeds=(0,)))[-1]
    (curve,) = atp.headlines
    assert (curve.fusion, [(value, scores[0].R1) for value, scores in curve.points]) == ("headline", [(0, 40), (1, 50)])
    assert [scores[0].R1 for _, scores in atp.cosines[0].points] == [40, 41]


def test_where_nothing_is_varied_it_is_said(write_metrics: Write, tmp_path: Path) -> None:
    write_metrics("global", 0, {"cosine": 40})
    variants = read(["global"], tmp_path, seeds=(0,))
    assert quantities(variants) == [] == lines_of(variants)
    assert sensitivity_table("toy", variants).notes == (NOTHING,)


def test_the_figure_has_a_row_for_each_quantity(write_metrics: Write, tmp_path: Path) -> None:
    heights = []
    for names in (["dual"], [f"dual,ara={ara},ara_rate={rate}" for ara in ("0.1", "1") for rate in ("0.4", "0.8")]):
        for name in names:
            write_metrics(name, 0, {"cosine": 40, "calibrated": 44, "published": 41})
        with style():
            save(sensitivity_figure(read(names, tmp_path, seeds=(0,))), tmp_path, "sensitivity")
        with Image.open(tmp_path / "sensitivity.png") as picture:
            assert picture.width == int(7.16 * 300)
            heights.append(picture.height)
    assert heights[1] > 2.5 * heights[0]
