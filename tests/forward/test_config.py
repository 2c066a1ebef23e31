"""Forward configs: from YAML and from URLs the same, all problems at once, and what a check finds."""

from __future__ import annotations

import json
import os
import re
import ssl
from typing import TYPE_CHECKING, get_args

import jsonschema
import msgspec
import pytest
import trustme
import yaml
from transcripts import ROOT, blocks, page

from cef_bridge.delivery import schemes
from cef_bridge.delivery.certificates import validity
from cef_bridge.delivery.urls import old_name
from cef_bridge.errors import MappingError, UsageError
from cef_bridge.forward.config import check, from_urls, load_config, read_config, schema, sources
from cef_bridge.forward.config.codes import CODES
from cef_bridge.forward.config.places import DESTINATION_WORDS, SOURCE_WORDS, source_of
from cef_bridge.forward.config.read import CONFIG_WORDS
from cef_bridge.forward.config.sources import SOURCES
from cef_bridge.forward.config.spec import InputFormat
from cef_bridge.kubearmor.decode import INPUT_FORMATS
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.compile import Program
from cef_bridge.mapping.program.converter import Converted, Converter, Filtered

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
PAGES = ("configuration.md", "destinations.md", "http-destinations.md", "kafka.md", "recipes.md")
DOCUMENTED = [
    block
    for name in PAGES
    for block in blocks(page(f"docs/{name}"), "yaml")
    if "sources:" in block and "destinations:" in block
]
NOW = 1_800_000_000.0


def found_nowhere(*_):
    raise OSError("no such name")


def found_everywhere(*_):
    return []


