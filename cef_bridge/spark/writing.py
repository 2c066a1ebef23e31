"""`to_cef`: a DataFrame of events becomes a DataFrame of messages and of what became of the rest.

The mapping goes to the workers with the query, and each worker compiles it once. Must not know
where the rows come from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from cef_bridge.batches import batches, columns
from cef_bridge.engine.outcomes import Value
from cef_bridge.spark.columns import any_of, beside, kept, schema, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pyspark.sql import Column, DataFrame

    from cef_bridge.batches import Batches, Outcome
    from cef_bridge.mapping.language.spec import Mapping

_OWN = (
    ("line", "string", pa.string()),
    ("class_id", "string", pa.string()),
    ("severity", "int", pa.int32()),
    ("event_time", "timestamp", pa.timestamp("us", tz="UTC")),
    ("event_id", "string", pa.string()),
    ("lane", "string", pa.string()),
    ("status", "string", pa.string()),
    ("rejected", "string", pa.string()),
    ("raw", "binary", pa.binary()),
)
COLUMNS = tuple(name for name, _, _ in _OWN)
"""The columns of the result, before those that are kept."""
_INPUT = ("value", "name", "offset", "problem")
_TOGETHER, _TOGETHER_BYTES = 2000, 8 << 20  # values that are converted at a time
_MOST_ROWS = 10_000  # of an Arrow batch; a value may be a whole file


def to_cef(  # noqa: PLR0913 - options by name
    df: DataFrame,
    mapping: Mapping | Path | str = "splunk",
    column: str = "value",
    *,
    name: Column | str | None = None,
    offset: Column | str | None = None,
    problem: Column | str | None = None,
    keep: Sequence[str] = (),
    syslog_header: str = "none",
    assumed_time: int | None = None,
    max_record: int = 1 << 20,
    strict: bool = False,
) -> DataFrame:
    """Return a DataFrame with a row for each record in a column of strings or bytes.

    Columns: `line` (the message), `class_id`, `severity` (1 to 10), `event_time`, `event_id`,
    `lane` (alerts, telemetry), `status` (converted, filtered, rejected, skipped), `rejected` (the
    reason), `raw` (bytes of a rejected record), and those of `keep`. All but `status` are null
    where there is nothing to say. No row is left out: count them by `status`.

    `mapping` is a name, a path on the driver, or what `load` or `load_text` gave. `name` and
    `offset` (bytes) say where a value is from, as `read_lines` has them: by these an event without
    a time is told from its repetitions. `problem`: where it is not null the value is rejected with
    this reason. The others are as in `batches`. Raises MappingError, and UsageError for columns
    that are not there.
    """
    convert = batches(
        mapping,
        syslog_header=syslog_header,
        assumed_time=assumed_time,
        max_record=max_record,
        strict=strict,
    )
    found = df.select(
        text(df, column).alias("value"),
        any_of(df, name, "string").alias("name"),
        any_of(df, offset, "bigint").alias("offset"),
        any_of(df, problem, "string").alias("problem"),
        *kept(df, keep, COLUMNS),
    )
    own = ", ".join(f"{each} {kind}" for each, kind, _ in _OWN)
    return found.mapInArrow(Converting(convert, tuple(keep)), schema(df, keep, own))


@dataclass(frozen=True)
class Converting:
    """What a worker runs: Arrow batches of one partition in, batches of outcomes out."""

    convert: Batches
    keep: tuple[str, ...]

    def __call__(self, parts: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield what became of the records, in their order."""
        loop = self.convert.loop()
        part: pa.RecordBatch | None = None
        for part in parts:
            for first, values in _together(part):
                outcomes = loop.add(values)
                for at in range(0, len(outcomes), _MOST_ROWS):
                    yield self._made(outcomes[at : at + _MOST_ROWS], part, first)
        if left := loop.end():
            yield self._made(left, part, 0)

    def _made(
        self, outcomes: list[Outcome], part: pa.RecordBatch | None, first: int
    ) -> pa.RecordBatch:
        """Return outcomes as Arrow; `first` is the row of the batch that their rows count from."""
        found = columns(outcomes)
        arrays = [pa.array(found[name], kind) for name, _, kind in _OWN]
        rows = [each.row if each.row < 0 else first + each.row for each in outcomes]
        arrays += beside(part, len(_INPUT), rows)
        return pa.RecordBatch.from_arrays(arrays, names=[*COLUMNS, *self.keep])


def _together(part: pa.RecordBatch) -> Iterator[tuple[int, list[Value]]]:
    """Yield the values of a batch, some at a time, each with the row of the first of them."""
    first, size = 0, 0
    values: list[Value] = []
    each = (part.column(number).to_pylist() for number in range(1, len(_INPUT)))
    rows = zip(part.column(0), *each, strict=True)
    for data, name, offset, problem in rows:
        value = data.as_py() or b""
        values.append(Value(value.removesuffix(b"\n"), name or "", offset or 0, problem or ""))
        size += len(value)
        if len(values) == _TOGETHER or size > _TOGETHER_BYTES:
            yield first, values
            first, size, values = first + len(values), 0, []
    if values:
        yield first, values
