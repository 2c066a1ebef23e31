"""`cef-bridge mapping explain-rule`: the page of a lint rule, or the list of all.

In comes a code, out goes its page. Must not know any rule.
"""

from __future__ import annotations

import json
import re

import click

from cef_bridge.cli.params import Name, offered
from cef_bridge.cli.tables import json_option, print_page, print_rows
from cef_bridge.errors import UsageError
from cef_bridge.mapping.language import codes
from cef_bridge.mapping.lint import linter
from cef_bridge.wording import did_you_mean, shown

_CODE = Name(lambda incomplete: offered(codes.CODES, incomplete.upper()))


@click.command("explain-rule")
@click.argument("code", required=False, type=_CODE)
@json_option
def command(code: str | None, as_json: bool) -> None:
    """Print the page of a `mapping lint` code, with examples. Default: list all."""
    if code is not None:
        explain(code, as_json=as_json)
    else:
        rows = [(row.id, row.severity, row.meaning) for row in codes.CODES.values()]
        print_rows(("code", "severity", "meaning"), rows, as_json=as_json)


def explain(code: str, *, as_json: bool = False) -> None:
    """Print a rule's page; UsageError for a code that there is not."""
    row = codes.CODES.get(code.upper())
    if row is None and re.fullmatch(r"L\d+", code.upper()):
        raise UsageError(
            f'"{shown(code)}" is a code of lint-cef. Write "cef-bridge lint-cef --explain {code}".'
        )
    if row is None:
        hint = did_you_mean(code.upper(), list(codes.CODES))
        raise UsageError(
            f'There is no code "{shown(code)}".{hint} '
            '"cef-bridge mapping explain-rule" lists all of them.'
        )
    if as_json:
        plain = {"code": row.id, "severity": row.severity, "meaning": row.meaning}
        click.echo(json.dumps(plain | {"page": linter.page(row)}, ensure_ascii=False, indent=2))
        return
    print_page(f"{row.id} {row.severity}: {row.meaning}\n\n{linter.page(row)}")
