"""`explain` and `simulate` say so when the engine makes something else of an event."""

from __future__ import annotations

import json

import pytest
from hostile_events import sample_events
from user_lines import lines_of

from cef_bridge.cli import simulate
from cef_bridge.cli.mapping import explain
from cef_bridge.engine.machine import MappingEngine
from cef_bridge.engine.native import load as load_engine
from cef_bridge.errors import CefBridgeError, UsageError
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converter
from cef_bridge.workbench.agreement import EngineDiffersError, check
from cef_bridge.workbench.events import LocatedEvent

needs_engine = pytest.mark.skipif(load_engine() is None, reason="there is no engine")
EVENT = {
    "Type": "MatchedPolicy", "Operation": "File", "HostName": "n", "Resource": "/etc/shadow", "Action": "Block",
}  # fmt: skip


def found(raw: dict[str, object]) -> LocatedEvent:
    return LocatedEvent(raw, "here", json.dumps(raw).encode())


def machine(name: str) -> MappingEngine:
    mapping = load(name)
    return MappingEngine(Converter(mapping, syslog_header=mapping.envelope.syslog_header))


def at_odds(converter: Converter) -> MappingEngine:
    """Return a machine whose engine has another mapping."""
    made = MappingEngine(converter)
    made.native = machine("arcsight").native
    return made


@pytest.mark.parametrize("name", ["kubearmor-cef", "splunk", "qradar-leef"])
def test_both_write_the_same(name):
    both = machine(name)
    for line in lines_of(sample_events()[::4]).splitlines():
        check(both, LocatedEvent({}, "here", line))
    check(
        both, found({"Type": "ContainerLog", "Operation": "File"})
    )  # no time: its place is its id


@needs_engine
def test_another_message_is_told_with_its_place():
    mine = at_odds(machine("splunk").converter)
    with pytest.raises(EngineDiffersError, match=r"^here: internal error: the native engine"):
        check(mine, found(EVENT))


@needs_engine
@pytest.mark.parametrize(
    ("command", "words"),
    [(explain, ["-m", "splunk"]), (simulate, ["--siem", "splunk"])],
    ids=["explain", "simulate"],
)
def test_the_commands_end_with_an_error(command, words, monkeypatch, capsys):
    monkeypatch.setattr(command, "MappingEngine", at_odds)
    with pytest.raises(CefBridgeError, match="internal error") as caught:
        command.command.main([*words, json.dumps(EVENT)], standalone_mode=False)
    assert not issubclass(caught.type, UsageError)
    assert bool(capsys.readouterr().out) == (command is explain)


def test_there_is_nothing_to_compare_without_an_engine_or_a_line(monkeypatch):
    mine = at_odds(machine("splunk").converter)
    check(mine, LocatedEvent(EVENT, "here"))
    check(mine, LocatedEvent(EVENT, "here", json.dumps(EVENT, indent=1).encode()))
    monkeypatch.setenv("CEF_BRIDGE_ENGINE", "python")
    check(machine("splunk"), found(EVENT))
