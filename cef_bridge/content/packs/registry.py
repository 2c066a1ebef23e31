"""The packs, a row a SIEM, in the order in which they are built.

Another one is a module or folder here with `def build(content: PackContent) -> dict[str, bytes]`
(path in the pack -> content) and a row below. A pack's module is imported when it is built.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, cast

from cef_bridge import __version__
from cef_bridge.content import rule_files, shipped_rules
from cef_bridge.content.packs.archive import packed
from cef_bridge.content.receivers import receivers, siems_of
from cef_bridge.errors import CefBridgeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from cef_bridge.content.packs.pack_content import PackContent
    from cef_bridge.content.trial import RuleVerdict


class PackRow(NamedTuple):
    """A pack: the SIEM's name, which is its folder's too, and what is in it.

    `archive`: the name of an archive that has the same files, in a folder of its own; "" for none.
    """

    siem: str
    about: str
    archive: str = ""


PACKS: dict[str, PackRow] = {
    row.siem: row
    for row in (
        PackRow(
            "splunk",
            "add-on: fields, event types, saved searches, dashboard",
            archive=f"TA-kubearmor-cef-{__version__}.spl",
        ),
        PackRow("elastic", "ingest pipeline, detection rules, dashboard, index template"),
        PackRow("sentinel", "analytic rules, ASIM parsers, workbook"),
        PackRow("qradar", "custom properties, filters for rules, searches, event map"),
        PackRow("arcsight", "categoriser, conditions of rules, fields for additional data"),
        PackRow("graylog", "content pack: stream, pipeline rules, event definitions"),
    )
}


class BuiltPack(NamedTuple):
    """A pack: its folders with their files, how many rules it has, and which were left out.

    `no_searches`: why the searches that prove delivery are left out, "" when they are not.
    """

    siem: str
    mapping: str
    rules: int
    left_out: tuple[RuleVerdict, ...]
    no_searches: str
    folders: dict[str, dict[str, bytes]]


def build(siems: Sequence[str], mapping: str | Path | None = None) -> Iterator[BuiltPack]:
    """Yield packs for SIEMs; without `siems` for those of the mapping, or all.

    Raises MappingError for a mapping that cannot be used, UsageError without pySigma.
    """
    from cef_bridge.content.packs.pack_content import (  # noqa: PLC0415 - pySigma is an extra
        PackContent,
    )

    names = tuple(siems) or tuple(it for it in PACKS if mapping is None or it in siems_of(mapping))
    files, problems = rule_files.read(shipped_rules.rules())
    if problems:
        raise CefBridgeError(str(problems[0]))
    for store in receivers(mapping, names) if names else ():
        content = PackContent(store, files)
        row = PACKS[store.siem.name]
        files_made = dict(sorted(_writer(row)(content).items()))
        folders = {row.siem: files_made}
        if row.archive:
            folders[f"{row.siem}-package"] = {row.archive: packed(files_made)}
        yield BuiltPack(
            row.siem,
            content.mapping.name,
            len(content.rules),
            content.left_out,
            content.no_searches,
            folders,
        )


def _writer(row: PackRow) -> Callable[[PackContent], dict[str, bytes]]:
    module = import_module(f"{__package__}.{row.siem}")
    return cast("Callable[[PackContent], dict[str, bytes]]", module.build)
