"""The steps of the report on what a small run left behind."""

from __future__ import annotations

import hashlib
import html
import json
import platform
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cada.config import load_dataset, load_variant, load_workflow
from cada.reporting.html.provenance import provenance
from cada.reporting.rendering import as_yaml
from cada.reporting.tables.cells import frame
from cada.reporting.tables.table import Section, Table, write_tables
from cada.steps.chapter import write_chapter_of
from cada.steps.report import write_report
from cada.storage.paths import Layout, chapter_folder, report_folder
from tests.messages import carries, refused
from tests.reporting.html.small_run import WORKFLOW, make_run, working_in

CHAPTER = chapter_folder("smoke", WORKFLOW)
REPORT = report_folder(WORKFLOW) / "report.html"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run, once for all tests of this module."""
    folder = tmp_path_factory.mktemp("report")
    with working_in(folder):
        make_run()
    return folder


@pytest.fixture
def run(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of it to change, as the working directory."""
    copy = tmp_path / "run"
    shutil.copytree(made, copy)
    monkeypatch.chdir(copy)
    yield copy


def written() -> str:
    write_chapter_of("smoke", workflow=WORKFLOW)
    write_report(WORKFLOW)
    return REPORT.read_text(encoding="utf-8")


def table_of(name: str) -> dict[str, Any]:
    table: dict[str, Any] = json.loads(Path(f"results/smoke/tables/{name}.json").read_text())
    return table


def finding_texts() -> list[str]:
    return [finding["text"] for finding in table_of("pairs")["findings"]]


@pytest.mark.parametrize(
    ("workflow", "folder"),
    {
        "params/workflow.yaml": "results",
        "params/smoke/workflow.yaml": "results/smoke",
        "params/sweeps/ara.yaml": "results/sweeps/ara",
        "elsewhere/try.yaml": "results/sweeps/try-" + hashlib.sha256(b"elsewhere/try.yaml").hexdigest()[:6],
    }.items(),
)
def test_every_workflow_file_has_a_place_of_its_own(workflow: str, folder: str) -> None:
    assert report_folder(Path(workflow)) == Path(folder)
    assert chapter_folder("smoke", Path(workflow)) == Path(folder, "report/smoke")


@pytest.mark.usefixtures("run")
def test_it_has_everything_of_the_run() -> None:
    text = written()
    brief = text.split('id="method"')[0]
    first, cosine, *_ = finding_texts()
    assert carries(first, "dual", "global", "50.0 points R@1") and "cosine" in cosine
    assert all(html.escape(text) in brief for text in (first, cosine)), "the first thing that is read"
    for row in ("<strong>global</strong></td><td>50.0</td>", "<strong>dual</strong></td><td>50.0</td>"):
        assert row in brief
    assert carries(brief, "50 captions", "6 test persons", "drawn by code", "re-ranked")
    parameters = load_dataset("smoke")
    shown = {f"params/smoke/{name}.yaml": section for name, section in parameters} | {str(WORKFLOW): load_workflow(WORKFLOW)}
    for path, section in (shown | {f"params/variants/{name}.yaml": load_variant(name) for name in ("global", "dual")}).items():
        assert path in text
        assert html.escape(as_yaml(section), quote=False).replace("'", "&#39;") in text, path
    assert "ara.yaml" not in text, "of variants that were not run"
    for table in ("ablation", "pairs", "open_set", "sensitivity"):
        rows = re.findall(r"<tr>.*</tr>", Path(f"results/smoke/tables/{table}.html").read_text())
        assert len(rows) > 3
        assert all(row in text for row in rows)
    assert text.count('src="data:image/svg+xml;base64,') == 6 and text.count('src="data:image/png;base64,') == 2
    keys = re.findall(r' id="([^"]+)"', text)
    assert len(keys) == len(set(keys))
    assert set(re.findall(r'href="#([^"]+)"', text)) == set(keys)


@pytest.mark.usefixtures("run")
def test_nothing_is_on_the_page_twice() -> None:
    text = written()
    assert text.count(html.escape(finding_texts()[0])) == 2, "in brief and under the differences"
    (interval,) = table_of("pairs")["repeated"]
    assert html.escape(interval) not in text and len(re.findall('<a href="#reading">.*intervals of differences', text)) == 1
    assert "published numbers" in text and table_of("comparison")["title"] not in text


@pytest.mark.usefixtures("run")
def test_variants_are_in_the_order_of_the_matrix() -> None:
    """Not in that of their names."""
    table = written().partition('<th class="label">procedure</th>')[2].partition("</table>")[0]
    assert re.findall(r"<strong>(\w+)</strong>", table) == ["global", "dual"]


