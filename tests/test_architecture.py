"""docs/architecture.md names the files that an event goes through: it is watched on its way."""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
import time

import pytest
from click.testing import CliRunner
from transcripts import ROOT, page
from ways import Watch

from cef_bridge.cli.convert import command as convert
from cef_bridge.engine import native
from cef_bridge.forward.config import from_urls
from cef_bridge.forward.service import RunOptions, Service

ALERT = json.dumps(
    {
        "Type": "MatchedPolicy",
        "Operation": "Process",
        "HostName": "node-1",
        "NamespaceName": "shop",
        "PodName": "checkout-0",
        "Source": "/bin/sh",
        "Resource": "/usr/bin/watched",
        "Action": "Block",
        "Result": "Permission denied",
        "PolicyName": "no-shells",
        "UpdatedTime": "2026-01-01T00:00:00Z",
    }
)
OTHER = ALERT.replace("watched", "apt")
TORN = ALERT[:-30]
MOST_FILES = 22  # of a good event's way: who reads them has read how it works

pytestmark = pytest.mark.skipif(
    native.status().engine != native.NATIVE, reason="the page is about the native engine"
)


def files_of(heading: str) -> list[str]:
    """Return the files in the table of a section of the page."""
    section = page("docs/architecture.md").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = "\n".join(line for line in section.splitlines() if line.startswith("|"))
    return re.findall(r"`([\w/]+\.py)`", rows)


def compare(heading: str, way: set[str]) -> None:
    """Fail with what the table of a section lacks, and what it should no longer name."""
    named = set(files_of(heading))
    wrong = [f"lacks {it}" for it in sorted(way - named)]
    wrong += [f"has {it}, which does not hold it" for it in sorted(named - way)]
    assert not wrong, f"docs/architecture.md, {heading}: {', '.join(wrong)}"


def collector() -> int:
    """Return the port of what reads all that it is sent, and closes when its sender does."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            connection, _ = server.accept()
            while connection.recv(65536):
                pass
            connection.close()

    threading.Thread(target=serve, daemon=True).start()
    return server.getsockname()[1]


def forwarded(line: str, folder) -> Watch:
    """Return what was seen of a line that is appended to a file while a forwarder follows it."""
    log = folder / "a.log"
    log.write_text(f"{OTHER}\n")
    to = f"tcp://127.0.0.1:{collector()}"
    service = Service(from_urls([str(log)], [to], queue=str(folder / "queue")), RunOptions())

    def until(confirmed: int, rejected: int) -> None:
        for _ in range(3000):
            for it in service.view().destinations:
                if (it.confirmed, it.rejected.get("not-json", 0)) == (confirmed, rejected):
                    return
            time.sleep(0.02)
        pytest.fail("the line did not arrive within a minute")

    with Watch("watched") as watch:
        running = threading.Thread(target=service.run)
        running.start()
        sys.setprofile(None)  # this thread only looks on
        until(1, 0)
        watch.on = True
        with log.open("a") as file:
            file.write(f"{line}\n")
        until(1 + (line == ALERT), int(line == TORN))
        service.stop()
        running.join(60)
    return watch


@pytest.mark.parametrize(
    ("heading", "line"), [("One alert in forward", ALERT), ("One bad event in forward", TORN)]
)
def test_the_page_has_the_files_that_an_event_goes_through_in_forward(heading, line, tmp_path):
    compare(heading, forwarded(line, tmp_path).way)


@pytest.mark.parametrize(
    ("heading", "line"), [("One alert in convert", ALERT), ("One bad event in convert", TORN)]
)
def test_the_page_has_the_files_that_an_event_goes_through_in_convert(heading, line, tmp_path):
    (tmp_path / "in").write_text(f"{OTHER}\n{line}\n")
    words = [str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--rejects", str(tmp_path / "no")]
    with Watch("watched") as watch:
        watch.on = True
        CliRunner().invoke(convert, words)
    compare(heading, watch.way)


@pytest.mark.parametrize("heading", ["One alert in forward", "One alert in convert"])
def test_a_good_event_goes_through_few_files(heading):
    assert 5 < len(files_of(heading)) <= MOST_FILES


def test_every_file_that_the_page_names_is_there():
    text = page("docs/architecture.md")
    named = re.findall(r"`([\w/]+\.py)`", text)
    gone = [
        it for it in named if not any((root / it).is_file() for root in (ROOT, ROOT / "cef_bridge"))
    ]
    assert gone == []
