"""The lint rules of mappings by code, their pages, and their run over one file.

A rule is a row of `codes` and a function below `@reports` in one of the modules imported here; its
docstring is its page (what, why, bad, good; the tests run both). What others than rules report has
its page in `pages`. In comes a `LintContext`, out come problems. Must not know YAML.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from cef_bridge.errors import Problem
from cef_bridge.mapping.lint import (  # noqa: F401 - each declares its rules
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
from cef_bridge.mapping.lint.registry import DECLARED

if TYPE_CHECKING:
    from collections.abc import Collection

    from cef_bridge.mapping.language import codes
    from cef_bridge.mapping.lint.context import LintContext

RULES = dict(sorted(DECLARED.items()))


def run(
    view: LintContext, *, errors_only: bool = False, but: Collection[codes.LintRule] = ()
) -> list[Problem]:
    """Return what the rules find in a file; the rules of the codes in `but` do not run."""
    return [
        Problem(found.at, code.id, found.message, code.severity, found.fix)
        for code, rule in RULES.items()
        if (code.severity == "error" or not errors_only) and code not in but
        for found in rule(view)
    ]


def page(code: codes.LintRule) -> str:
    """Return a code's page: what and why, what --fix does, `Bad:` and `Good:` with YAML each."""
    rule = RULES.get(code)
    text = inspect.cleandoc(rule.__doc__ or "") if rule else pages.PAGES[code]
    fix = f"`mapping lint --fix` {code.fix}\n\n" if code.fix else ""
    return text.replace("Bad:\n", f"{fix}Bad:\n", 1)