@pytest.fixture
def write(tmp_path):
    def write(text: str, name: str = "forward.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def told(path: Path, env=None) -> list[str]:
    with pytest.raises(MappingError) as caught:
        load_config(path, env=env or {})
    return [str(each).replace(str(path), "f") for each in caught.value.problems]


def test_settings_beside_a_url_and_words_in_it_mean_the_same(write):
    beside = write(
        """
sources:
  - from: kubearmor://relay,other:1
    streams: [alerts]
    tls: yes
    ca: /ca.pem
    dedupe: 1m
  - from: /var/log/a?.log
    from_end: yes
destinations:
  - to: tls://a,b:1
    name: siem
    mapping: splunk
    ca: /ca.pem
    filters: [soc_lean]
    queue_limit: 2G
    confirm_hold: 0
"""
    )
    read = load_config(beside, env={})
    meant = from_urls(
        [
            "kubearmor://relay,other:1?streams=alerts&tls=yes&ca=/ca.pem&dedupe=60s",
            "/var/log/a?.log?from_end=yes",
        ],
        [
            "tls://a,b:1?name=siem&mapping=splunk&ca=/ca.pem&filters=soc_lean&queue_limit=2G&confirm_hold=0"
        ],
    )
    assert msgspec.structs.replace(read, path="") == meant


def test_all_that_is_wrong_with_a_config_is_said_in_one_run_each_with_its_place(write):
    path = write(
        """queue: [a]
metrics: here
heartbeet: 60s
grace:
grace: 5
sources:
  - from: kubearmer://relay
    dedupe: soon
  - fron: x
  - {from: "-", streams: [alerts]}
  - [a]
destinations:
  - name: a
    to: tls://${NOPE}:6514
  - to: udp://h?ratee=5
    framing: lf
    drop_events: [{NamespaceNam: x}]
    filters: soc_lan
  - {name: "a b", to: "tls://h", key: k.pem}
"""
    )
    assert told(path) == [
        "f:1:8 F002 Expected a text. Found a list.",
        'f:2:1 F003 "metrics": "here" has no port. Expected HOST:PORT.',
        'f:3:1 F001 Unknown setting "heartbeet". Did you mean "heartbeat"?',
        'f:4:1 F002 "grace" has no value. Write one, or remove the line.',
        'f:5:1 F004 Duplicate "grace". Remove one, or make it a list.',
        f'f:7:11 F010 This is no source. Did you mean "kubearmor"? Expected {sources.FORMS} .',
        'f:8:13 F003 Invalid value "soon". Expected a duration from 1s to 1d.',
        'f:9:5 F001 Unknown setting "fron". Did you mean "from"?',
        'f:9:5 F005 "from" is missing. Add "from: URL".',
        'f:10:12 F010 "streams" does nothing with -: it is for kubearmor://.',
        "f:11:5 F002 Expected a URL, or settings with from: URL. Found a list.",
        "f:14:9 F006 The environment variable NOPE is not set. Set it, or write ${NOPE:-default}.",
        'f:15:9 F010 Unknown setting "ratee" of udp://. Did you mean "rate"?',
        'f:15:9 F010 "framing" does nothing with udp://: it is for tcp:// and tls://.',
        'f:17:20 M008 No event has a field "NamespaceNam". Did you mean "NamespaceName"?',
        'f:18:14 M011 There is no filter "soc_lan". Did you mean "soc_lean"?',
        'f:19:23 F010 A "name" has at most 64 letters, digits, dots, dashes and underscores, and begins with a letter or digit: it names a file.',
        'f:19:23 F010 "key" does nothing without "cert". Name the certificate.',
    ]


def test_no_problem_hides_another_of_a_name_a_mapping_or_what_a_mapping_says(write, tmp_path):
    write("mapping: own\nextends: splnk\n", "own.yaml")
    path = write(
        """heartbeet: 60s
sources:
  - from: ka.log
    from_ent: yes
  - ka.log
destinations:
  - {name: a, to: tcp://h, mapping: splnk, rat: 5}
  - {name: a, to: "tcp://${NOPE}", mapping: splnk}
  - {name: a, to: tcp://h, mapping: ./own.yaml}
  - {to: tcp://h, when_full: dropp, mapping: splunk, name: "b c"}
"""
    )
    no_mapping = 'F010 There is no shipped mapping "splnk". Did you mean "splunk"? Name a file of your own with its path.'
    assert [each.replace(str(tmp_path), "") for each in told(path)] == [
        'f:1:1 F001 Unknown setting "heartbeet". Did you mean "heartbeat"?',
        'f:4:5 F001 Unknown setting "from_ent". Did you mean "from_end"?',
        "f:5:5 F010 /ka.log is named twice. Remove one.",
        f"f:7:19 {no_mapping}",
        'f:7:44 F001 Unknown setting "rat". Did you mean "rate"?',
        "f:8:19 F006 The environment variable NOPE is not set. Set it, or write ${NOPE:-default}.",
        f"f:8:19 {no_mapping}",
        'f:9:5 F010 Two destinations are called "a". Give one another name.',
        'f:10:10 F010 A "name" has at most 64 letters, digits, dots, dashes and underscores, and begins with a letter or digit: it names a file.',
        'f:10:30 F003 Invalid value "dropp". Expected one of: block, drop_newest, drop_oldest, drop_telemetry_first.',
        f"/own.yaml:2:10 {no_mapping.replace('F010', 'M016')}",
    ]


def test_a_setting_that_cannot_be_read_hides_nothing_but_what_goes_with_it(write, tmp_path):
    write("mapping: own\nextends: splnk\n", "own.yaml")
    path = write(
        """sources:
  - {from: "kubearmor://r", steams: alerts, ca: x}
  - {from: "kafka://b/t?strat=latest", user: me}
  - {from: "kafka://b/u", tsl: yes, group: g, ca: x}
destinations:
  - {to: "kafka://b/t", zonk: 1, ca: x, sasl: plian}
  - {to: "elasticsearch://e/i?gzipp=no", tls: no, cert: x, verify: no}
  - {to: "tpc://x", mapping: ./own.yaml}
  - {to: "splunk-hec://s", tokn: x, key: k}
"""
    )
    no_mapping = 'There is no shipped mapping "splnk". Did you mean "splunk"? Name a file of your own with its path.'
    assert [each.replace(str(tmp_path), "") for each in told(path)] == [
        'f:2:12 F010 "ca" does nothing without "tls=yes".',
        'f:2:29 F001 Unknown setting "steams". Did you mean "streams"?',
        'f:3:12 F010 Unknown setting "strat" of kafka://. Did you mean "start"?',
        'f:3:12 F010 "user" does nothing without "sasl".',
        'f:3:12 F010 "group" is missing. Write group=NAME: offsets are committed for it.',
        'f:4:27 F001 Unknown setting "tsl".',
        'f:6:10 F010 "ca" does nothing without "tls=yes".',
        'f:6:25 F001 Unknown setting "zonk".',
        'f:6:47 F003 Invalid value "plian". Did you mean "plain"?',
        'f:7:10 F010 Unknown setting "gzipp" of elasticsearch://. Did you mean "gzip"?',
        'f:7:10 F010 "cert" does nothing with "tls=no". Remove one of them.',
        'f:7:10 F010 "verify" does nothing with "tls=no". Remove one of them.',
        f'f:8:10 F010 This is no destination. Did you mean "tcp"? Expected {schemes.FORMS} .',
        'f:9:10 F010 "key" does nothing without "cert". Name the certificate.',
        'f:9:28 F001 Unknown setting "tokn". Did you mean "token"?',
        f"/own.yaml:2:10 M016 {no_mapping}",
    ]


def test_what_could_be_read_of_a_config_with_problems_is_there_for_its_check(write):
    reading = read_config(
        write("quue: q\nsources: [kubearmor://r, tpc://x]\ndestinations: tcp://h\n")
    )
    assert reading.config is not None
    assert [str(it) for it in reading.config.sources] == ["kubearmor://r:32767"]
    assert [one.name for one in reading.config.destinations] == ["tcp-h-514"]
    assert [each.code for each in reading.errors] == ["F001", "F010"]


def test_a_field_that_no_version_knows_is_a_warning_of_a_condition(write):
    path = write(
        """sources: "-"
destinations:
  - to: "-"
    when: [{Blubb: shop}, {event.kind: alert}]
    drop_events: [{Zonk: shop}]
"""
    )
    reading = read_config(path)
    assert load_config(path) == reading.config
    assert [str(each).replace(str(path), "f") for each in reading.problems] == [
        'f:4:13 M009 "Blubb" is no field that this version knows. Check that events have it.',
        'f:5:20 M009 "Zonk" is no field that this version knows. Check that events have it.',
        "f:5:20 M051 This drops alerts too. Add event.kind: log, or event.kind: alert if you mean them.",
    ]


@pytest.mark.parametrize(
    ("froms", "tos", "said"),
    [
        ("kafka:/b/t", "-", '--from "kafka:/b/t": kafka: is followed by two slashes. Write kafka://b/t'),
        ("kubearmor:relay:32767", "-", '--from "kubearmor:relay:32767": kubearmor: is followed by two slashes. Write kubearmor://relay:32767'),
        ("kafka:/u:hunter2@b/t", "-", "--from the URL: kafka: is followed by two slashes. Write kafka://HOST:PORT"),
        ("tcp:/x", "-", f'--from "tcp:/x": This is no source. Expected {sources.FORMS} .'),
        ("kakfa:/b/t", "-", f'--from "kakfa:/b/t": This is no source. Did you mean "kafka"? Expected {sources.FORMS} .'),
        ("-", "tcp:/x:514?rate=1", '--to "tcp:/x:514": tcp: is followed by two slashes. Write tcp://x:514'),
        ("-", "splunk-hec:h", '--to "splunk-hec:h": splunk-hec: is followed by two slashes. Write splunk-hec://h'),
    ],
)  # fmt: skip
def test_a_url_without_its_slashes_is_no_path(froms, tos, said):
    with pytest.raises(UsageError) as caught:
        from_urls([froms], [tos])
    assert str(caught.value) == said


@pytest.mark.parametrize("path", ["./kafka:/b/t", "a:b.log", "2026-01-01T10:00/x.log", "file:/x"])
def test_a_path_with_a_colon_is_still_a_path(path):
    (source,) = from_urls([path], ["-"]).sources
    assert source.pattern == path.removeprefix("file:")


def test_a_client_certificate_of_a_relay_needs_its_key():
    with pytest.raises(UsageError, match=r'"cert" needs "key" with kubearmor://'):
        from_urls(["kubearmor://r?tls=yes&cert=c.pem"], ["-"])


def test_problems_of_a_command_line_do_not_hide_those_of_its_mapping(write):
    path = write("mapping: own\nextends: splnk\n", "own.yaml")
    with pytest.raises(UsageError, match=r'own.yaml:2:10 M016 There is no shipped mapping "splnk"'):
        from_urls(["-"], ["tpc://x"], mapping=str(path))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", 'f:1:1 F007 The file is empty. Begin with "sources:".'),
        ("[1]", 'f:1:1 F002 A config begins with settings such as "sources:". Found a list.'),
        ('a: "', "f:1:4 F008 A quoted text begins here and never ends. Add the quote."),
        ("a: !x b", "f:1:4 F008 The tag !x is not read. Remove it."),
        ("sources: []\ndestinations: '-'", 'f:1:10 F005 "sources" is empty. Add "- from: URL".'),
        ("sources: '-'", 'f:1:1 F005 "destinations" is missing. Add "destinations:" with a list.'),
        ("sources: ['-', '-']\ndestinations: '-'", "f:1:16 F010 - is named twice. Remove one."),
        ("sources: '-'\ndestinations: [tcp://h, tcp://h]", 'f:2:25 F010 Two destinations are called "tcp-h-514". Give one another name.'),
        ("sources: [{from: a, name: n}, {from: b, name: n}]\ndestinations: '-'", 'f:1:31 F010 Two sources are called "n". Give one another name.'),
        ("sources: '-'\ndestinations: [file:///a/x?name=a, file:///a/x]", "f:2:36 F010 Two destinations write to file:///a/x. Name another for one."),
        ("sources: 'kubearmor://r?ca=x'\ndestinations: '-'", 'f:1:10 F010 "ca" does nothing without "tls=yes".'),
        ("sources: {from: '-'}\ndestinations: {to: 'udp://h?rate=1', rate: 2}", 'f:2:20 F010 Duplicate "rate" in the URL and in the file. Remove one.'),
    ],
)  # fmt: skip
def test_a_wrong_config_says_what_to_do(write, text, problem):
    assert problem in told(write(text))


