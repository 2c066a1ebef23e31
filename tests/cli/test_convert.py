"""`cef-bridge convert`, by the installed command: inputs, outputs, options and exit codes."""

from __future__ import annotations

import base64
import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import tarfile

import commands
import pytest
import zstandard
from running import COMMAND, DATA, Ran, convert, event, events, names, plain

from cef_bridge.kubearmor.decode import INPUT_FORMATS

# What is in the sample files: converted, rejected, noise, blank. An element of an array and a
# pretty-printed document are lines, too; the parts of a line that a runtime cut are one.
SAMPLES = {
    "array.json": (4, 0, 0, 0),
    "bom.ndjson": (4, 0, 0, 0),
    "cri.log": (4, 0, 3, 0),
    "crlf.ndjson": (4, 0, 0, 0),
    "daemon-log-file.ndjson": (5, 0, 0, 0),
    "docker.log": (6, 0, 3, 0),
    "elasticsearch-pretty.json": (4, 0, 0, 0),
    "elasticsearch.json": (4, 0, 0, 0),
    "kinds.ndjson": (118, 0, 0, 0),
    "lower-cased.ndjson": (3, 0, 0, 0),
    "mixed.log": (56, 1, 18, 4),
    "noise.log": (4, 0, 10, 4),
    "otlp.ndjson": (4, 0, 0, 0),
    "pretty.json": (4, 0, 0, 0),
    "seed.ndjson": (9, 0, 0, 0),
    "sidekick.ndjson": (4, 0, 0, 0),
    "syslog.log": (4, 0, 2, 0),
}
SEED = DATA / "seed.ndjson"


