"""Parquet with typed columns: contexts, evidence, history and verdicts are lists of structs, not text."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from ragset.adapters.parquet_rows import write_rows
from ragset.kit.exporting import json_text, record, replacing
from ragset.schema.samples import Sample

COLUMNS: dict[str, Any] = {
    "id": str,
    "question": str,
    "answer": str,
    "contexts": [{"chunk_id": str, "document_id": str, "text": str, "page": int, "headings": [str]}],
    "evidence": [{"document_id": str, "version": str, "start": int, "end": int, "quote": str}],
    "document_ids": [str],
    "question_type": str,
    "persona": str,
    "axes": str,
    "answerable": bool,
    "history": [{"role": str, "content": str}],
    "measures": str,
    "verdicts": [{"judge": str, "version": str, "score": float, "passed": bool, "reason": str}],
    "provenance": str,
    "scenario_id": str,
    "status": str,
}
"""Types of the columns; every value may be null. ``measures`` and ``provenance`` have free keys, so they are JSON."""


class ParquetTable:
    """Columns of :data:`COLUMNS`, compressed; read with pyarrow, pandas, datasets, DuckDB."""

    name: ClassVar[str] = "parquet"
    suffix: ClassVar[str] = ".parquet"

    def write(self, samples: Iterable[Sample], path: Path) -> int:
        """Write one row a sample, in order; gives the number of rows."""
        with replacing(path) as part:
            return write_rows((_row(sample) for sample in samples), COLUMNS, part)


def _row(sample: Sample) -> dict[str, Any]:
    row = record(sample)
    return {**row, **{name: json_text(row[name]) for name in ("axes", "measures", "provenance")}}