def test_a_config_that_is_not_there_is_a_problem_like_others(tmp_path):
    with pytest.raises(
        MappingError, match=r"nothing.yaml:1:1 F007 The file cannot be read: No such file"
    ):
        load_config(tmp_path / "nothing.yaml")


def test_every_problem_has_a_code_of_the_table_and_the_table_is_without_gaps():
    assert list(CODES) == [f"F{number:03d}" for number in range(1, len(CODES) + 1)]


def test_variables_are_filled_in_and_relative_paths_begin_in_the_files_folder(write, tmp_path):
    write("mapping: own\nextends: splunk\ncluster: c\n", "own.yaml")
    path = write(
        """
queue: ${DIR:-q}
sources: logs/*.log
destinations:
  - {name: a, to: "tls://${HOST}", ca: tls/ca.pem, cert: c.pem, key_password: "file:secret", mapping: own.yaml}
  - {name: b, to: "tls://${HOST}", ca: /ca.pem, mapping: splunk}
"""
    )
    read = load_config(path, env={"HOST": "siem"})
    one, two = read.destinations
    assert read.queue == str(tmp_path / "q")
    assert read.sources[0].pattern == str(tmp_path / "logs/*.log")
    assert one.target.endpoints == (("siem", 6514),)
    assert one.target.ca == str(tmp_path / "tls/ca.pem")
    assert one.target.key_password == f"file:{tmp_path}/secret"
    assert one.mapping == str(tmp_path / "own.yaml")
    assert (two.target.ca, two.mapping) == ("/ca.pem", "splunk")


