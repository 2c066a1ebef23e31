"""What attackers write into events is shown as text, and asks nobody for anything."""

from __future__ import annotations

import http.client
import http.server
import json
import re
import threading
from urllib.parse import urlsplit

import pytest
from studio_pages import PATIENCE, ready, text_of

expect = pytest.importorskip("playwright.sync_api", reason="make test-studio").expect
expect.set_options(timeout=PATIENCE)

MARKUP = (
    '<img src="http://203.0.113.9/x" onerror="document.title=1"><script>document.title=2</script>'
)
BIDI = "/bin/\u202esh\u2066hidden\u200bzero\u2028line"
SHOWN_BIDI = re.compile(r"^/bin/<?U\+202E>?sh<?U\+2066>?hidden<?U\+200B>?zero<?U\+2028>?line$")


def event(**more: str) -> dict[str, str]:
    return {
        "Type": "ContainerLog",
        "Operation": "Process",
        "HostName": "node-a1",
        "NamespaceName": "shop",
        "PodName": "web-0",
        "ContainerName": "web",
        "ProcessName": "/bin/sh",
        "Resource": "/bin/sh -c true",
        "Result": "Passed",
        **more,
    }


def opened(serve, visit, mapping, tmp_path, *events: dict[str, str]):
    path = tmp_path / "hostile.ndjson"
    path.write_text("".join(json.dumps(each) + "\n" for each in events), "utf-8")
    page = visit(serve("--edit", "-m", mapping.name, path).url).page
    ready(page)
    return page


def open_all_tabs(page) -> None:
    for name in ("line", "event", "siem", "sample"):
        for number in range(page.locator(f"[id^={name}-tab-]").count()):
            page.locator(f"[id^={name}-tab-]").nth(number).click()


def test_markup_is_text_everywhere(serve, visit, mapping, tmp_path):
    hostile = event(Resource=MARKUP, PodName=MARKUP, **{MARKUP: MARKUP})
    page = opened(serve, visit, mapping, tmp_path, hostile)
    expect(page.locator(".event .event-title")).to_contain_text("<img src=")
    expect(page.locator('[data-field="Resource"] .field-value')).to_have_text(MARKUP)
    open_all_tabs(page)
    page.locator("#event-tab-json").click()
    expect(page.locator(".json")).to_contain_text("onerror=")
    page.get_by_role("button", name="Save as example").click()
    page.get_by_label("Name", exact=True).fill(MARKUP)
    page.get_by_role("button", name="Add to examples").click()
    expect(page.locator("dialog")).to_have_count(0)
    assert "<script>" in text_of(page)
    counted = page.evaluate(
        "[document.title, document.querySelectorAll('#app img, #app script').length]"
    )
    assert counted == ["cef-bridge studio", 1]  # the icon of the head


def test_what_is_invisible_or_turns_the_direction_is_a_mark(serve, visit, mapping, tmp_path):
    page = opened(serve, visit, mapping, tmp_path, event(Resource=BIDI, ProcessName=BIDI))
    expect(page.locator('[data-field="ProcessName"] .field-value')).to_have_text(SHOWN_BIDI)
    shown = page.evaluate("document.body.innerText")
    assert not [char for char in "\u202e\u2066\u200b\u2028" if char in shown]
    open_all_tabs(page)
    page.locator("#event-tab-json").click()
    shown = page.evaluate("document.body.innerText")
    assert not [char for char in "\u202e\u2066\u200b\u2028" if char in shown]


def test_a_text_of_a_mebibyte_is_cut_and_can_be_seen(serve, visit, mapping, tmp_path):
    long = "A" * ((1 << 20) - 4096)  # of a line of a mebibyte
    page = opened(serve, visit, mapping, tmp_path, event(Resource=long), event())
    field = page.locator('[data-field="Resource"]')
    assert len(field.inner_text()) < 1000
    assert page.evaluate("document.body.innerText.length") < 100_000
    page.locator("#event-tab-json").click()
    more = page.locator(".json .more")
    expect(more).to_have_text(re.compile("^Show all"))
    more.click()
    expect(more).to_have_text("Show less")
    assert page.evaluate("document.querySelector('.json').innerText.length") > len(long)
    more.click()
    open_all_tabs(page)
    page.locator("#line-tab-line").click()
    # The next event is there at once
    page.keyboard.press("Alt+n")
    expect(page.locator(".message [data-key=cs5]")).to_have_text("/bin/sh -c true")


def asked(port: int, path: str, *, method: str = "GET", **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest(method, path, skip_host=True)
    for name, value in {"Host": f"127.0.0.1:{port}", "Content-Length": "0", **headers}.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status


def test_a_wrong_token_or_host_gets_no_page(studio, visit):
    parts = urlsplit(studio.url)
    right = f"/?{parts.query}"
    assert asked(studio.port, right) == 303
    assert asked(studio.port, "/") == 401
    assert asked(studio.port, "/?token=" + "0" * 32) == 401
    assert asked(studio.port, right, Host="evil.example") == 403
    visited = visit("about:blank")
    visited.expected = "401 (Unauthorized)"
    visited.page.goto(studio.url.partition("?")[0])
    expect(visited.page.locator("body")).to_contain_text("The token is missing")


def test_another_page_can_ask_for_nothing(studio, visit, mapping):
    """A page of another origin in the same browser, which has the studio's cookie."""

    class Evil(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<title>evil</title>")

        def log_message(self, *_):
            pass

    visited = visit(studio.url)
    ready(visited.page)
    with http.server.HTTPServer(("127.0.0.1", 0), Evil) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        other = visit(f"http://127.0.0.1:{server.server_port}/", context=visited.page.context)
        other.expected = ""
        outcome = other.page.evaluate(
            """async base => {
                const body = JSON.stringify({text: "mapping: evil", hash: "x"});
                const ways = [
                    [base + "api/start", {credentials: "include"}],
                    [base + "api/save", {method: "POST", body, credentials: "include"}],
                    [base + "api/save", {method: "POST", body, credentials: "include", mode: "no-cors"}],
                ];
                return Promise.all(ways.map(([url, init]) =>
                    fetch(url, init).then(answer => answer.type + " " + answer.status, () => "refused")));
            }""",
            studio.url.partition("?")[0],
        )
        other.complaints.clear()  # the browser says that it refused
        server.shutdown()
        thread.join()
    assert outcome[:2] == ["refused", "refused"]
    assert outcome[2] in ("opaque 0", "refused")
    assert "evil" not in mapping.read_text("utf-8")
