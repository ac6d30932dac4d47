"""CSV (RFC 4180, UTF-8 without a byte-order mark): one sample a row, nested values as JSON in their cell.

A cell that starts with ``= + - @``, a tab or a line end gets a leading apostrophe, because a spreadsheet would run it
as a formula. ``ragset.kit.exporting.plain_cell`` takes it off again, exactly.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from ragset.kit.exporting import json_text, neutral_cell, record, replacing_text
from ragset.schema.samples import Sample

COLUMNS = (
    "id",
    "question",
    "answer",
    "contexts",
    "evidence",
    "document_ids",
    "question_type",
    "persona",
    "axes",
    "answerable",
    "history",
    "measures",
    "verdicts",
    "provenance",
    "scenario_id",
    "status",
)


class CsvTable:
    """Columns of :data:`COLUMNS`; ``contexts``, ``evidence`` and other nested ones are JSON, none is an empty cell."""

    name: ClassVar[str] = "csv"
    suffix: ClassVar[str] = ".csv"

    def write(self, samples: Iterable[Sample], path: Path) -> int:
        """Write a header and one row a sample, in order; gives the number of rows without the header."""
        count = 0
        with replacing_text(path, newline="") as file:
            table = csv.writer(file, quoting=csv.QUOTE_ALL)
            table.writerow(COLUMNS)
            for sample in samples:
                row = record(sample)
                table.writerow(_cell(row[column]) for column in COLUMNS)
                count += 1
        return count


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return neutral_cell(value if isinstance(value, str) else json_text(value))
