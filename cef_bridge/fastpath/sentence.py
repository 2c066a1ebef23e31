"""The sentence about an event (`event.summary`): nearly new for each event, so not remembered.

In come a draft and the rule that takes the sentence; the draft gets a segment that makes it from
the few fields it needs, by the plain path's own `summary`, and that can tell where in it the place
stands. What the sentence says is none of this module's business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from cef_bridge.events.activity import describe
from cef_bridge.events.summary import summary
from cef_bridge.fastpath.deps import VERDICT
from cef_bridge.fastpath.draft import clean, unconditional
from cef_bridge.fastpath.segments import Irregular, Summary
from cef_bridge.mapping.rules import compile_rule, marks_of, write_hit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cef_bridge.events.classes import Class
    from cef_bridge.fastpath.draft import Draft
    from cef_bridge.fastpath.segments import Raw
    from cef_bridge.fastpath.workloads import Workload
    from cef_bridge.mapping.rules import Slot
    from cef_bridge.mapping.spec import Rule

    # (event, the workload's names) -> the sentence
    Say: TypeAlias = Callable[[Raw, Mapping[str, object]], str]

_PLACE_MARK = "\x1a"  # stands for the place's name; a text that holds one itself is not split
_LONGEST_SENTENCE = 480  # with a place of at most 512 characters it is below msg's 1023
_TEXTS = ("ParentProcessName", "ProcessName", "Source", "Resource")
_OF_POLICY = "PolicyName"  # all that the sentence says of it


def add_sentence(draft: Draft, slot: Slot, rule: Rule) -> None:
    """Add the sentence, as a rule without open conditions takes it."""
    fmt = draft.format
    fire = compile_rule(slot.key, unconditional(rule), fmt, ipv6=False)
    say = _sayer(draft)

    def make(raw: Raw, workload: Workload) -> str:
        text = say(raw, workload.names)
        hits = fire({"event.summary": text}) if text else None
        if not hits:
            return ""
        if hits[0].whole:
            raise Irregular
        return "".join(write_hit(fmt, hit) for hit in clean(hits))

    draft.parts.append(Summary(make, _splitter(draft, slot, rule, say)))


def _sayer(draft: Draft) -> Say:
    """Return what makes the sentence of an event of the plan."""
    kind, own = draft.kind, draft.event.fields
    fixed = {key: own[key] for key in VERDICT & draft.fixed if key in own}
    fixed["event.verb"] = kind.verb
    keys = tuple(key for key in _TEXTS if key in draft.keys)
    if _OF_POLICY in draft.policy:
        keys += (_OF_POLICY,)
    add_object = _object_of(kind, has_data="Data" in draft.keys)

    def say(raw: Raw, names: Mapping[str, object]) -> str:
        fields = {**fixed, **names}
        for key in keys:
            value = raw[key]
            if value.__class__ is not str:
                raise Irregular
            if value:
                fields[key] = value
        add_object(raw, fields)
        return summary(fields)

    return say


def _object_of(kind: Class, *, has_data: bool) -> Callable[[Raw, dict[str, object]], None]:
    """Return what adds the derived fields that say what was acted on. Files and programs, which
    most events are about, need no look into Data.
    """

    def program(_: Raw, fields: dict[str, object]) -> None:
        words = fields.get("Resource", "").split(None, 1) or ("",)  # type: ignore[attr-defined] # a text, as `say` has checked
        fields["process.path"] = fields.get("ProcessName") or words[0]

    def file(_: Raw, fields: dict[str, object]) -> None:
        fields["file.path"] = fields.get("Resource", "")

    def other(raw: Raw, fields: dict[str, object]) -> None:
        act = describe(
            operation=kind.operation,
            verb=kind.verb,
            data=raw["Data"] if has_data else "",  # type: ignore[arg-type] # a text, or its plan was not found
            resource=fields.get("Resource", ""),  # type: ignore[arg-type] # a text, as `say` has checked
        )
        fields.update(act.values)

    if kind.verb == "exec":
        return program
    return file if kind.operation == "file" else other


def _splitter(
    draft: Draft, slot: Slot, rule: Rule, say: Say
) -> Callable[[Raw], tuple[str, str] | None]:
    """Return what writes the sentence as two texts, between which the place belongs."""
    fmt = draft.format
    pair = fmt.pair(slot.key)
    plain = not (rule.via or rule.max_length or rule.label)
    plain = plain and not draft.program.mapping.envelope.break_up

    def split(raw: Raw) -> tuple[str, str] | None:
        text = say(raw, {"HostName": _PLACE_MARK})
        before, _, after = text.partition(_PLACE_MARK)
        whole = f"({before}{after})"
        if not plain or text.count(_PLACE_MARK) != 1 or len(text) > _LONGEST_SENTENCE:
            return None
        if marks_of(whole) or fmt.neutral(whole) != whole or not before or before[0] == " ":
            return None
        return pair + fmt.escape(before), fmt.escape(after)

    return split
