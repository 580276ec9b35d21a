"""One table as Markdown that also reads well in a terminal, as HTML, as LaTeX with booktabs, and rows of values as CSV."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cada.reporting.bootstrap import Difference

WIDE = 7  # columns that fit into one column of a page
MINUS = "\N{MINUS SIGN}"
_TEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    MINUS: "$-$",
    "<": r"$<$",
    ">": r"$>$",
    "|": r"$|$",
    "[": "{[}",  # behind \\ a bare bracket would be the line break's optional argument
}


_LABEL = ' class="label"'
_STYLE = """body { font: 15px/1.5 sans-serif; margin: 1.5em; color: #222 }
.scroll { overflow-x: auto }
table { border-collapse: collapse; border-top: 2px solid; border-bottom: 2px solid; font-variant-numeric: tabular-nums }
th, td { padding: 0.2em 0.8em; text-align: right; white-space: nowrap }
th.label, td.label { text-align: left }
th.section { text-align: left; padding-top: 1em; border-bottom: 1px solid #999 }
li { max-width: 60em }"""


@dataclass(frozen=True)
class Section:
    """Rows under a heading of their own."""

    heading: str
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Table:
    """What a reader sees: cells are final text. The first `labels` columns are text, the others numbers.

    findings: what the table says, in plain sentences; they stand before the notes.
    """

    title: str
    columns: tuple[str, ...]
    labels: int
    sections: tuple[Section, ...]
    notes: tuple[str, ...]
    findings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        assert all(len(row) == len(self.columns) for section in self.sections for row in section.rows), "a cell for every column"


def markdown(table: Table) -> str:
    """Title, one aligned pipe table for each section, and findings and notes as a list."""
    cells = [table.columns, *(row for section in table.sections for row in section.rows)]
    widths = [max(len(_escape_pipe(row[index])) for row in cells) for index in range(len(table.columns))]
    rule = [":" + "-" * (width - 1) if index < table.labels else "-" * (width - 1) + ":" for index, width in enumerate(widths)]
    lines = [f"# {table.title}"]
    for section in table.sections:
        lines += ["", f"**{section.heading}**", ""]
        lines += [_pipe_row(row, widths, table.labels) for row in (table.columns, tuple(rule), *section.rows)]
    return "\n".join([*lines, "", *(f"- {text}" for text in (*table.findings, *table.notes))]) + "\n"


def page(table: Table) -> str:
    """An HTML page of its own, for `snakemake --report`."""
    title = html.escape(table.title)
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        f'<head><meta charset="utf-8"><title>{title}</title>',
        f"<style>{_STYLE}</style></head>",
    ]
    return "\n".join([*lines, "<body>", f"<h1>{title}</h1>", fragment(table), "</body>", "</html>"]) + "\n"


def fragment(table: Table) -> str:
    """The table with its findings and notes, for a page that has a heading and a style of its own."""
    rows = [_page_row("th", table.columns, table.labels)]
    for section in table.sections:
        rows.append(f'<tr><th class="section" colspan="{len(table.columns)}"><span>{html.escape(section.heading)}</span></th></tr>')
        rows += [_page_row("td", row, table.labels) for row in section.rows]
    lines = ['<div class="scroll">', "<table>", *rows, "</table>", "</div>"]
    for kind, texts in (("findings", table.findings), ("notes", table.notes)):
        if texts:
            lines += [f'<ul class="{kind}">', *(f"<li>{html.escape(text)}</li>" for text in texts), "</ul>"]
    return "\n".join(lines)


def fragment_of(page: str) -> str:
    """What `fragment` gave `page`."""
    return page.partition("</h1>\n")[2].rpartition("\n</body>")[0]


def title_of(page: str) -> str:
    """The title of the table that `page` was made of."""
    return html.unescape(page.partition("<h1>")[2].partition("</h1>")[0])


def findings_of(page: str) -> list[str]:
    """The findings in a page, or in a part of one."""
    lists = re.findall(r'<ul class="findings">(.*?)</ul>', page, re.DOTALL)
    return [html.unescape(text) for items in lists for text in re.findall(r"<li>(.*?)</li>", items)]


def latex(table: Table) -> str:
    r"""A `table` environment, over both columns of a page where the table is wide; needs \usepackage{booktabs,graphicx}."""
    environment = "table*" if len(table.columns) > WIDE else "table"
    columns = "l" * table.labels + "r" * (len(table.columns) - table.labels)
    lines = [r"% \usepackage{booktabs,graphicx}", rf"\begin{{{environment}}}", r"\centering", rf"\caption{{{escape_tex(table.title)}}}"]
    lines += [r"\resizebox{\linewidth}{!}{%", rf"\begin{{tabular}}{{{columns}}}", r"\toprule", _tex_row(table.columns)]
    for section in table.sections:
        lines += [r"\midrule", rf"\multicolumn{{{len(table.columns)}}}{{l}}{{\textit{{{escape_tex(section.heading)}}}}} \\"]
        lines += [_tex_row(row) for row in section.rows]
    lines += [r"\bottomrule", r"\end{tabular}}", ""]
    lines += [r"\begin{minipage}{\linewidth}", r"\footnotesize"]
    lines += [rf"{escape_tex(text)}\par" for text in (*table.findings, *table.notes)]
    return "\n".join([*lines, r"\end{minipage}", rf"\end{{{environment}}}"]) + "\n"


def csv_text(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Comma-separated values with a head line and Unix line ends."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerows([columns, *rows])
    return buffer.getvalue()


def texts_of(name: str, table: Table) -> dict[str, str]:
    """The table in each format that people read, by the names of their files."""
    return {f"{name}.md": markdown(table), f"{name}.html": page(table), f"{name}.tex": latex(table)}


def points(difference: Difference) -> list[str]:
    """Two cells: +0.3, and +0.1 to +0.5."""
    mean, low, high = difference.shown()
    return [signed(mean, plus=True), f"{signed(low, plus=True)} to {signed(high, plus=True)}"]


def by_value(values: Mapping[str, str]) -> str:
    """The value of every variant, by its name: one where all agree, else each with its variant."""
    if len(set(values.values())) == 1:
        return next(iter(values.values()))
    return ", ".join(f"{value} ({name})" for name, value in values.items())


def signed(value: float, *, plus: bool = False) -> str:
    """A number to one decimal, or to as many, up to four, as tell it from zero.

    With a true minus sign, and with a plus where asked; zero has neither.
    """
    for places in range(1, 5):
        text = f"{abs(value):.{places}f}"
        if float(text):
            return (MINUS if value < 0 else "+" * plus) + text
    return "0.0"


def escape_tex(text: str) -> str:
    """The text with every character that LaTeX reads as a command made literal."""
    return "".join(_TEX.get(character, character) for character in text).replace(r" \%", r"~\%")  # no line ends before a %


def _escape_pipe(cell: str) -> str:
    return cell.replace("|", r"\|")


def _pipe_row(row: Sequence[str], widths: Sequence[int], labels: int) -> str:
    cells = [
        _escape_pipe(cell).ljust(width) if index < labels else _escape_pipe(cell).rjust(width)
        for index, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return f"| {' | '.join(cells)} |"


def _page_row(kind: str, row: Sequence[str], labels: int) -> str:
    cells = [f"<{kind}{_LABEL if index < labels else ''}>{html.escape(cell)}</{kind}>" for index, cell in enumerate(row)]
    return f"<tr>{''.join(cells)}</tr>"


def _tex_row(row: Sequence[str]) -> str:
    return " & ".join(escape_tex(cell) for cell in row) + r" \\"
