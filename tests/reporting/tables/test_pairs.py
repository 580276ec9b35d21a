import csv
import io
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pytest

from cada.reporting.results.metrics import read_variants
from cada.reporting.results.rankings import read_rankings
from cada.reporting.statistics import established
from cada.reporting.tables.cells import frame, parts_of
from cada.reporting.tables.notes import interval_note
from cada.reporting.tables.pairs import NUMBERS, PAIR_LABELS, ablation_pairs, compare, findings, pair_labels, pairs_table, read_pairs
from cada.reporting.tables.table import csv_text
from cada.retrieval.metrics import METRICS
from tests.messages import carries, line_with, refused

Write = Callable[..., Path]
GLOBAL, ATP, ARA = {"global"}, {"global", "atp"}, {"global", "ara"}


COLUMNS = [*PAIR_LABELS, *parts_of(METRICS, NUMBERS)]


def pair(mean: float, low: float, high: float, *, seeds: int = 5, score: str = "headline", reference: str = "global") -> dict[str, object]:
    fusions = ("calibrated", "cosine") if score == "headline" else ("cosine", "cosine")
    labels = ("toy", score, "dual", reference, *fusions, 40, 10, " ".join(map(str, range(seeds))))
    numbers = (mean, low, high, low + 0.1, high - 0.1, established(low, high))
    return dict(zip(COLUMNS, (*labels, *numbers * len(METRICS)), strict=True))


def test_variants_are_compared_with_those_that_lack_an_objective() -> None:
    found = ablation_pairs({"global": GLOBAL, "atp": ATP, "ara": ARA, "dual": ATP | ARA})
    assert found == [("atp", "global"), ("ara", "global"), ("dual", "global"), ("dual", "atp"), ("dual", "ara")]


def test_a_variant_with_the_objectives_of_another_is_compared_with_it_alone() -> None:
    found = ablation_pairs({"global": GLOBAL, "dual": ATP | ARA, "published": ATP | ARA, "rare_phrases": ATP | ARA})
    assert found == [("dual", "global"), ("published", "dual"), ("rare_phrases", "dual")]
    assert ablation_pairs({"dual": ATP}) == []


@pytest.mark.parametrize(
    ("found", "better", "facts"),
    [
        (pair(2.1, 1.0, 3.2), "dual", ("2.1 points R@1", "1.0 to 3.2", "5 seeds")),
        (pair(-2.1, -3.2, -1.0), "global", ("2.1 points R@1", "1.0 to 3.2", "5 seeds")),
        (pair(0.2, -0.9, 1.3, seeds=3), None, ("no difference", "0.2 points R@1", "\N{MINUS SIGN}0.9 to 1.3", "3 seeds")),
        (pair(0.9, -0.04, 2, seeds=1), None, ("no difference", "0.9 points R@1", "\N{MINUS SIGN}0.04 to 2.0", "1 seed")),
        (pair(0.02, 0.004, 0.03), "dual", ("0.02 points R@1", "0.004 to 0.03", "5 seeds")),
    ],
)
def test_findings(found: dict[str, object], better: str | None, facts: tuple[str, ...]) -> None:
    (finding,) = findings(frame([found], COLUMNS), ["R1"])
    assert carries(finding.text, "dual", "global", "95 %", *facts)
    assert finding.established == (better is not None)
    assert re.findall(r"(\w+) beats", finding.text) == [better] * finding.established


def test_the_cosine_has_one_finding_for_all_pairs() -> None:
    cosine = [pair(-0.3, -1.5, 1.1, score="cosine"), pair(0.8, 0.04, 1, score="cosine", reference="ara")]
    (open_,) = findings(frame(cosine[:1], COLUMNS), ["R1"])
    difference = "dual against global \N{MINUS SIGN}0.3 (\N{MINUS SIGN}1.5 to +1.1)"
    assert carries(open_.text, "cosine", "no difference", "points R@1", "95 %", difference)
    (both,) = findings(frame(cosine, COLUMNS), ["mAP"])
    assert (open_.established, both.established) == (False, True)
    assert carries(both.text, "points mAP", difference, "dual against ara +0.8 (+0.04 to +1.0)")
    assert both.text.count("dual against ara") == 2, "the one that is established"


def test_what_the_intervals_cover_depends_on_the_seeds() -> None:
    assert carries(interval_note(range(5)), "seeds (0, 1, 2, 3, 4)", "not another pre-training")
    assert carries(interval_note([0]), "one seed", "not cover another training")


@pytest.fixture
def compared(write_metrics: Write, tmp_path: Path) -> Callable[..., pd.DataFrame]:
    """Compare `names`, all of whose rankings lie there, on two seeds."""

    def compare_them(names: Sequence[str], pairs: Sequence[tuple[str, str]]) -> pd.DataFrame:
        for name in names:
            scores = {"cosine": 40.0} if name in ("global", "ara") else {"cosine": 40.0, "calibrated": 43.0, "published": 41.0}
            for seed in (0, 1):
                write_metrics(name, seed, scores)
        variants = read_variants("toy", [(name, name) for name in names], [0, 1], tmp_path / "metrics")
        return compare("toy", variants, read_rankings("toy", names, [0, 1], tmp_path / "rankings"), pairs)

    return compare_them


