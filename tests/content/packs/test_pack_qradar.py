"""The pack for QRadar: its properties cure what QRadar lacks, and its rules fire over them."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import aql_grammar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_conditions import conditions_on, holds

from cef_bridge.batches import batches
from cef_bridge.content import acts, rule_files, shipped_rules
from cef_bridge.content.conditions import FieldMatch, Wildcard
from cef_bridge.content.packs import registry
from cef_bridge.content.packs.pack_content import PackContent
from cef_bridge.content.packs.qradar import aql
from cef_bridge.content.packs.qradar.properties import properties
from cef_bridge.content.receivers import receivers
from cef_bridge.siems.parsed_line import take_apart
from cef_bridge.siems.simulators import SIMULATORS

GOLDEN = Path(__file__).parents[2] / "golden"
FILES, _ = rule_files.read(shipped_rules.rules())
NAMES = [it.name for it in FILES]


@pytest.fixture(scope="module")
def content():
    return PackContent(receivers(None, ("qradar",))[0], FILES)


@pytest.fixture(scope="module")
def pack():
    (built,) = registry.build(("qradar",))
    return built.folders["qradar"]


def rows_of(data):
    return list(csv.DictReader(io.StringIO(data.decode())))


@pytest.fixture(scope="module")
def regexes(pack):
    """The properties by name, as somebody enters them from the CSV."""
    return {it["property"]: re.compile(it["regex"]) for it in rows_of(pack["properties.csv"])}


def extracted(regexes, line):
    found = {name: regex.search(line) for name, regex in regexes.items()}
    return {name: match[1] for name, match in found.items() if match}


def line_of(content, event):
    mapping = content.mapping
    (outcome,) = batches(mapping, syslog_header=mapping.envelope.network_header)(
        json.dumps(event).encode()
    )
    return outcome.line


def assumed(content, event):
    """Return what `content test` takes for the fields of an event, columns of QRadar aside."""
    row = content.store.row(event)
    return {name: row.fields[name] for name in row.made} | {"Event ID": row.fields["Event ID"]}


@pytest.mark.parametrize("kind", acts.KINDS)
def test_the_properties_extract_what_the_tests_of_rules_assume(content, regexes, kind):
    for event in acts.probes(kind):
        assert extracted(regexes, line_of(content, event)) == assumed(content, event)


LINES = [
    folder
    for folder in sorted(GOLDEN.iterdir())
    if (folder / "mapping").is_file() and (folder / "mapping").read_text().strip() == "qradar-leef"
]


@pytest.mark.parametrize("folder", LINES, ids=lambda it: it.name)
def test_the_properties_extract_every_attribute_of_the_golden_messages(regexes, folder):
    for line in (folder / "expected").read_text(encoding="utf-8").splitlines():
        said = take_apart(line).said
        columns = {it.key for it in SIMULATORS["qradar"].read(line).fields}
        found = extracted(regexes, line)
        found.pop("Event ID")
        assert found == {key: text for key, text in said.items() if key not in columns}


def test_no_value_passes_for_a_property(content, regexes):
    event = {
        "Type": "MatchedPolicy",
        "Operation": "Process",
        "HostName": "node-1",
        "ContainerID": "c",
        "PolicyName": "real",
        "ProcessName": "/bin/sh",
        "Resource": "/bin/sh -c ^policy=forged |policy=forged LEEF:2.0|a|b|c|forged|^|policy=forged",
        "Data": "syscall=SYS_EXECVE",
        "Action": "Block",
        "Result": "Permission denied",
    }
    found = extracted(regexes, line_of(content, event))
    assert found["policy"] == "real"
    assert found["Event ID"] == "alert.container.process.exec.block"


def test_a_property_needs_its_whole_key(regexes):
    line = "<131>Feb 11 08:15:42 c LEEF:2.0|KubeArmor|KubeArmor|1|x.y|^|k8sPodName=a^process=b"
    assert extracted(regexes, line) == {"Event ID": "x.y", "process": "b"}


# ---- The program that makes the properties ------------------------------------------------------


class _Console(BaseHTTPRequestHandler):
    """What the program asks of QRadar, with the fields that version 26.0 of its API has."""

    def do_GET(self):
        path, _, query = self.path.partition("?")
        text_filter = parse_qs(query).get("filter", [""])[0]
        rows = self.server.rows[path.removeprefix("/api/config/event_sources/")]
        key, _, value = text_filter.partition("=")
        wanted = [it for it in rows if not key or str(it[key]) == value.strip('"')]
        self.answer(200, wanted)

    def do_POST(self):
        name = self.path.removeprefix("/api/config/event_sources/")
        data = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        fields, needed = _FIELDS[name]
        if not needed <= data.keys() <= fields or self.headers["SEC"] != "secret":
            self.answer(422, {"message": "invalid"})
            return
        rows = self.server.rows[name]
        row = data | {"id": len(rows), "identifier": f"id-{len(rows)}"}
        rows.append(row)
        self.answer(201, row)

    def answer(self, status, data):
        text = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


_TYPES = "log_source_management/log_source_types"
_PROPERTIES = "custom_properties/regex_properties"
_EXPRESSIONS = "custom_properties/property_expressions"
_FIELDS = {
    _PROPERTIES: (
        {"name", "description", "property_type", "use_for_rule_engine"},
        {"name", "property_type"},
    ),
    _EXPRESSIONS: (
        {"regex_property_identifier", "enabled", "regex", "capture_group", "log_source_type_id"},
        {"regex_property_identifier", "regex", "log_source_type_id"},
    ),
}


@pytest.fixture
def console():
    with ThreadingHTTPServer(("127.0.0.1", 0), _Console) as server:
        server.rows = {
            _TYPES: [{"id": 7, "name": "Universal CEF"}, {"id": 8, "name": "Universal LEEF"}],
            _PROPERTIES: [{"name": "Event ID", "identifier": "theirs"}],
            _EXPRESSIONS: [
                {"regex_property_identifier": "theirs", "regex": "x", "log_source_type_id": 12}
            ],
        }
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def folder(pack, tmp_path):
    for name in ("install_properties.py", "properties.csv"):
        (tmp_path / name).write_bytes(pack[name])
    return tmp_path


def install(folder, *words, token="secret"):  # noqa: S107 - a test's
    return subprocess.run(
        [sys.executable, "-I", str(folder / "install_properties.py"), *words],
        env={"QRADAR_TOKEN": token, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_program_makes_the_properties_that_are_needed_once(console, folder, pack):
    needed = [it for it in rows_of(pack["properties.csv"]) if it["used_by"]]
    done = install(folder, f"http://127.0.0.1:{console.server_port}")
    assert done.returncode == 0, done.stderr
    count = len(needed)
    assert done.stdout == f"{count} properties: {count - 1} made, {count} expressions made\n"
    names = {it["identifier"]: it["name"] for it in console.rows[_PROPERTIES]}
    made = {
        names[it["regex_property_identifier"]]: (it["regex"], it["capture_group"])
        for it in console.rows[_EXPRESSIONS]
        if it["log_source_type_id"] == 8
    }
    assert made == {it["property"]: (it["regex"], 1) for it in needed}
    again = install(folder, f"http://127.0.0.1:{console.server_port}")
    assert again.stdout == f"{count} properties: 0 made, 0 expressions made\n"
    every = install(folder, f"http://127.0.0.1:{console.server_port}", "--all")
    assert every.returncode == 0
    assert len(console.rows[_PROPERTIES]) == len(rows_of(pack["properties.csv"]))


def test_the_program_says_what_qradar_refuses(console, folder):
    console.rows[_TYPES].clear()
    done = install(folder, f"http://127.0.0.1:{console.server_port}")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "QRadar has no log source type Universal LEEF.\n"
    console.rows[_TYPES].append({"id": 8, "name": "Universal LEEF"})
    refused = install(folder, f"http://127.0.0.1:{console.server_port}", token="other")  # noqa: S106
    assert refused.returncode == 1
    assert "HTTP 422" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_program_sends_its_token_over_tls_only(folder):
    done = install(folder, "http://qradar.example.com")
    assert done.returncode == 2
    assert "https://" in done.stderr


# ---- Rules --------------------------------------------------------------------------------------


def found_by(sql, rows):
    """Return the rows of SQLite's answer over the properties of events."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with closing(sqlite3.connect(":memory:")) as database:
        database.create_function("REGEXP", 2, _matches, deterministic=True)
        columns = ", ".join(f'"{it}" TEXT' for it in names)
        database.execute(f"CREATE TABLE events ({columns})")
        marks = ", ".join("?" * len(names))
        database.executemany(
            f"INSERT INTO events VALUES ({marks})",  # noqa: S608 - names of properties
            [[row.get(it) for it in names] for row in rows],
        )
        return database.execute(sql).fetchall()


