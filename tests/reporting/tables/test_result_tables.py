import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from cada.reporting.tables.results import write_result_tables
from tests.messages import line_with, refused
from tests.reporting.conftest import ends

History = dict[str, list[float | None]]
VARIANTS = [("global", "Global only"), ("dual", "+ ATP + ARA")]
HEAD = "method,venue,dataset,R1,R5,R10,mAP,mINP,person_pretraining,interaction,selection,queries,source,confirmed\n"
PUBLISHED = (
    HEAD
    + "ICL,CVPR 2025,CUHK-PEDES,79.06,91.26,94.72,70.44,,yes,yes,not known,not known,ICL table 1,yes\n"
    + "APTM,ACM MM 2023,CUHK-PEDES,76.53,90.04,94.15,66.91,,yes,no,test,not known,ICL table 1,yes\n"
    + 'CADA (paper),TMM 2024,CUHK-PEDES,78.37,91.57,94.58,68.87,,no,no,test,first two,"R1 quoted, the rest recalled",partly\n'
    + "IRRA,CVPR 2023,CUHK-PEDES,73.38,89.93,93.71,66.13,50.24,no,no,test,all,IRRA README,yes\n"
    + "IRRA,CVPR 2023,RSTPReid,60.20,81.30,88.20,47.17,25.28,no,no,test,all,IRRA README,yes\n"
    + "KPDM,AAAI 2026,CUHK-PEDES,77,,,,,not known,not known,not known,not known,abstract,yes\n"
)
ORACLES = {"all": {"chance": 0.17, "bag_of_words": 46.25, "binding": 87.5}, "parts": {"chance": 0.67, "bag_of_words": 53, "binding": 88}}


@pytest.fixture
def make(
    write_metrics: Callable[..., Path], write_rankings: Callable[..., Path], write_history: Callable[..., Path], tmp_path: Path
) -> Callable[..., Path]:
    """Two variants, two seeds; returns the folder of the tables."""

    def make_tables(
        *,
        dataset: str = "toy",
        oracles: object = ORACLES,
        published: str = PUBLISHED,
        history: History | None = None,
        duals: History | None = None,  # columns of its histories alone
        **changes: object,
    ) -> Path:
        for seed, value in enumerate((40, 44)):
            write_metrics("global", seed, {"cosine": value}, dataset=dataset, **changes)
            write_metrics("dual", seed, {"cosine": value, "calibrated": value + 3, "published": value + 1}, dataset=dataset, **changes)
            write_rankings("global", seed, [2] * 32)
            write_rankings("dual", seed, [1] * 32, cosine=[2, 1] * 16)
            for name, own in {"global": {}, "dual": duals or {}}.items():
                write_history(name, seed, **((history or ends(20, 30, split="val")) | own))
        (tmp_path / "manifest.json").write_text(json.dumps({"oracles": oracles}), encoding="utf-8")
        (tmp_path / "published.csv").write_text(published, encoding="utf-8")
        write_result_tables(
            dataset,
            variants=VARIANTS,
            seeds=[0, 1],
            pairs=[("dual", "global")],
            results=tmp_path,
            manifest=tmp_path / "manifest.json",
            literature=tmp_path / "published.csv",
            output=tmp_path / "tables",
        )
        return tmp_path / "tables"

    return make_tables


def lines_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_all_tables_with_the_same_bytes_each_time(make: Callable[..., Path]) -> None:
    first = {path.name: path.read_bytes() for path in make().iterdir()}
    tables = [
        f"{name}.{kind}"
        for name in ("ablation", "comparison", "open_set", "pairs", "sensitivity")
        for kind in ("csv", "html", "json", "md", "tex")
    ]
    assert sorted(first) == sorted([*tables, "scores.json"])
    assert {path.name: path.read_bytes() for path in make().iterdir()} == first


def test_the_scores_are_the_means_of_the_headlines(make: Callable[..., Path]) -> None:
    scores = json.loads((make() / "scores.json").read_text())
    assert {variant: values["R1"] for variant, values in scores.items()} == {"global": 42, "dual": 45}


def test_ablation_values(make: Callable[..., Path]) -> None:
    lines = lines_of(make() / "ablation.csv")
    assert [(line["gallery"], line["kind"], line["variant"], line["score"], line["headline"]) for line in lines[:7]] == [
        ("all", "measured", "global", "cosine", "1"),
        ("all", "measured", "dual", "cosine", "0"),
        ("all", "measured", "dual", "calibrated", "1"),
        ("all", "measured", "dual", "published", "0"),
        ("all", "oracle", "chance", "", ""),
        ("all", "oracle", "bag of words", "", ""),
        ("all", "oracle", "binding", "", ""),
    ]
    calibrated = lines[2]  # 43 and 47: mean 45, the squares of -2 and 2 sum to 8 over n - 1 = 1
    assert [calibrated[f"R1_{part}"] for part in ("mean", "std", "low", "high")] == ["45.0000", "2.8284", "43.0000", "47.0000"]
    assert (lines[5]["R1_mean"], lines[5]["R5_mean"]) == ("46.2500", "")
    parts = [line for line in lines if line["gallery"] == "parts"]
    assert len(parts) == 7
    assert (parts[2]["R1_mean"], parts[2]["R1_low"], parts[4]["R1_mean"]) == ("65.0000", "", "0.6700")


