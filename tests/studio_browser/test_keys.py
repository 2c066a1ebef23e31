"""All of the main path works without a mouse."""

from __future__ import annotations

import pytest
from commands import COMMAND, run
from studio_pages import PATIENCE, text_of

expect = pytest.importorskip("playwright.sync_api", reason="make test-studio").expect
expect.set_options(timeout=PATIENCE)


def test_the_main_path_by_keys_only(page, mapping):
    key = page.keyboard
    focused = page.locator(":focus")

    # The first stop is a link past the list of events
    key.press("Tab")
    expect(focused).to_have_text("Skip to the mapping")

    # Events, editor, message, SIEMs, sample: F6 goes round
    key.press("F6")
    expect(focused).to_have_attribute("id", "event-list")
    key.press("ArrowDown")
    expect(page.locator(".event[aria-selected=true] .number")).to_have_text("2")
    key.press("Alt+p")
    expect(page.locator(".event[aria-selected=true] .number")).to_have_text("1")

    key.press("F6")
    expect(focused).to_have_attribute("aria-label", "Mapping, YAML")
    key.press("Control+Home")
    for _ in range(30):
        if "cs5: {from" in page.locator(".cm-activeLine").inner_text():
            break
        key.press("ArrowDown")
    key.press("Home")
    key.type("cs4: {from: ContainrName, label: ContainerName}\n")
    expect(page.locator(".problem.error", has_text="M008")).to_be_visible()
    key.press("F8")
    key.press("Control+.")
    expect(page.locator(".problem")).to_have_count(0)
    assert "cs4: {from: ContainerName, label: ContainerName}" in text_of(page)
    # Tab leaves the editor
    key.press("Tab")
    expect(focused).not_to_have_attribute("aria-label", "Mapping, YAML")

    # The message: arrow keys move through its keys, Enter goes to the rule
    page.evaluate("document.querySelector('.cm-content').focus()")
    key.press("F6")
    expect(focused).to_have_attribute("data-key", "header.device_vendor")
    for _ in range(60):
        if focused.get_attribute("data-key") == "cs4":
            break
        key.press("ArrowRight")
    expect(page.locator(".cm-lit")).to_contain_text("cs4: {from: ContainerName")
    expect(page.locator('[data-field="ContainerName"]')).to_have_class("field lit")
    key.press("Enter")
    expect(focused).to_have_attribute("aria-label", "Mapping, YAML")
    expect(page.locator(".cm-activeLine")).to_contain_text("cs4: {from: ContainerName")

    use_fix_and_save(page)
    done = run([COMMAND, "mapping", "test", mapping], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def use_fix_and_save(page):
    """Go on from the editor: a SIEM's fix, an example, save."""
    key, focused = page.keyboard, page.locator(":focus")
    # A SIEM and its fix
    key.press("F6")
    key.press("F6")
    expect(focused).to_have_attribute("role", "tab")
    for _ in range(8):
        if focused.get_attribute("id") == "siem-tab-sc4s":
            break
        key.press("ArrowRight")
    expect(page.locator(".finding.misread")).to_be_visible()
    key.press("Tab")
    key.press("Tab")
    expect(focused).to_contain_text("syslog_header: rfc5424")
    key.press("Enter")
    expect(page.locator(".finding.misread")).to_have_count(0)

    # An example, and save
    key.press("Alt+e")
    expect(page.locator("dialog")).to_be_visible()
    key.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    key.press("Alt+e")
    key.press("Tab")
    page.get_by_label("Name", exact=True).focus()
    key.press("Enter")
    expect(page.locator(".notices")).to_contain_text("It passes")
    key.press("Control+s")
    expect(page.locator(".notices")).to_contain_text("2 examples passed.")
