"""The tables of the probe files: hand-made files of two variants and two seeds."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cada.errors import CadaError
from cada.reporting.bootstrap import Difference
from cada.reporting.formats import MINUS
from cada.reporting.probes.contrasts import Contrast
from cada.reporting.probes.files import titled
from cada.reporting.probes.tables import write_probe_tables

METRICS = ("R1", "R5", "R10", "mAP", "mINP")
Write = Callable[..., Path]


def flat(value: float) -> dict[str, float]:
    return dict.fromkeys(METRICS, value)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Probe files of one model: unchanged it has `score`; swaps cost 10 of 40 of 50 captions, blur gains 0.04 for all.

    The true caption wins for every second changed one by the cosine, for all by the match score, which dual alone has.
    """

    def write(variant: str, seed: int, score: float, /, **changes: Any) -> Path:
        swapped = {"strength": None, "scores": flat(score - 8), "changed": 40, "before": flat(score + 1), "after": flat(score - 9)}
        wins = {"cosine": 60 + seed} | ({"match": 80 + 2 * seed} if variant == "dual" else {})
        recall = {
            "queries": 45,
            "recall": 70 + 2 * seed,
            "interval": [60, 80 + seed],
            "chance": 20,
            "skill": 62.5,
            "errors": 10,
            "recall_in_errors": 30,
        }
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
                "typing_errors": {"strength": 0.1, "scores": flat(score), "changed": 0},
                "swapped_colours": swapped | {"true_wins": wins},
            },
            "pictures": {"blur": {"strength": 0.02, "scores": flat(score + 0.04)}},
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
        outcomes(variant, score).to_parquet(path.with_suffix(".parquet"), index=False)
        return path

    return write


def outcomes(variant: str, score: float) -> pd.DataFrame:
    """50 queries of 5 persons, 8 of each person's 10 changed; a swap costs dual the same of each, global twice as much of person 0."""
    person = np.arange(50) // 10
    changed = np.arange(50) % 10 < 8
    loss = np.where(changed, 10.0, 0.0) * (np.where(person == 0, 2, 0.75) if variant == "global" else 1)
    even = np.where(changed, 100.0 * (np.arange(50) % 2), np.nan)
    nothing = np.full(50, np.nan)

    def rows(kind: str, values: np.ndarray, changed: np.ndarray, cosine: np.ndarray = nothing, match: np.ndarray = nothing) -> pd.DataFrame:
        columns = {"kind": kind, "image": [f"{number}.png" for number in range(50)], "caption": 0, "person": person, "changed": changed}
        return pd.DataFrame(columns | dict.fromkeys(METRICS, values) | {"cosine_wins": cosine, "match_wins": match})

    plain, none = np.full(50, score), np.zeros(50, dtype=bool)
    match = np.where(changed, 100.0, np.nan) if variant == "dual" else nothing
    return pd.concat(
        [
            rows("unchanged", plain, none),
            rows("typing_errors", plain, none),
            rows("swapped_colours", plain - loss, changed, even, match),
            rows("blur", plain + 0.04, none),
        ]
    )


def tables(root: Path, *, seeds: tuple[int, ...] = (0, 1)) -> dict[str, str]:
    settings = {"variants": ["global", "dual"], "seeds": seeds, "pairs": [("dual", "global")]}
    write_probe_tables("toy", **settings, results=root, output=root / "tables")
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
    assert row(text, "none") == ["", "42.0 ± 2.8", "", "50.0 ± 0.0", ""]
    share, mean, interval, *dual = row(text, "colours of two things swapped")
    assert (share, mean, dual) == ("80 %", f"{MINUS}8.0", [f"{MINUS}8.0", f"{MINUS}8.0 to {MINUS}8.0"])
    low, high = (float(end.replace(MINUS, "-")) for end in interval.split(" to "))
    assert low < -8 < high  # one person loses more than the others
    assert row(text, "colours of two things swapped", 1)[1::2] == [f"{MINUS}10.0"] * 2
    assert row(text, "blur, sigma 2 % of the height") == ["all", *["0.0", "0.0 to 0.0"] * 2]
    assert row(text, "typing errors, 10 % of the words", 1) == ["0 %", *[""] * 4]
    assert "50 queries of 6 persons against 24 pictures; mean ± standard deviation (n - 1) over 2 seeds." in text
    found = list(csv.DictReader(StringIO(made["robustness.csv"])))
    swapped = [line for line in found if line["kind"] == "swapped_colours" and line["variant"] == "global"]
    shown = ("queries", "count", "R1_mean", "mAP_change")
    assert [[line[name] for name in shown] for line in swapped] == [
        ["all", "50", "34.0000", "-8.0000"],
        ["changed", "40", "33.0000", "-10.0000"],
    ]
    for line in swapped:
        assert float(line["mAP_change_low"]) < float(line["mAP_change"]) < float(line["mAP_change_high"])
    assert [line["R1_change"] for line in found if line["kind"] == "blur"] == ["0.0400"] * 2


