"""Debian's Chromium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

WAIT = 60_000  # milliseconds, on a busy machine


@pytest.fixture
def page() -> Iterator[Any]:
    """A page of Debian's Chromium; without the browser the test is skipped, where CI is set it fails."""
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        assert not os.environ.get("CI"), "Chromium is not installed: apt-get install chromium"
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1600, "height": 1100})
        page.set_default_timeout(WAIT)
        yield page
        browser.close()
