import html
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from cada.reporting.rendering import render
from cada.reporting.tables.cells import MINUS, frame, signed
from cada.reporting.tables.table import (
    Finding,
    Section,
    Table,
    csv_text,
    escape_tex,
    latex,
    markdown,
    write_tables,
)
from cada.storage.results import read_result
from tests.messages import refused

TABLE = Table(
    "Scores on my_set",
    ("variant", "R@1"),
    1,
    (Section("First & last", (("a|b", "1.0 ± 0.2"), ("long name", "10.0"))), Section("Oracles", (("chance", "0.2"),))),
    ("100 % measured",),
)


def test_markdown_columns_stand_below_each_other() -> None:
    assert markdown(TABLE) == (
        "# Scores on my_set\n\n"
        "**First & last**\n\n"
        "| variant   |       R@1 |\n"
        "| :-------- | --------: |\n"
        "| a\\|b      | 1.0 ± 0.2 |\n"
        "| long name |      10.0 |\n\n"
        "**Oracles**\n\n"
        "| variant   |       R@1 |\n"
        "| :-------- | --------: |\n"
        "| chance    |       0.2 |\n\n"
        "- 100 % measured\n"
    )


def test_a_page_has_every_cell_and_escapes_what_html_reads() -> None:
    tree = ElementTree.fromstring(
        render("table_page.html.jinja", table=TABLE).replace("<!DOCTYPE html>", "").replace('<meta charset="utf-8">', "")
    )
    rows = [["".join(cell.itertext()) for cell in row] for row in tree.iter("tr")]
    assert rows == [["variant", "R@1"], ["First & last"], ["a|b", "1.0 ± 0.2"], ["long name", "10.0"], ["Oracles"], ["chance", "0.2"]]
    assert [item.text for item in tree.iter("li")] == ["100 % measured"]


def test_latex_escapes_and_closes_what_it_opens() -> None:
    text = latex(TABLE)
    assert r"\caption{Scores on my\_set}" in text
    assert r"\begin{tabular}{lr}" in text
    assert r"\multicolumn{2}{l}{\textit{First \& last}} \\" in text
    assert r"a$|$b & 1.0 $\pm$ 0.2 \\" in text
    assert r"100~\% measured\par" in text
    for environment in ("table", "tabular", "minipage"):
        assert text.count(rf"\begin{{{environment}}}") == text.count(rf"\end{{{environment}}}") == 1
    unescaped = text.replace(r"\{", "").replace(r"\}", "")
    assert unescaped.count("{") == unescaped.count("}")


def test_a_wide_table_takes_both_columns_of_a_page() -> None:
    wide = Table("t", ("c",) * 8, 1, (), ())
    assert latex(wide).count("{table*}") == 2 and "{table}" not in latex(wide)


@pytest.mark.parametrize(
    ("value", "plain", "plus"),
    [
        (2.14, "2.1", "+2.1"),
        (-0.96, f"{MINUS}1.0", f"{MINUS}1.0"),
        (-0.04, f"{MINUS}0.04", f"{MINUS}0.04"),
        (0.0042, "0.004", "+0.004"),
        (-0.00004, "0.0", "0.0"),
        (0, "0.0", "0.0"),
    ],
)
def test_signs_are_typeset_and_what_is_not_zero_does_not_look_so(value: float, plain: str, plus: str) -> None:
    assert (signed(value), signed(value, plus=True)) == (plain, plus)


@pytest.mark.parametrize(
    ("text", "expected"),
    {
        "a_b": r"a\_b",
        "50 %": r"50~\%",
        "%": r"\%",
        "R&D": r"R\&D",
        "#1": r"\#1",
        "{x}": r"\{x\}",
        "\\": r"\textbackslash{}",
        "[CLS]": "{[}CLS]",
        "+": "+",
        f"{MINUS}1": "$-$1",
    }.items(),
)
def test_characters_that_latex_reads_as_commands(text: str, expected: str) -> None:
    assert escape_tex(text) == expected


def test_a_line_break_or_a_tag_in_a_cell_stays_in_its_cell() -> None:
    cells = Section("one\n\nsection", (("two\n\nlines", "1.0"), ("<img src=x onerror=alert(1)>", "2.0"), ("p < 0.05", "3.0")))
    table = Table("A title\n\nof two lines", ("method", "R@1"), 1, (cells,), ())
    text, tex = markdown(table), latex(table)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 5 and all(row.count("|") == 3 for row in rows)
    assert "# A title of two lines" in text and "two lines" in text and "<img" not in text and "p < 0.05" in text
    assert r"\caption{A title of two lines}" in tex and "two lines &" in tex


def test_csv_quotes_what_it_must() -> None:
    values = frame([{"a": "1,5"}, {"a": 'say "x"', "b": 2}, {"a": True, "b": 0.25}, {"a": None, "b": 3}], ["a", "b"])
    assert csv_text(values) == 'a,b\n"1,5",\n"say ""x""",2\n1,0.2500\n,3\n'


def test_a_row_needs_a_cell_for_every_column() -> None:
    with refused("cell", "column", by=AssertionError):
        Table("t", ("a", "b"), 1, (Section("s", (("only one",),)),), ())


def test_what_the_report_has_elsewhere_is_in_files_alone(tmp_path: Path) -> None:
    findings = (Finding("a < b", established=True), Finding("no difference", established=False))
    table = Table("A & B", ("c",), 1, (Section("s", (("x",),)),), ("a note",), findings, ("elsewhere",))
    write_tables({"it": (frame([{"c": "x"}], ["c"]), table)}, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"it.{kind}" for kind in ("csv", "html", "json", "md", "tex")]
    lines = ["a < b", "no difference", "elsewhere", "a note"]
    assert [line[2:] for line in (tmp_path / "it.md").read_text().splitlines() if line.startswith("- ")] == lines
    assert re.findall("<li>(.*)</li>", (tmp_path / "it.html").read_text()) == [html.escape(text) for text in lines]
    places = [(tmp_path / "it.tex").read_text().index(text) for text in lines[1:]]
    assert places == sorted(places)


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_tables({"it": (frame([], ["variant"]), TABLE)}, tmp_path)
    assert read_result(tmp_path / "it.json", Table, command="cada tables toy") == TABLE
    (tmp_path / "it.json").write_text('{"title": "x"}')
    with refused(tmp_path / "it.json", "columns", "`cada tables toy`"):
        read_result(tmp_path / "it.json", Table, command="cada tables toy")
    with refused(tmp_path / "none.json", "`cada tables toy`", cause=FileNotFoundError):
        read_result(tmp_path / "none.json", Table, command="cada tables toy")