def test_no_secret_stands_in_what_is_printed_of_a_config(write):
    path = write(
        """
sources: {from: "kubearmor://r", tls: yes, cert: c, key: k}
destinations: {to: "tls://h", cert: c, key_password: "${PASSWORD}"}
"""
    )
    read = load_config(path, env={"PASSWORD": "hunter2"})
    assert read.destinations[0].target.read_key_password() == "hunter2"
    assert "hunter2" not in f"{read} {read!r}"


@pytest.mark.parametrize(
    ("froms", "tos", "policies"),
    [
        (["-"], ["tcp://a"], ["block"]),
        (["-", "/var/log/*.log"], ["tcp://a"], ["block"]),
        (["kubearmor://r"], ["tcp://a"], ["drop_telemetry_first"]),
        (["-", "kubearmor://r"], ["tcp://a"], ["drop_telemetry_first"]),
        (["-"], ["tcp://a", "tcp://b?when_full=block"], ["drop_telemetry_first", "block"]),
    ],
)
def test_a_full_queue_blocks_only_where_that_reaches_back_to_the_one_source(froms, tos, policies):
    assert [it.when_full for it in from_urls(froms, tos).destinations] == policies


def test_an_option_holds_for_all_urls_that_do_not_say_otherwise():
    read = from_urls(
        ["/a.log", "/b.log?from_end=no", "-"],
        ["tcp://a?mapping=splunk", "tcp://b"],
        mapping="qradar",
        when_full="drop_oldest",
        from_end=True,
    )
    assert [it.mapping for it in read.destinations] == ["splunk", "qradar"]
    assert {it.when_full for it in read.destinations} == {"drop_oldest"}
    assert [it.from_end for it in read.sources] == [True, False, False]


