"""The one event that a command looks at."""

from __future__ import annotations

import pytest

from cef_bridge.cli.event_input import one_event, one_record
from cef_bridge.errors import CefBridgeError, UsageError
from cef_bridge.mapping.load import load
from cef_bridge.workbench.events import LocatedMessage

ARCSIGHT = load("arcsight")


def test_json_is_an_event_under_kubearmors_names():
    found = one_event(' {"operation": "File", "type": "HostLog", "hostName": "n"}', 0, ARCSIGHT)
    assert found.fields["Operation"] == "File"
    assert found.fields["HostName"] == "n"
    assert found.place == "the event given"


def test_a_finished_line_is_no_event(tmp_path):
    path = tmp_path / "fence.log"
    path.write_text("LEEF:2.0|Acme|Fence|1|open|^|sev=5\n")
    assert one_record(str(path), 0, ARCSIGHT) == LocatedMessage(
        path.read_text().strip(), f"{path}:1"
    )
    with pytest.raises(UsageError, match="is a message already"):
        one_event(str(path), 0, ARCSIGHT)


def test_only_what_is_asked_for_is_read(tmp_path):
    path = tmp_path / "events.log"
    good = b'{"Operation":"File","Type":"HostLog","Resource":"/a"}\n'
    path.write_bytes(good * 2 + b'{"Operation":\n')
    assert one_event(str(path), 2, ARCSIGHT).place == f"{path}:2"


def test_an_event_that_cannot_be_read_is_told_with_its_place_and_why(tmp_path):
    path = tmp_path / "events.log"
    path.write_text(
        'noise\n{"Type":"HostLog","Operation":"File","X":' + "[" * 99 + "]" * 99 + "}\n"
    )
    with pytest.raises(CefBridgeError) as error:
        one_event(str(path), 0, ARCSIGHT)
    assert str(error.value) == (f"no event of KubeArmor can be read. {path}:2: nested too deeply.")
