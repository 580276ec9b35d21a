"""The tables of the probe files: hand-made files of two variants and two seeds."""

from __future__ import annotations

import csv
from collections.abc import Callable
from io import StringIO
from pathlib import Path

from pyarrow import ArrowInvalid

from cada.reporting.tables.cells import MINUS, frame
from cada.reporting.tables.contrasts import contrast_findings
from cada.reporting.tables.probe_notes import change_title
from cada.reporting.tables.probes import write_probe_tables
from tests.messages import carries, line_with, refused

METRICS = ("R1", "R5", "R10", "mAP", "mINP")
Write = Callable[..., Path]


def tables(root: Path, *, seeds: tuple[int, ...] = (0, 1)) -> dict[str, str]:
    settings = {"variants": ["global", "dual"], "seeds": seeds, "pairs": [("dual", "global")]}
    write_probe_tables("toy", **settings, results=root, output=root / "tables")
    return {path.name: path.read_text() for path in (root / "tables").iterdir()}


def row(table: str, label: str, number: int = 0) -> list[str]:
    """The cells behind a label, in the `number`-th row that has it."""
    found = [line for line in table.splitlines() if line.startswith(f"| {label} ")]
    return [cell.strip() for cell in found[number].strip("|").split("|")][1:]


def test_robustness_is_a_difference_within_each_seed(probed: Path) -> None:
    made = tables(probed)
    text = made["robustness.md"]
    assert row(text, "none") == ["", "42.0 ± 2.8", "", "50.0 ± 0.0", ""]
    share, mean, interval, *dual = row(text, "colours of two things swapped")
    assert (share, mean, dual) == ("80 %", f"{MINUS}8.0", [f"{MINUS}8.0", f"{MINUS}8.0 to {MINUS}8.0"])
    low, high = (float(end.replace(MINUS, "-")) for end in interval.split(" to "))
    assert low < -8 < high  # one person loses more than the others
    assert row(text, "colours of two things swapped", 1)[1::2] == [f"{MINUS}10.0"] * 2
    assert row(text, "blur, sigma 2 % of the height") == ["all", *["+0.04", "+0.04 to +0.04"] * 2]
    assert row(text, "typing errors, 10 % of the words of four letters or more", 1) == ["0 %", *[""] * 4]
    for facts in (
        ("Queries: 50", "6 persons", "24 images", "2 seeds"),
        ("groups of 3", "18 test persons"),
        ("interval", "bootstrap", "seeds (0, 1)"),
    ):
        assert line_with(text, "- ", *facts)
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


def test_the_changed_alone_are_shown_where_many_are_unchanged(write_probes: Write, tmp_path: Path) -> None:
    swapped = {"strength": None, "scores": dict.fromkeys(METRICS, 30), "changed": 48}
    for variant in ("global", "dual"):
        write_probes(variant, 0, 40, captions={"swapped_colours": swapped})
    text = tables(tmp_path, seeds=(0,))["robustness.md"]
    assert text.count("colours of two things swapped") == 1 and "alone" not in text


def test_who_loses_more(probed: Path) -> None:
    """Over all queries both lose 8 points; of the persons one loses 8 more under global and four 2 less."""
    made = tables(probed)
    text = made["contrasts.md"]
    assert row(text, "dual", 0)[1:6] == ["", "", "", "", "+8.0"]  # nothing changed: 50 less 40, and 50 less 44
    assert row(text, "dual", 3)[1:6] == ["0.0", "0.0 to 0.0"] * 2 + ["+8.0"]  # blur, behind typing errors and swaps
    assert line_with(text, "- ", "no difference", "R@1", "3 were tested")
    plain, _, swapped, _ = csv.DictReader(StringIO(made["contrasts.csv"]))
    assert (plain["kind"], plain["R1_change"], plain["R1_score"]) == ("unchanged", "", "8.0000")
    assert float(swapped["R1_change_low"]) < float(swapped["R1_change"]) == 0 < float(swapped["R1_change_high"])
    assert float(swapped["R1_score"]) == 8


