"""The site of `make docs`: every link lands, and a browser shows it whole, on a phone too, and finds what is searched for."""

from __future__ import annotations

import os
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from tests.tracked import tracked

ROOT = Path(__file__).parents[2]
SITE = ROOT / "docs" / "_build"


class Page(HTMLParser):
    """The ids of a page, and the addresses that it names."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.addresses: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.ids.add(value)
            elif name in ("href", "src") and value:
                self.addresses.add(value)


@pytest.fixture(scope="module")
def pages() -> dict[Path, Page]:
    """The site as it was built from the pages of now; without it the test is skipped, where CI is set it fails."""
    newest = max((ROOT / name).stat().st_mtime for name in tracked("docs"))
    if not (SITE / "index.html").exists() or (SITE / "index.html").stat().st_mtime < newest:
        assert not os.environ.get("CI"), "the site is not built: make docs"
        pytest.skip("the site is not built from the pages of now: make docs")
    return {path: Page(path) for path in SITE.rglob("*.html")}


def test_every_page_is_there(pages: dict[Path, Page]) -> None:
    written = {Path(name).stem for name in tracked("docs") if name.endswith(".md")}
    assert written <= {path.stem for path in pages if path.parent == SITE}


def test_every_link_lands(pages: dict[Path, Page]) -> None:
    lost, followed = [], 0
    for path, page in pages.items():
        for address in page.addresses:
            target = urlsplit(address)
            if target.scheme or target.netloc:
                continue
            file = (path.parent / unquote(target.path)).resolve() if target.path else path
            followed += 1
            if not file.is_file() or (target.fragment and file in pages and unquote(target.fragment) not in pages[file].ids):
                lost.append(f"{path.relative_to(SITE)}: {address}")
    assert lost == []
    assert followed > 1000


def test_nothing_comes_from_elsewhere(pages: dict[Path, Page], page: Any) -> None:
    """The site is read without a network."""
    requested: list[str] = []
    page.context.set_offline(True)
    page.on("request", lambda request: requested.append(request.url))
    for name in ("index", "api", "parameters"):
        page.goto((SITE / f"{name}.html").as_uri())
    assert requested and all(url.startswith(("file:", "data:")) for url in requested)
    assert SITE / "index.html" in pages


def test_no_page_is_wider_than_a_phone(pages: dict[Path, Page], page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    wide = {}
    for path in pages:
        if path.parent == SITE:
            page.goto(path.as_uri(), wait_until="domcontentloaded")
            wide[path.stem] = page.evaluate("document.documentElement.scrollWidth")
    assert {name: width for name, width in wide.items() if width > 390} == {}


def test_a_search_finds_the_page(pages: dict[Path, Page], page: Any) -> None:
    for words, name in {"ara_rate": "parameters", "slurm": "cluster", "look-alikes": "probes", "detector": "own-images"}.items():
        assert SITE / f"{name}.html" in pages
        page.goto((SITE / "index.html").as_uri())
        page.locator("input[name=q]").fill(words)
        page.locator("input[name=q]").press("Enter")
        page.locator(f"ul.search li a[href^='{name}.html']").first.wait_for()
