"""Parquet files from plain rows, written in batches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 1000
"""Rows of one row group."""


def write_rows(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, Any], path: Path) -> int:
    """Write rows to a Parquet file; gives their number.

    ``columns`` says each column's type: ``str``, ``int``, ``float``, ``bool``, ``[type]`` for a list and
    ``{name: type}`` for a struct. Keys that it does not name are left out, at every depth.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([pa.field(name, _type(kind)) for name, kind in columns.items()])
    count, source = 0, iter(rows)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while batch := [dict(row) for row in islice(source, BATCH)]:
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))
            count += len(batch)
    return count


def _type(kind: Any) -> pa.DataType:
    import pyarrow as pa

    if isinstance(kind, list):
        return pa.list_(_type(cast("list[Any]", kind)[0]))
    if isinstance(kind, dict):
        return pa.struct([pa.field(name, _type(inner)) for name, inner in cast("dict[str, Any]", kind).items()])
    return {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}[kind]
