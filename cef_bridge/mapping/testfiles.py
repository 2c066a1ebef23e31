"""Examples of a mapping in files of their own: `NAME.test.yaml` and `NAME.*.test.yaml` beside it.

In comes a mapping's name or path, or the path of such a file; out come the mapping and all files
of examples that are run against it, its own first. Must not know how an example is run.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from cef_bridge.errors import Location, MappingError, Problem
from cef_bridge.mapping.language import codes, reader, shipped, spec
from cef_bridge.mapping.language.beside import (
    SUFFIX,
    candidates,
    is_file,
    is_path,
    is_test_file,
    mapping_of,
    no_mapping,
)
from cef_bridge.mapping.load import load, nodes_of
from cef_bridge.wording import shown

if TYPE_CHECKING:
    from cef_bridge.mapping.language.mapping_file import MappingFile


class Examples(NamedTuple):
    """The examples of one file, in their order. `mine` tells that the file is not a shipped one."""

    path: Path
    examples: tuple[spec.Example, ...]
    mine: bool


class Suite(NamedTuple):
    """A mapping, its files of examples, and what is wrong with those that are not among them.

    `others` are files beside it that name another mapping, with its name.
    """

    mapping: spec.Mapping
    files: tuple[Examples, ...]
    problems: tuple[Problem, ...]
    others: tuple[tuple[Path, str], ...]


class _File(NamedTuple):
    path: Path
    examples: tuple[spec.Example, ...]
    mapping: str


def suite(name_or_path: str | Path) -> Suite:
    """Return what is to be run for a mapping, or for one file of examples alone.

    MappingError when the mapping cannot be used, or the file that was named cannot.
    """
    if is_test_file(name_or_path):
        file = _read(Path(name_or_path))
        mapping = load(file.mapping)
        return Suite(mapping, (Examples(file.path, file.examples, mine=True),), (), ())
    mapping = load(name_or_path)
    own = Path(mapping.path)
    mine = own.resolve().parent != shipped.folder().resolve()
    files = [Examples(own, mapping.examples, mine)]
    problems: list[Problem] = []
    others = []
    for path in candidates(own) if mine else ():
        try:
            file = _read(path)
        except MappingError as error:
            problems += error.problems
            continue
        if _same(file.mapping, own):
            files.append(Examples(path, file.examples, mine=True))
        else:
            others.append((path, file.mapping))
    return Suite(mapping, tuple(files), tuple(problems), tuple(others))


def _read(path: Path) -> _File:
    top = Location(str(path))
    root, found = nodes_of(path, top, begin="examples:")
    problems = [problem for problem in found if problem.severity == "error"]
    if root is None:
        raise MappingError(problems)
    draft = reader.read(root, str(path), {}, spec.ExampleFile)
    problems += draft.problems
    target = _target(draft, path, problems)
    if problems:
        raise MappingError(sorted(problems, key=lambda it: it.at))
    examples = cast("tuple[spec.Example, ...]", draft.said["examples"])
    return _File(path, examples, target)


def _target(draft: MappingFile, path: Path, problems: list[Problem]) -> str:
    """Return the mapping that a file of examples is of: the one it names, else by its own name."""
    named = draft.said.get("mapping")
    if isinstance(named, str):
        return _named(named, path, draft.places["mapping"], problems)
    if "mapping" in draft.places and "mapping" not in draft.said:
        return ""  # it was named, and what is wrong with that has been reported
    own = mapping_of(path)
    if own is not None:
        return str(own)
    message = (
        f'There is no mapping "{shown(path.name.removesuffix(SUFFIX))}.yaml" beside this file. '
        'Name the one that the examples are of: "mapping: PATH".'
    )
    problems.append(Problem(Location(str(path)), codes.MISSING.id, message))
    return ""


def _named(named: str, path: Path, at: Location, problems: list[Problem]) -> str:
    if not is_path(named, path.parent):
        if named in shipped.names():
            return named
        message = no_mapping(named, path.parent)
    elif is_file(beside := path.parent / named):
        return str(beside)
    else:
        message = f'There is no mapping "{shown(named)}": a path is taken from where this file is.'
    problems.append(Problem(at, codes.UNREADABLE.id, message))
    return ""


def _same(name: str, path: Path) -> bool:
    try:
        return Path(name).samefile(path)
    except (OSError, ValueError):
        return False
