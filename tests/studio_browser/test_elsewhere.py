"""What happens elsewhere while the page is open: the file changes, another tab saves, the server goes."""

from __future__ import annotations

import signal

import pytest
from studio_pages import EVENTS, PATIENCE, ready, retype, text_of

expect = pytest.importorskip("playwright.sync_api", reason="make test-studio").expect
expect.set_options(timeout=PATIENCE)


def test_a_file_that_changed_on_disk_is_loaded_or_overwritten(studio, visit, mapping):
    visited = visit(studio.url)
    visited.expected = "409 (Conflict)"
    page, notices = visited.page, visited.page.locator(".notices")
    ready(page)

    # Nothing of the user's own: the file can be loaded
    mapping.write_text(mapping.read_text("utf-8").replace("prod-eu", "prod-us"), "utf-8")
    expect(notices).to_contain_text("acme.yaml changed on disk.")
    page.get_by_role("button", name="Load the file").click()
    expect(page.locator(".message [data-key=cs6]")).to_have_text("prod-us")
    expect(page.locator(".dirty")).to_have_text("")

    # Changes of the user's own stay; saving does not overwrite by itself
    retype(page, "retail", "storefront")
    mapping.write_text(mapping.read_text("utf-8").replace("prod-us", "prod-ap"), "utf-8")
    expect(notices).to_contain_text("Your changes are still here.")
    assert "storefront" in text_of(page)
    page.keyboard.press("Control+s")
    expect(notices).to_contain_text("changed on disk")
    assert "prod-ap" in mapping.read_text("utf-8")
    page.get_by_role("button", name="Overwrite it").click()
    expect(notices).to_contain_text("Saved acme.yaml.")
    assert "storefront" in mapping.read_text("utf-8")
    assert "prod-us" in mapping.read_text("utf-8")

    mapping.unlink()
    expect(notices).to_contain_text("acme.yaml cannot be read any more. Your text is kept.")


def test_two_tabs_know_of_each_other(studio, visit, mapping):
    first = visit(studio.url)
    ready(first.page)
    second = visit(studio.url, context=first.page.context)
    ready(second.page)
    for page in (first.page, second.page):
        expect(page.locator(".notices")).to_contain_text("open in another tab")
        page.get_by_role("button", name="OK").click()
    retype(second.page, "retail", "second")
    retype(first.page, "retail", "first")
    first.page.keyboard.press("Control+s")
    expect(first.page.locator(".notices")).to_contain_text("Saved acme.yaml.")
    expect(second.page.locator(".notices")).to_contain_text("changed on disk")
    assert "second" in text_of(second.page)
    second.page.get_by_role("button", name="Load the file").click()
    expect(second.page.locator(".message [data-key=KubeArmorTeam]")).to_have_text("first")
    assert "first" in mapping.read_text("utf-8")


def test_a_server_that_is_gone_and_back_is_reported(serve, visit, mapping, tmp_path):
    token = tmp_path / "token"
    token.write_text("0123456789abcdef0123456789abcdef")
    words = ("--edit", "-m", mapping.name, "--token-file", token.name, EVENTS)
    served = serve(*words)
    visited = visit(served.url)
    visited.expected = "ERR_CONNECTION_REFUSED"
    page, notices = visited.page, visited.page.locator(".notices")
    ready(page)
    served.end(signal.SIGKILL)
    expect(notices).to_contain_text("The server does not answer. Your text is kept.")
    retype(page, "retail", "storefront")
    serve(*words, "--listen", f"127.0.0.1:{served.port}")
    expect(notices).to_contain_text("The server is back.")
    expect(page.locator(".message [data-key=KubeArmorTeam]")).to_have_text("storefront")
    page.keyboard.press("Control+s")
    expect(notices).to_contain_text("Saved acme.yaml.")
    assert "storefront" in mapping.read_text("utf-8")


def test_a_server_with_another_token_says_which_url_to_open(serve, visit, mapping):
    served = serve("--edit", "-m", mapping.name, EVENTS)
    visited = visit(served.url)
    page = visited.page
    ready(page)
    visited.expected = "Failed to load resource"  # refused connections, then 401
    served.end(signal.SIGKILL)
    expect(page.locator(".notices")).to_contain_text("The server does not answer.")
    serve("--edit", "-m", mapping.name, "--listen", f"127.0.0.1:{served.port}", EVENTS)
    expect(page.locator(".notices")).to_contain_text("Open the URL that was printed at the start")