def test_all_that_is_wrong_with_a_command_line_is_said_at_once():
    with pytest.raises(UsageError) as caught:
        from_urls(
            ["kubearmor://r?streams=alert", "kubearmor://u:hunter2@r", "file://a"],
            ["tls://a?filters=soc_laen", "http://x", "tcp://a?drop_events=x"],
            metrics="x",
            from_end=True,
        )
    assert str(caught.value).splitlines() == [
        '--from "kubearmor://r": "streams" cannot be "alert". Did you mean "alerts"?',
        "--from the URL: There is an @ in it. User names and passwords do not belong into a URL.",
        '--from "file://a": file:// is followed by a whole path, such as file:///var/log/x.log.',
        '--to "tls://a": There is no filter "soc_laen". Did you mean "soc_lean"?',
        f'--to "http://x": This is no destination. Expected {schemes.FORMS} .',
        '--to "tcp://a": Unknown setting "drop_events" of tcp://. There are: '
        + ", ".join(
            name
            for name, row in DESTINATION_WORDS.rows.items()
            if "tcp" in DESTINATION_WORDS.has(row) and name not in ("drop_events", "when")
        )
        + ".",
        '--metrics: "x" has no port. Expected HOST:PORT.',
    ]


@pytest.mark.parametrize(
    ("text", "pattern", "from_end"),
    [
        ("/var/log/a.log", "/var/log/a.log", False),
        ("/var/log/a?.log", "/var/log/a?.log", False),
        ("/var/log/a?b=c/x?from_end=yes", "/var/log/a?b=c/x", True),
        ("file:///var/log/%2A.log?from_end=yes", "/var/log/*.log", True),
        ("logs/100%.log", "logs/100%.log", False),
    ],
)
def test_a_question_mark_of_a_glob_is_no_beginning_of_words(text, pattern, from_end):
    (source,) = from_urls([text], ["-"]).sources
    assert (source.kind, source.pattern, source.from_end) == ("files", pattern, from_end)