def test_every_difference_that_is_established_is_a_finding() -> None:
    def change(kind: str, mean: float | None) -> dict[str, object]:
        numbers = {} if mean is None else {"R1_change": mean, "R1_change_low": mean - 1, "R1_change_high": mean + 1}
        return {"kind": kind, "variant": "dual", "reference": "global", "seeds": 2, **numbers}

    values = frame([change(*one) for one in (("none", None), ("typos", 2.5), ("swaps", 0.5), ("blur", -2.0))], change("", 0))
    typos, blur, others = contrast_findings(values, {"typos": "typing errors", "swaps": "swapped", "blur": "blur, sigma 2 %"})
    assert carries(typos.text, "typing errors: dual", "2.5 points R@1 less", "global", "95 %", "1.5 to 3.5", "2 seeds")
    assert carries(blur.text, "blur, sigma 2 %: dual", "2.0 points R@1 more", "global", "95 %", "1.0 to 3.0", "2 seeds")
    assert (typos.established, blur.established, others.established) == (True, True, False)
    assert carries(others.text, "all others", "no difference", "R@1", "3 were tested")


def test_choices_of_one_of_two(probed: Path) -> None:
    made = tables(probed)
    text = made["composition.md"]
    images, captions = text.split("\n**Does the caption")
    assert row(images, "another colour") == ["cosine", "40", *["100.0 ± 0.0", "100.0 to 100.0"] * 2]
    assert row(images, "another colour", 1)[:5] == ["match", "40", "", "", "87.5 ± 0.0"]  # ten of the hat count half
    assert row(images, "another colour", 2)[:5] == ["match less cosine", "40", "", "", f"{MINUS}12.5"]
    cosine, match, gain = (row(captions, "colours of two things swapped", number) for number in range(3))
    assert cosine == ["cosine", "40", *["56.2 ± 8.8", "0.0 to 100.0"] * 2]
    assert match == ["match", "40", "", "", "100.0 ± 0.0", "100.0 to 100.0"]
    assert gain[:5] == ["match less cosine", "40", "", "", "+43.8"]
    for facts in (
        ("captions, colours of two things swapped, cosine: no preference", "global (56.2 %", "0.0 to 100.0", "dual (56.2 %"),
        ("captions, colours of two things swapped, match less cosine: no difference", "dual (+43.8"),
        ("images, another colour, match less cosine: the match head is right less often", f"dual ({MINUS}12.5"),
        ("Images", "5 test persons"),
    ):
        assert line_with(text, "- ", *facts)
    assert "preferred" not in text, "what is right as it should be needs no words"
    found = [line.split(",") for line in made["composition.csv"].splitlines()[1:]]
    assert [line[1:9] for line in found if line[1] == "caption"] == [
        ["caption", "swapped_colours", "", "cosine", "global", "2", "40", "5"],
        ["caption", "swapped_colours", "", "cosine", "dual", "2", "40", "5"],
        ["caption", "swapped_colours", "", "match", "dual", "2", "40", "5"],
        ["caption", "swapped_colours", "", "match less cosine", "dual", "2", "40", "5"],
    ]
    assert found[-1][9:11] == ["43.7500", "8.8388"] and float(found[-1][11]) < 43.75 < float(found[-1][12])


def test_choices_by_what_differs(probed: Path) -> None:
    """The shoes of 30 images; the hats of 10 are too few for a row."""
    made = tables(probed)
    text = made["composition_slots.md"]
    assert [row(text, "shoes", number)[:2] for number in (0, 1)] == [["cosine", "30"], ["match", "30"]]
    assert "| match less" not in text and "| hat" not in text and "hat_colour" not in made["composition_slots.csv"]
    assert line_with(text, "- dual, match", "another colour, shoes (100 %, 100.0 to 100.0)")
    assert line_with(text, "- global, cosine", "another colour, shoes")


