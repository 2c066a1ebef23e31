"""A browser, a served studio, and pages that must neither complain nor ask anybody else.

Skipped, with the reason, without Playwright (make test-studio installs it), Chromium, or the pages
(make studio).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from studio_pages import EVENTS, MAPPING, ROOT, Served, Visit, ready

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PAGES = ROOT / "cef_bridge" / "studio" / "static" / "workbench.js"


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    reason = _missing()
    for item in items:
        if reason and item.path.is_relative_to(here):
            item.add_marker(pytest.mark.skip(reason=reason))


def _missing() -> str:
    try:
        import playwright  # noqa: F401
    except ImportError:
        return "Playwright is missing: make test-studio"
    if CHROMIUM is None:
        return "Chromium is missing"
    return "" if PAGES.is_file() else "the studio's pages are not built: make studio"


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.getuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=sandbox)
        yield browser
        browser.close()


@pytest.fixture
def mapping(tmp_path):
    """A mapping of the user's own."""
    path = tmp_path / "acme.yaml"
    path.write_text(MAPPING, encoding="utf-8")
    return path


@pytest.fixture
def serve(tmp_path):
    """A function that serves a studio in the test's folder, with the options of the command."""
    running = []

    def start(*words: object) -> Served:
        running.append(Served(*map(str, words), folder=tmp_path))
        return running[-1]

    yield start
    for each in running:
        each.end()


@pytest.fixture
def studio(serve, mapping):
    """A studio that may save."""
    return serve("--edit", "-m", mapping.name, EVENTS)


@pytest.fixture
def visit(browser, serve):  # noqa: ARG001 - servers end after the pages
    """A function that opens a URL in a new context, or in one that is given.

    At the end no page may have complained, and none may have asked another host.
    """
    visits, contexts = [], []

    def go(url: str, *, context=None, width: int = 1280, height: int = 800, scheme: str = "light"):
        if context is None:
            size = {"width": width, "height": height}
            context = browser.new_context(viewport=size, color_scheme=scheme)
            contexts.append(context)
        visited = Visit(context.new_page())
        visits.append(visited)
        visited.page.goto(url)
        return visited

    yield go
    for context in contexts:
        context.close()
    complaints = [(it, each.expected) for each in visits for it in each.complaints]
    assert not [it for it, expected in complaints if not expected or expected not in it]
    assert {host for each in visits for host in each.hosts} <= {"127.0.0.1"}


@pytest.fixture
def page(visit, studio):
    """The workbench, ready."""
    page = visit(studio.url).page
    ready(page)
    return page
