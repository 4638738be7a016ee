"""A cold server on a database of its own, and a real browser that may talk to it alone."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CHROMIUM = os.environ.get("PORTAGE_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


@dataclass(slots=True)
class Walk:
    """A page in the browser, what it asked of other hosts, and the errors it told."""

    page: Any
    url: str
    elsewhere: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        """The page at this path is drawn."""
        self.page.goto(f"{self.url}{path}")
        self.settle()

    def settle(self) -> None:
        """The script has run to its end."""
        self.page.wait_for_selector("[data-testid=stApp]")
        self.page.wait_for_timeout(300)
        self.page.wait_for_function(
            "() => document.querySelector('[data-testid=stApp]').getAttribute('data-test-script-state') !== 'running'"
        )
        self.page.wait_for_timeout(200)

    def press(self, name: str) -> None:
        """The button of this name is pressed, and what follows is drawn."""
        self.page.get_by_role("button", name=name, exact=True).click()
        self.settle()

    def cell(self, row: int, slot: str) -> Any:
        """A cell of the grid; slot "" is the row's number."""
        return self.page.locator(f"tr[data-row='{row}'] [data-slot='{slot}']")

    def type(self, row: int, slot: str, text: str) -> None:
        """The cell is clicked, overwritten and left."""
        self.cell(row, slot).click()
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")
        self.page.wait_for_selector(".grid:not(:has(.pending))")
        self.settle()

    def use(self, row: int, slot: str, proposal: str) -> None:
        """The cell is clicked, and what its issue proposes is taken."""
        self.cell(row, slot).click()
        self.page.get_by_role("button", name=f"Use {proposal}", exact=True).click()
        self.page.wait_for_selector(".grid:not(:has(.pending))")
        self.settle()

    def wrong(self) -> list[tuple[int, str]]:
        """The cells marked as errors: (row number, slot)."""
        cells = self.page.locator("tbody .wrong")
        said = cells.evaluate_all("all => all.map(cell => [Number(cell.parentElement.dataset.row), cell.dataset.slot])")
        return sorted((row, slot) for row, slot in said)


@pytest.fixture
def seeded_desk(sqlite_scratch: Any, home: Path) -> Iterator[Any]:
    """The clean sample, loaded."""
    with sqlite_scratch.desk(loaded=True, home=home) as made:
        yield made


@pytest.fixture
def server(seeded_desk: Any, home: Path) -> Iterator[str]:
    """The URL of a server that has drawn nothing yet."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    own = {name: value for name, value in os.environ.items() if not name.startswith("PORTAGE_")}
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    log = (home / "server.log").open("wb")
    process = subprocess.Popen(
        command, cwd=ROOT, env={**own, "PORTAGE_HOME": str(home), "PORTAGE_USER": "ana"}, stdout=log, stderr=log
    )
    url = f"http://localhost:{port}"
    try:
        _wait(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(10)
        log.close()


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(150):
        assert process.poll() is None, "the server ended before it answered"
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail("the server did not answer within 30 seconds")


@pytest.fixture
def walk(server: str) -> Iterator[Walk]:
    """A browser on the server."""
    if CHROMIUM is None:
        pytest.skip("no Chromium found (PORTAGE_TEST_CHROMIUM): the walk through the screens was not tried")
    from playwright.sync_api import sync_playwright  # here, so that the other tests run without it

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(30_000)
        made = Walk(page, server)
        page.on("request", lambda request: _note(made, request.url))
        page.on("pageerror", lambda error: made.errors.append(str(error)))
        yield made
        browser.close()


def _note(walk: Walk, url: str) -> None:
    if not url.startswith((walk.url, walk.url.replace("http", "ws"), "data:", "blob:")):
        walk.elsewhere.append(url)
