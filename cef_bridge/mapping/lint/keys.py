"""Lint rules about output keys: their names, characters and labels.

In comes a `LintContext`, out come findings. Must not know YAML.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cef_bridge.errors import Addition, Removal
from cef_bridge.lines.dictionary import CEF_KEYS, LABELS, LEEF_KEYS, NAMES
from cef_bridge.mapping.language import codes
from cef_bridge.mapping.language.spec import HEADER_FIELDS
from cef_bridge.mapping.lint.context import (
    LintFinding,
    extension,
    named,
    output_keys,
    replacing,
    said_extension,
)
from cef_bridge.mapping.lint.registry import reports
from cef_bridge.wording import closest, did_you_mean, only_one_near, shown
from cef_bridge.wording import named as named_key

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from cef_bridge.mapping.language.mapping_file import RuleSeen
    from cef_bridge.mapping.lint.context import LintContext

PREFIX = "KubeArmor"
"""What keys of one's own best begin with (CEF v27, "Custom extensions": the vendor's name)."""

_KEY_CHARACTERS = {"cef": re.compile(r"[A-Za-z0-9]+"), "leef": re.compile(r"[A-Za-z0-9_.-]+")}


_ALIKE = 0.85  # of a key that was meant


@reports(codes.UNKNOWN_KEY)
def unknown_key(view: LintContext) -> Iterator[LintFinding]:
    """An output key is one of the format's own, or one that cannot be confused with it.

    A key of your own may have any name, such as `tenant`. A name close to one of the dictionary is
    a typo: receivers then miss the key that they expect. A long name of the dictionary
    (sourceAddress for src) is never written as a key.

    Bad:
        extension:
          dptt: {from: destination.port}
    Good:
        extension:
          dpt: {from: destination.port}
          tenant: {value: blue}
    """
    known = _known(view)
    for name in (*output_keys(view), *named(view, "key")):
        if name.text in known or name.text.startswith(PREFIX):
            continue
        if not _KEY_CHARACTERS[view.format].fullmatch(name.text):
            continue
        if view.format == "leef":
            meant = closest(name.text, known, likeness=0.9)
        else:
            # What ArcSight shows is the full name: sourceAddress for src.
            sent = [key for key, row in CEF_KEYS.items() if row.role != "consumer"]
            meant = (
                NAMES.get(name.text.lower())
                or closest(name.text, sent, _ALIKE)
                or _slot_like(name.text)
            )
        if meant:
            words = f'{view.format.upper()} has no "{shown(name.text)}". Did you mean "{meant}"?'
            # A slot that is free is for the writer to choose.
            is_full_name = NAMES.get(name.text.lower()) == meant
            sure = meant if is_full_name else only_one_near(name.text, known, _ALIKE)
            fix = replacing(name.at, name.text, sure if sure == meant else None)
            yield LintFinding(name.at, words, fix)


def _known(view: LintContext) -> Collection[str]:
    """Return the keys of the format's dictionary."""
    return LEEF_KEYS if view.format == "leef" else CEF_KEYS


def _slot_like(key: str) -> str | None:
    """Return the first slot of the kind that a key's name looks like: cs1 for cs7."""
    stem = key.rstrip("0123456789").lower()
    slots = (slot for slot in LABELS if slot[:-1].lower() == stem != key.lower())
    return next(slots, None)


@reports(codes.KEY_CHARACTERS)
def key_characters(view: LintContext) -> Iterator[LintFinding]:
    """An output key has letters and digits only; in LEEF also dots, dashes and underscores.

    Receivers detect the next key in a message by its characters. Any other character ends the
    previous value in the wrong place.

    Bad:
        extension:
          KubeArmor_Team: {value: blue}
    Good:
        extension:
          KubeArmorTeam: {value: blue}
    """
    allowed = "letters, digits and _.-" if view.format == "leef" else "letters and digits"
    for name in (*output_keys(view), *named(view, "key")):
        if not _KEY_CHARACTERS[view.format].fullmatch(name.text):
            message = f'"{shown(name.text)}" cannot be a key. Use {allowed} only.'
            yield LintFinding(name.at, message)


