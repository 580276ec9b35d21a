"""Write the tables of docs/deviations.md, which follow from cada/config/switches.py, cada/objectives/ and params/procedures/."""

from __future__ import annotations

import re
from pathlib import Path

from cada.config import load_procedure
from cada.config.deviations import loss_table, switch_table
from cada.runtime.console import console

PAGE = Path("docs/deviations.md")


def with_tables(page: str) -> str:
    """The page with its tables as they are now."""
    procedures = load_procedure("published"), load_procedure("robust")
    for name, table in (("switches", switch_table(*procedures)), ("losses", loss_table(*procedures))):
        page = re.sub(rf"(<!-- {name} -->\n).*?(<!-- end -->)", lambda found, text=table: found[1] + text + found[2], page, flags=re.DOTALL)
    return page


if __name__ == "__main__":
    with console("tables"):
        PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
