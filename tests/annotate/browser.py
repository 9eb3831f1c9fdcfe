"""Real Chromium, for the tests of the pages."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_ARGS = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync"


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=_ARGS.split())
        yield browser
        browser.close()


def open_page(browser: Any, url: str, token: str, faults: list[str]) -> Any:
    """A page of a context of its own, signed in; what goes wrong in it is listed in `faults`."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(60_000)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("response", lambda r: faults.append(f"{r.status} {r.url}") if r.status >= 500 else None)
    page.goto(f"{url}/#{token}")
    ready(page)
    return page


def ready(page: Any) -> None:
    """Wait until the page's script has run."""
    page.wait_for_selector("body[data-ready]")


def until(page: Any, expression: str) -> None:
    """Wait for a JavaScript expression to be true (`wait_for_function` needs eval, which pages forbid)."""
    for _ in range(600):
        if page.evaluate(expression):
            return
        time.sleep(0.1)
    raise AssertionError(f"never true: {expression}")
