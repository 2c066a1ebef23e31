"""Mappings: a name, a path or a text comes in, a merged `spec.Mapping` or all problems go out.

Follows `extends` from file to file, has each read, its names given slots, linted and merged. The
only module of the mapping language that opens mapping files, and has slots files written. Must not
know events or how rules are run.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.errors import Location, MappingError, Problem, UsageError
from cef_bridge.mapping.language import codes, nodes, reader, shipped, suppressions
from cef_bridge.mapping.language.beside import is_path, is_tested, meant, no_mapping
from cef_bridge.mapping.language.merge import merge
from cef_bridge.mapping.language.slots_chain import Names
from cef_bridge.mapping.lint import linter
from cef_bridge.mapping.lint.context import LintContext
from cef_bridge.small_files import UnreadableError, read_small
from cef_bridge.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from collections.abc import Mapping as MappingType

    from cef_bridge.mapping.language.mapping_file import MappingFile, Named
    from cef_bridge.mapping.language.spec import Mapping

# Skipped for shipped mappings that are only run: it takes half of the loading time.
_SLOW = frozenset((codes.NO_SEVERITY,))


def load(name_or_path: str | Path, *, env: MappingType[str, str] = os.environ) -> Mapping:
    """Return a mapping with everything it extends merged in.

    `beside.is_path` tells a path from a shipped mapping's name. Names that are new (`slot: auto`)
    are written to the slots file beside their mapping, and said on stderr. Raises MappingError with
    all errors of all files, each with its place.
    """
    chain = Chain(env)
    chain.add(name_or_path)
    return chain.merged()


def load_text(text: str, name: str, *, env: MappingType[str, str] = os.environ) -> Mapping:
    """Return the mapping that a YAML text says, with everything it extends merged in.

    `name` is what messages call the text, as they name a file; files that it names are looked for
    from the folder that `name` is in (`acme.yaml`: the current one). No file is written: names with
    `slot: auto` need a slots file that has them already, or are errors. Raises MappingError as
    `load` does, UsageError without a name.
    """
    if not name.strip("/.") or "\0" in name:
        raise UsageError("A mapping's text needs a name for messages, such as acme.yaml.")
    chain = Chain(env)
    chain.add_text(text.encode("utf-8", "surrogatepass"), name)
    return chain.merged()


class Checked(NamedTuple):
    """What a check found, in order of place, and what of it an excuse takes away."""

    problems: list[Problem]
    excused: list[Problem]


def problems(name_or_path: str | Path, *, env: MappingType[str, str] = os.environ) -> list[Problem]:
    """Return all errors and warnings of a mapping and of what it extends, in order of place.

    When there is no error, new names are written to slots files, as `load` does.
    """
    return check([name_or_path], env=env).problems


def check(
    names_or_paths: Sequence[str | Path], *, env: MappingType[str, str] = os.environ
) -> Checked:
    """Return the problems of several mappings, and of what they mean differently.

    What several of them extend is told once, with the first of them.
    """
    from cef_bridge.mapping.lint import across  # noqa: PLC0415 - of what is loaded to run, nobody asks

    chains = [Chain(env) for _ in names_or_paths]
    found: dict[Problem, None] = {}
    for chain, name_or_path in zip(chains, names_or_paths, strict=True):
        chain.add(name_or_path)
        found |= dict.fromkeys(chain.finish())
    own = [[file.draft for file in chain.files if not file.shipped] for chain in chains]
    found |= dict.fromkeys(across.disagreements(map(across.labels_of, own)))
    drafts = {file.draft.path: file.draft for chain in chains for file in chain.files}
    said = [excuse for draft in drafts.values() for excuse in draft.excuses]
    tops = {chain.files[0].draft.path for chain in chains if chain.files}
    left, excused = suppressions.apply(found, said, tops)
    order: dict[str, int] = {}
    for chain in chains:
        for path in sorted(chain.order, key=chain.order.__getitem__):
            order.setdefault(path, len(order))
    return Checked(in_order(left, order), in_order(excused, order))


def files_of(
    names_or_paths: Sequence[str | Path], *, env: MappingType[str, str] = os.environ
) -> list[str]:
    """Return the paths of all files that mappings are made of, those that are not there as well."""
    chains = [Chain(env) for _ in names_or_paths]
    for chain, name_or_path in zip(chains, names_or_paths, strict=True):
        chain.add(name_or_path)
    return list(dict.fromkeys(path for chain in chains for path in chain.paths()))


def path_of(name_or_path: str | Path) -> Path:
    """Return the file that a name or path means; MappingError when there is none."""
    chain = Chain({})
    path = chain.find(str(name_or_path))
    if path is None:
        raise MappingError(chain.finish())
    return path


def in_order(problems: Iterable[Problem], order: MappingType[str, int]) -> list[Problem]:
    """Return problems in the order of their files and places; files without a number first."""
    return sorted(
        problems, key=lambda it: (order.get(it.at.path, -1), it.at.path, *it.at[1:], it.code)
    )


def replaced(
    name_or_path: str | Path, *, env: MappingType[str, str] = os.environ
) -> dict[tuple[str, str], list[Location]]:
    """Return the rules of parents that a mapping's own stand over: by section and key, places.

    Sections are "extension", "header" and "severity"; a key that the mapping removes is among them.
    """
    chain = Chain(env)
    chain.add(name_or_path)
    chain.finish(to_run=True)  # gives names their slots
    return chain.replaced()


def nodes_of(
    path: Path, at: Location, *, begin: str = "mapping: NAME"
) -> tuple[nodes.Node | None, list[Problem]]:
    """Return the root node of a file, None when there is none, and what is wrong with it.

    `at` is where it was named, which is where one that cannot be read is reported.
    """
    data = _bytes_of(path, at)
    if isinstance(data, Problem):
        return None, [data]
    return nodes.read(data, str(path), begin=begin)


def _bytes_of(path: Path, at: Location) -> bytes | Problem:
    try:
        return read_small(path, nodes.MOST_BYTES)
    except UnreadableError as error:
        message = f"{shown(str(path))} cannot be read: {error}."
        if error.errno == errno.ENOENT and (near := meant(path.name, path.parent)):
            message += f' Did you mean "{shown(str(path.parent / near))}"?'
        return Problem(at, codes.UNREADABLE.id, message, codes.UNREADABLE.severity)


class _File(NamedTuple):
    draft: MappingFile
    shipped: bool


class Chain:
    """The files of a mapping, the child first.

    `drafts`: shipped mappings that were read before, by path; more are added. `saves`: whether
    new names are written to slots files.
    """

    def __init__(
        self,
        env: MappingType[str, str],
        *,
        drafts: dict[Path, MappingFile] | None = None,
        saves: bool = True,
    ) -> None:
        self.files: list[_File] = []
        self._drafts = drafts
        self._saves = saves
        self._env = env
        self._problems: list[Problem] = []
        self._seen: set[Path] = set()
        self.order: dict[str, int] = {}  # of the files that problems are in, slots files too

    def add(self, name_or_path: str | Path) -> None:
        """Read a mapping and, one after the other, what it extends."""
        self._follow(str(name_or_path), Location(str(name_or_path)), Path())

    def add_text(self, data: bytes, name: str, *, is_shipped: bool = False) -> None:
        """Take a mapping's bytes as those of a file of that name, and read what it extends.

        `is_shipped`: they are judged as those of a shipped mapping.
        """
        if len(data) > nodes.MOST_BYTES:
            message = f"The mapping is larger than {nodes.MOST_BYTES >> 20} MiB."
            self._report(Location(name), codes.UNREADABLE, message)
            return
        draft = self._draft(data, name)
        if draft is not None:
            self._seen.add(_resolved(Path(name)))
            self.files.append(_File(draft, is_shipped))
            if (parent := _parent(draft)) is not None:
                self._follow(parent.text, parent.at, Path(name).parent)

    def find(self, target: str) -> Path | None:
        """Return the file that a name or path means, None where that is a problem."""
        found = self._find(target, Path(), Location(target), top=True)
        return found[0] if found else None

    def _follow(self, target: str, at: Location, folder: Path) -> None:
        """Read a mapping, named in a file of the folder, and what it extends."""
        while True:
            found = self._find(target, folder, at, top=not self.files)
            if found is None:
                return
            path, is_shipped = found
            draft = self._read(path, at, keep=is_shipped)
            if draft is None:
                return
            self.files.append(_File(draft, is_shipped))
            if (parent := _parent(draft)) is None:
                return
            target, at, folder = parent.text, parent.at, path.parent

    def _find(
        self, target: str, folder: Path, at: Location, *, top: bool
    ) -> tuple[Path, bool] | None:
        path = folder / target
        if is_path(target, folder):
            is_shipped = False
        elif (name := _shipped_name(target)) is not None:
            path, is_shipped = shipped.path(name), True
        else:
            self._report(at, codes.UNREADABLE, no_mapping(target, folder))
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

    def _read(self, path: Path, at: Location, *, keep: bool) -> MappingFile | None:
        if keep and self._drafts is not None and path in self._drafts:
            return self._drafts[path]
        data = _bytes_of(path, at)
        if isinstance(data, Problem):
            self._problems.append(data)
            return None
        draft = self._draft(data, str(path))
        if keep and self._drafts is not None and draft is not None:
            self._drafts[path] = draft
        return draft

    def _draft(self, data: bytes, path: str) -> MappingFile | None:
        root, found = nodes.read(data, path)
        self._problems += found
        if root is None:
            return None
        draft = reader.read(root, path, self._env)
        draft.excuses = suppressions.find(data, path)
        return draft

    def paths(self) -> Iterator[str]:
        """Yield the paths of mappings and tables, also of those that could not be read."""
        yield from map(str, self._seen)
        for file in self.files:
            rules = (seen.rule for seen in file.draft.rules)
            yield from (rule.table.file for rule in rules if rule.table and rule.table.file)

    def merged(self) -> Mapping:
        """Return the mapping to run; MappingError with all errors of all files."""
        errors = [it for it in self.finish(to_run=True) if it.severity == "error"]
        if errors:
            raise MappingError(errors)
        return merge([file.draft for file in reversed(self.files)])

    def finish(self, *, to_run: bool = False) -> list[Problem]:
        """Check what was read, parents first, and return all problems in order of place.

        With `to_run` only the rules that report errors run.
        """
        drafts = [file.draft for file in self.files]
        # One whose variable is not set is another problem.
        cluster = any(
            draft.said.get("cluster", "cluster" in draft.places or None) for draft in drafts
        )
        view: LintContext | None = None
        format_name = ""
        names = Names()
        for index in reversed(range(len(drafts))):
            own_format = drafts[index].said.get("format")
            if view is not None and own_format not in (None, format_name):
                message = (
                    f"The parent writes {format_name}, this one {own_format}. "
                    "Extend a mapping of the same format."
                )
                self._report(drafts[index].places["format"], codes.OTHER_FORMAT, message)
            format_name = str(own_format or format_name or "cef")
            inherited = view.merged.extension if view else {}
            draft, beside, found = names.give(drafts[index], format_name, inherited)
            drafts[index] = draft
            self.files[index] = self.files[index]._replace(draft=draft)
            self.order |= {draft.path: index, beside: index}
            own = index == 0 and not self.files[0].shipped
            merged = merge(drafts[index:][::-1])
            tested = own and is_tested(Path(draft.path))
            view = LintContext(draft, format_name, merged, view, own, cluster, tested)
            self._problems += [*draft.problems, *found]
            but = _SLOW if to_run and self.files[index].shipped else frozenset()
            self._problems += linter.run(view, errors_only=to_run, but=but)
        if self._saves and not any(problem.severity == "error" for problem in self._problems):
            self._problems += names.keep()
        return in_order(dict.fromkeys(self._problems), self.order)

    def replaced(self) -> dict[tuple[str, str], list[Location]]:
        """Return the rules of parents that the mapping's own stand over, once it is finished."""
        over: dict[tuple[str, str], list[Location]] = {}
        taken: set[tuple[str, str]] = set()
        replaces = False
        for file in self.files:
            said = {(seen.section, seen.key) for seen in file.draft.rules}
            said |= {(name.kind, name.text) for name in file.draft.keys}
            for seen in file.draft.rules:
                if seen.section == "severity" and not replaces:
                    continue  # these still have their turn
                if (seen.section, seen.key) in taken:
                    over.setdefault((seen.section, seen.key), []).append(seen.rule.at)
            taken |= said
            replaces |= "severity" in file.draft.replaces
        return over

    def _report(self, at: Location, code: codes.LintRule, message: str) -> None:
        self._problems.append(Problem(at, code.id, message, code.severity))


def _parent(draft: MappingFile) -> Named | None:
    """Return the name of the mapping that a file extends, None when it extends none."""
    return next((name for name in draft.names if name.kind == "mapping"), None)


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, ValueError, RuntimeError):
        return path


def _shipped_name(target: str) -> str | None:
    """Return the shipped mapping of a name, or of a SIEM's name; None when there is none."""
    known = shipped.names()
    if target in known:
        return target
    from cef_bridge.siems.registry import mapping_of  # noqa: PLC0415 - a mapping's own name is usual

    name = mapping_of(target)
    return name if name in known else None
