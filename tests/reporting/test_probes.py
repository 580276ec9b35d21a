"""The tables of the probe files: hand-made files of two variants and two seeds."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from cada.errors import CadaError
from cada.reporting.formats import MINUS
from cada.reporting.probes.files import titled
from cada.reporting.probes.tables import write_probe_tables

METRICS = ("R1", "R5", "R10", "mAP", "mINP")
Write = Callable[..., Path]


def flat(value: float) -> dict[str, float]:
    return dict.fromkeys(METRICS, value)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A probe file that unchanged has `score`; swaps cost 10 and blur gains 0.04, of 40 of 50 captions changed."""

    def write(variant: str, seed: int, score: float, /, **changes: Any) -> Path:
        ends = {"change_intervals": {key: [-9 - seed, -6] for key in METRICS}}
        swapped = {"strength": None, **ends, "scores": flat(score - 8), "changed": 40, "before": flat(score + 1), "after": flat(score - 9)}
        wins = {"cosine": 60 + seed} | ({"match": 80 + 2 * seed} if variant == "dual" else {})
        recall = {"queries": 45, "recall": 70 + 2 * seed, "chance": 20, "skill": 62.5, "errors": 10, "recall_in_errors": 30}
        rare = recall | {"queries": 5, "skill": -10.0}
        values: dict[str, Any] = {
            "dataset": "toy",
            "variant": variant,
            "seed": seed,
            "queries": 50,
            "query_persons": 6,
            "gallery": 24,
            "headline": "cosine",
            "synonyms": "grammar",
            "unchanged": flat(score),
            "captions": {
                "typing_errors": {"strength": 0.1, "scores": flat(score), "changed": 0, **ends},
                "swapped_colours": swapped | {"true_wins": wins},
            },
            "pictures": {"blur": {"strength": 0.02, "scores": flat(score + 0.04), **ends}},
            "attributes": {
                "upper_colour": recall,
                "hat": recall | {"skill": 12.0, "errors": 0, "recall_in_errors": None},
                "sex": recall | {"chance": 100, "skill": None},
                "umbrella_colour": rare,
            },
        } | changes
        path = tmp_path / "probes" / variant / f"{seed}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
        return path

    return write


def tables(root: Path, *, seeds: tuple[int, ...] = (0, 1)) -> dict[str, str]:
    write_probe_tables("toy", variants=["global", "dual"], seeds=seeds, probes=root / "probes", output=root / "tables")
    return {path.name: path.read_text() for path in (root / "tables").iterdir()}


def row(table: str, label: str, number: int = 0) -> list[str]:
    """The cells behind a label, in the `number`-th row that has it."""
    found = [line for line in table.splitlines() if line.startswith(f"| {label} ")]
    return [cell.strip() for cell in found[number].strip("|").split("|")][1:]


@pytest.fixture
def filled(write: Write, tmp_path: Path) -> Path:
    for variant, scores in {"global": (40, 44), "dual": (50, 50)}.items():
        for seed, score in enumerate(scores):
            write(variant, seed, score)
    return tmp_path


def test_robustness_is_a_difference_within_each_seed(filled: Path) -> None:
    made = tables(filled)
    text = made["robustness.md"]
    assert row(text, "none") == ["", "42.0 ± 2.8", "42.0 ± 2.8", "50.0 ± 0.0", "50.0 ± 0.0"]
    assert row(text, "colours of two things swapped") == ["80 %", *[f"{MINUS}8.0 ± 0.0"] * 4]
    assert row(text, "colours of two things swapped", 1) == ["80 %", *[f"{MINUS}10.0 ± 0.0"] * 4]
    assert row(text, "blur, sigma 2 % of the height") == ["all", *["0.0 ± 0.0"] * 4]
    assert row(text, "typing errors, 10 % of the words", 1) == ["0 %", *["0.0 ± 0.0"] * 4]
    assert "50 queries of 6 persons against 24 pictures; mean ± standard deviation (n - 1) over 2 seeds." in text
    found = list(csv.DictReader(StringIO(made["robustness.csv"])))
    swapped = [line for line in found if line["kind"] == "swapped_colours" and line["variant"] == "global"]
    shown = ("queries", "count", "R1_mean", "mAP_change", "mAP_change_low", "mAP_change_high")
    assert [[line[name] for name in shown] for line in swapped] == [
        ["all", "50", "34.0000", "-8.0000", "-9.5000", "-6.0000"],
        ["changed", "40", "33.0000", "-10.0000", "", ""],
    ]
    assert [line["R1_change"] for line in found if line["kind"] == "blur"] == ["0.0400"] * 2


