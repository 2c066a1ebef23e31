"""`from_cef`: CEF and LEEF lines of any product become columns.

In comes a DataFrame of lines, out comes one row for each, with what is wrong with the line. Must
not know mappings or events.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from cef_bridge.errors import FormatError
from cef_bridge.lines.lint.lenient import Lenient, read_leniently
from cef_bridge.lines.message import Header
from cef_bridge.spark.columns import beside, kept, schema, text
from cef_bridge.wording import limit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyspark.sql import DataFrame

_TEXTS = ("format", "version", *Header._fields, "prefix")
COLUMNS = (*_TEXTS, "extension", "problems")
"""The columns of the result, before those that are kept."""
_EXTENSION = pa.map_(pa.string(), pa.string())
_MOST_BYTES = 1 << 20  # of a line, as `cef-bridge parse` has it


def from_cef(df: DataFrame, column: str = "line", *, keep: Sequence[str] = ()) -> DataFrame:
    """Return a DataFrame with a row for each line in a column of strings or bytes.

    Columns: `format` (cef, leef), `version`, `device_vendor`, `device_product`, `device_version`,
    `device_event_class_id`, `name`, `severity`, `prefix` (what is before the message), `extension`
    (a map from keys to values), `problems` (sentences, an empty list for a line without), and those
    of `keep`. All header columns are strings. A line without a message has nulls and its problem.
    Raises UsageError for columns that are not there.
    """
    found = df.select(text(df, column).alias("value"), *kept(df, keep, COLUMNS))
    own = ", ".join(f"{name} string" for name in _TEXTS)
    own += ", extension map<string,string>, problems array<string>"
    return found.mapInArrow(partial(parsed, tuple(keep)), schema(df, keep, own))


def parsed(keep: Sequence[str], parts: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the columns of the lines in the first column of some batches, and those behind it."""
    for part in parts:
        rows = [_read(value) for value in part.column(0).to_pylist()]
        arrays = [
            pa.array([texts and texts[at] for texts, _, _ in rows], pa.string())
            for at in range(len(_TEXTS))
        ]
        arrays.append(pa.array([extension for _, extension, _ in rows], _EXTENSION))
        arrays.append(pa.array([problems for _, _, problems in rows], pa.list_(pa.string())))
        arrays += beside(part, 1, range(part.num_rows))
        yield pa.RecordBatch.from_arrays(arrays, names=[*COLUMNS, *keep])


def _read(
    value: bytes | None,
) -> tuple[tuple[str, ...] | None, list[tuple[str, str]] | None, list[str]]:
    """Return the text columns, the extension and the problems of a line."""
    try:
        found = _parsed(value)
    except FormatError as error:
        return None, None, [str(error)]
    message = found.message
    texts = (message.format, message.version, *message.header, message.prefix)
    return texts, [*message.extension.items()], [*found.faults]


def _parsed(value: bytes | None) -> Lenient:
    if value is None:
        raise FormatError("the value is null.")
    if len(value) > _MOST_BYTES:
        raise FormatError(f"the line has more than {limit(_MOST_BYTES)}. Split it or leave it out.")
    line = value.removesuffix(b"\n").removesuffix(b"\r")
    return read_leniently(line.decode("utf-8", "replace"))
