"""The page of `cada serve` in a browser: a query typed, a phrase weighted, a heat map opened, on a desktop and on a phone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cada.gallery import Index
from tests.serving.conftest import drawn, shared

__all__ = ["drawn", "shared"]
QUERY = "A woman in a red coat with a black backpack"
SIZES = {"desktop": (1280, 800), "phone": (390, 844), "small phone": (360, 640)}
OPAQUE = """canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  .data.reduce((most, value, place) => (place % 4 == 3 ? Math.max(most, value) : most), 0)"""


@contextmanager
def serving(index: Index, *options: str, **environment: str) -> Iterator[str]:
    """`cada serve` in a process of its own, until Ctrl-C: its address."""
    command = [sys.executable, "-m", "cada", "serve", str(index.folder), "--port", "0", *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, env=os.environ | environment, **pipes) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "24 images at http://" in line, process.communicate(timeout=60)
        yield line.split(" at ")[1].split()[0]
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
        assert said.endswith("ended\n") and "Traceback" not in said
    assert process.returncode == 0


@pytest.fixture(scope="module")
def address(shared: Index) -> Iterator[str]:
    """Where the index is served."""
    with serving(shared) as address:
        yield address


@pytest.fixture
def opened(page: Any, address: str) -> Iterator[Any]:
    """The page; that it asks nobody else and complains of nothing is seen when the test ends."""
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(address)
    page.get_by_text("24 images").wait_for(state="attached")
    yield page
    assert all(url.startswith((address, "blob:")) for url in asked)
    assert said == []


def search(page: Any, text: str = QUERY) -> None:
    page.get_by_label("Describe the person").fill(text)
    page.get_by_label("Describe the person").press("Enter")
    page.get_by_text("24 of 24 images, best first").wait_for()


def names(page: Any) -> list[str]:
    return [str(image.get_attribute("alt")).split(": ")[1] for image in page.locator("#grid .card img").all()]


@pytest.mark.parametrize("size", SIZES)
def test_search_weights_and_heat_maps(opened: Any, shared: Index, size: str) -> None:
    width, height = SIZES[size]
    opened.set_viewport_size({"width": width, "height": height})
    search(opened)
    assert names(opened) == [Path(hit.path).name for hit in shared.search(QUERY, k=24)]
    assert opened.locator("#notice").text_content().startswith("Probably nobody here matches.")
    first = opened.locator("#grid .card img").first
    opened.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=first.element_handle())
    assert opened.evaluate("document.documentElement.scrollWidth") == width

    before = names(opened)
    for _ in range(3):
        opened.get_by_label("More of black backpack").click()
    opened.get_by_label("black backpack: weight plus 1.5").wait_for()
    opened.get_by_label("Less of red coat").click()
    opened.get_by_label("red coat: excluded").wait_for()
    opened.wait_for_function("before => document.querySelector('#grid .card img').alt.split(': ')[1] != before", arg=before[0])
    assert sorted(names(opened)) == sorted(before) and "w=red+coat%3A-1" in opened.url
    assert opened.evaluate("document.activeElement.getAttribute('aria-label')") == "Less of red coat"

    opened.locator("#grid .card").first.click()
    look = opened.locator(".look")
    look.nth(1).wait_for()
    assert look.all_text_contents()[0].startswith("red coat")
    opened.locator(".look", has_text="black backpack").click()
    assert opened.locator("#heat").evaluate(OPAQUE) > 150
    opened.get_by_role("button", name="When masked").click()
    opened.locator("#expected b", has_text="backpack").wait_for()
    assert opened.evaluate("document.documentElement.scrollWidth") == width
    box = opened.get_by_role("button", name="Close", exact=True).bounding_box()
    assert box is not None and 0 <= box["x"] <= width - box["width"] and 0 <= box["y"] <= height - box["height"]

    shown = opened.locator("#name").text_content()
    opened.get_by_role("button", name="More like this").click()
    opened.locator("#like", has_text=f"like {shown}").wait_for()
    opened.wait_for_function("name => document.querySelector('#grid .card img')?.alt == `Result 1: ${name}`", arg=shown)


def test_back_and_history_bring_searches_back(opened: Any) -> None:
    search(opened)
    found = names(opened)
    search(opened, "a man in a blue jacket")
    opened.wait_for_function("first => document.querySelector('#grid .card img').alt.split(': ')[1] != first", arg=found[0])
    opened.go_back()
    opened.wait_for_function("first => document.querySelector('#grid .card img').alt.split(': ')[1] == first", arg=found[0])
    assert opened.get_by_label("Describe the person").input_value() == QUERY
    opened.reload()
    opened.wait_for_function("first => document.querySelector('#grid .card img')?.alt.split(': ')[1] == first", arg=found[0])
    opened.get_by_text("History", exact=True).click()
    assert opened.locator("#past a").all_text_contents() == [QUERY, "a man in a blue jacket"]
    opened.locator("#past a").nth(1).click()
    opened.wait_for_function("first => document.querySelector('#grid .card img').alt.split(': ')[1] != first", arg=found[0])
    opened.get_by_text("History", exact=True).click()
    opened.get_by_role("button", name="Clear history").click()
    assert opened.locator("#past a").count() == 0


def test_all_by_the_keyboard(opened: Any) -> None:
    opened.set_viewport_size({"width": 1280, "height": 800})
    active = "document.activeElement.querySelector('img')?.alt ?? document.activeElement.id"
    opened.evaluate("document.activeElement.blur()")
    opened.keyboard.press("/")
    assert opened.evaluate(active) == "text"
    opened.keyboard.type(QUERY)
    opened.keyboard.press("Enter")
    opened.get_by_text("24 of 24 images").wait_for()
    for key, expected in (
        ("ArrowDown", "Result 1:"),
        ("ArrowRight", "Result 2:"),
        ("End", "Result 24:"),
        ("Home", "Result 1:"),
        ("ArrowRight", "Result 2:"),
    ):
        opened.keyboard.press(key)
        assert opened.evaluate(active).startswith(expected)
    opened.keyboard.press("Enter")
    opened.get_by_role("dialog").wait_for()
    opened.keyboard.press("ArrowRight")
    opened.locator("#numbers", has_text="3 of 24").wait_for()
    opened.keyboard.press("Escape")
    opened.get_by_role("dialog").wait_for(state="hidden")
    opened.wait_for_function(f"({active}).startsWith('Result 3:')")
    assert opened.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_an_image_of_ones_own_is_searched_by(opened: Any, shared: Index) -> None:
    path = Path(shared.images_of(7)[0].path)
    opened.locator("#file").set_input_files(path)
    opened.locator("#like", has_text=f"like {path.name}").wait_for()
    opened.get_by_text("24 of 24 images").wait_for()
    assert path.name in names(opened)[:3]


def test_a_slow_search_is_said_and_cancelled_and_a_busy_server_too(page: Any, address: str) -> None:
    page.goto(address)
    search(page)
    page.route("**/api/search", lambda _: None)
    page.get_by_label("Describe the person").fill("a man")
    page.get_by_label("Describe the person").press("Enter")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Cancelled.").wait_for()
    assert not page.locator("#waiting").is_visible()
    page.unroute("**/api/search")
    busy = {"status": 503, "headers": {"Retry-After": "7"}, "content_type": "application/problem+json", "body": '{"detail": "Busy."}'}
    page.route("**/api/search", lambda route: route.fulfill(**busy))
    page.get_by_label("Describe the person").press("Enter")
    page.get_by_text("Try again in 7 s.").wait_for()
    page.unroute("**/api/search")
    page.get_by_role("button", name="Try again").click()
    page.get_by_text("24 of 24 images").wait_for()
    page.route("**/api/search", lambda route: route.abort())
    page.get_by_label("Describe the person").press("Enter")
    page.get_by_text("The server does not answer.").wait_for()


def test_a_server_with_a_token_asks_for_it_once(page: Any, shared: Index) -> None:
    with serving(shared, "--host", "0.0.0.0", CADA_TOKEN="a-long-random-word") as address:
        page.goto(address.replace("0.0.0.0", "127.0.0.1"))
        page.get_by_label("Its owner has it").fill("a wrong one")
        page.get_by_role("button", name="Go on").click()
        page.get_by_text("not the right one").wait_for()
        page.get_by_label("Its owner has it").fill("a-long-random-word")
        page.get_by_role("button", name="Go on").click()
        page.get_by_text("24 images").wait_for()
        search(page)
        first = page.locator("#grid .card img").first
        page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=first.element_handle())
        page.reload()
        page.get_by_text("24 of 24 images").wait_for()
        page.goto("about:blank")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_can_be_read_on_their_ground(opened: Any, scheme: str) -> None:
    """The contrast of WCAG AA, 4.5, of every text without images under it."""
    opened.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    search(opened)
    opened.locator("#grid .card").first.click()
    opened.locator(".look").first.wait_for()
    ratios = opened.evaluate(CONTRASTS)
    assert len(ratios) > 100
    assert [found for found in ratios if found[0] < 4.5] == []


CONTRASTS = """() => {
  const numbers = (colour) => {
    const context = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
  };
  const light = (colour) => colour.slice(0, 3).map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    .reduce((sum, value, place) => sum + value * [0.2126, 0.7152, 0.0722][place], 0);
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!text || !element.checkVisibility() || element.ariaDisabled === 'true' || element.closest('.near, noscript')) continue;
    let ground = element;
    while (ground && numbers(getComputedStyle(ground).backgroundColor)[3] < 255) ground = ground.parentElement;
    if (!ground) continue;
    const colours = [getComputedStyle(element).color, getComputedStyle(ground).backgroundColor];
    const [one, other] = colours.map((colour) => light(numbers(colour)));
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    found.push([ratio, element.textContent.slice(0, 30)]);
  }
  return found;
}"""