def test_choices_of_one_variant_less_those_of_another(probed: Path) -> None:
    made = tables(probed)
    images, captions = made["composition_pairs.md"].split("\n**captions, colours of two things swapped")
    assert row(images, "dual, match")[1::2] == [f"{MINUS}12.5", "0.0"] and row(images, "dual, match")[0] == "global, cosine"
    assert row(captions, "dual, match")[1::2] == ["+43.8", "0.0"]
    text = made["composition_pairs.md"]
    assert line_with(text, "- images, another colour", f"dual against global {MINUS}12.5", "95 %", "2 seeds")
    assert line_with(text, "- ", "all others", "no difference", "2 were tested")
    assert line_with(text, "- ", "interval", "each with both models")
    image, _ = csv.DictReader(StringIO(made["composition_pairs.csv"]))
    assert (image["chosen"], image["kind"], image["variant_score"], image["reference_score"]) == ("image", "colour", "match", "cosine")
    assert (image["own"], image["cosine"], image["choices"]) == ("-12.5000", "0.0000", "40")


def test_attributes_and_which_are_missed(probed: Path) -> None:
    made = tables(probed)
    assert row(made["attributes.md"], "upper colour") == ["45", "20.0", *["71.0 ± 1.4", "60.0 to 80.5", "62.5 ± 0.0"] * 2]
    assert row(made["attributes.md"], "sex") == ["45", "100.0", *["71.0 ± 1.4", "60.0 to 80.5", ""] * 2]
    missed = line_with(made["attributes.md"], "- dual", "hat (skill 12), upper colour (skill 62)")
    assert "umbrella" not in missed, "there are too few"
    found = {(line["attribute"], line["variant"]): line for line in csv.DictReader(StringIO(made["attributes.csv"]))}
    assert found["hat", "dual"]["recall_in_errors_mean"] == ""
    assert found["upper_colour", "dual"]["recall_in_errors_mean"] == "30.0000"


def test_one_seed_has_no_deviation(probed: Path) -> None:
    text = tables(probed, seeds=(0,))["robustness.md"]
    assert row(text, "none") == ["", "40.0", "", "50.0", ""]
    assert "one seed" in text


def test_a_set_of_the_users_has_no_attributes(write_probes: Write, tmp_path: Path) -> None:
    for variant in ("global", "dual"):
        write_probes(variant, 0, 40, attributes={}, synonyms="common")
    made = tables(tmp_path, seeds=(0,))
    names = ("robustness", "contrasts", "composition", "composition_slots", "composition_pairs", "attributes")
    assert set(made) == {f"{name}.{kind}" for name in names for kind in ("csv", "html", "json", "md", "tex")}
    assert line_with(made["attributes.md"], "drawn persons only") and len(made["attributes.csv"].splitlines()) == 1
    assert line_with(made["robustness.md"], "Synonyms", "common words")


def test_files_that_do_not_go_together_are_named(probed: Path, write_probes: Write) -> None:
    blur = {"strength": 0.03, "scores": dict.fromkeys(METRICS, 1)}
    write_probes("dual", 1, 50, images={"blur": blur})
    again = "`cada probe toy --variant dual --seed 1`"
    with refused("dual/1.json", "strengths", "global/0.json", again):
        tables(probed)
    write_probes("dual", 1, 50).unlink()
    with refused("dual/1.json", again, cause=FileNotFoundError):
        tables(probed)
    write_probes("dual", 1, 50, unchanged={"R1": 3})
    with refused("dual/1.json", "unchanged.R5", again):
        tables(probed)
    write_probes("dual", 1, 50).with_suffix(".parquet").write_bytes(b"PAR1")
    with refused("dual/1.parquet", again, cause=ArrowInvalid):
        tables(probed)
    assert not (probed / "tables").exists()


def test_every_kind_has_a_title() -> None:
    from cada import config
    from cada.analysis.probes.text import text_changes

    probe = config.load_dataset("smoke").probe
    strengths = probe.text.model_dump() | probe.image.model_dump()
    kinds = {*text_changes(**probe.text.model_dump(), groups=(("a", "b"),)), *probe.image.model_dump()}
    titles = {change_title(kind, strengths.get(kind)) for kind in kinds}
    assert len(titles) == len(kinds)
