"""`cef-bridge parse`, run as a command without the group around it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from cef_bridge.cli.parse import command

LINE = r"<134>Aug 23 18:05:48 node-1 CEF:0|KubeArmor|KubeArmor|1.4.3|id|name|5|act=Block msg=a\=b"
JSON = (
    '{"header":{"version":"0","device_vendor":"KubeArmor","device_product":"KubeArmor","device_version":"1.4.3",'
    '"device_event_class_id":"id","name":"name","severity":"5"},"extension":{"act":"Block","msg":"a=b"}}\n'
)


def run(*arguments, stdin=b""):
    return CliRunner().invoke(command, [str(argument) for argument in arguments], input=stdin)


def test_a_line_becomes_this_json():
    result = run(stdin=LINE.encode() + b"\n")
    assert (result.stdout, result.stderr, result.exit_code) == (JSON, "", 0)


def test_leef_has_the_same_header_keys_with_empty_name_and_severity():
    result = run(stdin=b"LEEF:2.0|V|P|1|id|^|sev=5^cat=x\n")
    assert json.loads(result.stdout) == {
        "header": {
            "version": "2.0", "device_vendor": "V", "device_product": "P", "device_version": "1",
            "device_event_class_id": "id", "name": "", "severity": "",
        },
        "extension": {"sev": "5", "cat": "x"},
    }  # fmt: skip


def test_a_line_that_cannot_be_read_is_named_and_the_rest_goes_on(tmp_path):
    path = tmp_path / "messages"
    path.write_bytes(f"\n{LINE}\r\nrubbish\n  \n{LINE}".encode())
    result = run(path)
    assert result.stdout == JSON * 2
    assert result.stderr == (
        f"{path}:3: no message. Expected CEF: or LEEF: at the start or after a syslog header.\n"
    )
    assert result.exit_code == 3


def test_only_a_line_feed_ends_a_line():
    result = run("-", stdin="CEF:0|a|b|c|d|e|5|msg=x\u2028y\n".encode())
    assert json.loads(result.stdout)["extension"] == {"msg": "x\u2028y"}
    (fault,) = json.loads(result.stdout)["faults"]
    assert fault.startswith("position 24: a raw control character, U+2028.")
    assert result.exit_code == 3


def test_bytes_that_are_no_utf8_are_read_with_marks():
    result = run(stdin=b"CEF:0|a|b|c|d|e|5|msg=x\xffy\n")
    assert json.loads(result.stdout)["extension"] == {"msg": "x\ufffdy"}


@pytest.mark.parametrize("ending", [b"\n", b""])
def test_an_endless_line_is_refused_and_the_next_one_read(ending):
    result = run(stdin=b"CEF:0|" + b"x" * 3_000_000 + b"\n" + LINE.encode() + ending)
    assert result.stdout == JSON
    assert result.stderr == "stdin:1: the line has more than 1 MiB. Split it or leave it out.\n"
    assert result.exit_code == 3


def test_a_message_about_a_line_drives_no_terminal():
    result = run("--strict", stdin="CEF:0|a|b|c|d|e|\u202e|\n".encode())
    assert "\u202e" not in result.stderr
    assert "<U+202E>" in result.stderr


def test_files_are_read_one_after_the_other(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_text(LINE)
    assert run(tmp_path / "a", tmp_path / "b").stdout == JSON * 2


def test_a_missing_file_is_wrong_use():
    result = run("/nonexistent")
    assert result.exit_code == 2
    assert "/nonexistent" in result.stderr


def test_a_reader_that_leaves_early_gets_no_complaint(tmp_path):
    path = tmp_path / "many"
    path.write_text(f"{LINE}\n" * 50_000)
    with subprocess.Popen(
        [sys.executable, "-c", "from cef_bridge.cli.parse import command; command()", path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout.readline() == JSON.encode()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(10) == 0


HEAD = "CEF:0|T|O|v2|5710|A B|5|"


def parsed(line, *options):
    result = run(*options, stdin=line.encode() + b"\n")
    return result, json.loads(result.stdout) if result.stdout else None


def test_an_empty_value_loses_nothing_else():
    result, found = parsed(f"<134>{HEAD}act=x dst=")
    assert found == {
        "header": {
            "version": "0", "device_vendor": "T", "device_product": "O", "device_version": "v2",
            "device_event_class_id": "5710", "name": "A B", "severity": "5",
        },
        "extension": {"act": "x"},
        "faults": ["position 36: dst has no value. Leave the key out."],
    }  # fmt: skip
    assert result.stderr == '1 line has faults, listed in its "faults"\n'
    assert result.exit_code == 3


def test_strict_refuses_a_line_with_faults():
    result, found = parsed(f"<134>{HEAD}act=x dst=", "--strict")
    assert found is None
    assert result.stderr == "stdin:1: position 36: dst has no value. Leave the key out.\n"
    assert result.exit_code == 3


@pytest.mark.parametrize("severity", ["low", "VERY-HIGH", "unknown", "Medium"])
@pytest.mark.parametrize("option", [(), ("--strict",)])
def test_a_severity_is_read_in_any_capitals(severity, option):
    result, found = parsed(f"CEF:0|T|O|v2|5710|A B|{severity}|act=x", *option)
    assert found["header"]["severity"] == {"VERY-HIGH": "Very-High"}.get(severity, severity.title())
    assert "faults" not in found
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("line", "extension", "faults"),
    [
        (HEAD + r"act=x filePath=C:\Temp\a\\b end=1", {"act": "x", "filePath": r"C:\Temp\a\b", "end": "1"}, [r"\T in", r"\a in"]),
        (HEAD + "act=x act=y msg=z", {"act": "x", "msg": "z"}, ["Duplicate key act"]),
        (HEAD + "by password act=x", {"act": "x"}, ['"by password" belongs to no key']),
        (HEAD + "act=x request=http://h/?a=b msg=z", {"act": "x", "request": "http://h/?a=b", "msg": "z"}, ["an equals sign in"]),
        (HEAD + "act=x ad.foo[0]=1 acme-x=2", {"act": "x", "ad.foo[0]": "1", "acme-x": "2"}, ['"ad.foo[0]" is no key', '"acme-x" is no key']),
        (HEAD + "act=x msg=a\tb", {"act": "x", "msg": "a\tb"}, ["a raw control character"]),
        (HEAD + "_cefVer=0.1 act=x dst=", {"_cefVer": "0.1", "act": "x"}, ["dst has no value"]),
        (HEAD + "just text", {}, ['"just text" belongs to no key']),
        (HEAD + "act=a  dst= ", {"act": "a "}, ["dst has no value"]),
        ("CEF: 0|T|O|v2|5710|A B|5|act=x", {"act": "x"}, ["is no version"]),
        ("CEF:0|T|O|v2|5710|A B|Uknown|act=x", {"act": "x"}, ["is no severity"]),
        ("CEF:0|T|O|v2|5710|A B|act=x", {"act": "x"}, ["the header has 6 of its 7 pipes"]),
        ("CEF:0|T|O|v2|5710|A | B|5|act=x", {"act": "x"}, ["a pipe too many"]),
        ("CEF:0|T|O", {}, ["the header has 2 of its 7 pipes"]),
        ("LEEF:2.0|T|O|v2|5710|^|act=x^dst=^text", {"act": "x"}, ["dst has no value", '"text" between delimiters']),
        ("LEEF:3.0|T|O|v2|5710|act=x\tsrc=y", {"act": "x", "src": "y"}, ["is no version of LEEF"]),
        ("LEEF:1.0|T|O|v2|5710|cat=A|src=1|dst=2", {"cat": "A", "src": "1", "dst": "2"}, ["parted by |"]),
        ("LEEF:2.0|T|O|v2|5710|cat=A|x=1", {"cat": "A", "x": "1"}, ["parted by |"]),
        ("LEEF:2.0|T|O|v2|5710|||cat=A|x=1", {"cat": "A", "x": "1"}, ["parted by |"]),
        ("LEEF:2.0|T|O|v2|5710|^|cat=A b src=1 dst=2", {"cat": "A b", "src": "1", "dst": "2"}, ["parted by a space"]),
    ],
)  # fmt: skip
def test_what_can_be_read_is_read_and_every_fault_is_listed(line, extension, faults):
    result, found = parsed(line)
    assert found["extension"] == extension
    assert len(found["faults"]) == len(faults)
    for said, expected in zip(found["faults"], faults, strict=True):
        assert said.startswith("position ")
        assert expected in said
    assert result.exit_code == 3
