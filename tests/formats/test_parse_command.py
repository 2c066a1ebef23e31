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
    assert result.stdout == ""
    assert result.stderr == (
        "stdin:1: position 24: a raw control character U+2028. A message has it escaped or not at all.\n"
    )


def test_bytes_that_are_no_utf8_are_read_with_marks():
    result = run(stdin=b"CEF:0|a|b|c|d|e|5|msg=x\xffy\n")
    assert json.loads(result.stdout)["extension"] == {"msg": "x\ufffdy"}


@pytest.mark.parametrize("ending", [b"\n", b""])
def test_an_endless_line_is_refused_and_the_next_one_read(ending):
    result = run(stdin=b"CEF:0|" + b"x" * 3_000_000 + b"\n" + LINE.encode() + ending)
    assert result.stdout == JSON
    assert (
        result.stderr
        == "stdin:1: the line has more than 1048576 bytes. Split it or leave it out.\n"
    )
    assert result.exit_code == 3


def test_a_message_about_a_line_drives_no_terminal():
    result = run(stdin="CEF:0|a|b|c|d|e|\u202e|\n".encode())
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
