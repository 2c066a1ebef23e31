"""Lint rules about names and values: fields, transforms, filters, settings, fixed vocabularies.

In comes a `LintContext`, out come findings. Must not know YAML.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from cef_bridge.errors import Location, UsageError
from cef_bridge.kubearmor import fields
from cef_bridge.kubearmor.classes import catalogue
from cef_bridge.lines import FORMATS, zones
from cef_bridge.lines.syslog import FACILITIES
from cef_bridge.mapping.language import codes
from cef_bridge.mapping.language.condition_forms import leaves
from cef_bridge.mapping.language.filters import FILTERS
from cef_bridge.mapping.language.template import paths_of
from cef_bridge.mapping.language.transforms import TRANSFORMS, step_form
from cef_bridge.mapping.lint.context import LintFinding, named, replacing
from cef_bridge.mapping.lint.registry import reports
from cef_bridge.wording import closest, did_you_mean, only_one_near, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cef_bridge.mapping.language.mapping_file import Named, RuleSeen
    from cef_bridge.mapping.language.spec import Condition, Test
    from cef_bridge.mapping.lint.context import LintContext


_ALIKE = 0.82  # of a field that was meant


@reports(codes.UNKNOWN_FIELD)
def misspelt_field(view: LintContext) -> Iterator[LintFinding]:
    """A field is named as KubeArmor writes it, or as `mapping fields` lists it.

    A rule that reads a misspelled field never writes anything, and no error shows it.

    Bad:
        extension:
          cs2: {from: NamespceName, label: K8sNamespace}
    Good:
        extension:
          cs2: {from: NamespaceName, label: K8sNamespace}
    """
    for name in named(view, "field", "map field", "field pattern"):
        if not _is_known(name):
            if meant := _meant(name.text):
                message = f'No event has a field "{shown(name.text)}". Did you mean "{meant}"?'
                near = only_one_near(name.text, _paths(), _ALIKE)
                sure = meant if near == meant or meant not in _paths() else None
                yield LintFinding(name.at, message, replacing(name.at, name.text, sure))
            elif _is_derived(name.text):
                message = (
                    f'No event has a field "{shown(name.text)}". '
                    'See "cef-bridge mapping fields" for all of them.'
                )
                yield LintFinding(name.at, message)


@reports(codes.NEW_FIELD)
def new_field(view: LintContext) -> Iterator[LintFinding]:
    """A field that this version does not know may be a new one of KubeArmor.

    The rule reads the field if events have it. This is a warning because the name may be a
    typo.

    Bad:
        extension:
          KubeArmorZone: {from: AvailabilityZone}
    Good:
        extension:
          KubeArmorCwd: {from: Cwd}
    """
    for name in named(view, "field", "map field", "field pattern"):
        if not _is_known(name) and not _meant(name.text) and not _is_derived(name.text):
            message = (
                f'"{shown(name.text)}" is no field that this version knows. '
                "Check that events have it."
            )
            yield LintFinding(name.at, message)


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


@lru_cache(maxsize=1024)
def _meant(path: str) -> str | None:
    for prefix in fields.OPEN_PREFIXES:
        if path.lower().startswith(prefix.lower()) and len(path) > len(prefix):
            return prefix + path[len(prefix) :]
    return closest(path, _paths(), _ALIKE)


@reports(codes.UNKNOWN_TRANSFORM)
def unknown_transform(view: LintContext) -> Iterator[LintFinding]:
    """`via` names transforms that exist.

    Bad:
        extension:
          fname: {from: file.path, via: basenam}
    Good:
        extension:
          fname: {from: file.path, via: basename}
    """
    for name in named(view, "transform"):
        declared = TRANSFORMS.get(name.text)
        if declared is None:
            hint = did_you_mean(name.text, list(TRANSFORMS))
            meant = only_one_near(name.text, TRANSFORMS)
            alone = meant is not None and not TRANSFORMS[meant].arguments
            fix = replacing(name.at, name.text, meant) if alone else None
            yield LintFinding(name.at, f'There is no transform "{shown(name.text)}".{hint}', fix)
        elif declared.arguments:
            form = step_form(name.text)
            yield LintFinding(name.at, f"{name.text} does nothing by itself. Write it as {form}.")


@reports(codes.UNKNOWN_FILTER)
def unknown_filter(view: LintContext) -> Iterator[LintFinding]:
    """`filters` names filters that exist.

    Bad:
        filters: [soc_lan]
    Good:
        filters: [soc_lean]
    """
    for name in named(view, "filter"):
        if name.text not in FILTERS:
            hint = did_you_mean(name.text, list(FILTERS))
            fix = replacing(name.at, name.text, only_one_near(name.text, FILTERS))
            yield LintFinding(name.at, f'There is no filter "{shown(name.text)}".{hint}', fix)


@reports(codes.BAD_VALUE)
def bad_setting(view: LintContext) -> Iterator[LintFinding]:
    """A facility, a time zone, a delimiter, a severity and a text of `defang` must be valid.

    Severities are whole numbers from 1 to 10: LEEF has no 0.

    Bad:
        severity: [{value: critical}]
        envelope: {facility: local9, syslog_header: rfc542}
    Good:
        severity: [{value: 9}]
        envelope: {facility: local3, syslog_header: rfc5424}
    """
    for seen in view.draft.rules:
        yield from _bad_facilities(seen)
    for name in named(view, "time zone"):
        try:
            zones.zone(name.text)
        except UsageError as error:
            yield LintFinding(name.at, str(error))
    for name in named(view, "delimiter"):
        yield from _refused(name, "leef", delimiter=name.text)
    for name in named(view, "text to break up"):
        yield from _refused(name, view.format, defang=(name.text,))
    for name in named(view, "mapping"):
        if len(_extends(view)) > 1 and name.text == _extends(view)[1]:
            yield LintFinding(name.at, "A mapping extends one other. Remove this one.")
    for seen in view.draft.rules:
        yield from bad_severities(seen)


def _bad_facilities(seen: RuleSeen) -> Iterator[LintFinding]:
    if seen.section != "facility":
        return
    for text in seen.rule.constants:
        if text not in FACILITIES:
            hint = did_you_mean(text, list(FACILITIES))
            at = seen.said.get("value", seen.rule.at)
            fix = replacing(at, text, only_one_near(text, FACILITIES))
            yield LintFinding(at, f'"{shown(text)}" is no syslog facility.{hint}', fix)


def _extends(view: LintContext) -> tuple[str, ...]:
    said = view.draft.said.get("extends", ())
    return said if isinstance(said, tuple) else ()


def _refused(
    name: Named, format_name: str, **settings: str | tuple[str, ...]
) -> Iterator[LintFinding]:
    try:
        FORMATS[format_name](**settings)
    except UsageError as error:
        yield LintFinding(name.at, str(error).replace(f'"{name.text}"', f'"{shown(name.text)}"'))


def bad_severities(seen: RuleSeen) -> Iterator[LintFinding]:
    """Yield what is no severity in a rule of one."""
    in_header = seen.section == "header" and seen.key == "severity"
    if seen.section != "severity" and not in_header:
        return
    allowed = {str(number) for number in range(1, 11)}
    rule = seen.rule
    for text in rule.constants:
        if text not in allowed:
            at = seen.said.get("value", rule.at)
            yield LintFinding(
                at, f'"{shown(text)}" is no severity. Expected a whole number, 1 to 10.'
            )
    if in_header:
        return
    message = "event.severity is what this table makes. Read Severity instead."
    if "event.severity" in (*rule.from_, *paths_of(rule.template)):
        yield LintFinding(rule.at, message)
    for condition in rule.when:
        if condition.path == "event.severity":
            yield LintFinding(condition.at, message)


@reports(codes.NO_CLUSTER)
def no_cluster(view: LintContext) -> Iterator[LintFinding]:
    """A mapping of your own names the cluster.

    Every KubeArmor calls its cluster "default". With two of them, the cluster of an event is
    unknown.

    Bad:
        unmapped: keep
    Good:
        cluster: prod-eu-1
    """
    if view.own and not view.cluster and view.draft.places:
        message = 'The cluster has no name, and all are "default". Add "cluster: ${CLUSTER}".'
        yield LintFinding(view.draft.places.get("name", Location(view.draft.path)), message)


@reports(codes.NEVER_EQUAL)
def never_equal(view: LintContext) -> Iterator[LintFinding]:
    """A derived field with fixed values is compared with one of them.

    Bad:
        drop_events: [{event.kind: logs}]
    Good:
        drop_events: [{event.kind: log}]
    """
    for condition in view.draft.conditions:
        values = vocabulary().get(condition.path, ())
        for test in _leaves(condition) if values else ():
            if test.kind == "range":
                yield LintFinding(condition.at, f"{condition.path} is never a number.")
            elif test.kind != "is" and not any(
                fnmatchcase(value, test.text) if test.kind == "glob" else value == test.text
                for value in values
            ):
                hint = did_you_mean(test.text, values)
                message = f'{condition.path} is never "{shown(test.text)}".{hint}'
                fix = replacing(condition.at, test.text, only_one_near(test.text, values))
                yield LintFinding(condition.at, message, fix)


def _leaves(condition: Condition) -> Iterator[Test]:
    return (leaf for test in condition.any_of for leaf in leaves(test))


@cache
def vocabulary() -> dict[str, tuple[str, ...]]:
    """Return the derived fields that have few values, and these."""
    parts = [row.class_id.split(".") for row in catalogue()]
    names = ("kind", "scope", "operation", "verb", "disposition")
    return {
        f"event.{name}": tuple(dict.fromkeys(part[index] for part in parts))
        for index, name in enumerate(names)
    } | {
        "process.role": ("executed", "tracer", "listener", "actor"),
        "network.direction": ("inbound", "outbound"),
    }
