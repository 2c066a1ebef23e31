"""Columns of a DataFrame: which are asked for, whether they are there, and rows kept beside others.

In come names and Arrow batches, out come Spark columns and Arrow arrays. Must not know what is made
of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.sql import Column
from pyspark.sql import functions as F  # noqa: N812 - as everybody calls it

from cef_bridge.errors import UsageError
from cef_bridge.wording import did_you_mean, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import DataFrame

_TEXT = ("string", "binary")


def text(frame: DataFrame, name: str) -> Column:
    """Return a column of texts as bytes. Raises UsageError when it is not there, or is no text."""
    kind = dict(frame.dtypes).get(name)
    if kind is None:
        raise UsageError(_missing(frame, name))
    if kind not in _TEXT:
        raise UsageError(f'The column "{shown(name)}" is {kind}. Expected string or binary.')
    return _named(name).cast("binary")


def any_of(frame: DataFrame, asked: Column | str | None, kind: str) -> Column:
    """Return a column that is asked for by its name or as an expression, as a type; None: nulls."""
    if not isinstance(asked, str):
        return (F.lit(None) if asked is None else asked).cast(kind)
    if asked not in frame.columns:
        raise UsageError(_missing(frame, asked))
    return _named(asked).cast(kind)


def kept(frame: DataFrame, names: Sequence[str], taken: Sequence[str]) -> list[Column]:
    """Return columns to keep beside others, under names that clash with none.

    `taken` are the result's own. Raises UsageError for what is not there, or is taken.
    """
    for name in names:
        if name not in frame.columns:
            raise UsageError(_missing(frame, name))
        if name in taken:
            raise UsageError(
                f'keep: "{shown(name)}" is a column of the result. Rename yours, such as by '
                f'withColumnRenamed("{shown(name)}", "my_{shown(name)}").'
            )
    return [_named(name).alias(f"kept{at}") for at, name in enumerate(names)]


def schema(frame: DataFrame, names: Sequence[str], own: str) -> str:
    """Return a schema: columns of our own, and kept ones behind."""
    types = dict(frame.dtypes)
    return ", ".join([own, *(f"{_quoted(name)} {types[name]}" for name in names)])


def beside(batch: pa.RecordBatch | None, first: int, rows: Sequence[int]) -> list[pa.Array]:
    """Return the columns of a batch from `first` on, for these rows of it; -1: nulls."""
    if batch is None:
        return []
    at = pa.array([None if row < 0 else row for row in rows], pa.int64())
    return [batch.column(number).take(at) for number in range(first, batch.num_columns)]


def _missing(frame: DataFrame, name: str) -> str:
    return f'There is no column "{shown(name)}". {did_you_mean(name, frame.columns).strip()}'


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _named(name: str) -> Column:
    return F.col(_quoted(name))
