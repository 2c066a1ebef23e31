"""Lint rules: what is wrong with a mapping whose YAML and types are right.

In comes a `View` of one file, out come findings with their places. A rule is a function whose
docstring is its page (what, why, bad, good; the tests run both) and a row of `RULES`. Must not
know YAML.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.errors import Location, Problem, UsageError
from cef_bridge.events import fields
from cef_bridge.events.classes import catalogue
from cef_bridge.formats import FORMATS
from cef_bridge.formats.dictionary import CEF_KEYS, LABELS, LEEF_KEYS, SEVERITIES
from cef_bridge.formats.syslog import FACILITIES
from cef_bridge.mapping import codes
from cef_bridge.mapping.filters import FILTERS
from cef_bridge.mapping.spec import HEADER_FIELDS
from cef_bridge.mapping.transforms import TRANSFORMS
from cef_bridge.mapping.wording import closest, did_you_mean, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cef_bridge.mapping.reader import Draft, Named, RuleSeen
    from cef_bridge.mapping.spec import Rule


class View(NamedTuple):
    """One file as the rules see it.

    `inherited` are the extension rules of its parents, None without a parent; `own` tells that
    the mapping is not a shipped one; `cluster` whether it or a parent names the cluster.
    """

    draft: Draft
    format: str
    inherited: dict[str, tuple[Rule, ...]] | None
    own: bool
    cluster: bool


class Found(NamedTuple):
    """A finding: where, and what to do."""

    at: Location
    message: str


PREFIX = "KubeArmor"
_KEY_CHARACTERS = {"cef": re.compile(r"[A-Za-z0-9]+"), "leef": re.compile(r"[A-Za-z0-9_.-]+")}


def run(view: View) -> list[Problem]:
    """Return everything the rules find in a file."""
    return [
        Problem(found.at, code.id, found.message, code.severity)
        for code, rule in RULES.items()
        for found in rule(view)
    ]


def _named(view: View, *kinds: str) -> Iterator[Named]:
    return (name for name in view.draft.names if name.kind in kinds)


def _extension(view: View) -> Iterator[RuleSeen]:
    return (seen for seen in view.draft.rules if seen.section == "extension")


def unknown_key(view: View) -> Iterator[Found]:
    """An output key is one of the format's own, or begins with KubeArmor.

    A key that no receiver knows is lost, or fills an index with a misspelt field. LEEF takes
    keys of one's own by any name, so there only near misses of its predefined ones are errors.

    Bad:
        extension:
          dstt: {from: destination.ip}
    Good:
        extension:
          dst: {from: destination.ip}
          KubeArmorTeam: {value: blue}
    """
    known = LEEF_KEYS if view.format == "leef" else CEF_KEYS
    for name in (*_output_keys(view), *_named(view, "key")):
        if name.text in known or name.text.startswith(PREFIX):
            continue
        if not _KEY_CHARACTERS[view.format].fullmatch(name.text):
            continue
        if view.format == "leef":
            meant = closest(name.text, known, likeness=0.9)
            if meant:
                message = f'LEEF has no "{shown(name.text)}". Did you mean "{meant}"?'
                yield Found(name.at, message)
            continue
        meant = closest(name.text, known)
        hint = f'Did you mean "{meant}"?' if meant else f"Call keys of your own {PREFIX}…."
        yield Found(name.at, f'CEF has no "{shown(name.text)}". {hint}')


def key_characters(view: View) -> Iterator[Found]:
    """An output key has letters and digits only; in LEEF also dots, dashes and underscores.

    Receivers split a line at what looks like a key: any other character ends it too early.

    Bad:
        extension:
          KubeArmor_Team: {value: blue}
    Good:
        extension:
          KubeArmorTeam: {value: blue}
    """
    allowed = "letters, digits and _.-" if view.format == "leef" else "letters and digits"
    for name in (*_output_keys(view), *_named(view, "key")):
        if not _KEY_CHARACTERS[view.format].fullmatch(name.text):
            message = f'"{shown(name.text)}" cannot be a key. Use {allowed} only.'
            yield Found(name.at, message)


def unknown_header_field(view: View) -> Iterator[Found]:
    """The header has six fields after the version; nothing else can be written there.

    Bad:
        header:
          severty: {from: event.severity}
    Good:
        header:
          severity: {from: event.severity}
    """
    for name in view.draft.keys:
        if name.kind == "header" and name.text not in HEADER_FIELDS:
            hint = did_you_mean(name.text, HEADER_FIELDS)
            yield Found(name.at, f'The header has no "{shown(name.text)}".{hint}')


def no_label(view: View) -> Iterator[Found]:
    """A custom key (cs1, cn1, c6a2, flexString1 …) needs its label.

    Without one ArcSight shows "cs2", and Splunk and Graylog, who name the field by the label,
    lose it. In a list of rules one label is enough.

    Bad:
        extension:
          cs2: {from: NamespaceName}
    Good:
        extension:
          cs2: {from: NamespaceName, label: K8sNamespace}
    """
    if view.format != "cef":
        return
    for seen in _extension(view):
        if seen.key in LABELS and not seen.rule.label:
            text = _label_for(seen)
            yield Found(seen.rule.at, f'{seen.key} has no label. Add "label: {text}".')


# The labels that the base mapping gives to fields, so that a suggestion can be pasted.
_USUAL_LABELS = {
    "NamespaceName": "K8sNamespace",
    "PodName": "K8sPod",
    "ClusterName": "K8sCluster",
    "cluster": "K8sCluster",
    "Source": "CommandLine",
    "container.pid": "ContainerPID",
    "container.ppid": "ContainerPPID",
}


def _label_for(seen: RuleSeen) -> str:
    path = seen.rule.from_[0] if seen.rule.from_ else ""
    words = re.findall(r"[A-Za-z0-9]+", path)
    return (
        _USUAL_LABELS.get(path)
        or "".join(word[:1].upper() + word[1:] for word in words)[:40]
        or "TEXT"
    )


def needless_label(view: View) -> Iterator[Found]:
    """Only custom keys of CEF take a label, and only through `label`.

    Bad:
        extension:
          act: {from: Action, label: Action}
          cs1Label: {value: PolicyName}
    Good:
        extension:
          act: {from: Action}
          cs1: {from: PolicyName, label: PolicyName}
    """
    labelled = {label: key for key, label in LABELS.items()} | {
        f"{key}Label": key for key in LABELS
    }
    for seen in view.draft.rules:
        if "label" in seen.said and not (
            seen.section == "extension" and seen.key in LABELS and view.format == "cef"
        ):
            message = f"{shown(seen.key)} takes no label. Remove it."
            yield Found(seen.said["label"], message)
    for name in _output_keys(view):
        if view.format == "cef" and name.text in labelled:
            key = labelled[name.text]
            message = f'{name.text} is written with {key}. Add "label: TEXT" to the rule of {key}.'
            yield Found(name.at, message)


def labels_clash(view: View) -> Iterator[Found]:
    """A key has one label, and a label one key.

    Labels become field names: two of them make one slot mean two things, and one on two keys
    overwrites a value.

    Bad:
        extension:
          cs1: {from: PolicyName, label: Name}
          cs2: {from: PodName, label: Name}
    Good:
        extension:
          cs1: {from: PolicyName, label: PolicyName}
          cs2: {from: PodName, label: K8sPod}
    """
    labels: dict[str, str] = {}
    own = {seen.key for seen in _extension(view)}
    removed = {key for key, rules in _said_extension(view).items() if rules is None}
    for key, rules in (view.inherited or {}).items():
        if key not in own and key not in removed:
            labels |= {rule.label: key for rule in rules if rule.label}
    of_key: dict[str, str] = {}
    for seen in _extension(view):
        label = seen.rule.label
        if not label:
            continue
        first = of_key.setdefault(seen.key, label)
        if first != label:
            message = f'{shown(seen.key)} has the label "{shown(first)}" already. Keep one.'
            yield Found(seen.said.get("label", seen.rule.at), message)
        elif labels.setdefault(label, seen.key) != seen.key:
            message = (
                f'{labels[label]} has the label "{shown(label)}" already. '
                f"Choose another one for {shown(seen.key)}."
            )
            yield Found(seen.said.get("label", seen.rule.at), message)


def _said_extension(view: View) -> dict[str, object]:
    said = view.draft.said.get("extension")
    return said if isinstance(said, dict) else {}


def _output_keys(view: View) -> Iterator[Named]:
    return (name for name in view.draft.keys if name.kind == "extension")


def misspelt_field(view: View) -> Iterator[Found]:
    """A field is named as KubeArmor writes it, or as `mapping fields` lists it.

    A rule that reads a misspelt field writes nothing, for ever, and nobody notices.

    Bad:
        extension:
          cs2: {from: NamespceName, label: K8sNamespace}
    Good:
        extension:
          cs2: {from: NamespaceName, label: K8sNamespace}
    """
    for name in _named(view, "field", "map field", "field pattern"):
        if not _is_known(name):
            if meant := _meant(name.text):
                message = f'No event has a field "{shown(name.text)}". Did you mean "{meant}"?'
                yield Found(name.at, message)
            elif _is_derived(name.text):
                message = (
                    f'No event has a field "{shown(name.text)}". '
                    'See "cef-bridge mapping fields" for all of them.'
                )
                yield Found(name.at, message)


def new_field(view: View) -> Iterator[Found]:
    """A field that this version does not know may be a new one of KubeArmor's.

    It is read if events have it. A warning, for it may be a slip as well.

    Bad:
        extension:
          KubeArmorZone: {from: AvailabilityZone}
    Good:
        extension:
          KubeArmorCwd: {from: Cwd}
    """
    for name in _named(view, "field", "map field", "field pattern"):
        if not _is_known(name) and not _meant(name.text) and not _is_derived(name.text):
            message = (
                f'"{shown(name.text)}" is no field that this version knows. '
                "Check that events have it."
            )
            yield Found(name.at, message)


@cache
def _paths() -> tuple[str, ...]:
    paths = (*fields.RAW, *fields.DERIVED)
    groups = {path.partition(".")[0] for path in fields.RAW if "." in path}
    return (*paths, *sorted(groups))


def _is_known(name: Named) -> bool:
    path = name.text
    if name.kind == "field pattern" and re.search(r"[*?\[]", path):
        return path.startswith(fields.OPEN_PREFIXES) or any(
            fnmatchcase(known, path) for known in _paths()
        )
    return fields.find(path) is not None or path in _paths() or f"{path}." in fields.OPEN_PREFIXES


def _is_derived(path: str) -> bool:
    """Whether a path looks like one of ours, of which there are no others: `event.colour`."""
    return path.partition(".")[0] in {row.partition(".")[0] for row in fields.DERIVED}


@cache
def _meant(path: str) -> str | None:
    for prefix in fields.OPEN_PREFIXES:
        if path.lower().startswith(prefix.lower()) and len(path) > len(prefix):
            return prefix + path[len(prefix) :]
    return closest(path, _paths(), likeness=0.82)


def unknown_transform(view: View) -> Iterator[Found]:
    """`via` names transforms that exist.

    Bad:
        extension:
          fname: {from: file.path, via: basenam}
    Good:
        extension:
          fname: {from: file.path, via: basename}
    """
    for name in _named(view, "transform"):
        if name.text not in TRANSFORMS:
            hint = did_you_mean(name.text, list(TRANSFORMS))
            yield Found(name.at, f'There is no transform "{shown(name.text)}".{hint}')


def unknown_filter(view: View) -> Iterator[Found]:
    """`filters` names filters that exist.

    Bad:
        filters: [soc_lan]
    Good:
        filters: [soc_lean]
    """
    for name in _named(view, "filter"):
        if name.text not in FILTERS:
            hint = did_you_mean(name.text, list(FILTERS))
            yield Found(name.at, f'There is no filter "{shown(name.text)}".{hint}')


def no_source(view: View) -> Iterator[Found]:
    """A rule has exactly one of from, value and spread: where its value comes from.

    Bad:
        extension:
          act: {from: Action, value: Block}
    Good:
        extension:
          act: {from: Action, default: Block}
    """
    for seen in view.draft.rules:
        sources = [name for name in ("from_", "value", "spread") if name in seen.said]
        if not sources:
            message = f'{shown(seen.key)} has nothing to write. Add "from: FIELD" or "value: TEXT".'
            yield Found(seen.rule.at, message)
        elif len(sources) > 1:
            words = " and ".join(f'"{name.rstrip("_")}"' for name in sources)
            yield Found(
                seen.said[sources[-1]], f"{shown(seen.key)} has {words} in one rule. Keep one."
            )


# What does nothing -> without which of these, or beside which.
_NEEDS = {"else_": "table", "only": "spread", "max": "spread", "default": "from_"}
_POINTLESS = {
    "value": ("via", "table", "else_", "default", "max_length"),
    "spread": ("via", "table", "else_", "default", "max_length"),
}


def no_partner(view: View) -> Iterator[Found]:
    """A setting of a rule that does nothing without another one, or beside one, is a slip.

    Bad:
        extension:
          outcome: {from: Result, else: failure}
    Good:
        extension:
          outcome: {from: Result, table: {Passed: success}, else: failure}
    """
    for seen in view.draft.rules:
        beside = next((name for name in _POINTLESS if name in seen.said), None)
        for name, at in seen.said.items():
            if beside and "from_" not in seen.said and name in _POINTLESS[beside]:
                message = f'"{name.rstrip("_")}" does nothing beside "{beside}". Remove it.'
                yield Found(at, message)
            elif (need := _NEEDS.get(name)) and need not in seen.said:
                yield Found(
                    at,
                    f'"{name.rstrip("_")}" does nothing without "{need.rstrip("_")}". '
                    "Add that, or remove this.",
                )


def bad_spread(view: View) -> Iterator[Found]:
    """`spread` takes a map apart, under a key of one's own in the extension.

    Bad:
        extension:
          KubeArmorPod: {spread: PodName}
          cs1: {spread: Labels, label: Labels}
    Good:
        extension:
          KubeArmorLabel: {spread: Labels, only: [app]}
    """
    for name in _named(view, "map field"):
        row = fields.find(name.text)
        if row is not None and row.kind != "map" and name.text != "Labels":
            message = f'"{shown(name.text)}" is no map. Spread Labels or EventData.'
            yield Found(name.at, message)
    for seen in view.draft.rules:
        if "spread" not in seen.said:
            continue
        if seen.section != "extension":
            yield Found(seen.said["spread"], f"{shown(seen.key)} takes one value. Use from.")
        elif view.format == "cef" and seen.key in CEF_KEYS:
            message = f"{seen.key} takes one value. Spread under a key such as {PREFIX}Label."
            yield Found(seen.said["spread"], message)


def bad_setting(view: View) -> Iterator[Found]:
    """A facility, a delimiter, a text to break up and a severity must be one.

    Severities are whole numbers from 1 to 10: LEEF has no 0. The header of CEF also takes Low,
    Medium, High and Very-High.

    Bad:
        severity: [{value: critical}]
        envelope: {facility: local9}
    Good:
        severity: [{value: 9}]
        envelope: {facility: local3}
    """
    for name in _named(view, "facility"):
        if name.text not in FACILITIES:
            hint = did_you_mean(name.text, list(FACILITIES))
            yield Found(name.at, f'"{shown(name.text)}" is no syslog facility.{hint}')
    for name in _named(view, "delimiter"):
        yield from _refused(name, "leef", delimiter=name.text)
    for name in _named(view, "text to break up"):
        yield from _refused(name, view.format, break_up=(name.text,))
    for name in _named(view, "mapping"):
        if len(_extends(view)) > 1 and name.text == _extends(view)[1]:
            yield Found(name.at, "A mapping extends one other. Remove this one.")
    for seen in view.draft.rules:
        yield from _bad_severities(view, seen)


def _extends(view: View) -> tuple[str, ...]:
    said = view.draft.said.get("extends", ())
    return said if isinstance(said, tuple) else ()


def _refused(name: Named, format_name: str, **settings: str | tuple[str, ...]) -> Iterator[Found]:
    try:
        FORMATS[format_name](**settings)
    except UsageError as error:
        yield Found(name.at, str(error))


def _bad_severities(view: View, seen: RuleSeen) -> Iterator[Found]:
    in_header = seen.section == "header" and seen.key == "severity"
    if seen.section != "severity" and not in_header:
        return
    words = SEVERITIES if in_header and view.format == "cef" else frozenset[str]()
    allowed = {str(number) for number in range(1, 11)} | words
    rule = seen.rule
    texts = [
        rule.value,
        rule.else_,
        rule.default,
        *(rule.table.rows.values() if rule.table else ()),
    ]
    for text in texts:
        if text is not None and text not in allowed:
            at = seen.said.get("value", rule.at)
            yield Found(at, f'"{shown(text)}" is no severity. Expected a whole number, 1 to 10.')
    if not in_header and "event.severity" in rule.from_:
        message = "event.severity is what this table makes. Read Severity instead."
        yield Found(rule.at, message)


def unreachable(view: View) -> Iterator[Found]:
    """A rule after one that always has a value can never win.

    Bad:
        extension:
          act: [{value: none}, {from: Action}]
    Good:
        extension:
          act: [{from: Action}, {value: none}]
    """
    always: RuleSeen | None = None
    for seen in view.draft.rules:
        # Rules of one key follow each other; a single one stands at its key.
        if always is not None and (seen.section, seen.key) == (always.section, always.key):
            message = "The rule before this one always has a value. Change the order, or add when."
            yield Found(seen.rule.at, message)
        elif not seen.rule.when and (seen.rule.value or seen.rule.default):
            always = seen


def nothing_to_remove(view: View) -> Iterator[Found]:
    """null removes a key that a parent writes.

    Bad:
        extension:
          cs6: null
    Good:
        extension:
          cs6: {from: cluster, label: K8sCluster}
    """
    at = {name.text: name.at for name in _output_keys(view)}
    for key, rules in _said_extension(view).items():
        if rules is None and key not in (view.inherited or {}):
            yield Found(at[key], f"No parent writes {shown(key)}. Remove this line.")


def no_cluster(view: View) -> Iterator[Found]:
    """A mapping of one's own names the cluster.

    Every KubeArmor calls its cluster "default", so with two of them nobody can tell which one
    an event is from.

    Bad:
        unmapped: keep
    Good:
        cluster: prod-eu-1
    """
    if view.own and not view.cluster:
        message = 'The cluster has no name, and all are "default". Add "cluster: ${CLUSTER}".'
        yield Found(view.draft.places.get("name", Location(view.draft.path)), message)


def receiver_key(view: View) -> Iterator[Found]:
    """Some keys of the dictionary are filled by receivers; what a device writes there is lost.

    Bad:
        extension:
          ahost: {from: HostName}
    Good:
        extension:
          dvchost: {from: HostName}
    """
    if view.format != "cef":
        return
    for name in _output_keys(view):
        row = CEF_KEYS.get(name.text)
        if row is not None and row.role == "consumer":
            message = f"{row.name} is filled by the receiver ({row.meaning}). Use another key."
            yield Found(name.at, message)


def drops_all(view: View) -> Iterator[Found]:
    """An item of drop_events has conditions, and a condition has values.

    An empty item would drop every event, alerts too; an empty list never holds.

    Bad:
        drop_events: [{}]
    Good:
        drop_events: [{event.kind: log, NamespaceName: kube-system}]
    """
    for at, item in view.draft.drop_items:
        if not item:
            yield Found(at, "Without a condition every event is dropped. Add one.")
    for condition in view.draft.conditions:
        if not condition.any_of:
            message = f'"{shown(condition.path)}" has no value to compare with, so it never holds.'
            yield Found(condition.at, f"{message} Add one.")


def never_equal(view: View) -> Iterator[Found]:
    """A derived field with fixed values is compared with one of them.

    Bad:
        drop_events: [{event.kind: logs}]
    Good:
        drop_events: [{event.kind: log}]
    """
    for condition in view.draft.conditions:
        values = _vocabulary().get(condition.path, ())
        for test in condition.any_of if values else ():
            if test.kind == "is" or any(
                fnmatchcase(value, test.text) if test.kind == "glob" else value == test.text
                for value in values
            ):
                continue
            hint = did_you_mean(test.text, values)
            message = f'{condition.path} is never "{shown(test.text)}".{hint}'
            yield Found(condition.at, message)


@cache
def _vocabulary() -> dict[str, tuple[str, ...]]:
    parts = [row.class_id.split(".") for row in catalogue()]
    names = ("kind", "scope", "operation", "verb", "disposition")
    return {
        f"event.{name}": tuple(dict.fromkeys(part[index] for part in parts))
        for index, name in enumerate(names)
    } | {
        "process.role": ("executed", "tracer", "listener", "actor"),
        "network.direction": ("inbound", "outbound"),
    }


RULES: dict[codes.Code, Callable[[View], Iterator[Found]]] = {
    codes.UNKNOWN_KEY: unknown_key,
    codes.KEY_CHARACTERS: key_characters,
    codes.UNKNOWN_SETTING: unknown_header_field,
    codes.NO_LABEL: no_label,
    codes.NEEDLESS_LABEL: needless_label,
    codes.LABELS_CLASH: labels_clash,
    codes.UNKNOWN_FIELD: misspelt_field,
    codes.NEW_FIELD: new_field,
    codes.UNKNOWN_TRANSFORM: unknown_transform,
    codes.UNKNOWN_FILTER: unknown_filter,
    codes.NO_SOURCE: no_source,
    codes.NO_PARTNER: no_partner,
    codes.BAD_SPREAD: bad_spread,
    codes.BAD_VALUE: bad_setting,
    codes.UNREACHABLE: unreachable,
    codes.NOTHING_TO_REMOVE: nothing_to_remove,
    codes.NO_CLUSTER: no_cluster,
    codes.RECEIVER_KEY: receiver_key,
    codes.DROPS_ALL: drops_all,
    codes.NEVER_EQUAL: never_equal,
}
