"""Short ways: a rule that takes one field and asks for nothing open needs no joint.

In come a draft and such a rule; the draft gets a segment made for that field: an integer as it is,
the time, the event id, the act key, the sentence, or a text with a memo of its own. Everything
else is for `slots` to remember.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.casing import lower
from cef_bridge.events.fields import RAW
from cef_bridge.events.identity import SEPARATOR, id_text, stable_resource, verb_group
from cef_bridge.fastpath.deps import NESTED, PROCESS_IDS, alias_of
from cef_bridge.fastpath.draft import NoPlan, unconditional
from cef_bridge.fastpath.memory import Memo
from cef_bridge.fastpath.segments import (
    ActKey,
    EventId,
    Integer,
    Irregular,
    Text,
    Time,
    text_miss,
)
from cef_bridge.fastpath.sentence import add_sentence
from cef_bridge.mapping.rules import compile_rule, write_hit
from cef_bridge.mapping.transforms import find as find_transform

if TYPE_CHECKING:
    from collections.abc import Callable

    from cef_bridge.fastpath.draft import Draft
    from cef_bridge.mapping.rules import Fire, Slot
    from cef_bridge.mapping.spec import Rule


def take_shortcut(draft: Draft, slot: Slot, rule: Rule) -> bool:
    """Add the segment of the one rule of a slot that can fire; False: there is no short way."""
    if len(rule.from_) != 1 or rule.spread or rule.table:
        return False
    if not draft.is_fixed(condition.path for condition in rule.when):
        return False
    path = rule.from_[0]
    if path == "event.summary":
        add_sentence(draft, slot, rule)
        return True
    way = _WAYS.get(path)
    if way is not None and not rule.via:
        return way(draft, path, draft.format.pair(slot.key), _label(draft, slot, rule))
    key = alias_of(path, draft.kind, draft.keys)
    if not key or not _is_text(draft, key):
        return False
    _text(draft, slot, rule, path, key)
    return True


def _label(draft: Draft, slot: Slot, rule: Rule) -> str:
    """What stands behind the value: value before label, as Splunk's add-on needs it."""
    if not rule.label:
        return ""
    fmt = draft.format
    return fmt.pair(f"{slot.key}Label") + fmt.escape(fmt.neutral(rule.label))


# The ways of `_WAYS`: (draft, path, what stands before the value, what stands after it) -> done.


def _time(draft: Draft, _: str, prefix: str, suffix: str) -> bool:
    if suffix:
        return False
    draft.taken_whole.add("UpdatedTime")
    draft.parts.append(Time(prefix))
    return True


def _event_id(draft: Draft, _: str, prefix: str, suffix: str) -> bool:
    get = draft.raw.get
    head = SEPARATOR + SEPARATOR.join((id_text(get("Type")), id_text(get("Operation")), ""))
    policy = "PolicyName" in draft.policy
    names = ["" if policy else get("PolicyName"), get("Action"), get("Result")]
    tail = SEPARATOR.join(map(id_text, names))
    stable = stable_resource if lower(str(get("Operation", ""))) == "network" else None
    integers = tuple(key for key in ("HostPID", "PID") if key in draft.keys)
    draft.parts.append(EventId(prefix, suffix, head, tail, integers, policy, stable))
    return True


def _act_key(draft: Draft, _: str, prefix: str, suffix: str) -> bool:
    group = verb_group(draft.kind.verb)
    if not group or "HostPID" not in draft.keys:
        return True  # such events have none
    is_exec = draft.kind.verb == "exec"
    key = alias_of("file.path", draft.kind, draft.keys) or ("Resource" if is_exec else "")
    if key in draft.keys:
        first_word = is_exec and key == "Resource"
        draft.parts.append(ActKey(prefix, suffix, group, key, is_exec, first_word))
    elif draft.deps(["file.path"]):
        raise NoPlan
    return True


def _process_id(draft: Draft, path: str, prefix: str, suffix: str) -> bool:
    _integer(draft, Integer(path, prefix, suffix))
    return True


def _container_pid(draft: Draft, path: str, prefix: str, suffix: str) -> bool:
    """A process id as the container sees it; a host's event has none."""
    if draft.kind.scope == "container":
        key, other = {"container.pid": ("PID", ""), "container.ppid": ("PPID", "HostPPID")}[path]
        other = other if other in draft.keys else ""
        _integer(draft, Integer(key, prefix, suffix, skip_zero=True, other=other))
    return True


def _user_id(draft: Draft, _: str, prefix: str, suffix: str) -> bool:
    if not {"HostPID", "UID"} <= draft.keys:
        return False
    _integer(draft, Integer("UID", prefix, suffix))
    return True


_WAYS: dict[str, Callable[[Draft, str, str, str], bool]] = {
    **dict.fromkeys(PROCESS_IDS, _process_id),
    "event.time": _time,
    "event.id": _event_id,
    "event.act_key": _act_key,
    "container.pid": _container_pid,
    "container.ppid": _container_pid,
    "user.id": _user_id,
    "UID": _user_id,
}


def _integer(draft: Draft, part: Integer) -> None:
    if part.key in draft.keys:
        draft.taken_whole.add(part.key)
        draft.parts.append(part)


_ANY_LENGTH = 1 << 62

# Texts: a memo for each slot, rule and field, shared by all plans.


def _is_text(draft: Draft, key: str) -> bool:
    row = RAW.get(key)
    if key == "Tags" and "ATags" in draft.keys:  # which stands in for it
        return False
    return key in draft.keys and row is not None and row.kind == "text" and key not in NESTED


def _text(draft: Draft, slot: Slot, rule: Rule, path: str, key: str) -> None:
    name = (slot.key, rule, path, key)
    found = draft.shared.texts.get(name)
    if found is None:
        found = draft.shared.texts[name] = _text_part(draft, slot, rule, path, key)
    part, whole = found
    if whole:
        draft.taken_whole.add(key)
    draft.read_with.setdefault(key, set()).add(key)
    draft.parts.append(part)


def _text_part(draft: Draft, slot: Slot, rule: Rule, path: str, key: str) -> tuple[Text, bool]:
    fmt = draft.format
    ipv6 = draft.program.mapping.envelope.both_families
    fire = compile_rule(slot.key, unconditional(rule), fmt, ipv6=ipv6)
    whole = _takes_whole(fire, path)
    row = fmt.key(slot.key)
    any_text = row is None or row.kind == "string"
    most = min((n for n in (row and row.max_length, rule.max_length) if n), default=_ANY_LENGTH)
    transforms = [found for name in rule.via if (found := find_transform(name))]
    prefix, suffix, is_plain = fmt.pair(slot.key), _label(draft, slot, rule), fmt.is_plain

    def make(value: str) -> str:
        if any_text:
            text = value
            for transform in transforms:
                text = transform(text)
            # Most texts are; it is the same as what follows, and takes a fifth of the time.
            if len(text) <= most and is_plain(text) and "EF:" not in text:
                return f"{prefix}{text}{suffix}"
        hits = fire({path: value})
        if not hits:
            if value or path != key:
                raise Irregular  # the field is left over, or another stands in for it
            return ""
        hit = hits[0]
        if hit.marks or (whole and not hit.taken) or hit.whole:
            raise Irregular
        return write_hit(fmt, hit)

    memo: Memo[str] = Memo(draft.shared.memory)
    return Text(key, memo, text_miss(make, memo), make), whole


def _takes_whole(fire: Fire, path: str) -> bool:
    """Tell whether a rule leaves nothing of a field, tried with a path that has two parts."""
    hits = fire({path: "/a/b"})
    return bool(hits and hits[0].taken)