def test_a_destination_drops_what_it_does_not_take_besides_what_its_mapping_drops(write):
    path = write(
        """
sources: "-"
destinations:
  - to: "-"
    alerts_only: yes
    filters: [soc_lean]
    drop_events: [{NamespaceName: "kube-*"}]
"""
    )
    (one,) = load_config(path, env={}).destinations
    mapping = load("splunk")
    mapping = one.narrowed(msgspec.structs.replace(mapping, filters=("soc_lean",)))
    assert mapping.filters == ("soc_lean", "alerts_only")
    program = Program(mapping)
    assert program.filtered({"event.kind": "alert", "NamespaceName": "kube-system"})
    assert program.filtered({"event.kind": "log", "NamespaceName": "shop"})
    assert not program.filtered({"event.kind": "alert", "NamespaceName": "shop"})


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("{NamespceName: x}", '4:12 M008 No event has a field "NamespceName". Did you mean "NamespaceName"?'),
        ("{event.kind: alrt}", '4:12 M032 event.kind is never "alrt". Did you mean "alert"?'),
        ("shop", '4:11 M005 Expected conditions such as {Operation: File}. Found the text "shop".'),
        ("{HostName: []}", '4:12 M031 "HostName" has no value to compare with, so it never holds. Add one.'),
        ("", '4:5 F002 "when" has no value. Write one, or remove the line.'),
        *(
            (text, f'4:{column} F002 "when" needs a condition. Add one such as {{NamespaceName: shop}}, or remove "when" to send all events.')
            for text, column in (("{}", 11), ("[]", 5), ("[{event.kind: log}, {}]", 31))
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_when_is_told_with_its_place(write, said, expected):
    path = write(f'sources: "-"\ndestinations:\n  - to: "-"\n    when: {said}\n')
    with pytest.raises(MappingError) as caught:
        load_config(path, env={})
    assert [str(problem) for problem in caught.value.problems] == [f"{path}:{expected}"]


def test_a_filter_may_ask_for_what_the_mapping_itself_says(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(
        "mapping: own\nextends: kubearmor-cef\ncluster: test-9\n"
        'drop_events: [{event.severity: ["1", "2"], cluster: "test-*"}]\n'
    )
    converter = Converter(load(str(path), env={}))
    log = {"Type": "ContainerLog", "Operation": "File", "Resource": "/x", "Result": "Passed"}
    alert = {"Type": "MatchedPolicy", "Operation": "File", "Severity": "9", "Action": "Block"}
    assert isinstance(converter.convert(log), Filtered)
    assert isinstance(converter.convert(alert), Converted)


def test_the_formats_that_a_source_can_ask_for_are_those_that_are_read():
    assert set(get_args(InputFormat)) == set(INPUT_FORMATS)


def test_every_setting_has_a_meaning_and_every_path_is_marked():
    for words in (CONFIG_WORDS, SOURCE_WORDS, DESTINATION_WORDS):
        for name, row in words.rows.items():
            assert row.type.extra_json_schema["description"], name


# ---- check


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pki")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    for name in ("one", "two"):
        issued = authority.issue_cert(f"{name}.example")
        issued.private_key_pem.write_to_path(str(folder / f"{name}.key"))
        issued.cert_chain_pems[0].write_to_path(str(folder / f"{name}.pem"))
    return folder


def findings(tos, froms=("-",), **options) -> list[str]:
    options = {"resolve": found_everywhere, **options}
    return [str(it) for it in check(from_urls(froms, tos, mapping="splunk"), **options)]


def test_a_check_of_what_works_finds_nothing(pki, tmp_path):
    (tmp_path / "a.log").write_text("", encoding="utf-8")
    tls = f"tls://h?ca={pki}/ca.pem&cert={pki}/one.pem&key={pki}/one.key"
    assert findings([tls, f"file://{tmp_path}/out.cef", "-"], [f"{tmp_path}/*.log"]) == []


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("ca={0}/none.pem", "error: destination d: the CA file {0}/none.pem cannot be read: No such file or directory."),
        ("ca={0}/one.key", "error: destination d: the CA file {0}/one.key holds no certificate (PEM)."),
        ("cert={0}/one.pem&key={0}/two.key", "error: destination d: the key {0}/two.key is not that of the certificate {0}/one.pem."),
        ("cert={0}/one.pem", "error: destination d: {0}/one.pem holds no private key (PEM)."),
        ("cert={0}/none.pem&key={0}/one.key", "error: destination d: the certificate {0}/none.pem cannot be read: No such file or directory."),
        ("cert={0}/one.pem&key={0}/one.key&key_password=file:{0}/none", "error: destination d: cannot read the key's password from {0}/none: No such file or directory."),
        ("verify=no", "warning: destination d: verify=no: another machine can pose as the server. Name its CA with ca=."),
    ],
)  # fmt: skip
def test_a_check_finds_certificates_that_cannot_be_used(pki, words, text):
    assert findings([f"tls://h?name=d&{words.format(pki)}"]) == [text.format(pki)]


def test_a_check_tells_of_an_expired_certificate_with_its_date(pki):
    from cryptography import x509

    certificate = x509.load_pem_x509_certificate((pki / "one.pem").read_bytes())
    der = ssl.PEM_cert_to_DER_cert((pki / "one.pem").read_text(encoding="ascii"))
    begins, ends = validity(der)
    assert begins == certificate.not_valid_before_utc.timestamp()
    assert ends == certificate.not_valid_after_utc.timestamp()
    url = f"tls://h?name=d&cert={pki}/one.pem&key={pki}/one.key"
    day = certificate.not_valid_after_utc.date()
    assert findings([url], clock=lambda: ends + 1) == [
        f"warning: destination d: the certificate {pki}/one.pem expired on {day}. Renew it."
    ]
    assert findings([url], clock=lambda: ends - 86400) == [
        f"warning: destination d: the certificate {pki}/one.pem expires on {day}."
    ]


