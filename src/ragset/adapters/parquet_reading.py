"""Rows of a Parquet file as plain data, read in batches: nothing but the current batch is held."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from ragset.errors import UsageError

BATCH = 500
"""Rows held at once."""


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file in order; raises ``UsageError`` for a file that is no Parquet, or a damaged one.

    Dates become ISO text. A NaN becomes none: it is how pandas writes a missing value.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=BATCH):
                for row in batch.to_pylist():
                    yield {str(name): plain(value) for name, value in row.items()}
    except (pa.ArrowException, OSError, ValueError) as error:
        what = f"is no Parquet file that can be read ({str(error).splitlines()[0][:100]})"
        raise UsageError(what, where=str(path), hint="write it again, with pandas or pyarrow") from error


def column_names(path: Path) -> list[str]:
    """Give the names of the columns; raises ``UsageError`` as :func:`read_rows` does."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return list(pq.read_schema(path).names)
    except (pa.ArrowException, OSError, ValueError) as error:
        what = f"is no Parquet file that can be read ({str(error).splitlines()[0][:100]})"
        raise UsageError(what, where=str(path), hint="write it again, with pandas or pyarrow") from error


def plain(value: Any) -> Any:
    """Turn a cell into what JSON can say."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in cast("list[Any]", value)]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal | timedelta):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return value