def _matches(pattern, text):
    return text is not None and re.search(pattern, text, re.IGNORECASE) is not None


def rows_for(content, regexes, test):
    """Return the properties of a test's events; each has all of them, or nothing there."""
    empty = dict.fromkeys(regexes)
    return [empty | extracted(regexes, line_of(content, event)) for event in test.events]


@pytest.mark.parametrize(
    "rule", [it for it in FILES if "correlation" not in it.main], ids=lambda it: it.name
)
def test_a_filter_fires_over_the_properties_on_its_events_and_on_no_others(
    content, pack, regexes, rule
):
    condition = aql_grammar.as_sqlite(pack[f"filters/{rule.name}.aql"].decode())
    for test in rule.tests:
        rows = rows_for(content, regexes, test)
        fired = bool(found_by(f"SELECT * FROM events WHERE {condition}", rows))  # noqa: S608
        assert fired == test.fires, test.name


def test_the_search_that_counts_finds_what_the_rule_does(content, pack, regexes):
    rule = next(it for it in FILES if it.name == "many-denials")
    search = aql_grammar.as_sqlite(pack["searches/many-denials.aql"].decode())
    for test in rule.tests:
        # The search looks at five minutes; events beside them are not there.
        rows = rows_for(content, regexes, test)[: 300 // test.every]
        assert bool(found_by(search, rows)) == test.fires, test.name


def test_the_building_blocks_of_an_order_find_its_events(content, pack, regexes):
    rule = next(it for it in FILES if it.name == "denied-then-done")
    test = next(it for it in rule.tests if it.fires)
    rows = rows_for(content, regexes, test)
    for number, name in enumerate(("denied_file", "done")):
        condition = aql_grammar.as_sqlite(pack[f"filters/{rule.name}-{name}.aql"].decode())
        assert bool(found_by(f"SELECT * FROM events WHERE {condition}", [rows[number]]))  # noqa: S608
        assert not found_by(f"SELECT * FROM events WHERE {condition}", [rows[1 - number]])  # noqa: S608


def test_no_rule_is_missing(pack):
    rules = rows_of(pack["rules.csv"])
    assert [it["rule"] for it in rules] == NAMES
    for it in rules:
        assert [
            path for path in re.findall(r"filters/\S+\.aql", it["test"]) if path not in pack
        ] == []
    assert not [it for it in FILES if f"`{it.name}`" not in pack["README.md"].decode()]


def test_every_query_is_read_by_the_grammar_and_asks_for_properties_of_the_pack(pack, regexes):
    read = 0
    for path, data in pack.items():
        if path.endswith(".aql"):
            names = aql_grammar.parsed(data.decode(), condition=path.startswith("filters/"))
            assert set(names) <= regexes.keys(), path
            read += 1
    assert read > 50


@pytest.mark.parametrize(
    "text",
    [
        "\"a\" LIKE 'x'",
        '"a" ILIKE "x"',
        "\"a\" ILIKE 'it's'",
        "a ILIKE 'x'",
        "NOT \"a\" ILIKE 'x'",
        "(\"a\" ILIKE 'x'",
        "\"a\" ILIKE 'x' \"b\" ILIKE 'y'",
    ],
)
def test_the_grammar_is_strict(text):
    with pytest.raises(ValueError, match=r"expected|no field|left over|no token"):
        aql_grammar.parsed(text, condition=True)


def test_rules_and_searches_name_the_properties_that_they_need(pack):
    used = {it["property"]: it["used_by"].split() for it in rows_of(pack["properties.csv"])}
    assert used["capability"] == ["capability-denied"]
    assert used["eventId"] == ["delivery-duplicates"]
    assert used["cwd"] == []
    first = [bool(it) for it in used.values()]
    assert first == sorted(first, reverse=True)


# ---- Texts in AQL, and universal CEF -------------------------------------------------------------

_CHARS = st.sampled_from("abAB%_'\\\"()[].*^$ ?é")
_PARTS = st.lists(
    st.one_of(st.text(_CHARS, min_size=1, max_size=4), st.sampled_from(list(Wildcard))), max_size=4
)


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_a_condition_means_in_aql_what_it_means_in_the_rule(data):
    matches = st.builds(FieldMatch, st.sampled_from(["a", "b"]), _PARTS.map(tuple))
    condition = data.draw(conditions_on(matches))
    row = {name: data.draw(st.text(_CHARS, max_size=6)) for name in "ab"}
    text = aql.where(condition)
    assert set(aql_grammar.parsed(text, condition=True)) <= {"a", "b"}
    sql = f"SELECT 1 FROM events WHERE {aql_grammar.as_sqlite(text)}"  # noqa: S608 - what is tested
    assert bool(found_by(sql, [row])) == holds(
        condition, lambda it: _matches(it.regex, row[it.field])
    )


def test_universal_cef_has_properties_too():
    (store,) = receivers("qradar", ("qradar",))
    content = PackContent(store, FILES)
    found = {it.name: re.compile(it.regex) for it in properties(content, {})}
    for kind in acts.KINDS:
        for event in acts.probes(kind):
            read = extracted(found, line_of(content, event))
            # The expression leaves the escapes of CEF where they are.
            plain = {name: re.sub(r"\\([\\=])", r"\1", text) for name, text in read.items()}
            assert plain == assumed(content, event)


def test_the_same_input_makes_the_same_bytes_for_qradar(pack):
    (again,) = registry.build(("qradar",))
    assert again.folders["qradar"] == pack
