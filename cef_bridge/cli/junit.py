"""JUnit XML: what passed and what failed, for CI systems.

In come cases, out goes one document. Must not know what a case is about.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from collections.abc import Iterable

# XML 1.0, "Char": these may not stand in a document, not even escaped.
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Case(NamedTuple):
    """One case: the group it belongs to, its name, and what is wrong, "" when it passed.

    `failure`'s first line is its summary.
    """

    group: str
    name: str
    failure: str = ""


def document(suite: str, cases: Iterable[Case]) -> str:
    """Return a report of one suite, as Jenkins and GitLab read it."""
    listed = list(cases)
    failed = sum(bool(case.failure) for case in listed)
    counts = f'tests="{len(listed)}" failures="{failed}" errors="0" skipped="0"'
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<testsuites {counts}>"]
    lines.append(f"  <testsuite name={_attribute(suite)} {counts}>")
    for case in listed:
        begin = f"    <testcase classname={_attribute(case.group)} name={_attribute(case.name)}"
        if not case.failure:
            lines.append(f"{begin}/>")
            continue
        summary = case.failure.partition("\n")[0]
        text = f"<failure message={_attribute(summary)}>{escape(_clean(case.failure))}</failure>"
        lines += [f"{begin}>", f"      {text}", "    </testcase>"]
    lines += ["  </testsuite>", "</testsuites>", ""]
    return "\n".join(lines)


def _attribute(text: str) -> str:
    return quoteattr(_clean(text))


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