def test_ablation_as_read(make: Callable[..., Path]) -> None:
    text = (make() / "ablation.md").read_text(encoding="utf-8")
    assert line_with(text, "**", "6 persons, 24 images") and line_with(text, "**", "3 fixed galleries", "2 persons")
    assert "| dual         | calibrated * | 45.0 ± 2.8 | 43.0 to 47.0 | 45.0 ± 2.8 |" in text
    assert "| global       | cosine *     |" in text
    assert "| binding      | oracle       |       87.5 |" in text
    assert line_with(text, "- ", "2 seeds (0, 1)", "same weights")
    assert line_with(text, "- Queries", 48) and line_with(text, "- ", "dual 5, 5")
    assert line_with(text, "- Val chose the checkpoint", "(global, dual)")
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(line) for line in table}) == 1


def test_pairs_are_in_their_table_and_in_words_below_the_ablation(make: Callable[..., Path]) -> None:
    folder = make()
    text = (folder / "pairs.md").read_text(encoding="utf-8")
    sentence = line_with(text, "- dual", "global", "100.0 points R@1", "95 %", "100.0 to 100.0", "2 seeds")
    assert sentence in (folder / "ablation.md").read_text(encoding="utf-8").splitlines()
    assert "| dual, calibrated | global, cosine | +100.0 | +100.0 to +100.0 | +50.0 |" in text
    assert "| dual, cosine     | global, cosine |  +50.0 |" in text
    assert [line["score"] for line in lines_of(folder / "pairs.csv")] == ["headline", "cosine"]


def test_oracles_of_galleries_that_nobody_searched_are_left_out(make: Callable[..., Path]) -> None:
    lines = lines_of(make(parts=None, part_count=1) / "ablation.csv")
    assert {line["gallery"] for line in lines} == {"all"}


def test_without_parts_and_oracles_there_is_one_section(make: Callable[..., Path]) -> None:
    text = (make(oracles=None, parts=None, part_count=1) / "ablation.md").read_text(encoding="utf-8")
    assert text.count("**") == 2
    assert "racle" not in text


def test_the_test_chosen_checkpoint_stands_in_a_section_of_its_own(make: Callable[..., Path]) -> None:
    """Val likes the second epoch, test the first, which the weights were not taken from."""
    history = ends(20, 30, split="val") | ends(60, 58.5, split="test") | {"test_queries": [None, 48, None, 48]}
    folder = make(history=history)
    text = (folder / "ablation.md").read_text(encoding="utf-8")
    heading = line_with(text, "**Chosen on test", "queries: 48", "optimistic")
    above, below = text.split(heading)
    assert "60.0" not in above
    for variant, score in (("global", "cosine"), ("dual", "calibrated")):
        for split, value in (("val", "58.5"), ("test", "60.0")):
            assert re.search(rf"\| {variant} +\| {score}, {split} +\| {value} ± 0.0 \|", below)
    assert line_with(below, "- ", "global 1.5 R@1 and 1.5 mAP", "dual 1.5 R@1 and 1.5 mAP", "0 of 4")
    found = [(line["gallery"], line["R1_mean"]) for line in lines_of(folder / "ablation.csv") if line["gallery"].endswith("chosen")]
    assert found == [("val-chosen", "58.5000"), ("test-chosen", "60.0000")] * 2


def test_where_the_variants_have_other_numbers_of_queries_each_is_named(make: Callable[..., Path]) -> None:
    history = ends(20, 30, split="val") | ends(60, 58.5, split="test")
    folder = make(history=history, duals={"test_queries": [None, 48, None, 48]})
    text = (folder / "ablation.md").read_text(encoding="utf-8")
    assert line_with(text, "**Chosen on test", "all (global)", "48 (dual)", "optimistic")


def test_where_test_was_not_watched_nothing_is_chosen_on_it(make: Callable[..., Path]) -> None:
    folder = make()
    assert "hosen on test" not in (folder / "ablation.md").read_text(encoding="utf-8")
    assert "test-chosen" not in (folder / "ablation.csv").read_text(encoding="utf-8")


def test_where_test_chose_anyway_it_adds_nothing(make: Callable[..., Path]) -> None:
    text = (make(history=ends(60, 58, split="test"), selection="test") / "ablation.md").read_text(encoding="utf-8")
    assert line_with(text, "**Chosen on test", "queries: all", "optimistic")
    assert ", val |" not in text and "mAP;" not in text


@pytest.mark.parametrize(("val", "fact"), [("test", "val is test"), ("held_out", "fixed rule")])
@pytest.mark.parametrize("table", ["ablation", "comparison"])
def test_every_table_says_where_val_comes_from(make: Callable[..., Path], val: str, fact: str, table: str) -> None:
    assert line_with((make(val=val) / f"{table}.md").read_text(encoding="utf-8"), "- ", "no val split", fact, "(global, dual)")
    assert "no val split" not in (make() / f"{table}.md").read_text(encoding="utf-8")


