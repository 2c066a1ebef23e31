"""One event and the line that a text of the mapping makes of it, as SIEMs will read it.

In come a text and an event, out go the plain values of `Line` in `studio/src/api.ts`. Explains by
`workbench.explain`, reads by the simulators of `siems`. Must not know a rule.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from cef_bridge.errors import CefBridgeError
from cef_bridge.mapping.language.changes import changed, stated
from cef_bridge.siems.reading import PROBLEMS
from cef_bridge.siems.simulators import SIMULATORS, gathered
from cef_bridge.studio.offsets import Utf16
from cef_bridge.studio.problems import problem_of
from cef_bridge.workbench.explain import explain
from cef_bridge.workbench.fates import words_of
from cef_bridge.workbench.line_parts import located

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.siems.reading import Reading, SiemFinding
    from cef_bridge.studio.workspace import CompiledText, Workspace
    from cef_bridge.workbench.explain import ExplainedField, Explanation
    from cef_bridge.workbench.line_parts import LocatedKey
    from cef_bridge.workbench.sample import SampleEvent

_MOST_VALUE = 2000  # characters
_ORDER = {"lost": 0, "misread": 1}


def line(workspace: Workspace, text: str, event: SampleEvent) -> dict[str, object]:
    """Return what becomes of an event; whatever can wait does so meanwhile."""
    with workspace.foreground:
        return _line(workspace, text, event)


def _line(workspace: Workspace, text: str, event: SampleEvent) -> dict[str, object]:
    began = time.perf_counter_ns()
    answer = _empty()
    try:
        compiled = workspace.compiled(text)
        explained = explain(compiled.converter, event.raw(), compiled.opened.replaced)
    except CefBridgeError as error:
        answer |= {"valid": False, "problem": problem_of(error)}
    except RecursionError:
        answer |= {"outcome": "rejected", "reason": "nested too deeply"}
    else:
        if explained.filtered:
            answer |= {"outcome": "filtered", "reason": f"Filtered by {explained.filtered}"}
        else:
            answer |= _converted(workspace, text, compiled, explained)
    answer["microseconds"] = (time.perf_counter_ns() - began) // 1000
    return answer


def _empty() -> dict[str, object]:
    return {
        "valid": True,
        "problem": None,
        "outcome": "rejected",
        "reason": "",
        "message": "",
        "bytes": 0,
        "maxBytes": 0,
        "parts": [],
        "unwritten": [],
        "fields": [],
        "receivers": [],
        "microseconds": 0,
    }


def _converted(
    workspace: Workspace, text: str, compiled: CompiledText, explained: Explanation
) -> dict[str, object]:
    counter = Utf16.of(explained.message)
    own = workspace.file_name if workspace.texts.is_shipped else workspace.path
    return {
        "outcome": "converted",
        "message": explained.message,
        "bytes": explained.size,
        "maxBytes": explained.most,
        "parts": [_part(it, counter, own) for it in located(compiled.converter, explained)],
        "unwritten": [
            {"key": it.key, "why": [{"rule": why.rule, "why": why.why} for why in it.why]}
            for it in explained.unwritten
        ],
        "fields": [_field(it) for it in explained.fields],
        "receivers": [
            _reading(siem.name, explained.message, text, compiled)
            for siem, _ in workspace.receivers
        ],
    }


def _part(found: LocatedKey, counter: Utf16, own: str) -> dict[str, object]:
    row = found.row
    file, _, number = row.rule.rpartition(":")
    at = {"file": file, "line": int(number), "own": file == own} if number.isdigit() else None
    return {
        "key": row.key,
        "label": row.label,
        "value": row.value,
        "start": counter.at(found.start),
        "end": counter.at(found.end),
        "rule": at,
        "fields": list(found.fields),
        "steps": list(row.steps),
        "notes": list(row.notes),
    }


def _field(field: ExplainedField) -> dict[str, object]:
    fate = field.fate
    keys = dict.fromkeys((*fate.keys, fate.kept) if fate.kept else fate.keys)
    return {
        "path": fate.path,
        "value": field.value[:_MOST_VALUE],
        "fate": fate.kind,
        "keys": list(keys),
        "why": "" if keys else words_of(fate),
    }


def _reading(name: str, message: str, text: str, compiled: CompiledText) -> dict[str, object]:
    reading: Reading = SIMULATORS[name].read(message)
    # What is wrong with a key is said at the key; notes of several are one.
    wrong = [(it, [it.key] if it.key else []) for it in reading.problems]
    wrong.sort(key=lambda it: _ORDER[it[0].kind])
    notes = gathered([it for it in reading.findings if it.kind not in PROBLEMS])
    return {
        "id": name,
        "time": {"value": reading.time.value, "source": reading.time.source},
        "fields": [
            {"name": it.name, "value": it.value[:_MOST_VALUE], "key": it.key}
            for it in reading.fields
        ],
        "findings": [_misread(finding, keys, text, compiled) for finding, keys in (*wrong, *notes)],
    }


def _misread(
    finding: SiemFinding, keys: Sequence[str], text: str, compiled: CompiledText
) -> dict[str, object]:
    is_problem = finding.kind in PROBLEMS
    return {
        "kind": finding.kind if is_problem else "note",
        "key": ", ".join(keys),
        "message": finding.message,
        "fix": finding.fix,
        "mend": mend(finding.fix, text, compiled) if is_problem else None,
    }


def mend(sentence: str, text: str, compiled: CompiledText) -> dict[str, object] | None:
    """Return the change of the text that a sentence asks for, None where it says none."""
    said = stated(sentence)
    if said is None:
        return None
    envelope = compiled.opened.mapping.envelope
    lists = {"defang": envelope.defang, "truncate_first": envelope.truncate_first}
    edit = changed(text, said.changes, inherited=compiled.opened.inherited, lists=lists)
    if edit is None:
        return None
    return {"title": f"Write {said.text}", "edits": [Utf16.of(text).edit(edit)]}