def test_differences_are_taken_query_by_query(write_rankings: Write, compared: Callable[..., pd.DataFrame]) -> None:
    write_rankings("global", 0, [1, 2, 3, 4, 1, 1, 9, 9])
    write_rankings("global", 1, [1, 1, 3, 4, 1, 1, 9, 9])
    write_rankings("dual", 0, [1, 1, 1, 4, 1, 1, 1, 9], cosine=[2, 2, 3, 4, 1, 1, 9, 9])
    write_rankings("dual", 1, [1, 1, 1, 1, 1, 1, 9, 9], cosine=[2, 1, 3, 4, 1, 1, 9, 9])
    headline, cosine = compared(["global", "dual"], [("dual", "global")]).to_dict("records")
    assert pair_labels(headline) == ("dual, calibrated", "global, cosine") and pair_labels(cosine) == ("dual, cosine", "global, cosine")
    assert (headline["queries"], headline["persons"], headline["seeds"]) == (8, 2, "0 1")
    # R@1: 6 - 3 and 6 - 4 of 8 queries; the cosine loses the first query under both seeds
    assert headline["R1_difference"] == pytest.approx(100 * 5 / 16)
    assert cosine["R1_difference"] == pytest.approx(-100 * 2 / 16)
    # mAP: 1/2 + 2/3 + 8/9 and 2/3 + 3/4 more, over 16
    assert headline["mAP_difference"] == pytest.approx(100 * (1 / 2 + 2 / 3 + 8 / 9 + 2 / 3 + 3 / 4) / 16)


def test_the_cosine_is_compared_only_where_a_variant_reranks(write_rankings: Write, compared: Callable[..., pd.DataFrame]) -> None:
    for name in ("global", "ara"):
        for seed in (0, 1):
            write_rankings(name, seed, [1, 2, 3, 4, 5, 6, 7, 8])
    assert list(compared(["global", "ara"], [("ara", "global")])["score"]) == ["headline"]


def test_only_queries_of_both_count(write_rankings: Write, compared: Callable[..., pd.DataFrame]) -> None:
    for seed in (0, 1):
        write_rankings("dual", seed, [1, 9, 1, 9, 1, 9, 1, 9])
        path = write_rankings("published", seed, [2, 2, 2, 2, 2, 2, 2, 2])
        pd.read_parquet(path).iloc[::-2].to_parquet(path, index=False)  # the second captions, in another order
    found = compared(["dual", "published"], [("published", "dual")]).iloc[0]
    assert found["queries"] == 4 and found["mAP_difference"] == pytest.approx(100 * (1 / 2 - 1 / 9))
    for seed in (0, 1):
        write_rankings("published", seed, [2, 2], image=["x.png", "y.png"])
    with refused("published", "dual", "no query in common"):
        compared(["dual", "published"], [("published", "dual")])


def test_table_and_values() -> None:
    values = frame([pair(2.14, -0.96, 5.2)], COLUMNS)
    table = pairs_table("toy", values)
    assert table.columns == ("variant", "against", "R@1", "95 %", "mAP", "95 %")
    (section,) = table.sections
    assert section.rows == (("dual, calibrated", "global, cosine", *("+2.1", "\N{MINUS SIGN}1.0 to +5.2") * 2),)
    assert line_with("\n".join(finding.text for finding in table.findings), "no difference", "dual", "global", "2.1 points mAP")
    assert line_with("\n".join(table.notes), "40 queries of 10 persons")
    (line,) = csv.DictReader(io.StringIO(csv_text(values)))
    assert [line[name] for name in PAIR_LABELS[1:]] == ["headline", "dual", "global", "calibrated", "cosine", "40", "10", "0 1 2 3 4"]
    numbers = [line[f"mINP_{name}"] for name in NUMBERS]
    assert numbers == ["2.1400", "-0.9600", "5.2000", "-0.8600", "5.1000", "0"]


def test_a_table_without_pairs_says_so() -> None:
    table = pairs_table("toy", frame([], COLUMNS))
    assert table.sections == () and "nothing" in table.notes[0] and table.repeated == ()


def test_what_is_read_of_a_table_is_shown_as_the_table_shows_it(tmp_path: Path) -> None:
    """Also where four decimals round to another first decimal than all of them."""
    path = tmp_path / "pairs.csv"
    written = frame([pair(0.0499999, -0.1499999, 3.25, seeds=2), pair(-2.1, -3.2, 0.0500001, seeds=2)], COLUMNS)
    path.write_text(csv_text(written))
    read = read_pairs(path, ["global", "dual"], [0, 1])
    assert pairs_table("toy", read) == pairs_table("toy", written)
    assert csv_text(read) == path.read_text()
    with refused(path, "dual with global, seeds 0 1", "global, dual, seeds 0 2", "`cada tables`"):
        read_pairs(path, ["global", "dual"], [0, 2])
    with refused(path, "dual with global, seeds 0 1", "global, atp, seeds 0 1", "`cada tables`"):
        read_pairs(path, ["global", "atp"], [0, 1])
    with refused(tmp_path / "none.csv", "`cada tables`", cause=FileNotFoundError):
        read_pairs(tmp_path / "none.csv", ["global"], [0])
