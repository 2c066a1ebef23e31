"""SARIF: the document that code review tools read."""

from __future__ import annotations

import json

from cef_bridge import __version__
from cef_bridge.cli.sarif import SarifRule, document
from cef_bridge.errors import Location, Problem

RULES = [
    SarifRule("L001", "error", "No message.", "All about\n\nBad:\n|"),
    SarifRule("L002", "warning", "Too long.", ""),
]


def run(problems):
    log = json.loads(document(RULES, problems))
    assert log["version"] == "2.1.0"
    assert log["$schema"] == "https://json.schemastore.org/sarif-2.1.0.json"
    (one,) = log["runs"]
    return one


def test_a_problem_has_its_rule_level_text_and_place():
    found = run(
        [Problem(Location("a/b.log", 3, 14), "L002", "1,200 bytes: “too” long.", "warning")]
    )
    assert found["results"] == [
        {
            "ruleId": "L002",
            "ruleIndex": 1,
            "level": "warning",
            "message": {"text": "1,200 bytes: “too” long."},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": "a/b.log"},
                        "region": {"startLine": 3, "startColumn": 14},
                    }
                }
            ],
        }
    ]
    assert found["columnKind"] == "unicodeCodePoints"


def test_the_rules_come_with_their_pages():
    driver = run([])["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("cef-bridge", __version__)
    assert driver["rules"] == [
        {
            "id": "L001",
            "shortDescription": {"text": "No message."},
            "fullDescription": {"text": "No message."},
            "help": {"text": "All about\n\nBad:\n|"},
            "defaultConfiguration": {"level": "error"},
        },
        {
            "id": "L002",
            "shortDescription": {"text": "Too long."},
            "fullDescription": {"text": "Too long."},
            "help": {"text": "Too long."},
            "defaultConfiguration": {"level": "warning"},
        },
    ]


def test_nothing_found_is_an_empty_list_of_results():
    assert run([])["results"] == []


def test_a_problem_of_a_rule_that_is_not_listed_goes_without_its_number():
    (result,) = run([Problem(Location("a"), "X1", "m")])["results"]
    assert "ruleIndex" not in result


def test_a_path_is_written_as_a_uri():
    (result,) = run([Problem(Location("/var/log/cef:a b%.log"), "L001", "m")])["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "/var/log/cef%3Aa%20b%25.log"