def test_every_table_says_that_test_chose(make: Callable[..., Path]) -> None:
    text = (make(selection="test") / "ablation.md").read_text(encoding="utf-8")
    assert line_with(text, "- Test chose the checkpoint", "(global, dual)")
    assert "val chose" not in text.lower()


def test_published_numbers_are_apart_by_protocol_with_source_and_confirmation(make: Callable[..., Path]) -> None:
    folder = make(dataset="cuhk_pedes", oracles=None)
    shown = ("kind", "method", "R1", "person_pretraining", "interaction", "selection", "confirmed", "source", "seeds")
    assert [tuple(line[name] for name in shown) for line in lines_of(folder / "comparison.csv")] == [
        ("published", "CADA (paper)", "78.37", "no", "no", "test", "partly", "R1 quoted, the rest recalled", ""),
        ("published", "IRRA", "73.38", "no", "no", "test", "yes", "IRRA README", ""),
        ("published", "APTM", "76.53", "yes", "no", "test", "yes", "ICL table 1", ""),
        ("published", "ICL", "79.06", "yes", "yes", "not known", "yes", "ICL table 1", ""),
        ("published", "KPDM", "77", "not known", "not known", "not known", "yes", "abstract", ""),
        ("measured", "global, cosine", "42.0000", "", "", "val", "", "", "2"),
        ("measured", "dual, calibrated", "45.0000", "", "", "val", "", "", "2"),
    ]
    text = (folder / "comparison.md").read_text(encoding="utf-8")
    groups = [(group.splitlines()[0], group) for group in text.split("\n**")[1:]]
    assert [
        [name for name in ("CADA", "IRRA", "APTM", "ICL", "KPDM", "global", "dual") if f"{name}" in rows.split("\n- ")[0]]
        for _, rows in groups
    ] == [["CADA", "IRRA"], ["APTM"], ["ICL"], ["KPDM"], ["global", "dual"]]
    for (heading, rows), (person, interaction) in zip(
        groups, [("no", "no"), ("yes", "no"), ("yes", "yes"), ("not known", "not known")], strict=False
    ):
        assert f"persons: {person};" in heading and f"search: {interaction}**" in heading and "CUHK-PEDES" in heading
        assert "| published |" in rows and "| measured " not in rows
    heading, measured = groups[-1]
    assert "Measured" in heading and "6 persons, 24 images" in heading and "| published |" not in measured
    assert "| published | CADA (paper)     | TMM 2024    | test      | first two | partly    | (1)    |      78.37 |" in groups[0][1]
    assert line_with(measured, "- (1)", "R1 quoted, the rest recalled")


def test_a_set_without_published_numbers_says_so(make: Callable[..., Path]) -> None:
    folder = make()
    assert {line["kind"] for line in lines_of(folder / "comparison.csv")} == {"measured", "oracle"}
    text = (folder / "comparison.md").read_text(encoding="utf-8")
    assert line_with(text, "- ", "No published numbers", "toy")
    assert "IRRA" not in text


@pytest.mark.parametrize(
    ("published", "facts"),
    [
        ("method,R1\nIRRA,1\n", ("columns", "['method', 'R1']")),
        (HEAD + "IRRA,CVPR 2023,RSTPReid,sixty,81.30,88.20,47.17,25.28,no,no,test,all,README,yes\n", ("line 2", "R1", "'sixty'")),
        (
            HEAD + "IRRA,CVPR 2023,RSTPReid,60,81.30,88.20,47.17,25.28,no,maybe,test,all,README,yes\n",
            ("line 2", "interaction", "'maybe'", "not known"),
        ),
        ("", ("columns", "[]")),
        (HEAD + "IRRA,CVPR 2023,RSTPReid,60\n", ("row 2", 4, 14)),
        (HEAD + "IRRA,CVPR 2023,RSTPReid,60,81.30,88.20,47.17,25.28,no,no,test,all,README,yes,more\n", ("row 2", 15, 14)),
        *(
            (HEAD + f"IRRA,CVPR 2023,RSTPReid,{value},81.30,88.20,47.17,25.28,no,no,test,all,README,yes\n", ("line 2", "R1", f"'{value}'"))
            for value in ("nan", "inf", "1e400", "-5", "100.1")
        ),
    ],
)
def test_a_wrong_file_of_published_numbers_is_named(
    make: Callable[..., Path], tmp_path: Path, published: str, facts: tuple[str, ...]
) -> None:
    with refused(tmp_path / "published.csv", *facts):
        make(published=published)


def test_nothing_is_written_when_a_metrics_file_is_foreign(make: Callable[..., Path], tmp_path: Path) -> None:
    with refused("global/0.json: variant", "'dual'", "'global'", "`cada evaluate toy --variant global --seed 0`"):
        make(variant="dual")
    assert not (tmp_path / "tables").exists()