def test_a_date_is_not_sought_in_what_is_no_certificate():
    for data in (b"", b"\x30", b"\x30\x82\xff\xff", b"\x30\x03\x02\x01\x01"):
        with pytest.raises((ValueError, IndexError)):
            validity(data)


def test_a_check_finds_an_encrypted_key_without_its_password_and_asks_no_terminal(pki, tmp_path):
    from cryptography.hazmat.primitives import serialization as forms

    key = forms.load_pem_private_key((pki / "one.key").read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        key.private_bytes(
            forms.Encoding.PEM,
            forms.PrivateFormat.PKCS8,
            forms.BestAvailableEncryption(b"hunter2"),
        )
    )
    (tmp_path / "right").write_text("hunter2\n", encoding="utf-8")
    (tmp_path / "wrong").write_text("hunter3\n", encoding="utf-8")
    url = f"tls://h?name=d&cert={pki}/one.pem&key={locked}"
    assert findings([url]) == [
        f"error: destination d: the key {locked} has a password. Add key_password: file:/path/of/it."
    ]
    assert findings([f"{url}&key_password=file:{tmp_path}/right"]) == []
    assert findings([f"{url}&key_password=file:{tmp_path}/wrong"]) == [
        f"error: destination d: the key {locked} does not open with this password."
    ]


def test_a_check_finds_files_and_folders_that_are_not_as_they_must_be(tmp_path):
    (tmp_path / "in.log").write_text("", encoding="utf-8")
    (tmp_path / "sub").mkdir()
    assert findings(
        [f"file://{tmp_path}/none/x?name=a", f"file://{tmp_path}/sub?name=b", f"file://{tmp_path}/in.log?name=c"],
        [f"{tmp_path}/*.log", f"{tmp_path}/sub", f"{tmp_path}/[x", f"{tmp_path}/no/x.log", f"{tmp_path}/no.log"],
    ) == [
        f"error: source {tmp_path}/sub: {tmp_path}/sub is a folder. For all files in it, write {tmp_path}/sub/* .",
        f"error: source {tmp_path}/[x: a [ of the pattern is not closed. Write [[] for a bracket itself.",
        f"warning: source {tmp_path}/no/x.log: the folder {tmp_path}/no is not there (yet).",
        f"warning: source {tmp_path}/no.log: no file is there (yet); it is read when it appears.",
        f"error: destination a: the folder {tmp_path}/none is not there. Make it.",
        f"error: destination b: {tmp_path}/sub is a folder. Name a file in it.",
        f"error: destination c: {tmp_path}/in.log is read by a source as well. Write somewhere else.",
    ]  # fmt: skip


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_check_finds_a_queue_that_cannot_be_written(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    found = check(from_urls(["-"], ["-"], queue=str(closed / "a" / "b")))
    assert [str(it) for it in found] == [
        f"error: queue: the folder {closed} cannot be written: Permission denied."
    ]


def test_a_check_finds_a_queue_that_is_a_file_and_a_mapping_with_its_problems(tmp_path):
    (tmp_path / "q").write_text("", encoding="utf-8")
    (tmp_path / "m.yaml").write_text("mapping: m\nextendz: splunk\n", encoding="utf-8")
    read = from_urls(["-"], ["-?name=d"], mapping=f"{tmp_path}/m.yaml", queue=f"{tmp_path}/q")
    assert [str(it) for it in check(read)] == [
        f'error: destination d: {tmp_path}/m.yaml:2:1 M001 Unknown setting "extendz". Did you mean "extends"?',
        f"error: queue: {tmp_path}/q is not a folder.",
    ]


def test_a_name_that_is_not_found_and_a_syslog_header_that_nobody_asked_for_are_only_warnings():
    read = from_urls(["kubearmor://relay"], ["tcp://siem?name=d"])
    assert [str(it) for it in check(read, resolve=found_nowhere)] == [
        "warning: destination d: the mapping kubearmor-cef sets no syslog header, so RFC 3164 is written. Set syslog_header (or --syslog-header) to rfc3164, rfc5424 or none, or use the mapping of your SIEM.",
        "warning: source kubearmor://relay:32767: the name relay is not found from here (now).",
        "warning: destination d: the name siem is not found from here (now).",
    ]


# ---- examples and schema


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda it: it.name)
def test_an_example_is_without_errors_once_its_certificates_are_there(path, pki, tmp_path):
    for name, source in {
        "ca.pem": "ca.pem",
        "client.pem": "one.pem",
        "client.key": "one.key",
    }.items():
        (tmp_path / name).write_bytes((pki / source).read_bytes())
    read = load_config(path, env={"TLS": str(tmp_path), "STATE": str(tmp_path)})
    found = check(read, resolve=found_everywhere)
    assert [str(it) for it in found if it.severity == "error"] == []


