"""Nothing that axe-core calls serious, in both color schemes; small screens; pictures for the docs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from small_png import small
from studio_pages import PATIENCE, ROOT, counted, ready, retype

expect = pytest.importorskip("playwright.sync_api", reason="make test-studio").expect
expect.set_options(timeout=PATIENCE)

AXE = ROOT / "studio" / "node_modules" / "axe-core" / "axe.min.js"


def offences(page) -> list[str]:
    """Return what axe-core finds that is serious or critical. Scripts may be evaluated, whatever
    the page's policy is.
    """
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is missing: make studio")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(studio, visit, scheme):
    page = visit(studio.url, scheme=scheme).page
    ready(page)
    assert offences(page) == []
    retype(page, "NamespaceName", "NamespceName")
    page.get_by_role("button", name="About M008").click()
    page.locator("#siem-tab-sc4s").click()
    page.locator("#line-tab-keys").click()
    page.locator("#line-panel tbody tr").nth(20).focus()
    assert offences(page) == []
    for tab in ("line-tab-notes", "sample-tab-coverage", "event-tab-json"):
        page.locator(f"#{tab}").click()
    assert offences(page) == []
    page.keyboard.press("Alt+n")
    page.get_by_role("button", name="Undo").click()
    retype(page, "retail", "storefront")
    page.locator("#line-tab-unwritten").click()
    page.locator("#sample-tab-changes").click()
    counted(page)
    expect(page.locator("#sample-panel tbody")).to_contain_text("KubeArmorTeam")
    assert offences(page) == []
    for button in ("Paste…", "Save as example…", "Shortcuts"):
        page.get_by_role("button", name=button, exact=True).click()
        expect(page.locator("dialog")).to_be_visible()
        assert offences(page) == []
        page.keyboard.press("Escape")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_all_without_scrolling_sideways(studio, visit, scheme):
    page = visit(studio.url, width=390, height=844, scheme=scheme).page
    ready(page)
    retype(page, "NamespaceName", "NamespceName")
    expect(page.locator(".problem", has_text="M008")).to_be_visible()
    for name in ("line", "event", "siem", "sample"):
        for number in range(page.locator(f"[id^={name}-tab-]").count()):
            page.locator(f"[id^={name}-tab-]").nth(number).click()
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= 390, f"{name} {number}"
    if AXE.is_file():
        assert offences(page) == []


def test_the_switch_of_colors_is_kept(page):
    def background():
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    light = background()
    page.get_by_role("button", name="Switch to dark colors").click()
    dark = background()
    assert dark != light
    page.reload()
    ready(page)
    assert background() == dark
    page.get_by_role("button", name="Switch to light colors").click()
    assert background() == light


def test_nothing_moves_while_somebody_types(page):
    boxes = "[...document.querySelectorAll('section')].map(it => JSON.stringify(it.getBoundingClientRect()))"
    before = page.evaluate(boxes)
    retype(page, "NamespaceName", "NamespceName")
    expect(page.locator(".problem", has_text="M008")).to_be_visible()
    assert page.evaluate(boxes) == before
    page.locator('.message [data-key="cs2"]').hover()
    assert page.evaluate(boxes) == before


PICTURES = os.environ.get("STUDIO_PICTURES", "")


@pytest.mark.skipif(not PICTURES, reason="make test-studio PICTURES=docs/pictures")
def test_pictures_for_the_docs(studio, visit):
    def picture(page, name: str) -> None:
        path = Path(PICTURES, f"studio-{name}.png")
        path.write_bytes(small(page.screenshot(animations="disabled", caret="hide")))
        assert path.stat().st_size <= 150_000

    for scheme, end in (("light", ""), ("dark", "-dark")):
        page = visit(studio.url, scheme=scheme).page
        ready(page)
        page.get_by_label("Filter events").fill("blocked")
        page.get_by_label("Filter events").press("Enter")
        expect(page.locator(".message [data-key=act]")).to_have_text("Block")
        page.locator("#siem-tab-splunk").click()
        page.locator('.message [data-key="cs5"]').focus()
        expect(page.locator(".cm-lit")).to_have_count(1)
        counted(page)
        picture(page, f"workbench{end}")
        page.locator("#siem-tab-sc4s").click()
        expect(page.locator(".finding.misread")).to_be_visible()
        if scheme == "light":
            picture(page, "misread")
