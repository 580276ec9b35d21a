import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from cada.errors import CadaError
from cada.reporting.bootstrap import Difference
from cada.reporting.measured import read_variants
from cada.reporting.pairs import Pair, ablation_pairs, compare, interval_note, pairs_csv, pairs_table, read_pairs, sentences
from cada.reporting.rankings import read_rankings

Write = Callable[..., Path]
GLOBAL, ATP, ARA = {"global"}, {"global", "atp"}, {"global", "ara"}


def pair(mean: float, low: float, high: float, *, seeds: int = 5) -> Pair:
    difference = Difference(mean, (low, high), (low + 0.1, high - 0.1))
    differences = dict.fromkeys(("R1", "R5", "R10", "mAP", "mINP"), difference)
    return Pair("dual", "global", "headline", ("calibrated", "cosine"), 40, 10, tuple(range(seeds)), differences)


def test_variants_are_compared_with_those_that_lack_an_objective() -> None:
    found = ablation_pairs({"global": GLOBAL, "atp": ATP, "ara": ARA, "dual": ATP | ARA})
    assert found == [("atp", "global"), ("ara", "global"), ("dual", "global"), ("dual", "atp"), ("dual", "ara")]


def test_a_variant_with_the_objectives_of_another_is_compared_with_it_alone() -> None:
    found = ablation_pairs({"global": GLOBAL, "dual": ATP | ARA, "published": ATP | ARA, "rare_phrases": ATP | ARA})
    assert found == [("dual", "global"), ("published", "dual"), ("rare_phrases", "dual")]
    assert ablation_pairs({"dual": ATP}) == []


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (pair(2.1, 1.0, 3.2), "dual beats global by 2.1 points R@1, 95 % interval 1.0 to 3.2, 5 seeds"),
        (pair(-2.1, -3.2, -1.0), "global beats dual by 2.1 points R@1, 95 % interval 1.0 to 3.2, 5 seeds"),
        (
            pair(0.2, -0.9, 1.3, seeds=3),
            "no difference between dual and global is established: 0.2 points R@1, 95 % interval \N{MINUS SIGN}0.9 to 1.3, 3 seeds",
        ),
        (
            pair(0.9, -0.04, 2, seeds=1),
            "no difference between dual and global is established: 0.9 points R@1, 95 % interval \N{MINUS SIGN}0.04 to 2.0, 1 seed",
        ),
        (pair(0.02, 0.004, 0.03), "dual beats global by 0.02 points R@1, 95 % interval 0.004 to 0.03, 5 seeds"),
    ],
)
def test_sentences(found: Pair, expected: str) -> None:
    assert found.sentence("R1") == expected
    assert sentences([found], ["R1"])[0] == f"{expected}."


def test_the_cosine_has_one_sentence_for_all_pairs() -> None:
    cosine = [replace(pair(*numbers), score="cosine", fusions=("cosine", "cosine")) for numbers in ((-0.3, -1.5, 1.1), (0.8, 0.04, 1))]
    (open_,) = sentences(cosine[:1], ["R1"])
    assert open_ == (
        "by the cosine alone, without re-ranking, no difference is established; points R@1, with 95 % intervals: "
        "dual against global \N{MINUS SIGN}0.3 (\N{MINUS SIGN}1.5 to +1.1)."
    )
    (both,) = sentences([cosine[0], replace(cosine[1], reference="ara")], ["mAP"])
    assert "a difference is established of dual against ara; points mAP" in both and both.endswith("dual against ara +0.8 (+0.04 to +1.0).")


def test_what_the_intervals_cover_depends_on_the_seeds() -> None:
    covered = interval_note(pair(2, 1, 3).seeds)
    assert "over the seeds (0, 1, 2, 3, 4)" in covered and "not another pre-training" in covered
    covered = interval_note(pair(2, 1, 3, seeds=1).seeds)
    assert "they say nothing of another training" in covered


@pytest.fixture
def compared(write_metrics: Write, tmp_path: Path) -> Callable[..., list[Pair]]:
    """Compare `names`, all of whose rankings lie there, on two seeds."""

    def compare_them(names: Sequence[str], pairs: Sequence[tuple[str, str]]) -> list[Pair]:
        for name in names:
            scores = {"cosine": 40.0} if name in ("global", "ara") else {"cosine": 40.0, "calibrated": 43.0, "published": 41.0}
            for seed in (0, 1):
                write_metrics(name, seed, scores)
        variants = read_variants("toy", [(name, name) for name in names], [0, 1], tmp_path / "metrics")
        return compare(variants, read_rankings("toy", names, [0, 1], tmp_path / "rankings"), pairs)

    return compare_them


