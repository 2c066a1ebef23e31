"""The live page of a running forwarder in a browser: real collectors, one of them killed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "cli"))

from forwards import Forward, write_events
from live_client import LiveClient
from small_png import small
from waiting import until

from cef_bridge.collector.collector import Collector
from cef_bridge.generator import events

expect = pytest.importorskip("playwright.sync_api", reason="make test-studio").expect
expect.set_options(timeout=60_000)

AXE = Path(__file__).parents[2] / "studio" / "node_modules" / "axe-core" / "axe.min.js"
PICTURES = os.environ.get("STUDIO_PICTURES", "")
HOSTILE = {
    "Type": "ContainerLog",
    "Operation": "Process",
    "Source": "/bin/sh",
    "Resource": "<img src=x onerror=alert(1)><script>alert(2)</script>\u202e\u200b\x1b[2J",
    "PodName": "<b>pod</b>",
    "Data": "x" * 200_000,
}


def port_of_nobody() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Watched:
    """A forwarder with two destinations, and what a test does to them."""

    def __init__(self, folder: Path, *words: object) -> None:
        self.port = port_of_nobody()
        self.log = write_events(folder / "kubearmor.log", 50)
        with self.log.open("ab") as file:
            file.write(b'a line of the relay\n\n{"log": "other"}\n{"Type":"ContainerLog","X":}\n')
        self.archive = folder / "archive.cef"
        to = f"tcp://127.0.0.1:{self.port}?confirm_interval=1s&name=splunk"
        self.words = (
            *("--from", f"{self.log}?name=relay", "--to", to),
            *("--to", f"file://{self.archive}?name=archive", "-m", "splunk"),
            *("--queue", folder / "q", "--grace", "0s", *words),
        )

    def add(self, *lines: bytes) -> None:
        with self.log.open("ab") as file:
            file.writelines(lines)

    def collector(self) -> Collector:
        return Collector([f"tcp://127.0.0.1:{self.port}"], rules=None)


@pytest.fixture
def watched(tmp_path):
    return Watched(tmp_path, "--metrics", "127.0.0.1:0")


@pytest.fixture
def run(watched):
    with Forward(*watched.words) as run:
        yield run
        if run.process.poll() is None:
            run.end()


def box(page, name: str):
    return page.locator(f'[data-destination="{name}"]')


def fact(page, name: str, which: str):
    return box(page, name).locator(f".fact:has(dt:text-is('{which}')) dd")


def test_a_collector_that_is_killed_and_comes_back_shows(watched, run, visit):
    client = LiveClient.of(run)
    with contextlib.ExitStack() as stack:
        collector = stack.enter_context(watched.collector())
        page = visit(client.page).page
        assert "token" not in page.url
        expect(fact(page, "splunk", "confirmed")).to_have_text("50")
        expect(fact(page, "splunk", "waiting")).to_have_text("0")
        collector.kill()
    watched.add(*events(30, seed=9))
    expect(box(page, "splunk").locator(".badge")).to_have_text(re.compile("down"))
    expect(fact(page, "splunk", "waiting")).to_have_text("30")
    expect(box(page, "splunk").locator(".said")).to_contain_text("cannot reach 127.0.0.1")
    expect(box(page, "archive").locator(".badge")).to_have_text(re.compile("connected"))
    expect(page.get_by_role("status")).to_contain_text("Destination splunk: down.")
    with watched.collector():
        expect(fact(page, "splunk", "waiting")).to_have_text("0")
        expect(fact(page, "splunk", "confirmed")).to_have_text("80")
        expect(box(page, "splunk").locator(".badge")).not_to_have_text(re.compile("down"))
        expect(page.get_by_role("status")).to_contain_text("Destination splunk: connected.")
        rows = page.get_by_role("region", name="Lines by destination").locator("tbody tr")
        expect(rows.nth(0)).to_have_text(re.compile(r"^splunk84800121"))
        expect(page.get_by_role("region", name="Rejected records").first).to_contain_text(
            "not-json"
        )
        expect(page.get_by_role("region", name="Skipped lines (noise)").first).to_contain_text(
            "json"
        )


def test_a_forwarder_that_is_gone_and_back_shows(watched, visit, tmp_path):
    token = tmp_path / "token"
    token.write_text("t" * 20)
    port = port_of_nobody()
    words = (*watched.words, "--metrics", f"127.0.0.1:{port}", "--live-token-file", token)
    with Forward(*words) as run:
        run.until_says("and the token in")
        seen = visit(f"http://127.0.0.1:{port}/live?token={'t' * 20}")
        page = seen.page
        expect(fact(page, "archive", "confirmed")).to_have_text("50")
        assert page.get_by_test_id("problem").count() == 0
        run.kill()
        expect(page.get_by_test_id("problem")).to_contain_text("The forwarder does not answer.")
        expect(page.get_by_role("status")).to_contain_text("The forwarder does not answer.")
        expect(fact(page, "archive", "confirmed")).to_have_text("50")  # of the last answer
    with Forward(*words) as run:
        watched.add(*events(5, seed=3))
        expect(fact(page, "archive", "confirmed")).to_have_text("55")
        expect(page.get_by_test_id("problem")).to_have_count(0)
        expect(page.get_by_role("status")).to_contain_text("The forwarder answers again.")
        page.close()
        run.end()
    # Chromium itself writes a line for each request that nobody answered.
    assert all("ERR_CONNECTION_REFUSED" in it or "ERR_EMPTY" in it or "ERR_CONNECTION_RESET" in it
               for it in seen.complaints)  # fmt: skip
    seen.complaints.clear()


def test_a_new_token_is_told_with_what_to_do(run, visit):
    client = LiveClient.of(run)
    seen = visit(client.page)
    expect(fact(seen.page, "archive", "confirmed")).to_have_text("50")
    seen.page.context.clear_cookies()
    expect(seen.page.get_by_test_id("problem")).to_contain_text(
        "The token is missing, or is not the one in use. Open the URL that was printed at the start"
    )
    assert all("401" in it for it in seen.complaints)
    seen.complaints.clear()


def test_the_tap_shows_events_of_an_attacker_as_text_and_ends(watched, run, visit):
    client = LiveClient.of(run)
    page = visit(client.page).page
    expect(fact(page, "archive", "confirmed")).to_have_text("50")
    box(page, "archive").get_by_role("button", name="Tap").click()
    panel = page.locator("#tap")
    expect(page.locator("#tap-title")).to_be_focused()
    expect(panel.locator("select")).to_have_value("archive")
    expect(panel.locator(".status")).to_have_text("Off.")
    panel.get_by_role("button", name="Turn tap on").click()
    expect(panel.locator(".status")).to_contain_text("On. Shows each message. Ends by itself in 4:")
    watched.add(*events(3, seed=9), json.dumps(HOSTILE).encode() + b"\n")
    expect(panel.locator(".pair")).to_have_count(4)
    first = panel.locator(".pair").first
    expect(first).to_contain_text("<script>alert(2)</script>")
    expect(first.locator(".mark").first).to_be_visible()
    expect(first.get_by_role("button", name=re.compile("Show all"))).to_have_count(2)
    assert page.locator("#tap img, #tap script, #tap b").count() == 0
    panel.get_by_role("button", name="Pause").click()
    watched.add(*events(2, seed=10))
    until(lambda: len(client.tap("archive")["messages"]) == 6)
    expect(panel.locator(".pair")).to_have_count(4)
    panel.get_by_role("button", name="Go on").click()
    expect(panel.locator(".pair")).to_have_count(6)
    panel.get_by_role("button", name="Turn tap off").click()
    expect(panel.locator(".status")).to_contain_text("Off.")
    assert client.tap("archive")["on"] is False
    client.switch("archive", on=True)  # another tab
    expect(panel.locator(".status")).to_contain_text("On.")


def test_names_of_an_attacker_are_text(tmp_path, visit):
    name = "<img src=x onerror=alert(1)>.log"
    write_events(tmp_path / name, 3)
    words = ("--from", name, "--to", "file:///dev/null?name=archive", "-m", "splunk")
    with Forward(*words, "--metrics", "127.0.0.1:0", cwd=tmp_path) as run:
        page = visit(LiveClient.of(run).page).page
        expect(page.locator(".sources h3")).to_have_text(name)
        assert page.locator(".sources img").count() == 0
        page.close()
        run.end()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_and_axe_finds_nothing_serious(watched, run, visit, width, scheme):
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: make studio")
    client = LiveClient.of(run)
    page = visit(client.page, width=width, scheme=scheme).page
    expect(fact(page, "archive", "confirmed")).to_have_text("50")
    expect(box(page, "splunk").locator(".badge")).to_have_text(re.compile("down"))
    page.get_by_role("button", name="Turn tap on").click()
    expect(page.locator("#tap .status")).to_contain_text("On.")
    watched.add(*events(3, seed=9))
    expect(page.locator(".pair")).to_have_count(3)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run()")["violations"]
    assert [
        (it["id"], [node["html"][:200] for node in it["nodes"]])
        for it in found
        if it["impact"] in ("serious", "critical")
    ] == []
    page.emulate_media(color_scheme="dark" if scheme == "light" else "light")
    expect(page.locator("canvas").first).to_be_visible()


def test_all_of_it_works_by_keys_and_nothing_moves_the_focus(watched, run, visit):
    client = LiveClient.of(run)
    page = visit(client.page).page
    expect(fact(page, "archive", "confirmed")).to_have_text("50")
    focused = page.locator(":focus")
    for _ in range(30):
        page.keyboard.press("Tab")
        if focused.inner_text() == "Turn tap on":
            break
    page.keyboard.press("Enter")
    expect(focused).to_have_text("Turn tap off")
    watched.add(*events(3, seed=9))
    expect(page.locator(".pair")).to_have_count(3)
    expect(focused).to_have_text("Turn tap off")
    page.keyboard.press("Enter")
    expect(focused).to_have_text("Turn tap on")


def test_the_plain_page_has_the_same_numbers(watched, visit, tmp_path):
    """As where the pages were not built: a copy of the package without them."""
    import shutil

    import cef_bridge

    package = tmp_path / "lib" / "cef_bridge"
    source = Path(cef_bridge.__file__).parent
    shutil.copytree(source, package, ignore=shutil.ignore_patterns("static", "__pycache__"))
    shutil.copytree(source.parent / "mappings", package.parent / "mappings")
    env = {"PYTHONPATH": str(package.parent)}
    with Forward(*watched.words, "--metrics", "127.0.0.1:0", env=env) as run:
        client = LiveClient.of(run)
        page = visit(client.page, width=390).page
        region = page.get_by_role("region", name="Destinations")
        expect(region.locator("tbody tr").nth(1)).to_contain_text("archive")
        expect(region.locator("tbody tr").nth(1).locator("td").nth(6)).to_have_text("50")
        expect(region.locator("tbody tr").nth(0)).to_contain_text("cannot reach 127.0.0.1")
        page.get_by_label("Destination", exact=True).select_option("archive")
        page.get_by_role("button", name="Tap on").click()
        expect(page.locator("#tap-state")).to_contain_text("One of 1 messages.")
        watched.add(json.dumps(HOSTILE).encode() + b"\n")
        expect(page.locator("#tapped li")).to_have_count(1)
        expect(page.locator("#tapped pre").first).to_contain_text("<script>alert(2)</script>")
        assert page.locator("#tapped img, #tapped script").count() == 0
        page.get_by_role("button", name="Tap off").click()
        expect(page.locator("#tap-state")).to_contain_text("Off.")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        if AXE.is_file():
            page.evaluate(AXE.read_text("utf-8"))
            found = page.evaluate("axe.run()")["violations"]
            assert [it["id"] for it in found if it["impact"] in ("serious", "critical")] == []
        page.close()
        run.end()


def test_the_studio_shows_a_forwarder_named_by_its_url(watched, run, visit, serve):
    client = LiveClient.of(run)
    studio = serve("--forwarder", client.page)
    seen = visit(studio.url)
    page = seen.page
    page.get_by_role("link", name=re.compile("[Ll]ive")).first.click()
    expect(fact(page, "archive", "confirmed")).to_have_text("50")
    page.locator("#tap select").select_option("archive")
    page.get_by_role("button", name="Turn tap on").click()
    expect(page.locator("#tap .status")).to_contain_text("On.")
    watched.add(*events(3, seed=9))
    expect(page.locator(".pair")).to_have_count(3)
    assert client.tap("archive")["on"] is True
    run.kill()
    expect(page.get_by_test_id("problem")).to_contain_text("does not answer")
    assert all("502" in it for it in seen.complaints)
    page.close()
    seen.complaints.clear()


def test_picture(tmp_path, visit):
    """The picture of docs/live.md, where `make test-studio PICTURES=FOLDER` asks for it."""
    if not PICTURES:
        pytest.skip("no folder for pictures: make test-studio PICTURES=docs/pictures")
    watched = Watched(tmp_path)
    with Collector(["tcp://127.0.0.1:0"], rules=None) as qradar, contextlib.ExitStack() as stack:
        stack.enter_context(collector := watched.collector())
        to = (f"tcp://127.0.0.1:{watched.port}?confirm_interval=2s&name=splunk",
              f"{qradar.urls[0]}?confirm_interval=2s&name=qradar")  # fmt: skip
        words = ("--from", watched.log.name, "--to", to[0], "--to", to[1], "-m", "splunk")
        run = stack.enter_context(Forward(*words, "--metrics", "127.0.0.1:0", cwd=tmp_path))
        page = visit(LiveClient.of(run).page, width=1280, height=960).page
        stream = events(100_000, seed=4)
        for second in range(100):
            watched.add(*(next(stream) for _ in range(30 + second * 7 % 20)))
            page.wait_for_timeout(1000)
            if second == 80:
                collector.kill()
        expect(box(page, "splunk").locator(".badge")).to_have_text(re.compile("down"))
        (Path(PICTURES) / "studio-live.png").write_bytes(small(page.screenshot()))
        page.close()
        run.end()
