"""Options from the environment: their names, their precedence, and what is said of a wrong one."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

import click
import commands
import pytest
from commands import COMMAND
from test_help import COMMANDS

from cef_bridge.cli.environment import RESERVED
from cef_bridge.cli.params import TEXTS, Texts

if TYPE_CHECKING:
    from pathlib import Path

EVENT = (
    '{"Type":"MatchedPolicy","Operation":"File","ClusterName":"c","HostName":"n","HostPID":1,'
    '"ProcessName":"/bin/sh","Resource":"/etc/shadow","PolicyName":"p","Action":"Block",'
    '"Result":"Permission denied","UpdatedTime":"2026-03-03T09:00:00.000001Z"}\n'
)
OPTIONS = [
    (path, option)
    for path, (command, _) in COMMANDS.items()
    for option in command.params
    if isinstance(option, click.Option) and path != "cef-bridge"
]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "events.log").write_text(EVENT)
    return tmp_path


def ran(folder: Path, *words: str, **variables: str):
    env = {**os.environ, **{f"CEF_BRIDGE_{name}": value for name, value in variables.items()}}
    return commands.run(
        [COMMAND, *words], check=False, capture_output=True, text=True, cwd=folder, env=env
    )


def test_each_option_of_each_command_has_a_variable_of_its_own():
    names = [str(option.envvar) for _, option in OPTIONS]
    assert len(names) > 80
    assert len(set(names)) == len(names)
    assert not {*names, "CEF_BRIDGE_VERBOSE", "CEF_BRIDGE_DEBUG", "CEF_BRIDGE_LOG_FORMAT"} & {
        *RESERVED
    }
    named = {str(option.envvar): option.opts for _, option in OPTIONS}
    assert named["CEF_BRIDGE_FORWARD_FROM"] == ["--from"]
    assert named["CEF_BRIDGE_CONVERT_CHECKPOINT"] == ["--checkpoint"]
    assert named["CEF_BRIDGE_LINT_CEF_FORMAT"] == ["--format"]
    assert named["CEF_BRIDGE_QUEUE_PEEK_COUNT"] == ["--count"]
    # Earlier names of options have none
    assert "CEF_BRIDGE_CONVERT_STATE" not in named


@pytest.mark.parametrize(
    ("path", "option"),
    [(path, option) for path, option in OPTIONS if option.multiple],
    ids=lambda it: it if isinstance(it, str) else it.opts[0],
)
def test_each_repeatable_option_takes_several_values(path, option):
    command, context = COMMANDS[path]
    assert isinstance(option.type, Texts | click.Choice)  # no choice has a space
    assert re.search(rf"Values of .*{option.opts[-1]}", command.get_help(context))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("tls://a:1,b:2", ["tls://a:1,b:2"]),
        ("tls://a,b  tcp://c", ["tls://a,b", "tcp://c"]),
        ("/var/log/my logs/*.log\n", ["/var/log/my logs/*.log"]),
        ("/a b\n\n  -\n", ["/a b", "-"]),
    ],
)
def test_values_are_parted_by_spaces_or_stand_one_a_line(text, values):
    assert TEXTS.split_envvar_value(text) == values


def test_forward_is_run_by_its_environment_alone(folder):
    done = ran(
        folder,
        "forward",
        FORWARD_FROM="events.log\n",
        FORWARD_TO=f"file://{folder}/a.cef file://{folder}/b.cef",
        FORWARD_MAPPING="arcsight",
        FORWARD_ONCE="1",
        FORWARD_QUEUE="queue",
    )
    assert done.returncode == 0, done.stderr
    assert "act=Block" in (folder / "a.cef").read_text()
    assert (folder / "a.cef").read_text() == (folder / "b.cef").read_text()
    assert (folder / "queue").is_dir()


def test_the_command_line_overrides_the_environment(folder):
    words = ["convert", "events.log"]
    variable = {"CONVERT_SYSLOG_HEADER": "rfc5424"}
    assert ran(folder, *words, **variable).stdout.startswith("<")
    assert ran(folder, *words, "--syslog-header", "none", **variable).stdout.startswith("CEF:0")


def test_the_environment_overrides_the_config_file(folder):
    (folder / "c.yaml").write_text(
        "sources: [{from: events.log}]\n"
        f"destinations: [{{to: 'file://{folder}/out.cef'}}]\nqueue: from-file\n"
    )
    done = ran(folder, "forward", "--config", "c.yaml", "--once", FORWARD_QUEUE="from-environment")
    assert done.returncode == 0, done.stderr
    assert (folder / "from-environment").is_dir()
    assert not (folder / "from-file").exists()
    over = ran(
        folder, "forward", "--once", "--queue", "own", FORWARD_QUEUE="x", FORWARD_CONFIG="c.yaml"
    )
    assert over.returncode == 0, over.stderr
    assert (folder / "own").is_dir()
    assert not (folder / "x").exists()


def test_an_option_of_two_forms_can_be_switched_off(folder):
    assert ran(folder, "convert", "events.log", CONVERT_PROGRESS="0").returncode == 0
    done = ran(folder, "convert", "events.log", CONVERT_PROGRESS="perhaps")
    assert done.returncode == 2
    assert "Invalid value for CEF_BRIDGE_CONVERT_PROGRESS:" in done.stderr


def test_an_empty_variable_is_none(folder):
    assert ran(folder, "convert", "events.log", CONVERT_JOBS="", VERBOSE="").returncode == 0


@pytest.mark.parametrize(
    ("words", "variable", "value"),
    [
        (["convert", "events.log"], "CONVERT_JOBS", "geheim"),
        (["convert", "events.log"], "CONVERT_MAX_RECORD", "geheim"),
        (["convert", "events.log"], "CONVERT_SYSLOG_HEADER", "geheim"),
        (["convert", "events.log"], "CONVERT_ASSUME_TIME", "geheim"),
        (["forward", "--from", "-", "--to", "-"], "FORWARD_HEARTBEAT", "geheim"),
        (["forward", "--from", "-"], "FORWARD_TO", "splunk-hec://h:1?token=geheim tcp://h:1"),
        (["forward", "--from", "-"], "FORWARD_TO", "splunk-hec://u:geheim@h:1"),
        (["simulate", "events.log"], "SIMULATE_SIEM", "geheim"),
        (["version"], "LOG_FORMAT", "geheim"),
        (["version"], "VERBOSE", "geheim"),
    ],
)
def test_of_a_wrong_value_the_variable_is_named_and_the_value_is_not(
    folder, words, variable, value
):
    done = ran(folder, *words, **{variable: value})
    assert (done.returncode, done.stdout) == (2, "")
    assert f"CEF_BRIDGE_{variable}" in done.stderr
    assert "geheim" not in done.stderr


def test_the_help_does_not_show_values(folder):
    for words in (["convert"], ["forward"]):
        name = words[0].upper()
        shown = ran(folder, *words, "--help", **{f"{name}_MAPPING": "geheim"}).stdout
        assert f"  CEF_BRIDGE_{name}_" in shown
        assert "geheim" not in shown


def test_options_of_the_log_have_variables_as_well(folder):
    done = ran(folder, "convert", "no-such", LOG_FORMAT="json")
    assert json.loads(done.stderr)["level"] == "error"
    assert not ran(
        folder, "--log-format", "text", "convert", "no-such", LOG_FORMAT="json"
    ).stderr.startswith("{")
    (folder / "other.log").write_text("hello\n")
    assert "DEBUG other.log:1" in ran(folder, "convert", "other.log", VERBOSE="yes").stderr
