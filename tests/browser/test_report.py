"""The report as a reader's browser shows it: whole, without a network, on a phone, in the dark and on paper."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cada.steps.chapter import write_chapter_of
from cada.steps.report import write_report
from cada.storage.paths import report_folder
from tests.reporting.html.small_run import WORKFLOW, make_run, working_in

IN_VIEW = "key => { const box = document.getElementById(key).getBoundingClientRect(); return box.top >= 0 && box.bottom <= innerHeight }"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report on a small run."""
    folder = tmp_path_factory.mktemp("report")
    with working_in(folder):
        make_run()
        write_chapter_of("smoke", workflow=WORKFLOW)
        write_report(WORKFLOW)
    return (folder / report_folder(WORKFLOW) / "report.html").as_uri()


@pytest.fixture
def opened(page: Any, address: str) -> Any:
    """The page, offline; that it requests nothing and complains of nothing is seen when the test ends."""
    requested: list[str] = []
    complaints: list[str] = []
    page.context.set_offline(True)
    page.on("request", lambda request: requested.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(address)
    yield page
    assert [url for url in requested if not url.startswith("data:")] == [address]
    assert complaints == []


def test_it_shows_what_came_out(opened: Any) -> None:
    brief = opened.locator("section", has=opened.locator("#brief"))
    finding = brief.get_by_text(re.compile(r"dual\b.*\bglobal\b.*\b50\.0 points R@1.*95 %.*\b50\.0 to 50\.0.*\b2 seeds"))
    assert finding.is_visible()
    assert "smoke" in opened.title()


def test_every_image_is_drawn(opened: Any) -> None:
    images = opened.locator("img")
    assert images.count() == 8
    for image in images.all():
        assert image.evaluate("img => img.complete && img.naturalWidth") > 0
        assert image.get_attribute("alt")


def test_every_link_of_the_contents_lands(opened: Any) -> None:
    links = opened.locator("nav a")
    assert links.count() == opened.locator("main h2, main h3").count() > 10
    for link in links.all():
        key = link.get_attribute("href")[1:]
        link.click()
        assert opened.locator(f"[id='{key}']").text_content() == link.text_content()
        opened.wait_for_function(IN_VIEW, arg=key)


@pytest.mark.parametrize("width", [390, 820, 1400])
def test_nothing_is_wider_than_the_window(opened: Any, width: int) -> None:
    opened.set_viewport_size({"width": width, "height": 844})
    for details in opened.locator("summary").all():
        details.click()
    assert opened.evaluate("document.documentElement.scrollWidth") == width


def test_it_is_dark_where_the_reader_wants_it_dark(opened: Any) -> None:
    brightness = "[...getComputedStyle(document.body).backgroundColor.matchAll(/\\d+/g)].reduce((sum, part) => sum + Number(part), 0)"
    for scheme, dark in (("light", False), ("dark", True)):
        opened.emulate_media(color_scheme=scheme)
        assert (opened.evaluate(brightness) < 300) == dark


def test_on_paper_the_parameters_are_unfolded(opened: Any) -> None:
    assert not opened.locator("details pre").first.is_visible()
    opened.emulate_media(media="print")
    box = opened.locator("details pre").first.bounding_box()
    assert box is not None and box["height"] > 20
