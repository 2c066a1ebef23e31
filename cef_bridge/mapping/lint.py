"""The lint rules of mappings by code, and their run over one file.

A rule is a function whose docstring is its page (what, why, bad, good; the tests run both) and a
row of `RULES`. In comes a `View`, out come problems. Must not know YAML.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.errors import Problem
from cef_bridge.mapping import codes, lint_keys, lint_names, lint_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
}


def run(view: View) -> list[Problem]:
    """Return everything the rules find in a file."""
    return [
        Problem(found.at, code.id, found.message, code.severity)
        for code, rule in RULES.items()
        for found in rule(view)
    ]
