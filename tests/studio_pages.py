"""What the tests of the studio in a browser share: a served studio, a page, and typing in its editor."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from commands import COMMAND, Popen
from waiting import until

ROOT = Path(__file__).parent.parent
EVENTS = ROOT / "tests" / "data" / "kinds.ndjson"
PATIENCE = 60_000  # milliseconds: for a busy machine

MAPPING = """\
mapping: acme
extends: arcsight
cluster: prod-eu

extension:
  # The team that owns a namespace
  KubeArmorTeam: {from: NamespaceName, table: {shop: retail}, else: platform}
  cs5: {from: [Resource, Source], via: redact, label: CommandLine}
  dhost:
    from: [remote.host, destination.ip]
    when: {event.verb: [connect, dns, egress]}

drop_events:
  - {event.kind: log, event.verb: read}

examples:
  - event: {Type: MatchedPolicy, Operation: Process, NamespaceName: shop, Resource: "mysql --password=hunter2"}
    expect: {KubeArmorTeam: retail}
"""


class Served:
    """A running `cef-bridge studio`, and its URL."""

    def __init__(self, *words: str, folder: Path) -> None:
        self._process = Popen(
            [COMMAND, "studio", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=folder,
        )
        self.url = self._process.stdout.readline().strip()
        assert self.url.startswith("http://127.0.0.1:")
        self.port = urlsplit(self.url).port

    def end(self, number: int = signal.SIGTERM) -> None:
        """End it, and wait for it."""
        if self._process.poll() is None:
            self._process.send_signal(number)
        self._process.wait(30)
        self._process.stdout.close()


class Visit:
    """A page, what it complained of, and the errors that a test expects."""

    def __init__(self, page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.expected = ""
        self.hosts: set[str] = set()
        page.set_default_timeout(PATIENCE)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).hostname or ""))

    def _said(self, message) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


def ready(page) -> None:
    """Wait until the first message and the first counts are there."""
    page.locator(".message .part").first.wait_for()
    page.locator(".problems-head:not(:has-text('Checking'))").wait_for()
    counted(page)


def counted(page) -> None:
    """Wait until the counts of the sample are those of the text."""
    page.wait_for_function(
        "() => /^[\\d,]+ events?$/.test(document.querySelector('.sample .progress')?.textContent ?? '')"
    )


def text_of(page) -> str:
    """Return the text of the editor."""
    return page.evaluate(
        "() => [...document.querySelectorAll('.cm-line')].map(line => line.textContent).join('\\n')"
    )


def retype(page, word: str, new: str) -> None:
    """Replace the first place of a word in the editor by typing.

    What comes late from the server may move the editor's lines between look and click: then again.
    """
    until(lambda: _selects(page, word), what=f"selecting {word}")
    page.keyboard.type(new)


def _selects(page, word: str) -> bool:
    place = page.evaluate(
        """word => {
            const walker = document.createTreeWalker(document.querySelector('.cm-content'), 4);
            for (let node; (node = walker.nextNode()); ) {
                const at = node.data.indexOf(word);
                if (at < 0) continue;
                const range = document.createRange();
                range.setStart(node, at);
                range.setEnd(node, at + word.length);
                const box = range.getBoundingClientRect();
                return [box.left + box.width / 2, box.top + box.height / 2];
            }
        }""",
        word,
    )
    assert place, f"{word} is not in the editor"
    page.mouse.dblclick(*place)
    return page.evaluate("getSelection().toString()") == word