@pytest.mark.parametrize(
    "block",
    [
        *DOCUMENTED,
    ],
    ids=lambda it: it.split(":")[0],
)
def test_a_config_in_the_docs_is_one(write, block):
    assert load_config(write(block), env={}).destinations


def test_the_config_of_the_kubernetes_manifest_is_one(write):
    text = (ROOT / "deploy" / "kubernetes.yaml").read_text(encoding="utf-8")
    files = dict(re.findall(r"^  (\w+\.yaml): \|\n((?:    .*\n)+)", text, re.MULTILINE))
    for name, indented in files.items():
        write(re.sub(r"^ {4}", "", indented, flags=re.MULTILINE), name)
    read = load_config(write("", "x").with_name("forward.yaml"), env={})
    (one,) = read.destinations
    assert load(one.mapping).name == "acme"


def test_the_schema_has_every_setting_and_nothing_else():
    whole = schema()["properties"]
    assert set(whole) == {*CONFIG_WORDS.rows, "sources", "destinations"}
    for name, url, words in (
        ("sources", "from", SOURCE_WORDS),
        ("destinations", "to", DESTINATION_WORDS),
    ):
        item = whole[name]["anyOf"][1]["anyOf"][1]
        known = item["properties"].items()
        assert {it for it, said in known if "deprecated" not in said} == {url, *words.rows}
        earlier = {it for it, said in known if said.get("deprecated")}
        assert earlier == {old_name(row) for row in words.rows.values()} - {""}
        assert item["additionalProperties"] is False


CONFIGS = [
    *[path.read_text(encoding="utf-8") for path in EXAMPLES],
    *DOCUMENTED,
]


def faults(text):
    said = json.loads(json.dumps(yaml.safe_load(text), default=str))
    return [error.message for error in jsonschema.Draft202012Validator(schema()).iter_errors(said)]


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("text", CONFIGS, ids=lambda it: it.strip().splitlines()[0])
def test_a_config_in_the_docs_is_valid(text):
    assert faults(text) == []


PLACES = "sources: '-'\ndestinations:\n  - to: tls://siem\n"


@pytest.mark.parametrize(
    ("setting", "taken"),
    [
        ("drop_events: [{HostName: {is: absent}, Action: [Block, 1]}]", True),
        ("drop_events: {event.kind: log}", True),
        ("drop_events: [{HostName: {is: gone}}]", False),
        ("when: {NamespaceName: [shop, 'shop-*'], event.kind: alert}", True),
        ("when: [{event.severity: [8, 9]}, {Operation: Syscall}]", True),
        ("when: {HostName: {is: gone}}", False),
        ("when: shop", False),
        ("when: {}", False),
        ("filters: soc_lean", True),
        ("filters: [soc_lan]", False),
        ("framing: ${FRAMING:-lf}", True),
        ("framing: lines", False),
        ("verify: No", True),
        ("verify: perhaps", False),
        ("confirm_interval: 5s", True),
        ("confirm_interval: soon", False),
        ("confirm_hold: 2000", False),
        ("name: 7", True),
        ("nam: siem", False),
    ],
)
def test_the_schema_takes_of_a_destination_what_the_reader_takes(write, setting, taken):
    text = f"{PLACES}    {setting}\n"
    assert (not faults(text)) == taken
    if taken:
        assert load_config(write(text), env={}).destinations
    else:
        with pytest.raises(MappingError):
            load_config(write(text), env={})


@pytest.mark.parametrize("row", SOURCES.values(), ids=SOURCES)
def test_each_kind_of_source_is_opened_by_its_row(row, tmp_path):
    url = f"{tmp_path}/*.log" if row.name == "files" else row.form.replace("port", "5")
    source, wrong = source_of(url, {})
    assert wrong == []
    assert (source.kind, str(source)) == (row.name, url.partition("?")[0])
    assert row.scheme in SOURCE_WORDS.schemes
    assert row.feed(source, False).can_wait is row.can_wait
