"""The site: `make docs`. Pages are those of this folder; what follows from the code is written into them while they are read.

A page asks for it in a line of its own: `<!-- generated: parameters -->`, or `<!-- page: SECURITY.md -->` for a page of the root.
"""

from __future__ import annotations

import os
import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pygments.lexers import TextLexer

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]
os.chdir(ROOT)  # parameters are found from there

from generated import commands, files, licences, names, parameters, synthpedes  # noqa: E402

from cada.config import Parameters  # noqa: E402

project = "CADA"
author = "The CADA contributors"
copyright = f"{author}, Apache-2.0"
version = release = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
exclude_patterns = ["_build", "generated"]
templates_path: list[str] = []
html_theme = "furo"
html_title = "CADA"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_show_search_summary = False  # a page that was opened as a file may not read others
html_theme_options = {"source_directory": "docs/"}
pygments_style, pygments_dark_style = "friendly", "monokai"

myst_heading_anchors = 3
myst_enable_extensions = ["html_image"]
default_role = "code"  # of docstrings, whose names stand in single backticks
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"exclude-members": "model_config"}
python_use_unqualified_type_names = True
toc_object_entries = False
highlight_language = "text"
maximum_signature_line_length = 100

PAGES: dict[str, Callable[[], str]] = {
    "parameters": parameters.page,
    "commands": commands.page,
    "files": files.page,
    "names": names.page,
    "licences": licences.page,
    "synthpedes": synthpedes.page,
}
ROOT_PAGES = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md", "SECURITY.md": "security.md", "README.md": "index.md"}


def page_of_the_root(name: str) -> str:
    """A page of the project's root without its title, with links as this folder has them."""

    def link(found: re.Match[str]) -> str:
        target, anchor = found[1], found[2] or ""
        if target.startswith("docs/"):
            return f"]({target.removeprefix('docs/')}{anchor})"
        if target in ROOT_PAGES:
            return f"]({ROOT_PAGES[target]}{anchor})"
        return f"](../{target}{anchor})"

    text = (ROOT / name).read_text(encoding="utf-8").partition("\n")[2]
    return re.sub(r"\]\((?!\w+:|#)([^)#]+)(#[^)]*)?\)", link, text)


def fill(_app: Any, _page: str, source: list[str]) -> None:
    """Put into a page what it asks for."""
    source[0] = re.sub(r"^<!-- generated: (\w+) -->$", lambda found: PAGES[found[1]](), source[0], flags=re.MULTILINE)
    source[0] = re.sub(r"^<!-- page: ([\w.]+) -->$", lambda found: page_of_the_root(found[1]), source[0], flags=re.MULTILINE)


def plain(_app: Any, _what: str, _name: str, value: Any, _options: Any, *_signature: str | None) -> tuple[str, str] | None:
    """The keys of a parameter model as its signature: types and bounds are beside each key."""
    if isinstance(value, type) and issubclass(value, Parameters):
        return f"(*, {', '.join(value.model_fields)})", ""
    return None


def setup(app: Any) -> None:
    app.connect("source-read", fill)
    app.connect("autodoc-process-signature", plain)
    app.add_lexer("csv", TextLexer)  # Pygments has none