@reports(codes.UNKNOWN_SETTING)
def unknown_header_field(view: LintContext) -> Iterator[LintFinding]:
    """A setting must be one that mappings have, at this level.

    A misspelled setting, or one at the wrong level, would be ignored silently. The header has
    six fields after the version and no others.

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
            fix = replacing(name.at, name.text, only_one_near(name.text, HEADER_FIELDS))
            yield LintFinding(name.at, f'The header has no "{shown(name.text)}".{hint}', fix)


@reports(codes.NO_LABEL)
def no_label(view: LintContext) -> Iterator[LintFinding]:
    """A custom key (cs1, cn1, c6a2, flexString1 …) needs its label.

    Without a label ArcSight shows "cs2". Splunk and Graylog name the field by the label, and
    lose the value. In a list of rules one label is enough.

    Bad:
        extension:
          cs2: {from: NamespaceName}
    Good:
        extension:
          cs2: {from: NamespaceName, label: K8sNamespace}
    """
    if view.format != "cef":
        return
    told: set[str] = set()
    for seen in extension(view):
        if seen.key in LABELS and not seen.rule.label:
            text = _label_for(seen)
            beside = next(iter(seen.said.values()), None)
            # In a list of rules one label is enough.
            is_right = text != _ANY and seen.key not in told and not _labelled(view, text)
            fix = Addition(beside, "label", text) if beside and is_right else None
            told.add(seen.key)
            message = f'{seen.key} has no label. Add "label: {text}".'
            yield LintFinding(seen.rule.at, message, fix)


_ANY = "TEXT"
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
        or _ANY
    )


def _labelled(view: LintContext, label: str) -> bool:
    """Whether a key of the mapping, or of what it extends, has a label already."""
    return any(rule.label == label for rules in view.merged.extension.values() for rule in rules)


@reports(codes.NEEDLESS_LABEL)
def needless_label(view: LintContext) -> Iterator[LintFinding]:
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
            message = f"{named_key(seen.key)} takes no label. Remove it."
            at = seen.said["label"]
            # Of a key that nobody knows the name may be the slip.
            is_known = seen.section != "extension" or seen.key in _known(view)
            yield LintFinding(at, message, Removal(at, "label") if is_known else None)
    for name in output_keys(view):
        if view.format == "cef" and name.text in labelled:
            key = labelled[name.text]
            message = f'{name.text} is written with {key}. Add "label: TEXT" to the rule of {key}.'
            yield LintFinding(name.at, message)


@reports(codes.LABELS_CLASH)
def labels_clash(view: LintContext) -> Iterator[LintFinding]:
    """A key has one label, and a label one key.

    Labels become field names. With two labels, one slot has two meanings. One label on two keys
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
    own = {seen.key for seen in extension(view)}
    removed = {key for key, rules in said_extension(view).items() if rules is None}
    for key, rules in (view.inherited or {}).items():
        if key not in own and key not in removed:
            labels |= {rule.label: key for rule in rules if rule.label}
    of_key: dict[str, str] = {}
    for seen in extension(view):
        label = seen.rule.label
        if not label:
            continue
        first = of_key.setdefault(seen.key, label)
        if first != label:
            message = f'{named_key(seen.key)} has the label "{shown(first)}" already. Keep one.'
            yield LintFinding(seen.said.get("label", seen.rule.at), message)
        elif labels.setdefault(label, seen.key) != seen.key:
            message = (
                f'{labels[label]} has the label "{shown(label)}" already. '
                f"Choose another one for {named_key(seen.key)}."
            )
            yield LintFinding(seen.said.get("label", seen.rule.at), message)


@reports(codes.NOTHING_TO_REMOVE)
def nothing_to_remove(view: LintContext) -> Iterator[LintFinding]:
    """A null removes a key that a parent writes.

    Bad:
        extension:
          cs6: null
    Good:
        extension:
          cs6: {from: cluster, label: K8sCluster}
    """
    at = {name.text: name.at for name in output_keys(view)}
    for key, rules in said_extension(view).items():
        if rules is None and key not in (view.inherited or {}):
            message = f"No parent writes {named_key(key)}. Remove this line."
            near = key not in _known(view) and closest(
                key, (*_known(view), *(view.inherited or {}))
            )
            yield LintFinding(at[key], message, None if near else Removal(at[key], key))


@reports(codes.RECEIVER_KEY)
def receiver_key(view: LintContext) -> Iterator[LintFinding]:
    """Some keys of the dictionary are filled by receivers; a device's value there is lost.

    A constant is allowed: it is the operator's value for all events, such as a customer's id.

    Bad:
        extension:
          ahost: {from: HostName}
    Good:
        extension:
          dvchost: {from: HostName}
          customerExternalID: {value: acme-7}
    """
    if view.format != "cef":
        return
    said = said_extension(view)
    for name in output_keys(view):
        row = CEF_KEYS.get(name.text)
        rules = said.get(name.text)
        if isinstance(rules, tuple) and all(rule.value is not None for rule in rules):
            continue
        if row is not None and row.role == "consumer":
            message = f"{row.name} is filled by the receiver ({row.meaning}). Use another key."
            yield LintFinding(name.at, message)