def test_differences_are_taken_query_by_query(write_rankings: Write, compared: Callable[..., list[Pair]]) -> None:
    write_rankings("global", 0, [1, 2, 3, 4, 1, 1, 9, 9])
    write_rankings("global", 1, [1, 1, 3, 4, 1, 1, 9, 9])
    write_rankings("dual", 0, [1, 1, 1, 4, 1, 1, 1, 9], cosine=[2, 2, 3, 4, 1, 1, 9, 9])
    write_rankings("dual", 1, [1, 1, 1, 1, 1, 1, 9, 9], cosine=[2, 1, 3, 4, 1, 1, 9, 9])
    headline, cosine = compared(["global", "dual"], [("dual", "global")])
    assert headline.labels == ("dual, calibrated", "global, cosine") and cosine.labels == ("dual, cosine", "global, cosine")
    assert (headline.queries, headline.persons, headline.seeds) == (8, 2, (0, 1))
    # R@1: 6 - 3 and 6 - 4 of 8 queries; the cosine loses the first query under both seeds
    assert headline.differences["R1"].mean == pytest.approx(100 * 5 / 16)
    assert cosine.differences["R1"].mean == pytest.approx(-100 * 2 / 16)
    # mAP: 1/2 + 2/3 + 8/9 and 2/3 + 3/4 more, over 16
    assert headline.differences["mAP"].mean == pytest.approx(100 * (1 / 2 + 2 / 3 + 8 / 9 + 2 / 3 + 3 / 4) / 16)


def test_the_cosine_is_compared_only_where_a_variant_reranks(write_rankings: Write, compared: Callable[..., list[Pair]]) -> None:
    for name in ("global", "ara"):
        for seed in (0, 1):
            write_rankings(name, seed, [1, 2, 3, 4, 5, 6, 7, 8])
    assert [found.score for found in compared(["global", "ara"], [("ara", "global")])] == ["headline"]


def test_only_queries_that_both_were_asked_count(write_rankings: Write, compared: Callable[..., list[Pair]]) -> None:
    for seed in (0, 1):
        write_rankings("dual", seed, [1, 9, 1, 9, 1, 9, 1, 9])
        path = write_rankings("published", seed, [2, 2, 2, 2, 2, 2, 2, 2])
        pd.read_parquet(path).iloc[::-2].to_parquet(path, index=False)  # the second captions, in another order
    found = compared(["dual", "published"], [("published", "dual")])[0]
    assert found.queries == 4 and found.differences["mAP"].mean == pytest.approx(100 * (1 / 2 - 1 / 9))
    for seed in (0, 1):
        write_rankings("published", seed, [2, 2], image=["x.png", "y.png"])
    with pytest.raises(CadaError, match="published and dual: their rankings have no query in common"):
        compared(["dual", "published"], [("published", "dual")])


def test_table_and_values() -> None:
    found = pair(2.14, -0.96, 5.2)
    table = pairs_table("toy", [found])
    assert table.columns == ("variant", "against", "R@1", "95 %", "mAP", "95 %")
    (section,) = table.sections
    assert section.rows == (("dual, calibrated", "global, cosine", *("+2.1", "\N{MINUS SIGN}1.0 to +5.2") * 2),)
    assert any("no difference between dual and global is established: 2.1 points mAP" in note for note in table.findings)
    assert any("(40 queries of 10 persons)" in note for note in table.notes)
    (line,) = csv.DictReader(io.StringIO(pairs_csv("toy", [found])))
    assert (line["variant"], line["reference"], line["score"], line["queries"], line["seeds"]) == (
        "dual",
        "global",
        "headline",
        "40",
        "0 1 2 3 4",
    )
    numbers = [line[f"mINP_{part}"] for part in ("difference", "low", "high", "percentile_low", "percentile_high", "established")]
    assert numbers == ["2.1400", "-0.9600", "5.2000", "-0.8600", "5.1000", "0"]


def test_a_table_without_pairs_says_so() -> None:
    table = pairs_table("toy", [])
    assert table.sections == () and "nothing to compare" in table.notes[0]


def test_what_is_read_of_a_table_is_shown_as_the_table_shows_it(tmp_path: Path) -> None:
    """Also where four decimals round to another first decimal than all of them."""
    path = tmp_path / "pairs.csv"
    written = [pair(0.0499999, -0.1499999, 3.25, seeds=2), pair(-2.1, -3.2, 0.0500001, seeds=2)]
    path.write_text(pairs_csv("toy", written))
    read = read_pairs(path, ["global", "dual"], [0, 1])
    assert [found.labels for found in read] == [("dual, calibrated", "global, cosine")] * 2
    for ours, theirs in zip(written, read, strict=True):
        assert theirs.differences["R1"].shown() == ours.differences["R1"].shown()
        assert theirs.differences["mAP"].established == ours.differences["mAP"].established
        assert (theirs.queries, theirs.persons, theirs.seeds) == (40, 10, (0, 1))
    with pytest.raises(CadaError, match=r"pairs\.csv: compares dual with global, seeds 0 1; asked for are global, dual, seeds 0 2"):
        read_pairs(path, ["global", "dual"], [0, 2])
    with pytest.raises(CadaError, match=r"asked for are global, atp, seeds 0 1"):
        read_pairs(path, ["global", "atp"], [0, 1])
    with pytest.raises(CadaError, match=r"there is no such file\. Make the tables of the same workflow file, with `cada tables`"):
        read_pairs(tmp_path / "none.csv", ["global"], [0])
