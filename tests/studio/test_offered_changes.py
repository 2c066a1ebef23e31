"""What the studio offers to change: one click, and the problem is gone, in lint or in the SIEM."""

from __future__ import annotations

import json

import pytest
from studio_server import applied

HOSTILE = [
    {"Resource": "/bin/sh -c echo CEF:0|a|b|c|d|e|9|act=x"},
    {"Resource": "/bin/sh -c echo a|b | c"},
    {
        "Operation": "Network",
        "Resource": "remoteip=2001:db8::7 port=443 protocol=TCP",
        "Data": "kprobe=tcp_connect domain=AF_INET6",
    },
    {
        "Operation": "Network",
        "Resource": "remoteip=2001:db8::8 port=443 protocol=TCP",
        "Data": "kprobe=tcp_accept domain=AF_INET6",
    },
    {
        "Resource": "/bin/sh " + "x" * 200_000,
        "Data": "y" * 200_000,
        "Extra": "z" * 20_000,
        "More": "z" * 20_000,
    },
    {f"Extra{number}": "z" * 3000 for number in range(8)},
]
BEGIN = {
    "Type": "ContainerLog",
    "Operation": "Process",
    "UpdatedTime": "2026-03-03T09:00:57.011905Z",
    "HostName": "node-a1",
    "NamespaceName": "shop",
    "PodName": "checkout-0",
    "Source": "/bin/bash",
    "ProcessName": "/bin/sh",
    "Result": "Passed",
}  # fmt: skip


def mapping(parent: str, envelope: str = "", *extension: str) -> str:
    """Return a mapping whose comments must survive, and whose text has a character of two units."""
    lines = ["mapping: acme  # 🙂", f"extends: {parent}", "cluster: harbor"]
    if envelope:
        lines += ["envelope:  # the envelope", *(f"  {each}  # why" for each in [envelope])]
    if extension:
        lines += ["extension:", *(f"  {each}  # because" for each in extension)]
    return "\n".join([*lines, "# the examples", "examples:", EXAMPLE])


EXAMPLE = (
    "- {event: {Type: ContainerLog, Operation: File, Resource: /a}, expect: {cat: File}}  # one\n"
)
SHOST = "shost: {from: PodName}"

CASES = [
    ("sc4s", "envelope: {syslog_header: rfc5424}", mapping("splunk", "syslog_header: rfc3164")),
    ("sc4s", "envelope: {syslog_header: rfc5424}", mapping("splunk", "syslog_header: none")),
    ("sc4s", 'envelope: {defang: ["CEF:0", "LEEF:"]}', mapping("kubearmor-cef")),
    ("sc4s", 'envelope: {defang: ["CEF:0", "LEEF:"]}', mapping("splunk", 'defang: ["javascript:"]')),
    ("splunk", "envelope: {leading_key: KubeArmorFormat}", mapping("kubearmor-cef")),
    ("splunk", "extension: {KubeArmorEventId: {from: event.class_id}}", mapping("kubearmor-cef")),
    ("splunk", "extension: {KubeArmorEventName: {from: event.name}}", mapping("kubearmor-cef", "", "cat: {value: x}")),
    ("splunk", "extension: {KubeArmorSeverity: {from: event.severity}}", mapping("splunk", "", "KubeArmorSeverity: null")),
    ("splunk", "extension: {dproc: null}", mapping("splunk", "", 'dproc: {value: "-"}')),
    ("splunk", "extension: {shost: null}", mapping("splunk", "", SHOST)),
    ("splunk", "extension: {shost: null}", mapping("splunk", "", SHOST, "src: {value: 192.0.2.1}")),
    ("splunk", "extension: {dst: {from: destination.ip}, c6a3: null}, envelope: {ipv6: direct}", mapping("kubearmor-cef")),
    ("splunk", "extension: {src: {from: source.ip}, c6a2: null}, envelope: {ipv6: direct}", mapping("kubearmor-cef")),
    ("sentinel", "envelope: {syslog_header: rfc3164}", mapping("splunk")),
    ("sentinel", "envelope: {pipe: replace}", mapping("splunk", "syslog_header: rfc3164")),
    ("sentinel", "envelope: {max_bytes: 8000}", mapping("sentinel", "max_bytes: 60000")),
    ("sentinel", "extension: {devicePayloadId: {from: event.id}}", mapping("sentinel", "", "devicePayloadId: null")),
    ("graylog", "envelope: {syslog_header: rfc3164}", mapping("splunk")),
    ("graylog", 'envelope: {defang: ["CEF:"]}', mapping("kubearmor-cef")),
    ("arcsight", "extension: {rt: {from: event.time}}", mapping("arcsight", "", 'rt: {value: "1772528457"}')),
    ("elastic", "extension: {rt: {from: event.time}}", mapping("elastic", "", 'rt: {value: "1772528457"}')),
    ("arcsight", "extension: {c6a3: {from: destination.ip, when: {destination.ip: {is: ipv6}}, label: Destination IPv6 Address}}, envelope: {ipv6: custom}", mapping("splunk")),
    ("arcsight", "extension: {c6a2: {from: source.ip, when: {source.ip: {is: ipv6}}, label: Source IPv6 Address}}, envelope: {ipv6: custom}", mapping("splunk")),
    ("qradar", "envelope: {max_bytes: 4096}", mapping("qradar", "max_bytes: 60000")),
]  # fmt: skip


@pytest.fixture(scope="module")
def numbers(client) -> list[int]:
    """Return the numbers of the events to look at."""
    own = "\n".join(json.dumps({**BEGIN, **each}) for each in HOSTILE)
    return [*range(1, 28), *client.post("/api/events", text=own)["numbers"]]


