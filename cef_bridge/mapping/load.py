"""Mappings from files: a name or a path comes in, a merged `spec.Mapping` or all problems go out.

Follows `extends` from file to file, has each read, linted and merged. The only module of the
mapping language that opens mapping files. Must not know events or how rules are run.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.errors import Location, MappingError, Problem
from cef_bridge.mapping import codes, lint, nodes, reader, shipped
from cef_bridge.mapping.merge import merge, merge_rules
from cef_bridge.mapping.view import View
from cef_bridge.mapping.wording import did_you_mean, shown

if TYPE_CHECKING:
    from collections.abc import Mapping as MappingType

    from cef_bridge.mapping.draft import Draft
    from cef_bridge.mapping.spec import Mapping


def load(name_or_path: str | Path, *, env: MappingType[str, str] = os.environ) -> Mapping:
    """Return a mapping with everything it extends merged in.

    What has a slash, ends in .yaml or .yml, or is a file, is a path; all else is a shipped
    mapping's name. Raises MappingError with all errors of all files, each with its place.
    """
    chain = _Chain(env)
    chain.add(name_or_path)
    errors = [problem for problem in chain.finish() if problem.severity == "error"]
    if errors:
        raise MappingError(errors)
    return merge([file.draft for file in reversed(chain.files)])


def problems(name_or_path: str | Path, *, env: MappingType[str, str] = os.environ) -> list[Problem]:
    """Return all errors and warnings of a mapping and of what it extends, in order of place."""
    chain = _Chain(env)
    chain.add(name_or_path)
    return chain.finish()


def nodes_of(
    path: Path, at: Location, *, begin: str = "mapping: NAME"
) -> tuple[nodes.Node | None, list[Problem]]:
    """Return the root node of a file, None when there is none, and what is wrong with it.

    `at` is where it was named, which is where one that cannot be read is reported.
    """
    try:
        with path.open("rb") as file:
            data = file.read(nodes.MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "this is no path"
        message = f"{shown(str(path))} cannot be read: {reason}."
        return None, [Problem(at, codes.UNREADABLE.id, message, codes.UNREADABLE.severity)]
    return nodes.read(data, str(path), begin=begin)


class _File(NamedTuple):
    draft: Draft
    shipped: bool


class _Chain:
    """The files of a mapping, the child first."""

    def __init__(self, env: MappingType[str, str]) -> None:
        self.files: list[_File] = []
        self._env = env
        self._problems: list[Problem] = []
        self._seen: set[Path] = set()

    def add(self, name_or_path: str | Path) -> None:
        """Read a mapping and, one after the other, what it extends."""
        target, at = str(name_or_path), Location(str(name_or_path))
        folder = Path()
        while True:
            found = self._find(target, folder, at, top=not self.files)
            if found is None:
                return
            path, is_shipped = found
            draft = self._read(path, at)
            if draft is None:
                return
            self.files.append(_File(draft, is_shipped))
            parent = next((name for name in draft.names if name.kind == "mapping"), None)
            if parent is None:
                return
            target, at, folder = parent.text, parent.at, path.parent

    def _find(
        self, target: str, folder: Path, at: Location, *, top: bool
    ) -> tuple[Path, bool] | None:
        path = folder / target
        if "/" in target or target.endswith((".yaml", ".yml")) or _is_file(path):
            is_shipped = False
        elif target in shipped.names():
            path, is_shipped = shipped.path(target), True
        else:
            hint = did_you_mean(target, shipped.names())
            message = (
                f'There is no shipped mapping "{shown(target)}".{hint} '
                "A file of your own is named with its path."
            )
            self._report(at, codes.UNREADABLE, message)
            return None
        real = _resolved(path)
        if real in self._seen:
            message = (
                "This extends itself."
                if len(self.files) == 1
                else (f"{shown(target)} extends this one: they go round in a circle.")
            )
            self._report(at, codes.CIRCLE, f"{message} Remove one extends.")
            return None
        self._seen.add(real)
        return path, is_shipped or (top and path.parent.resolve() == shipped.folder())

    def _read(self, path: Path, at: Location) -> Draft | None:
        root, found = nodes_of(path, at)
        self._problems += found
        return None if root is None else reader.read(root, str(path), self._env)

    def finish(self) -> list[Problem]:
        """Check what was read, parents first, and return all problems in order of place."""
        drafts = [file.draft for file in self.files]
        # One whose variable is not set is another problem.
        cluster = any(
            draft.said.get("cluster", "cluster" in draft.places or None) for draft in drafts
        )
        inherited = None
        format_name = ""
        for file in reversed(self.files):
            draft = file.draft
            own_format = draft.said.get("format")
            if inherited is not None and own_format not in (None, format_name):
                message = (
                    f"The parent writes {format_name}, this one {own_format}. "
                    "Extend a mapping of the same format."
                )
                self._report(draft.places["format"], codes.OTHER_FORMAT, message)
            format_name = str(own_format or format_name or "cef")
            top = draft is drafts[0]
            view = View(draft, format_name, inherited, top and not file.shipped, cluster)
            self._problems += [*draft.problems, *lint.run(view)]
            inherited = merge_rules(inherited or {}, draft.said.get("extension"))
        order = {draft.path: index for index, draft in enumerate(drafts)}
        return sorted(
            dict.fromkeys(self._problems),
            key=lambda it: (order.get(it.at.path, -1), it.at.path, *it.at[1:], it.code),
        )

    def _report(self, at: Location, code: codes.Code, message: str) -> None:
        self._problems.append(Problem(at, code.id, message, code.severity))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except ValueError:  # a null character
        return False


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, ValueError, RuntimeError):
        return path
