"""Tables of a mapping that stand in a file of their own: two columns of CSV.

In comes a path, out come rows and problems with their line. Must not know what a table is for.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from cef_bridge.errors import Location, Problem
from cef_bridge.mapping.language.codes import BAD_TABLE, TWICE
from cef_bridge.small_files import UnreadableError, read_small
from cef_bridge.wording import shown

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES = 16 * 1024 * 1024
MOST_PROBLEMS = 20


def read(path: Path, at: Location) -> tuple[dict[str, str], list[Problem]]:
    """Return a file's rows, and what is wrong with it; `at` is where the mapping names it.

    Empty lines are passed over. Keys are compared without regard to case.
    """
    try:
        data = read_small(path, MOST_BYTES)
    except UnreadableError as error:
        message = f"The table {shown(str(path))} cannot be read: {error}."
        return {}, [Problem(at, BAD_TABLE.id, message)]
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = Location(str(path), data[: error.start].count(b"\n") + 1)
        return {}, [Problem(place, BAD_TABLE.id, "This is no UTF-8. Save the file as UTF-8.")]
    return _rows(text, str(path))


def _rows(text: str, path: str) -> tuple[dict[str, str], list[Problem]]:
    rows: dict[str, str] = {}
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        for cells in reader:
            place = Location(path, reader.line_num)
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != 2:
                message = f"Two columns are expected, not {len(cells)}: what is found, its value."
                problems.append(Problem(place, BAD_TABLE.id, message))
            else:
                key, value = (cell.strip() for cell in cells)
                line = seen.setdefault(key.casefold(), reader.line_num)
                if line != reader.line_num:
                    message = f'Duplicate "{shown(key)}", first in line {line}. Remove one.'
                    problems.append(Problem(place, TWICE.id, message))
                rows.setdefault(key, value)
            if len(problems) >= MOST_PROBLEMS:
                break
    except csv.Error:
        message = "This is no CSV: a column is too long, or a quote does not end."
        problems.append(Problem(Location(path, max(reader.line_num, 1)), BAD_TABLE.id, message))
    return rows, problems