def test_who_loses_more(filled: Path) -> None:
    """Over all queries both lose 8 points; of the persons one loses 8 more under global and four 2 less."""
    made = tables(filled)
    text = made["contrasts.md"]
    assert "- colours of two things swapped: no difference between dual and global is established (0.0 points R@1, 95 % interval" in text
    assert row(text, "dual", 2)[1:] == ["0.0", "0.0 to 0.0"] * 2  # blur, behind typing errors and swaps
    (swapped,) = (line for line in csv.DictReader(StringIO(made["contrasts.csv"])) if line["kind"] == "swapped_colours")
    assert float(swapped["R1_low"]) < float(swapped["R1_difference"]) == 0 < float(swapped["R1_high"])


def test_a_difference_that_is_established_is_said() -> None:
    changes = dict.fromkeys(METRICS, Difference(-2.0, (-3.0, -1.0), (-2.9, -1.1)))
    numbers = f"({MINUS}2.0 points R@1, 95 % interval {MINUS}3.0 to {MINUS}1.0, 3 seeds)"
    assert Contrast("blur", "dual", "global", changes).sentence("blur", 3) == f"blur: dual loses more than global {numbers}"


def test_true_captions_against_false_ones(filled: Path) -> None:
    made = tables(filled)
    cosine, match = (row(made["composition.md"], "colours of two things swapped", number) for number in (0, 1))
    assert cosine == ["cosine", "80 %", *["60.5 ± 0.7", "50.0 to 50.0"] * 2]
    assert match == ["match", "80 %", "", "", "81.0 ± 1.4", "100.0 to 100.0"]
    for text in ("cosine: global: no preference is established (50.0 %", "match: dual: prefers the true caption (100.0 %"):
        assert f"- colours of two things swapped, {text}" in made["composition.md"]
    assert made["composition.csv"].splitlines()[1:] == [
        "toy,swapped_colours,cosine,global,2,40,60.5000,0.7071,50.0000,50.0000",
        "toy,swapped_colours,cosine,dual,2,40,60.5000,0.7071,50.0000,50.0000",
        "toy,swapped_colours,match,dual,2,40,81.0000,1.4142,100.0000,100.0000",
    ]


def test_attributes_and_which_are_missed(filled: Path) -> None:
    made = tables(filled)
    assert row(made["attributes.md"], "upper colour") == ["45", "20.0", *["71.0 ± 1.4", "60.0 to 80.5", "62.5 ± 0.0"] * 2]
    assert row(made["attributes.md"], "sex") == ["45", "100.0", *["71.0 ± 1.4", "60.0 to 80.5", ""] * 2]
    assert "- dual misses most: hat (skill 12), upper colour (skill 62)." in made["attributes.md"]  # umbrellas are too few
    found = {(line["attribute"], line["variant"]): line for line in csv.DictReader(StringIO(made["attributes.csv"]))}
    assert found["hat", "dual"]["recall_in_errors_mean"] == ""
    assert found["upper_colour", "dual"]["recall_in_errors_mean"] == "30.0000"


def test_one_seed_has_no_deviation(filled: Path) -> None:
    text = tables(filled, seeds=(0,))["robustness.md"]
    assert row(text, "none") == ["", "40.0", "", "50.0", ""]
    assert "one seed." in text


def test_a_set_of_the_users_has_no_attributes(write: Write, tmp_path: Path) -> None:
    for variant in ("global", "dual"):
        write(variant, 0, 40, attributes=None, synonyms="common")
    made = tables(tmp_path, seeds=(0,))
    names = ("robustness", "contrasts", "composition", "attributes")
    assert set(made) == {f"{name}.{kind}" for name in names for kind in ("csv", "html", "md", "tex")}
    assert "Only of drawn persons are all attributes known." in made["attributes.md"] and len(made["attributes.csv"].splitlines()) == 1
    assert "Synonyms are wordings from a list of common words." in made["robustness.md"]


def test_files_that_do_not_go_together_are_named(filled: Path, write: Write) -> None:
    blur = {"strength": 0.03, "scores": flat(1)}
    write("dual", 1, 50, pictures={"blur": blur})
    with pytest.raises(CadaError, match=r"dual/1\.json: probed with other strengths .* than global/0\.json\. Make it with `cada probe toy"):
        tables(filled)
    write("dual", 1, 50).unlink()
    with pytest.raises(CadaError, match=r"dual/1\.json: there is no such file\. Make it with `cada probe toy --variant dual --seed 1`\."):
        tables(filled)
    write("dual", 1, 50, unchanged={"R1": 3})
    with pytest.raises(CadaError, match=r"dual/1\.json: unchanged\.R5: Field required"):
        tables(filled)
    write("dual", 1, 50).with_suffix(".parquet").write_bytes(b"PAR1")
    with pytest.raises(CadaError, match=r"dual/1\.parquet: not a whole Parquet file\. Make it with `cada probe"):
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