def misread(client, text: str, siem: str, number: int):
    line = client.post("/api/line", text=text, event=number)
    assert line["valid"], line["problem"]
    reading = next(it for it in line["receivers"] if it["id"] == siem)
    return [it for it in reading["findings"] if it["kind"] != "note"]


@pytest.mark.parametrize(
    ("siem", "change", "text"), CASES, ids=[f"{number}-{it[0]}" for number, it in enumerate(CASES)]
)
def test_a_change_cures_what_a_siem_misreads(client, numbers, siem, change, text):
    for number in numbers:
        found = [
            it
            for it in misread(client, text, siem, number)
            if it["mend"] and it["mend"]["title"] == f"Write {change}"
        ]
        if found:
            break
    else:
        pytest.fail(f"no event of the sample shows {change}")
    finding = found[0]
    after = applied(text, finding["mend"]["edits"])
    again = misread(client, after, siem, number)
    assert [
        it for it in again if (it["key"], it["message"]) == (finding["key"], finding["message"])
    ] == []
    errors = [
        it for it in client.post("/api/lint", text=after)["findings"] if it["severity"] == "error"
    ]
    assert errors == []
    # Nothing else is touched: what is said stays, with its comments.
    kept = [line for line in text.splitlines() if "#" in line]
    gone = [line for line in kept if line not in after.splitlines()]
    assert len(gone) <= 2
    assert all("# why" in line or "# because" in line for line in gone)


def test_lists_of_the_envelope_keep_what_they_have(client, numbers):
    siem, change, text = CASES[3]
    for number in numbers:
        for it in misread(client, text, siem, number):
            if it["mend"] and change in it["mend"]["title"]:
                after = applied(text, it["mend"]["edits"])
                assert "defang: ['javascript:', 'CEF:0', 'LEEF:']  # why\n" in after
                return
    pytest.fail("no event shows it")


def test_what_has_more_than_one_remedy_is_said_and_not_offered(client, numbers):
    text = mapping("kubearmor-cef", "", "c6a1: {from: PodName, label: My Label}")
    found = [it for number in numbers for it in misread(client, text, "graylog", number)]
    several = [it for it in found if it["fix"].startswith("Give")]
    assert several
    assert [it for it in several if it["mend"]] == []


SLIPS = [
    ("M001", "Write envelope", "envelop: {pipe: replace}"),
    ("M002", "Write deviceExternalId", "extension: {deviceExternalID: {from: HostName}}"),
    ("M003", "Add label: ContainerPID", "extension: {cn1: {from: container.pid}}"),
    ("M006", "Write rfc5424", "envelope: {syslog_header: rfc5242}"),
    ("M007", "Remove act", "extension: {act: {value: x}, act: {value: x}}"),
    ("M008", "Write NamespaceName", "extension: {cs2: {from: NamespceName, label: N}}"),
    ("M008", "Write NamespaceName", 'extension: {cs2: {template: "{NamespceName}/x", label: N}}'),
    ("M008", "Write PodName", "drop_events: [{PodNam: x}]"),
    ("M010", "Write lower", "extension: {act: {from: Action, via: lowr}}"),
    ("M042", "Write envelope: {syslog_header: rfc5424}", "envelope: {syslog_header: rfc3164}"),
    (
        "M043",
        'Write envelope: {defang: ["CEF:0", "LEEF:"]}',
        'envelope: {defang: ["javascript:"]}',
    ),
    ("M044", "Remove cef_version", 'envelope: {cef_version: "1"}'),
    ("M045", "Write envelope: {leading_key: KubeArmorFormat}", "envelope: {leading_key: null}"),
    ("M046", "Remove KubeArmorEventId", "extension: {KubeArmorEventId: null}"),
    ("M038", "Remove max_length", "extension: {act: {from: Action, max_length: 9999}}"),
]


@pytest.mark.parametrize(("code", "title", "line"), SLIPS, ids=[f"{it[0]}-{it[1]}" for it in SLIPS])
def test_a_fix_of_lint_is_an_edit_after_which_the_problem_is_gone(client, code, title, line):
    text = f"mapping: acme  # 🙂🙂\nextends: splunk\ncluster: h\n{line}  # 🙂 kept\n"
    findings = client.post("/api/lint", text=text)["findings"]
    found = [it for it in findings if it["code"] == code]
    fixes = {fix["title"]: fix for it in found for fix in it["fixes"]}
    assert title in fixes, found
    after = applied(text, fixes[title]["edits"])
    assert after != text
    assert after.endswith("# 🙂 kept\n")
    left = client.post("/api/lint", text=after)["findings"]
    assert code not in {it["code"] for it in left}


def test_a_hint_that_lint_does_not_follow_by_itself_is_an_edit_all_the_same(client):
    text = "mapping: acme\nextends: splunk\nenvelope: {facility: local}\n"
    finding = next(it for it in client.post("/api/lint", text=text)["findings"] if it["hint"])
    assert finding["hint"].startswith('Did you mean "local')
    after = applied(text, finding["fixes"][0]["edits"])
    assert client.post("/api/lint", text=after)["valid"]
    assert after.splitlines()[2] != text.splitlines()[2]


def test_places_count_as_browsers_do(client):
    text = 'mapping: acme\nextends: splunk\nextension: {msg: {value: "🙂🙂"}, cs2: {from: NamespceName, label: N}}\n'
    finding = next(
        it for it in client.post("/api/lint", text=text)["findings"] if it["code"] == "M008"
    )
    place = finding["place"]
    line = text.splitlines()[place["line"] - 1].encode("utf-16-le")
    word = line[2 * (place["column"] - 1) : 2 * (place["endColumn"] - 1)].decode("utf-16-le")
    assert word == "NamespceName"
