"""The lint rules of mappings by code, their pages, and their run over one file.

A rule is a function whose docstring is its page (what, why, bad, good; the tests run both) and a
row of `RULES`; what others than rules report has its page in `lint_pages`. In comes a `View`, out
come problems. Must not know YAML.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from cef_bridge.errors import Problem
from cef_bridge.mapping import (
    codes,
    lint_addresses,
    lint_events,
    lint_fits,
    lint_keys,
    lint_labels,
    lint_names,
    lint_pages,
    lint_receiver_keys,
    lint_receivers,
    lint_rules,
    lint_settings,
    lint_severity,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from cef_bridge.mapping.view import Found, View

RULES: dict[codes.Code, Callable[[View], Iterator[Found]]] = {
    codes.UNKNOWN_KEY: lint_keys.unknown_key,
    codes.KEY_CHARACTERS: lint_keys.key_characters,
    codes.UNKNOWN_SETTING: lint_keys.unknown_header_field,
    codes.NO_LABEL: lint_keys.no_label,
    codes.NEEDLESS_LABEL: lint_keys.needless_label,
    codes.LABELS_CLASH: lint_keys.labels_clash,
    codes.UNKNOWN_FIELD: lint_names.misspelt_field,
    codes.NEW_FIELD: lint_names.new_field,
    codes.UNKNOWN_TRANSFORM: lint_names.unknown_transform,
    codes.UNKNOWN_FILTER: lint_names.unknown_filter,
    codes.NO_SOURCE: lint_rules.no_source,
    codes.NO_PARTNER: lint_rules.no_partner,
    codes.BAD_SPREAD: lint_rules.bad_spread,
    codes.BAD_VALUE: lint_names.bad_setting,
    codes.UNREACHABLE: lint_rules.unreachable,
    codes.NOTHING_TO_REMOVE: lint_keys.nothing_to_remove,
    codes.NO_CLUSTER: lint_names.no_cluster,
    codes.RECEIVER_KEY: lint_keys.receiver_key,
    codes.DROPS_ALL: lint_rules.drops_all,
    codes.NEVER_EQUAL: lint_names.never_equal,
    codes.LABEL_DIFFERS: lint_labels.label_differs,
    codes.LABEL_CHARACTERS: lint_labels.label_characters,
    codes.LABEL_SHADOWS: lint_labels.label_shadows,
    codes.CONSTANT_UNFIT: lint_fits.constant_unfit,
    codes.FIELD_AS_TEXT: lint_fits.field_as_text,
    codes.NEVER_FITS: lint_fits.never_fits,
    codes.WILL_BE_CUT: lint_fits.will_be_cut,
    codes.IDLE_LENGTH: lint_fits.idle_length,
    codes.IPV6_LOST: lint_addresses.ipv6_lost,
    codes.SLOT_EMPTIED: lint_receiver_keys.slot_emptied,
    codes.NO_HOST: lint_receiver_keys.no_host,
    codes.TIME_LOST: lint_receivers.time_lost,
    codes.FORGED_RECORD: lint_receivers.forged_record,
    codes.VERSION_UNREAD: lint_receivers.version_unread,
    codes.RECEIVER_SETTING: lint_receivers.receiver_setting,
    codes.RECEIVER_NEEDS: lint_receiver_keys.receiver_needs,
    codes.HEADER_VARIES: lint_settings.header_varies,
    codes.NO_EVENT_ID: lint_events.no_event_id,
    codes.NO_EXAMPLES: lint_events.no_examples,
    codes.NEVER_TOGETHER: lint_events.never_together,
    codes.DROPS_ALERTS: lint_events.drops_alerts,
    codes.SHEDS_NOTHING: lint_settings.sheds_nothing,
    codes.NO_FACILITY: lint_settings.no_facility,
    codes.NEVER_WRITTEN: lint_settings.never_written,
    codes.IDLE_SETTING: lint_settings.idle_setting,
    codes.SECONDS: lint_fits.in_seconds,
    codes.NO_SEVERITY: lint_severity.no_severity,
    codes.ROW_LOOKS_LIKE_TEST: lint_rules.row_looks_like_a_condition,
    codes.KEEPS_NO_ALERTS: lint_events.keeps_no_alerts,
    codes.HEADER_DIFFERS: lint_severity.header_differs,
}


def run(
    view: View, *, errors_only: bool = False, but: Collection[codes.Code] = ()
) -> list[Problem]:
    """Return what the rules find in a file; the rules of the codes in `but` do not run."""
    return [
        Problem(found.at, code.id, found.message, code.severity)
        for code, rule in RULES.items()
        if (code.severity == "error" or not errors_only) and code not in but
        for found in rule(view)
    ]


def page(code: codes.Code) -> str:
    """Return a code's page: what and why, then `Bad:` and `Good:` with a piece of YAML each."""
    rule = RULES.get(code)
    return inspect.cleandoc(rule.__doc__ or "") if rule else lint_pages.PAGES[code]