def tar_of(*members: tuple[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, content in members:
            header = tarfile.TarInfo(name)
            header.size = len(content)
            tar.addfile(header, io.BytesIO(content))
    return file.getvalue()


def rows(path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def external_ids(ran: Ran) -> list[str]:
    return [message.partition(" externalId=")[2].split()[0] for message in ran.messages]


# --- what is counted


def test_every_sample_file_is_among_those_whose_sums_are_added():
    assert sorted(SAMPLES) == sorted(path.name for path in DATA.iterdir() if path.is_file())


@pytest.mark.parametrize("name", SAMPLES)
def test_the_report_of_a_sample_adds_up(tmp_path, name):
    converted, rejected, noise, blank = SAMPLES[name]
    report, rejects = tmp_path / "r.json", tmp_path / "bad.jsonl"
    ran = convert(DATA / name, "--report", report, "--rejects", rejects)
    told = json.loads(report.read_bytes())
    assert len(ran.messages) == told["converted"] == converted
    assert len(rows(rejects)) == told["rejected"] == rejected
    assert (told["noise"], told["blank"], told["filtered"]) == (noise, blank, 0)
    assert told["records"] == told["converted"] + told["filtered"] + told["rejected"]
    assert told["lines"] == told["records"] + told["noise"] + told["blank"]
    assert {key: told[key] for key in ran.counts} == ran.counts
    for counted in ("types", "operations", "class_ids"):
        assert sum(told[counted].values()) == converted
    assert sum(told["reasons"].values()) == rejected
    assert ran.code == (3 if rejected else 0)
    assert told["complete"] is True
    (read,) = told["inputs"]
    content = (DATA / name).read_bytes()
    assert read["sha256"] == hashlib.sha256(content).hexdigest()
    assert (read["name"], read["bytes"]) == (str(DATA / name), len(content))
    assert read["lines"] == told["lines"]
    assert 0 <= read["seconds"] <= told["seconds"] < 60


def test_physical_lines_are_the_lines_of_a_file_that_has_one_event_a_line():
    for name in ("seed.ndjson", "kinds.ndjson", "noise.log", "syslog.log"):
        lines = (DATA / name).read_bytes().splitlines()
        assert convert(DATA / name).counts["lines"] == len(lines), name


def test_the_report_has_the_hash_of_an_output_that_is_named_by_a_file_url(tmp_path):
    out, report = tmp_path / "out.cef", tmp_path / "r.json"
    assert convert(SEED, "-o", f"file://{out}", "--report", report).code == 0
    told = json.loads(report.read_bytes())
    assert told["output_sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()


def test_the_report_counts_by_type_operation_class_and_reason(tmp_path):
    report = tmp_path / "r.json"
    blocked = {"Action": "Block", "Result": "Permission denied", "Data": "syscall=SYS_EXECVE"}
    lines = [event(1), event(2, Operation="Process", Type="MatchedPolicy", **blocked)]
    lines += [b'{"Type": "x", "Operation": }', b'{"Type": "x", "Resource": "/", "Operation": }']
    ran = convert("--report", report, stdin=b"\n".join(lines))
    told = json.loads(report.read_bytes())
    assert told["types"] == {"ContainerLog": 1, "MatchedPolicy": 1}
    assert told["operations"] == {"File": 1, "Process": 1}
    assert told["class_ids"] == {
        "log.container.file.read.passed": 1,
        "alert.container.process.exec.block": 1,
    }
    assert told["reasons"] == {"not JSON: a value is missing or malformed at character N": 2}
    assert (
        "  rejected 2, the first at stdin:3: "
        "not JSON: a value is missing or malformed at character 28\n" in ran.err
    )


# --- inputs


PACKED = {
    "gzip": gzip.compress,
    "zstd": zstandard.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "tar": lambda data: tar_of(("a/events.json", data)),
    "tar.gz": lambda data: gzip.compress(tar_of(("events.json", data))),
    "tar.zst": lambda data: zstandard.compress(tar_of(("events.json", data))),
    "gzip in tar": lambda data: tar_of(("events.json.gz", gzip.compress(data))),
}


@pytest.fixture(scope="module")
def unpacked() -> Ran:
    return convert(stdin=events(1000))


@pytest.mark.parametrize("kind", PACKED)
def test_an_archive_is_known_by_its_content_not_by_its_name(tmp_path, unpacked, kind):
    path = tmp_path / "events.txt"
    path.write_bytes(PACKED[kind](events(1000)))
    ran = convert(path)
    assert (ran.code, ran.out) == (0, unpacked.out)
    assert convert(stdin=path.read_bytes()).out == unpacked.out


def test_folders_globs_files_and_stdin_are_read_in_their_order(tmp_path):
    for number, name in enumerate(["b.json", "a.json", "deep/c.json", ".hidden.json"]):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(event(number))
    (tmp_path / "one.json").write_bytes(event(10))

    def files(*words: object) -> list[str]:
        ran = convert(*words, stdin=event(20), cwd=tmp_path)
        assert ran.code == 0
        return [message.partition("/srv/file-")[2].split()[0] for message in ran.messages]

    assert files("in") == ["1", "0", "2"]
    assert files("in/*.json") == ["1", "0"]
    assert files("in/**/*.json") == ["1", "0", "2"]
    assert files() == files("-") == ["20"]
    assert files("one.json", "-", "in/b.json") == ["10", "20", "0"]


def test_a_missing_input_ends_with_2_before_anything_is_written(tmp_path):
    out = tmp_path / "out.cef"
    (tmp_path / "empty").mkdir()
    ran = convert(SEED, "no/such.json", "*.nope", "empty", "-o", out, cwd=tmp_path)
    assert (ran.code, ran.out) == (2, b"")
    assert ran.err == (
        "cef-bridge: no/such.json: no such file or folder\n"
        "*.nope: no file matches this pattern\n"
        "empty: no files in this folder\n"
    )
    assert not out.exists()


def test_a_damaged_archive_gives_what_is_readable_and_the_others_go_on(tmp_path):
    packed = gzip.compress(events(3000))
    damaged = tmp_path / "damaged.json.gz"
    damaged.write_bytes(packed[: len(packed) // 2])
    rejects, report = tmp_path / "bad.jsonl", tmp_path / "r.json"
    ran = convert(damaged, SEED, "--rejects", rejects, "--report", report)
    assert ran.code == 3
    cut, row = rows(rejects)  # the line in which it ends, and why it does
    assert (
        (row["source"], row["line"]) == (cut["source"], cut["line"]) == (str(damaged), row["line"])
    )
    assert row["reason"].startswith("the gzip data ends too early (was it cut?); ")
    before = row["line"] - 1
    assert 500 < before < 2500
    assert ran.counts["converted"] == before + 9
    assert len(ran.messages) == before + 9
    assert f"  rejected 1, at {damaged}:{row['line']}: the gzip data ends too early" in ran.err
    inputs = json.loads(report.read_bytes())["inputs"]
    assert [each["sha256"] for each in inputs] == [
        hashlib.sha256(path.read_bytes()).hexdigest() for path in (damaged, SEED)
    ]


def test_a_decompression_bomb_is_stopped_with_a_reason(tmp_path):
    bomb = tmp_path / "bomb.gz"
    bomb.write_bytes(gzip.compress(event() + b"\n" + b" " * (100 << 20), 9))
    rejects = tmp_path / "bad.jsonl"
    ran = convert(bomb, SEED, "--rejects", rejects)
    assert ran.code == 3
    assert ran.counts["converted"] == 10
    reasons = [row["reason"] for row in rows(rejects)]
    assert any("expands to more than 200 times its size" in reason for reason in reasons)
    assert any("raise --max-expand if you trust it" in reason for reason in reasons)
    trusted = convert(bomb, "--max-expand", "2000")
    assert "expands" not in trusted.err
    assert trusted.counts["converted"] == 1


# --- rejects


def test_a_record_over_the_limit_is_rejected_and_the_rest_goes_on(tmp_path):
    rejects = tmp_path / "bad.jsonl"
    long = event(1, Resource="x" * 5000)
    data = b"\n".join([event(0), long, event(2)])
    ran = convert("--max-record", "2K", "--rejects", rejects, stdin=data)
    assert (ran.code, ran.counts["converted"], ran.counts["rejected"]) == (3, 2, 1)
    assert rows(rejects) == [
        {
            "source": "stdin",
            "line": 2,
            "reason": "over the limit of 2048 bytes for a record; convert --max-record raises it",
            "size": len(long),
            "raw": long[:2048].decode(),
        }
    ]
    assert convert("--max-record", "1MiB", stdin=data).counts["converted"] == 3


def test_a_reject_has_its_place_its_reason_and_its_bytes(tmp_path):
    rejects = tmp_path / "bad.jsonl"
    cut = b'{"Type":"ContainerLog","Operation":"File","Resource":"/tmp/\xff\xfe'
    data = b"\n".join([event(0), b"", b"noise", cut, event(1), b'{"Type":"x","Operation":}'])
    ran = convert("--rejects", rejects, stdin=data)
    assert (ran.code, ran.counts["converted"]) == (3, 2)
    first, second = rows(rejects)
    assert first == {
        "source": "stdin",
        "line": 4,
        "reason": "not JSON: a text has no end; it begins at character 54",
        "size": len(cut),
        "raw": cut.decode("utf-8", "replace"),
        "raw_base64": base64.b64encode(cut).decode(),
    }
    assert second == {
        "source": "stdin",
        "line": 6,
        "reason": "not JSON: a value is missing or malformed at character 25",
        "size": 25,
        "raw": '{"Type":"x","Operation":}',
    }
    assert "--rejects PATH" not in ran.err
    assert "--rejects PATH" in convert(stdin=data).err


def test_a_rejected_record_is_kept_whole(tmp_path):
    rejects = tmp_path / "bad.jsonl"
    cut = b'{"Type":"ContainerLog","Operation":"File","Resource":"' + b"a" * 200_000
    convert("--rejects", rejects, stdin=cut + b"\n" + event())
    (row,) = rows(rejects)
    assert row["raw"].encode() == cut


def test_a_part_whose_rest_never_came_is_rejected_at_the_last_line(tmp_path):
    rejects = tmp_path / "bad.jsonl"
    part = b'2026-03-03T09:00:01.1Z stdout P {"Type":"ContainerLog",'
    ran = convert("--rejects", rejects, stdin=event(0) + b"\n" + part + b"\n")
    assert (ran.code, ran.counts["converted"]) == (3, 1)
    assert [(row["line"], row["reason"]) for row in rows(rejects)] == [
        (2, "the rest of this line never came")
    ]


def test_strict_rejects_what_is_no_event(tmp_path):
    rejects = tmp_path / "bad.jsonl"
    ran = convert(DATA / "noise.log", "--strict", "--rejects", rejects)
    assert (ran.code, ran.counts["rejected"], ran.counts["skipped"]) == (3, 10, 0)
    assert {row["reason"] for row in rows(rejects)} == {"no KubeArmor event"}
    lines = (DATA / "noise.log").read_bytes().split(b"\n")
    assert all(lines[row["line"] - 1].decode() == row["raw"] for row in rows(rejects))


def test_a_hundred_thousand_rejects_take_no_quadratic_time():
    ran = convert("--strict", "--rejects", "/dev/null", stdin=b"x\n" * 100_000)
    assert ran.counts["rejected"] == 100_000  # it took an hour before places were remembered


def test_an_input_without_any_event_is_told_apart_from_an_empty_one():
    assert "no KubeArmor event found" in convert(stdin=b"hello\n").err
    assert "no KubeArmor event found" not in convert(stdin=b"").err
    assert convert(stdin=b"").code == 0


# --- options


FORMATS = {
    "relay": "kinds.ndjson",
    "logfile": "daemon-log-file.ndjson",
    "sidekick": "sidekick.ndjson",
    "otlp": "otlp.ndjson",
    "elasticsearch": "elasticsearch.json",
    "docker": "docker.log",
    "cri": "cri.log",
    "syslog": "syslog.log",
}


def test_an_input_format_is_what_auto_finds_and_nothing_else():
    assert set(FORMATS) | {"auto"} == set(INPUT_FORMATS)
    for forced, name in FORMATS.items():
        ran = convert(DATA / name, "--input-format", forced)
        assert ran.counts["converted"] == SAMPLES[name][0], forced
    others = [DATA / name for forced, name in FORMATS.items() if forced not in ("relay", "syslog")]
    ran = convert(*others, "--input-format", "syslog")
    assert (ran.out, ran.counts["skipped"]) == (b"", ran.counts["lines"])
    ran = convert(DATA / "kinds.ndjson", "--input-format", "docker", "--strict")
    assert (ran.code, ran.counts["rejected"]) == (3, SAMPLES["kinds.ndjson"][0])


@pytest.mark.parametrize(
    ("header", "known", "unknown"),
    [
        ("none", "", ""),
        ("rfc3164", "<134>Mar  3 09:00:00 node-a1 ", "<134>Jan  1 00:00:00 node-a1 "),
        (
            "rfc5424",
            "<134>1 2026-03-03T09:00:00.004233Z node-a1 kubearmor - - - ",
            "<134>1 - node-a1 kubearmor - - - ",
        ),
    ],
)
def test_a_syslog_header_has_the_event_s_time_and_invents_none(header, known, unknown):
    timeless = event(0, Timestamp=None, UpdatedTime=None)
    ran = convert("--syslog-header", header, stdin=event(0) + b"\n" + timeless + b"\n" + event(0))
    first, second, third = ran.messages
    assert first == third
    assert first.startswith(f"{known}CEF:0|KubeArmor|")
    assert second.startswith(f"{unknown}CEF:0|KubeArmor|")
    assert "|rt=" in first
    assert "|rt=" not in second
    assert "  1 event says no time: no rt in the message. --assume-time gives one\n" in ran.err


def test_an_assumed_time_is_that_of_events_without_one_and_changes_no_id():
    data = event(0) + b"\n" + event(0, Timestamp=None, UpdatedTime=None)
    ran = convert(
        "--assume-time", "2026-01-02T03:04:05.5Z", "--syslog-header", "rfc5424", stdin=data
    )
    first, second = ran.messages
    assert "|rt=1772528400004 " in first
    assert second.startswith("<134>1 2026-01-02T03:04:05.500000Z node-a1 ")
    assert "|rt=1767323045500 " in second
    assert external_ids(ran) == external_ids(convert(stdin=data))
    assert "say" not in ran.err
    now = convert("--assume-time", "now", stdin=data).messages[1]
    assert int(now.partition("|rt=")[2].split()[0]) > 1_772_000_000_000


MINE = """\
# ours: the base, with our customer number
mapping: mine
extends: kubearmor-cef
cluster: harbor
header:
  device_product: KubeArmor at Harbor
extension:
  cs6: {from: NamespaceName, table: {shop: "4711"}, else: unknown, label: Customer}
  deviceFacility: null
drop_fields: [Cwd]
drop_events:
  - {NamespaceName: kube-system}
"""


def test_a_mapping_of_one_s_own_extends_a_shipped_one_in_12_lines(tmp_path):
    assert len(MINE.splitlines()) == 12
    (tmp_path / "mine.yaml").write_text(MINE)
    data = b"\n".join([event(0), event(1, NamespaceName="kube-system"), event(2, Cwd="/gone")])
    ran = convert("-m", "./mine.yaml", stdin=data, cwd=tmp_path)
    assert (ran.code, ran.counts["converted"], ran.counts["filtered"]) == (0, 2, 1)
    assert len(ran.messages) == 2
    for message in ran.messages:
        assert message.startswith("CEF:0|KubeArmor|KubeArmor at Harbor|")
        assert " cs6=4711 cs6Label=Customer" in message
        assert "/gone" not in message


def test_a_wrong_mapping_shows_all_its_problems_and_ends_with_2(tmp_path):
    (tmp_path / "bad.yaml").write_text(
        "mapping: bad\nextends: kubearmor-cef\ncolour: red\n"
        "extension:\n  cs2: {from: NamespaceNam}\n  zzz: {from: PodName}\n"
    )
    ran = convert(SEED, "-m", "bad.yaml", "-o", "out.cef", cwd=tmp_path)
    assert (ran.code, ran.out) == (2, b"")
    places = [line.split(" ")[0] for line in ran.err.splitlines()]
    assert len(places) >= 3
    assert all(place.startswith("bad.yaml:") for place in places)
    assert not (tmp_path / "out.cef").exists()
    ran = convert(SEED, "-m", "splnk")
    assert (ran.code, ran.out) == (2, b"")
    assert 'Did you mean "splunk"?' in ran.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--max-record", "many"], 'Invalid size "many"'),
        (["--max-record", "0"], "out of range"),
        (["--max-record", "9" * 30], "out of range"),
        (["--max-expand", "0"], "not in the range"),
        (["--assume-time", "yesterday"], 'Invalid time "yesterday"'),
        (["--syslog-header", "rfc1"], "rfc3164"),
        (["--input-format", "xml"], "relay"),
        (["-j", "0"], "not in the range"),
        (["-o", "no/such/folder/out"], "its folder does not exist"),
        (["-o", "."], "it is a folder"),
        (["-o", "x", "--rejects", "./x"], "need a file each"),
        (["--report", "-"], "standard output takes one of"),
        (["--report", "/dev/stdout"], "standard output takes one of"),
        (["-o", "x", "--report", "-", "--rejects", "/dev/stdout"], "standard output takes one of"),
        (["-o", "in.json"], "is an input. Name another file."),
        (["--rejects", "in.json"], "is an input. Name another file."),
        (["-"], "named more than once"),
    ],
    ids=lambda it: " ".join(it)[:40] if isinstance(it, list) else "",
)
def test_wrong_use_ends_with_2_says_why_and_leaves_nothing(tmp_path, words, said):
    (tmp_path / "in.json").write_bytes(event())
    ran = convert("in.json", "-", *words, cwd=tmp_path, stdin=event())
    assert (ran.code, ran.out) == (2, b"")
    assert said in ran.err
    assert names(tmp_path) == ["in.json"]
    assert (tmp_path / "in.json").read_bytes() == event()


def test_options_of_every_kind_go_together(tmp_path):
    (tmp_path / "in.json.gz").write_bytes(gzip.compress((DATA / "mixed.log").read_bytes()))
    ran = convert(
        *("-m", "splunk", "--syslog-header", "rfc5424", "in.json.gz", "-o", "out.cef"),
        *("--rejects", "bad.jsonl", "--report", "r.json", "-j", "1", "--no-progress"),
        cwd=tmp_path,
    )
    assert (ran.code, ran.out) == (3, b"")
    assert (tmp_path / "out.cef").read_bytes().count(b"\n") == ran.counts["converted"] == 56
    assert len(rows(tmp_path / "bad.jsonl")) == 1
    assert json.loads((tmp_path / "r.json").read_bytes())["output"] == "out.cef"
    assert names(tmp_path) == ["bad.jsonl", "in.json.gz", "out.cef", "r.json"]


# --- what comes out


def test_two_runs_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        convert(DATA, "-o", tmp_path / f"{name}.cef", "--rejects", tmp_path / f"{name}.bad")
    assert (tmp_path / "a.cef").read_bytes() == (tmp_path / "b.cef").read_bytes()
    assert (tmp_path / "a.bad").read_bytes() == (tmp_path / "b.bad").read_bytes()
    assert (tmp_path / "a.cef").stat().st_size > 100_000


def test_an_event_has_one_id_whatever_order_of_files_and_wrapper_it_comes_in():
    # The four events of these samples are the same.
    names = [
        "docker.log",
        "cri.log",
        "syslog.log",
        "array.json",
        "pretty.json",
        "elasticsearch.json",
    ]
    ids = {name: sorted(set(external_ids(convert(DATA / name)))) for name in names}
    assert set(ids["array.json"]) <= set(ids["docker.log"])
    for name in ("cri.log", "syslog.log", "pretty.json", "elasticsearch.json"):
        assert ids[name] == ids["array.json"], name
    there = convert(*(DATA / name for name in names))
    back = convert(*(DATA / name for name in reversed(names)))
    assert sorted(external_ids(there)) == sorted(external_ids(back))


def test_what_is_converted_can_be_parsed_back():
    for mapping in ("kubearmor-cef", "splunk", "qradar-leef"):
        ran = convert(DATA, "-m", mapping, "--syslog-header", "rfc5424")
        back = commands.run(
            [COMMAND, "parse"], input=ran.out, capture_output=True, check=True, timeout=60
        )
        assert plain(back.stderr.decode()) == ""
        parsed = [json.loads(line) for line in back.stdout.splitlines()]
        assert len(parsed) == len(ran.messages) == ran.counts["converted"]
        assert {each["header"]["device_vendor"] for each in parsed} == {"KubeArmor"}


@pytest.mark.parametrize("locale", ["C", "POSIX", "C.UTF-8"])
def test_messages_are_utf_8_whatever_the_locale(locale):
    env = {"LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    ran = convert(stdin=event(0, Resource="/srv/naïve/日本/🛡"), env=env)
    assert ran.code == 0
    assert "/srv/naïve/日本/🛡" in ran.out.decode("utf-8")


def test_a_file_whose_name_is_no_utf_8_is_read_and_named_legibly(tmp_path):
    path = os.fsencode(tmp_path) + b"/caf\xe9\n.json"
    with open(path, "wb") as file:  # noqa: PTH123 - bytes
        file.write(event() + b'\n{"Type":"x","Operation":}\n')
    rejects, report = tmp_path / "bad", tmp_path / "r"
    ran = convert(os.fsdecode(path), "--rejects", rejects, "--report", report)
    assert (ran.code, len(ran.messages)) == (3, 1)
    (row,) = rows(rejects)
    assert row["source"] == json.loads(report.read_bytes())["inputs"][0]["name"]
    assert row["source"].endswith(r"/caf\udce9\n.json")
    assert f"at {row['source']}:2: " in ran.err


def test_a_name_keeps_its_slot_when_a_rule_is_added_between_two_conversions(tmp_path):
    team, zone = (
        f"  {name}: {{from: Labels.{name.lower()}, slot: auto}}\n" for name in ("Team", "Zone")
    )
    head = "mapping: m\nextends: kubearmor-cef\ncluster: c\nextension:\n  cs5: null\n  cs6: null\n"
    path = tmp_path / "m.yaml"
    stdin = event(Labels="team=blue,zone=b") + b"\n"

    path.write_text(head + team)
    first = convert("-m", path, stdin=stdin)
    assert " cs5=blue cs5Label=Team " in first.messages[0]
    assert f"{tmp_path}/m.slots.yaml: Team is cs5 from now on." in first.err

    path.write_text(head + zone + team)
    second = convert("-m", path, stdin=stdin)
    assert " cs5=blue cs5Label=Team " in second.messages[0]
    assert " cs6=b cs6Label=Zone " in second.messages[0]
    assert "Zone is cs6 from now on." in second.err

    third = convert("-m", path, stdin=stdin * 50)
    assert third.messages == second.messages * 50
    assert "slots.yaml" not in third.err
