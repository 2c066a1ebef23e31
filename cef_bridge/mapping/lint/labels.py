"""Lint rules about labels, which receivers make the names of fields of.

In comes a `LintContext`, out come findings. Must not know YAML.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cef_bridge.lines.dictionary import CEF_KEYS, LABELS
from cef_bridge.mapping.language import codes
from cef_bridge.mapping.lint.context import LintFinding, extension, output_keys, replacing
from cef_bridge.mapping.lint.registry import reports
from cef_bridge.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cef_bridge.errors import Location
    from cef_bridge.mapping.lint.context import LintContext

_FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_FIXED = {
    "c6a1": "Device IPv6 Address",
    "c6a2": "Source IPv6 Address",
    "c6a3": "Destination IPv6 Address",
}
"""Labels that the standard itself gives (CEF v27, "Custom fields"); ArcSight knows them."""


@reports(codes.LABEL_DIFFERS)
def label_differs(view: LintContext) -> Iterator[LintFinding]:
    """A key keeps the label that its parent gives it.

    Dashboards, searches and rules of a SIEM find a field by its label. With another label for
    the same key they find nothing, and content for the shipped mapping does not fit. You may
    fix a parent's label that cannot be a field's name (M034).

    Bad:
        extends: splunk
        extension:
          cs2: {from: NamespaceName, label: Namespace}
    Good:
        extends: splunk
        extension:
          cs2: {from: [NamespaceName, HostName], label: K8sNamespace}
    """
    for key, label, at in _labels(view):
        before = next((it.label for it in (view.inherited or {}).get(key, ()) if it.label), None)
        if before and before != label and _FIELD_NAME.fullmatch(before):
            message = (
                f'{key} is "{shown(before)}" in the mapping that this extends, and what was built '
                f'on that does not find "{shown(label)}". Keep the label.'
            )
            yield LintFinding(at, message)


@reports(codes.LABEL_CHARACTERS)
def label_characters(view: LintContext) -> Iterator[LintFinding]:
    """A label has letters, digits and underscores, and does not begin with a digit.

    Splunk's add-on and Graylog use the label as the field's name. A name with spaces or signs
    is split, or never found. The labels that the standard gives c6a1 to c6a3 have spaces.
    ArcSight knows them, so they are allowed unless the mapping is for Splunk or Graylog.

    Bad:
        extension:
          cs2: {from: NamespaceName, label: K8s namespace}
    Good:
        extension:
          cs2: {from: NamespaceName, label: K8sNamespace}
          c6a3: {from: destination.ip, label: Destination IPv6 Address}
    """
    by_name = any(siem.labels_name_fields for siem in view.siems())
    for key, label, at in _labels(view):
        if _FIELD_NAME.fullmatch(label) or (label == _FIXED.get(key) and not by_name):
            continue
        words = re.findall(r"[A-Za-z0-9]+", label)
        name = "".join(word[:1].upper() + word[1:] for word in words)
        hint = f' Write "{shown(name)}".' if _FIELD_NAME.fullmatch(name) else ""
        message = f'"{shown(label)}" becomes the name of a field: letters, digits and _ only.{hint}'
        extension_ = view.merged.extension
        used = {rule.label for rules in extension_.values() for rule in rules}
        is_free = bool(hint) and name not in used | _KEYS | set(extension_)
        yield LintFinding(at, message, replacing(at, label, name) if is_free else None)


_KEYS = frozenset(name for row in CEF_KEYS.values() for name in (row.name, row.full_name))


@reports(codes.LABEL_SHADOWS)
def label_shadows(view: LintContext) -> Iterator[LintFinding]:
    """A label, or a key of your own, is no name that another field has already.

    Receivers that name a field by its label overwrite the field of that name. This may be a key of
    CEF (act, src), one of its long names (deviceAction) or another key of the mapping. It may also
    be a field of the receiver itself, such as host and source in Splunk.

    Bad:
        extension:
          cs3: {from: PodName, label: shost}
    Good:
        extension:
          cs3: {from: PodName, label: K8sPod}
    """
    taken = {name for siem in view.siems() for name in siem.own_fields}
    for name in output_keys(view) if view.format == "cef" else ():
        if name.text in taken:
            message = (
                f'"{shown(name.text)}" is a field that the receiver fills itself. '
                "Choose another name for the key."
            )
            yield LintFinding(name.at, message)
    for _, label, at in _labels(view):
        if label in _KEYS or label in view.merged.extension or label in taken:
            message = (
                f'"{shown(label)}" is the name of another field, which the label would overwrite. '
                "Choose another label."
            )
            yield LintFinding(at, message)


def _labels(view: LintContext) -> Iterator[tuple[str, str, Location]]:
    """Yield each label that the file gives a custom key, once a key, with its place."""
    if view.format != "cef":
        return
    told: set[tuple[str, str]] = set()
    for seen in extension(view):
        label = seen.rule.label
        if seen.key in LABELS and label and "label" in seen.said and (seen.key, label) not in told:
            told.add((seen.key, label))
            yield seen.key, label, seen.said["label"]
