"""The lint rules of mappings by code, their pages, and their run over one file.

A rule is a function whose docstring is its page (what, why, bad, good; the tests run both) and a
row of `RULES`; what others than rules report has its page in `pages`. In comes a
`LintContext`, out come problems. Must not know YAML.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from cef_bridge.errors import Problem
from cef_bridge.mapping.language import codes
from cef_bridge.mapping.lint import (
    addresses,
    events,
    fits,
    keys,
    labels,
    names,
    pages,
    rules,
    settings,
    severity,
    siem_keys,
    siem_settings,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from cef_bridge.mapping.lint.context import LintContext, LintFinding

RULES: dict[codes.LintRule, Callable[[LintContext], Iterator[LintFinding]]] = {
    codes.UNKNOWN_KEY: keys.unknown_key,
    codes.KEY_CHARACTERS: keys.key_characters,
    codes.UNKNOWN_SETTING: keys.unknown_header_field,
    codes.NO_LABEL: keys.no_label,
    codes.NEEDLESS_LABEL: keys.needless_label,
    codes.LABELS_CLASH: keys.labels_clash,
    codes.UNKNOWN_FIELD: names.misspelt_field,
    codes.NEW_FIELD: names.new_field,
    codes.UNKNOWN_TRANSFORM: names.unknown_transform,
    codes.UNKNOWN_FILTER: names.unknown_filter,
    codes.NO_SOURCE: rules.no_source,
    codes.NO_PARTNER: rules.no_partner,
    codes.BAD_SPREAD: rules.bad_spread,
    codes.BAD_VALUE: names.bad_setting,
    codes.UNREACHABLE: rules.unreachable,
    codes.NOTHING_TO_REMOVE: keys.nothing_to_remove,
    codes.NO_CLUSTER: names.no_cluster,
    codes.RECEIVER_KEY: keys.receiver_key,
    codes.DROPS_ALL: rules.drops_all,
    codes.NEVER_EQUAL: names.never_equal,
    codes.LABEL_DIFFERS: labels.label_differs,
    codes.LABEL_CHARACTERS: labels.label_characters,
    codes.LABEL_SHADOWS: labels.label_shadows,
    codes.CONSTANT_UNFIT: fits.constant_unfit,
    codes.FIELD_AS_TEXT: fits.field_as_text,
    codes.NEVER_FITS: fits.never_fits,
    codes.WILL_BE_CUT: fits.will_be_cut,
    codes.IDLE_LENGTH: fits.idle_length,
    codes.IPV6_LOST: addresses.ipv6_lost,
    codes.SLOT_EMPTIED: siem_keys.slot_emptied,
    codes.NO_HOST: siem_keys.no_host,
    codes.TIME_LOST: siem_settings.time_lost,
    codes.FORGED_RECORD: siem_settings.forged_record,
    codes.VERSION_UNREAD: siem_settings.version_unread,
    codes.RECEIVER_SETTING: siem_settings.receiver_setting,
    codes.RECEIVER_NEEDS: siem_keys.receiver_needs,
    codes.HEADER_VARIES: settings.header_varies,
    codes.NO_EVENT_ID: events.no_event_id,
    codes.NO_EXAMPLES: events.no_examples,
    codes.NEVER_TOGETHER: events.never_together,
    codes.DROPS_ALERTS: events.drops_alerts,
    codes.SHEDS_NOTHING: settings.sheds_nothing,
    codes.NO_FACILITY: settings.no_facility,
    codes.NEVER_WRITTEN: settings.never_written,
    codes.IDLE_SETTING: settings.idle_setting,
    codes.SECONDS: fits.in_seconds,
    codes.NO_SEVERITY: severity.no_severity,
    codes.ROW_LOOKS_LIKE_TEST: rules.row_looks_like_a_condition,
    codes.KEEPS_NO_ALERTS: events.keeps_no_alerts,
    codes.HEADER_DIFFERS: severity.header_differs,
}


def run(
    view: LintContext, *, errors_only: bool = False, but: Collection[codes.LintRule] = ()
) -> list[Problem]:
    """Return what the rules find in a file; the rules of the codes in `but` do not run."""
    return [
        Problem(found.at, code.id, found.message, code.severity)
        for code, rule in RULES.items()
        if (code.severity == "error" or not errors_only) and code not in but
        for found in rule(view)
    ]


def page(code: codes.LintRule) -> str:
    """Return a code's page: what and why, then `Bad:` and `Good:` with a piece of YAML each."""
    rule = RULES.get(code)
    return inspect.cleandoc(rule.__doc__ or "") if rule else pages.PAGES[code]
