"""JUnit XML: the document that CI systems read."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from cef_bridge.cli.junit import Case, document


def read(cases, suite="lint"):
    return ET.fromstring(document(suite, cases).encode())  # noqa: S314  # written by us just now


def test_what_passed_and_what_failed_is_this_document():
    cases = [
        Case("a.log", "L001 No message."),
        Case("a.log", "L002 Too <long>", "first\nsecond & last"),
    ]
    assert document("lint", cases) == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<testsuites tests="2" failures="1" errors="0" skipped="0">\n'
        '  <testsuite name="lint" tests="2" failures="1" errors="0" skipped="0">\n'
        '    <testcase classname="a.log" name="L001 No message."/>\n'
        '    <testcase classname="a.log" name="L002 Too &lt;long&gt;">\n'
        '      <failure message="first">first\nsecond &amp; last</failure>\n'
        "    </testcase>\n"
        "  </testsuite>\n"
        "</testsuites>\n"
    )


def test_no_cases_are_a_suite_that_passed():
    root = read([])
    assert root.attrib == {"tests": "0", "failures": "0", "errors": "0", "skipped": "0"}
    assert list(root.find("testsuite")) == []


@given(st.lists(st.tuples(st.text(), st.text(), st.text()), max_size=4), st.text())
def test_any_text_gives_xml_whose_counts_add_up(rows, suite):
    root = read([Case(*row) for row in rows], suite)
    cases = root.findall("testsuite/testcase")
    assert root.attrib["tests"] == str(len(rows)) == str(len(cases))
    failed = [case for case in cases if case.find("failure") is not None]
    assert root.attrib["failures"] == str(len(failed)) == str(sum(bool(row[2]) for row in rows))


def test_what_xml_cannot_hold_becomes_visible():
    (case,) = read([Case("a", "b", "x\x00\ud800\ufffey")]).findall("testsuite/testcase")
    assert case.find("failure").text == "x\ufffd\ufffd\ufffdy"
