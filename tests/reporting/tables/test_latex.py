"""The tables and figures in a LaTeX document; that it compiles is seen where there is a LaTeX with booktabs."""

import itertools
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from cada.reporting.results.histories import ChosenOnTest
from cada.reporting.results.metrics import Scores, read_variants
from cada.reporting.results.rankings import read_rankings
from cada.reporting.tables.ablation import ablation_table
from cada.reporting.tables.comparison import comparison_table
from cada.reporting.tables.cost import CountedSizes, VariantCost, cost_table
from cada.reporting.tables.open_set import open_set_table
from cada.reporting.tables.pairs import compare, pairs_table
from cada.reporting.tables.probes import write_probe_tables
from cada.reporting.tables.sensitivity import sensitivity_table, sensitivity_values
from cada.reporting.tables.table import Table, latex
from cada.reporting.tables.transfer import transfer_table
from cada.retrieval.metrics import METRICS

DOCUMENT = r"""\documentclass[twocolumn]{article}
\usepackage[utf8]{inputenc}
\usepackage{booktabs,graphicx}
\begin{document}
%s
\end{document}
"""
PROTOCOL = {"person_pretraining": "no", "interaction": "no", "selection": "test", "queries": "not known"}
LITERATURE = PROTOCOL | {"method": "A_b & C", "venue": "TMM 2024", "dataset": "CUHK-PEDES", "source": "50 % of {x}, #1", "confirmed": "no"}
LITERATURE |= {"R1": "78.37", "R5": "91.57", "R10": "94.58", "mAP": "68.87", "mINP": ""}
ORACLES = {"all": {"chance": 0.17, "bag_of_words": 46.25, "binding": 87.5}}
COST = VariantCost("du_al", 893_000, 549_000, 624_000, 17.9e9, 9e6, 18e7, {"train": 97.4, "evaluate": None, "probe": None})


FLAT = Scores(**dict.fromkeys(METRICS, 41.0))
CHOSEN = ChosenOnTest(FLAT, FLAT, 48, same=True)


@pytest.fixture
def tables(write_metrics: Callable[..., Path], write_rankings: Callable[..., Path], tmp_path: Path) -> list[Table]:
    """One of each kind, with every character that LaTeX would read as a command."""
    for seed in (0, 1, 2):
        write_metrics("global", seed, {"cosine": 40}, dataset="cuhk_pedes")
        write_metrics("dual", seed, {"cosine": 40, "calibrated": 43, "published": 41}, dataset="cuhk_pedes")
        write_rankings("global", seed, [1, 2, 3, 4] * 8)
        write_rankings("dual", seed, [4, 2, 3, seed + 1] * 8, cosine=[5, 2, 3, 4] * 8)
    titles = [("global", "Global_only"), ("dual", "+ ATP & ARA < 100 % ~ $x^2$ # \\")]
    variants = read_variants("cuhk_pedes", titles, [0, 1, 2], tmp_path / "metrics")
    rankings = read_rankings("cuhk_pedes", ["global", "dual"], [0, 1, 2], tmp_path / "rankings")
    compared = compare("cuhk_pedes", variants, rankings, [("dual", "global")])
    return [
        ablation_table("cuhk_pedes", variants, ORACLES, {"dual": [CHOSEN] * 3}, compared)[1],
        pairs_table("cuhk_pedes", compared),
        pairs_table("cuhk_pedes", compared[:0]),
        comparison_table("cuhk_pedes", variants, ORACLES, pd.DataFrame([LITERATURE]))[1],
        open_set_table("cuhk_pedes", variants)[1],
        *(sensitivity_table("cuhk_pedes", sensitivity_values("cuhk_pedes", some), some) for some in (variants, variants[:1])),
        transfer_table(dict.fromkeys(itertools.product(["cuhk_pedes", "icfg_pedes"], repeat=2), variants))[1],
        cost_table("cuhk_pedes", [COST], {"data": 1.0}, CountedSizes(64, {"du_al": 73}, 28, 3074, 32), seeds=3)[1],
    ]


def test_every_row_has_every_cell_and_every_environment_ends(tables: list[Table]) -> None:
    for table in tables:
        text = latex(table)
        assert text.isascii()
        assert re.findall(r"\\begin\{(\w+)\*?\}", text) == ["table", "tabular", "minipage"]
        assert re.findall(r"\\end\{(\w+)\*?\}", text) == ["tabular", "minipage", "table"]
        body = text.split(r"\toprule")[1].split(r"\bottomrule")[0]
        rows = [line for line in body.splitlines() if line.endswith(r"\\") and not line.startswith(r"\multicolumn")]
        assert len(rows) == 1 + sum(len(section.rows) for section in table.sections)
        assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {len(table.columns) - 1}
        literal = re.sub(r"\\[\\{}$%&#_]", "", text)
        assert literal.count("{") == literal.count("}")
        assert literal.count("$") % 2 == 0


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_a_document_with_every_table_compiles(tables: list[Table], probed: Path, tmp_path: Path) -> None:
    if not subprocess.run(["kpsewhich", "booktabs.sty"], capture_output=True, check=False).stdout:
        pytest.skip("this LaTeX has no booktabs")
    chosen = {"variants": ["global", "dual"], "seeds": (0, 1), "pairs": [("dual", "global")]}
    write_probe_tables("toy", **chosen, results=probed, output=probed / "tables")
    probes = [path.read_text() for path in sorted((probed / "tables").glob("*.tex"))]
    assert len(probes) >= 3
    (tmp_path / "paper.tex").write_text(DOCUMENT % "\n".join([*(latex(table) for table in tables), *probes]))
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert (tmp_path / "paper.pdf").read_bytes().startswith(b"%PDF")
    assert "Overfull" not in done.stdout