@pytest.mark.usefixtures("run")
def test_numbers_of_others_are_shown_where_there_are_some() -> None:
    assert "77.7" not in written()
    section = Section("Published for X: not run here", (("published", "77.7"),))
    table = Table("Comparison", ("kind", "R@1"), 1, (section,), ())
    write_tables({"comparison": (frame([], ["kind"]), table)}, Path("results/smoke/tables"))
    text = written()
    assert "77.7" in text and "Published for X" in text


@pytest.mark.parametrize(("bag_of_words", "below"), [(60.04, True), (40.0, False)])
def test_a_variant_that_does_not_reach_the_oracle_is_named(run: Path, bag_of_words: float, below: bool) -> None:
    path = run / "results/smoke/data/manifest.json"
    manifest = json.loads(path.read_text())
    manifest["oracles"]["all"]["bag_of_words"] = bag_of_words
    path.write_text(json.dumps(manifest))
    text = written()
    assert carries(text, f"{bag_of_words:.1f} %")
    assert bool(re.search(r"best variant[^<]*\bglobal\b[^<]*\b50\.0 %[^<]*\bbelow\b", text)) == below
    assert manifest["annotation"]["reid_raw.json"]["sha256"] in text


@pytest.mark.usefixtures("run")
def test_what_is_to_know_of_the_persons_is_shown() -> None:
    path = Path("params/smoke/data.yaml")
    path.write_text(path.read_text() + "remark: Nobody has looked at them.\n")
    assert "<p>Nobody has looked at them.</p>" in written()


@pytest.mark.usefixtures("run")
def test_switches_that_change_nothing_here_are_marked() -> None:
    idle = dict(re.findall(r"<code>(\w+)</code></td>.*?<em>\((.*?)\)</em>", written()))
    assert set(idle) == {"ara_mean", "absent_val", "queries"}
    assert "one process" in idle["ara_mean"] and "val split" in idle["absent_val"] and "two captions" in idle["queries"]


def test_times_and_places_are_in_the_provenance_and_the_cost_table_alone(run: Path) -> None:
    first = written()
    assert str(run) not in first
    assert platform.node() not in re.findall(r"[\w.-]+", " ".join(provenance().values()))
    assert re.search(r"<dd>[^<]*not known[^<]*\bgit\b", first)
    chapter = (CHAPTER / "chapter.json").read_bytes()
    facts = re.compile(r'<dl class="facts">.*?</dl>', re.DOTALL)
    assert facts.sub("", written()) == facts.sub("", first)
    assert (CHAPTER / "chapter.json").read_bytes() == chapter


@pytest.mark.usefixtures("run")
def test_the_cost_table_lies_beside_it_with_what_snakemake_measured() -> None:
    written()
    text = (CHAPTER / "cost.md").read_text(encoding="utf-8")
    assert re.search(r"^\| dual .* 10 \| +\| +\|$", text, re.MULTILINE), text
    assert sorted(path.name for path in CHAPTER.iterdir()) == [
        "chapter.json",
        *(f"cost.{kind}" for kind in ("csv", "html", "json", "md", "tex")),
    ]


@pytest.mark.usefixtures("run")
def test_what_other_steps_add_is_shown_and_what_they_did_not_make_is_named() -> None:
    before = written()
    assert "docs/probes.md" in before and "docs/association.md" in before
    table = Table("The table", ("k", "R@1"), 1, (Section("Of the first", (("16", "77.7"),)),), ("a note",))
    probed, looked = Layout("smoke").probe_tables(WORKFLOW), Layout("smoke").attention(WORKFLOW)
    write_tables(dict.fromkeys(("robustness", "contrasts"), (frame([], ["k"]), table)), probed)
    looked.mkdir(parents=True)
    shutil.copy("results/smoke/figures/recall.png", looked / "attention.png")
    (looked / "captions.json").write_text('{"attention": "Here it looks."}')
    text = written()
    assert text.count("77.7") == 2 and text.count("<h4>The table</h4>") == 2
    assert "Here it looks." in text and text.count("<h3") == before.count("<h3") + 1
    assert "docs/probes.md" not in text


@pytest.mark.parametrize(("name", "command"), [("tables/pairs.json", "cada tables smoke"), ("figures/recall.png", "cada figures smoke")])
def test_a_missing_piece_is_named_with_what_makes_it(run: Path, name: str, command: str) -> None:
    (run / "results/smoke" / name).unlink()
    with refused(f"results/smoke/{name}", f"`{command} --workflow {WORKFLOW}`"):
        write_chapter_of("smoke", workflow=WORKFLOW)
    assert not CHAPTER.exists()


@pytest.mark.usefixtures("run")
def test_a_missing_chapter_is_named() -> None:
    with refused(CHAPTER / "chapter.json", f"`cada chapter smoke --workflow {WORKFLOW}`", cause=FileNotFoundError):
        write_report(WORKFLOW)
