"""`cef-bridge content build`: the packs of SIEMs, written into folders.

In come SIEMs and a mapping, out go folders and a table of what is in them. Must not know what a
pack is made of.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cef_bridge.cli.params import Receiver, mapping_option
from cef_bridge.cli.tables import cut, json_option, print_sentence, print_table
from cef_bridge.content.packs import registry
from cef_bridge.content.packs.writing import write
from cef_bridge.errors import UsageError
from cef_bridge.files import printed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.content.packs.registry import BuiltPack

_FAILED = 3

_BELOW = """A folder is written as a whole, in place of what an earlier build wrote. Files that
somebody else wrote or changed are not overwritten: exit code 2. The same input makes the same
bytes. Exit code 3 when a rule does not fire with the mapping, or searches miss a field: they are
left out."""


@click.command("build", epilog=_BELOW)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write to: a folder in it for each SIEM.",
)
@click.option(
    "--for",
    "siems",
    multiple=True,
    type=Receiver(list(registry.PACKS)),
    help="SIEM to build for, repeatable. Default: those of the mapping, else all.",
)
@mapping_option(None, "; without it each SIEM's own")
@json_option
def command(out: Path, siems: tuple[str, ...], mapping_name: str | None, *, as_json: bool) -> None:
    """Build what SIEMs import: field extractions, detection rules, dashboards.

    Each pack has a README that says how to install it, and what it was tested against. The names of
    fields are those that the SIEM's parser makes of the messages of the mapping.
    """
    built = list(registry.build(tuple(dict.fromkeys(siems)), mapping_name))
    if not built:
        raise UsageError("there is no pack for the SIEMs of this mapping. Name one with --for.")
    write(out, {folder: files for it in built for folder, files in it.folders.items()})
    if as_json:
        click.echo(json.dumps([_plain(it, out) for it in built], ensure_ascii=False, indent=2))
    else:
        _print(built, out)
    left_out = _left_out(built)
    for text in left_out:
        print_sentence(text, "warning", err=True)
    if left_out:
        raise SystemExit(_FAILED)


def _print(built: Sequence[BuiltPack], out: Path) -> None:
    rows = [
        (it.siem, cut(it.mapping), f"{it.rules}", f"{len(files)}", printed(out / folder))
        for it in built
        for folder, files in it.folders.items()
    ]
    print_table(("siem", "mapping", "rules", "files", "folder"), rows)


def _plain(it: BuiltPack, out: Path) -> dict[str, object]:
    return {
        "siem": it.siem,
        "mapping": it.mapping,
        "rules": it.rules,
        "left_out": [
            {"rule": each.rule.name, "result": each.result, "why": list(each.why)}
            for each in it.left_out
        ],
        "no_searches": it.no_searches,
        "folders": {str(out / folder): list(files) for folder, files in it.folders.items()},
    }


def _left_out(built: Sequence[BuiltPack]) -> list[str]:
    found = []
    for it in built:
        rows = [(each.rule.name, "; ".join(each.why)) for each in it.left_out]
        rows += [("searches that prove delivery", it.no_searches)] if it.no_searches else []
        found += [f"left out of {it.siem}: {cut(name)}: {cut(why)}" for name, why in rows]
    return found
