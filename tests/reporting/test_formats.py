import xml.etree.ElementTree as ElementTree

import pytest

from cada.reporting.formats import (
    MINUS,
    Section,
    Table,
    csv_text,
    escape_tex,
    findings_of,
    fragment,
    fragment_of,
    latex,
    markdown,
    page,
    signed,
    title_of,
)

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
    tree = ElementTree.fromstring(page(TABLE).replace("<!DOCTYPE html>", "").replace('<meta charset="utf-8">', ""))
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


def test_csv_quotes_what_it_must() -> None:
    assert csv_text(["a", "b"], [["1,5", ""], ['say "x"', "2"]]) == 'a,b\n"1,5",\n"say ""x""",2\n'


def test_a_row_needs_a_cell_for_every_column() -> None:
    with pytest.raises(AssertionError, match="a cell for every column"):
        Table("t", ("a", "b"), 1, (Section("s", (("only one",),)),), ())


def test_a_page_gives_back_its_table_and_its_findings() -> None:
    table = Table("A & B", ("c",), 1, (Section("s", (("x",),)),), ("a note",), ("a < b", "no difference"))
    text = page(table)
    assert (title_of(text), fragment_of(text)) == ("A & B", fragment(table))
    assert fragment(table) in text and "<h1>" not in fragment(table)
    assert findings_of(fragment(table)) == ["a < b", "no difference"]
    assert findings_of(page(TABLE)) == []
    assert [line for line in markdown(table).splitlines() if line.startswith("- ")] == ["- a < b", "- no difference", "- a note"]
    assert latex(table).index("no difference") < latex(table).index("a note")