def test_true_captions_against_false_ones(filled: Path) -> None:
    made = tables(filled)
    assert row(made["composition.md"], "colours of two things swapped") == ["cosine", "80 %", "60.5 ± 0.7", "60.5 ± 0.7"]
    assert row(made["composition.md"], "colours of two things swapped", 1) == ["match", "80 %", "", "81.0 ± 1.4"]
    assert made["composition.csv"].splitlines()[1:] == [
        "toy,swapped_colours,cosine,global,2,40,60.5000,0.7071",
        "toy,swapped_colours,cosine,dual,2,40,60.5000,0.7071",
        "toy,swapped_colours,match,dual,2,40,81.0000,1.4142",
    ]


def test_attributes_and_which_are_missed(filled: Path) -> None:
    made = tables(filled)
    assert row(made["attributes.md"], "upper colour") == ["45", "20.0", *["71.0 ± 1.4", "62.5 ± 0.0"] * 2]
    assert row(made["attributes.md"], "sex") == ["45", "100.0", *["71.0 ± 1.4", ""] * 2]
    assert "- dual misses most: hat (skill 12), upper colour (skill 62)." in made["attributes.md"]  # umbrellas are too few
    found = {(line["attribute"], line["variant"]): line for line in csv.DictReader(StringIO(made["attributes.csv"]))}
    assert found["hat", "dual"]["recall_in_errors_mean"] == ""
    assert found["upper_colour", "dual"]["recall_in_errors_mean"] == "30.0000"


def test_one_seed_has_no_deviation(filled: Path) -> None:
    text = tables(filled, seeds=(0,))["robustness.md"]
    assert row(text, "none") == ["", "40.0", "40.0", "50.0", "50.0"]
    assert "one seed." in text


def test_a_set_of_the_users_has_no_attributes(write: Write, tmp_path: Path) -> None:
    for variant in ("global", "dual"):
        write(variant, 0, 40, attributes=None, synonyms="common")
    made = tables(tmp_path, seeds=(0,))
    assert set(made) == {f"{name}.{kind}" for name in ("robustness", "composition") for kind in ("csv", "md", "tex")}
    assert "Synonyms are wordings from a list of common words." in made["robustness.md"]


def test_files_that_do_not_go_together_are_named(filled: Path, write: Write) -> None:
    blur = {"strength": 0.03, "scores": flat(1), "change_intervals": {key: [0, 1] for key in METRICS}}
    write("dual", 1, 50, pictures={"blur": blur})
    with pytest.raises(CadaError, match=r"dual/1\.json: probed with other strengths .* than global/0\.json\. Make it with `cada probe toy"):
        tables(filled)
    write("dual", 1, 50).unlink()
    with pytest.raises(CadaError, match=r"dual/1\.json: there is no such file\. Make it with `cada probe toy --variant dual --seed 1`\."):
        tables(filled)
    write("dual", 1, 50, unchanged={"R1": 3})
    with pytest.raises(CadaError, match=r"dual/1\.json: unchanged\.R5: Field required"):
        tables(filled)
    assert not (filled / "tables").exists()


def test_every_kind_has_a_title() -> None:
    from cada import config
    from cada.probes.text import text_changes

    probe = config.load_dataset("smoke").probe
    strengths = probe.text.model_dump() | probe.image.model_dump()
    kinds = {*text_changes(**probe.text.model_dump(), groups=(("a", "b"),)), *probe.image.model_dump()}
    titles = {titled(kind, strengths.get(kind)) for kind in kinds}
    assert len(titles) == len(kinds)
