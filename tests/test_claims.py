"""What pages say of files and figures is what the program does and what was measured."""

from __future__ import annotations

import os
import re
import stat

import pytest
from transcripts import page, run

SECURITY = page("docs/security.md")
SIZING = page("docs/sizing.md")
PERFORMANCE = "".join(
    page(f"docs/{name}.md") for name in ("performance", "performance-other-ways", "scale")
)


def said_mode(of: str) -> str:
    """Return the mode that the page has in the row of a file."""
    row = re.search(rf"^\| [^|]*{re.escape(of)}[^|]*\| ([^|]+) \|", SECURITY, re.MULTILINE)
    assert row, f"no row with {of}"
    return row[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("files")
    before = os.umask(0o022)
    try:
        for command in (
            "cef-bridge generate --count 50 > events.log",
            'printf \'%s\n\' \'{"Operation":"File","Resource":"/etc/pass\' > cut.log',
            f"cef-bridge forward --from events.log --to file://{path}/sent.cef --queue queue --once",
            "cef-bridge convert events.log cut.log -o out.cef --rejects bad.jsonl --report report.json",
            "cef-bridge receive --listen udp://127.0.0.1:0 -o received.cef --timeout 0.1",
        ):
            run(command, path)
    finally:
        os.umask(before)
    return path


@pytest.mark.parametrize(
    ("row", "files"),
    [
        ("folder of `--queue`", ["queue"]),
        ("`NAME.queue`", ["queue/file-sent.cef.queue", "queue/file-sent.cef.queue.lock"]),
        ("`file:///`", ["sent.cef"]),
        ("`receive -o`", ["received.cef"]),
        ("`convert -o`", ["out.cef"]),
        ("`convert --rejects`", ["bad.jsonl", "report.json"]),
    ],
)
def test_a_file_has_the_mode_that_the_page_on_security_says(folder, row, files):
    said = said_mode(row)
    for name in files:
        mode = stat.S_IMODE((folder / name).stat().st_mode)
        assert f"{mode:04o}" == ("0644" if said == "by umask" else said), name


def test_figures_of_the_page_on_sizing_are_those_that_were_measured():
    tables = SIZING.partition("## CPU")[2].partition("## Disk")[0]
    measured = [row for row in tables.splitlines() if row.startswith("| `")]
    figures = {it for row in measured for it in re.findall(r"\d+[.,]\d+|\b\d+(?= MiB)", row)}
    assert len(figures) >= 8
    known = set(re.findall(r"[\d.,]*\d", PERFORMANCE))
    assert figures - known == set()
