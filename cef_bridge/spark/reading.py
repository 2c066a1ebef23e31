"""`read_lines`: archives of events become a DataFrame of records, each with its place.

Spark brings the files, from wherever it can; they are unpacked and cut as `convert` does it, so
that each record has the name and the offset that it has there. Must not know what records mean.
"""

from __future__ import annotations

import io
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import pyarrow as pa

from cef_bridge.sources.files.archives import open_stream
from cef_bridge.sources.files.raw import Raw
from cef_bridge.sources.records.blocks import Block, blocks
from cef_bridge.sources.records.units import Oversized

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyspark.sql import DataFrame, SparkSession

_FILES = "path string, modificationTime timestamp, length bigint, content binary"
_LINES = "value binary, file string, line_number bigint, offset bigint, problem string"
_SCHEMA = pa.schema(
    [
        ("value", pa.binary()),
        ("file", pa.string()),
        ("line_number", pa.int64()),
        ("offset", pa.int64()),
        ("problem", pa.string()),
    ]
)
_MOST_ROWS = 2000
_LOCAL = "file:"

_Row = tuple[bytes, str, int, int, str | None]


def read_lines(
    spark: SparkSession,
    path: str | Sequence[str],
    *,
    stream: bool = False,
    max_record: int = 1 << 20,
    **options: str,
) -> DataFrame:
    """Return the records in files: lines, elements of JSON arrays, pretty-printed documents.

    Columns: `value` (bytes), `file`, `line_number` (from 1), `offset` (bytes of the unpacked file),
    and `problem`, null but for what could not be read whole. Compressed files and tars are
    recognized by their content. `file` is the path as `convert` names it when it is given the
    absolute path; of other file systems it is the URL. Blank lines have no row.

    `stream`: follow the folder `path` for new files. `max_record`, in bytes, is the longest record.
    `options` are those of Spark's format binaryFile, such as pathGlobFilter and
    recursiveFileLookup. A file is one task, and in memory as it is, packed or not; Spark takes
    files of up to 2 GB.
    """
    reader = (spark.readStream if stream else spark.read).format("binaryFile").schema(_FILES)
    paths = path if isinstance(path, str) else [*path]
    found = reader.options(**options).load(paths)
    return found.select("path", "content").mapInArrow(partial(cut, max_record), _LINES)


def cut(max_record: int, parts: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the records in files, which come as their paths and contents."""
    for part in parts:
        for path, content in zip(part.column(0), part.column(1), strict=True):
            rows = _rows(path.as_py(), content.as_py(), max_record)
            while some := [*islice(rows, _MOST_ROWS)]:
                arrays = zip(*some, strict=True)
                yield pa.RecordBatch.from_arrays(
                    [
                        pa.array(each, field.type)
                        for each, field in zip(arrays, _SCHEMA, strict=True)
                    ],
                    schema=_SCHEMA,
                )


def _rows(path: str, content: bytes, max_record: int) -> Iterator[_Row]:
    """Yield the records in a file."""
    local = path.startswith(_LOCAL)
    name = "/" + path.removeprefix(_LOCAL).lstrip("/") if local else path
    for stream in open_stream(Raw(io.BytesIO(content)), name):
        for item in blocks(stream, max_record=max_record):
            if isinstance(item, Block):
                for unit, (line, offset) in zip(item.lines, item.places(), strict=True):
                    yield unit, stream.name, line, offset, None
            elif isinstance(item, Oversized):
                why = f"the record has {item.size:,} bytes, over the limit of {max_record:,}"
                yield item.head, stream.name, item.line, item.offset, why
            else:
                yield item.raw, stream.name, item.line, item.offset, item.reason
