"""Rows of foreign files: JSON lines, JSON, CSV, TSV and Parquet, read with a line that says where and what is wrong.

What JSON can say and a file cannot hold (lone surrogates, NaN) is refused here, and so is what would break a run later
(a row of many megabytes, nesting without end). JSON lines, CSV and Parquet are streamed.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from ragset.errors import UsageError
from ragset.kit.foreign.encoding import not_utf8
from ragset.kit.foreign.keeping import named, unique

Json = dict[str, Any]

MAX_ROW = 8_000_000
"""Bytes of the longest row: what is longer is no pair with its contexts."""
MAX_WHOLE = 200_000_000
"""Bytes of the largest JSON file, which has to be read as a whole."""
MAX_DEPTH = 40
"""Lists and objects inside one another."""
MAX_NAMED = 12
"""Columns that a message names."""

LINES = frozenset({".jsonl", ".ndjson"})
TABLES = {".csv": ",", ".tsv": "\t"}
SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
HOLDERS = ("examples", "samples", "goldens", "data", "rows")
"""Keys under which a JSON object may hold its rows."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its fields, where it stands (``line 7``), and the fields of the file around it."""

    fields: Json
    where: str
    around: Json


def read(path: Path) -> Iterator[Row]:
    """Yield the rows of a file, by its suffix; raises ``UsageError`` with file and row."""
    suffix = path.suffix.lower()
    if path.is_dir():
        raise UsageError(
            "is a folder", where=str(path), hint="give a file, or name the format of the folder with --from"
        )
    if suffix in LINES:
        yield from _lines(path)
    elif suffix == ".json":
        yield from _whole(path)
    elif suffix in TABLES:
        yield from _table(path, TABLES[suffix])
    elif suffix == ".parquet":
        yield from _parquet(path)
    else:
        hint = f"give one of these: {', '.join(SUFFIXES)}"
        raise UsageError(
            f"'{path.suffix or path.name}' names no kind of file that holds rows", where=str(path), hint=hint
        )


def first_row(path: Path) -> Row | None:
    """Give the first row, or none when there is none."""
    return next(read(path), None)


def lines(path: Path) -> Iterator[tuple[str, Json]]:
    """Yield (``line n``, object) of a file of JSON lines, whatever its suffix."""
    with opened(path, "rb") as file:
        number = 0
        while line := file.readline(MAX_ROW + 1):
            number += 1
            if line.strip():
                yield f"line {number}", _object(parsed(line, path, f"line {number}"), path, f"line {number}")


def _lines(path: Path) -> Iterator[Row]:
    for where, fields in lines(path):
        yield Row(fields, where, {})


def parsed(data: bytes, path: Path, where: str = "") -> Any:
    """Read JSON and check that it can be written again; raises ``UsageError``."""
    place = f"{path}, {where}" if where else str(path)
    if where and len(data) > MAX_ROW:
        raise UsageError(f"is longer than {MAX_ROW // 1_000_000} MB", where=place, hint="take that row out")
    try:
        value = json.loads(data.decode("utf-8-sig"), parse_constant=_no_constant, object_pairs_hook=named)
        check(value)
    except UnicodeDecodeError as error:
        raise not_utf8(path, error, where) from error
    except (ValueError, RecursionError) as error:
        hint = "correct it, or take it out" if where else "give a file that is JSON"
        raise UsageError(f"is no JSON that can be kept ({_said(error)})", where=place, hint=hint) from error
    return value


def check(value: Any) -> None:
    """Refuse what a file of JSON lines cannot hold, and nesting without end; raises ``ValueError``."""
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            break
    else:
        raise ValueError(f"nested deeper than {MAX_DEPTH}")
    json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return cast("Json", value).values()
    return cast("list[Any]", value) if isinstance(value, list) else ()


def _no_constant(name: str) -> Any:
    raise ValueError(f"it holds {name}, which is no number; write null")


def _said(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return f"nested deeper than {MAX_DEPTH}"
    if isinstance(error, UnicodeEncodeError):
        return "it holds half a character, a lone surrogate"
    if "integer string conversion" in str(error):
        return "it holds a number with thousands of digits"
    return str(error).splitlines()[0][:100]


def _object(value: Any, path: Path, where: str) -> Json:
    if not isinstance(value, dict):
        raise UsageError("a row must be one JSON object", where=f"{path}, {where}", hint="write {…} for each row")
    return cast("Json", value)


def load(path: Path) -> Any:
    """Read a JSON file as a whole; raises ``UsageError``."""
    with opened(path, "rb") as file:
        data = file.read(MAX_WHOLE + 1)
    if len(data) > MAX_WHOLE:
        what = f"is larger than {MAX_WHOLE // 1_000_000} MB, and JSON has to be read as a whole"
        raise UsageError(what, where=str(path), hint="write it as JSON lines, or split it")
    return parsed(data, path)


def _whole(path: Path) -> Iterator[Row]:
    value = load(path)
    around: Json = {}
    if isinstance(value, dict):
        data = cast("Json", value)
        holder = next((name for name in HOLDERS if isinstance(data.get(name), list)), None)
        if holder is None:
            hint = "write a list of objects; with pandas: to_json(orient='records', lines=True)"
            raise UsageError(f"holds no list of rows, but {names(data)}", where=str(path), hint=hint)
        around = {name: inner for name, inner in data.items() if name != holder}
        value = data[holder]
    if not isinstance(value, list):
        raise UsageError("holds no list of rows", where=str(path), hint="write a list of objects")
    for number, row in enumerate(cast("list[Any]", value), 1):
        yield Row(_object(row, path, f"row {number}"), f"row {number}", around)


def _table(path: Path, delimiter: str) -> Iterator[Row]:
    with opened(path, "r") as file, _long_cells():
        table = csv.reader(_checked(file, path), delimiter=delimiter, strict=True)
        number = 0
        try:
            header = next(table, None)
            if not header or not any(name.strip() for name in header):
                raise UsageError("has no header row", where=str(path), hint="name the columns in the first row")
            number, columns = 1, unique(header)
            for number, cells in enumerate(table, 2):
                if any(cells):
                    yield _cells(columns, cells, path, f"row {number}")
        except UnicodeDecodeError as error:
            raise not_utf8(path, error) from error
        except csv.Error as error:
            what = f"cannot be read as a table ({_said(error)})"
            hint = "save it as UTF-8 CSV with quoted cells"
            raise UsageError(what, where=f"{path}, row {number + 1}", hint=hint) from error


def _cells(header: list[str], cells: list[str], path: Path, where: str) -> Row:
    if len(cells) > len(header):
        what = f"has {len(cells)} cells, and the header {len(header)}"
        raise UsageError(what, where=f"{path}, {where}", hint="put quotes around cells that hold the separator")
    fields: Json = dict(zip(header, cells, strict=False))
    try:
        check(fields)
    except ValueError as error:
        raise UsageError(f"cannot be kept ({_said(error)})", where=f"{path}, {where}", hint="correct it") from error
    return Row(fields, where, {})


def _checked(file: IO[str], path: Path) -> Iterator[str]:
    """Refuse a line end that never comes: the table reader would hold all of it."""
    number = 0
    while line := file.readline(MAX_ROW + 1):
        number += 1
        if len(line) > MAX_ROW:
            where = f"{path}, line {number}"
            raise UsageError(f"is longer than {MAX_ROW // 1_000_000} MB", where=where, hint="take that row out")
        yield line


@contextmanager
def _long_cells() -> Generator[None]:
    """Let a cell be as long as a row may be; the limit of the standard library holds 128 KB."""
    before = csv.field_size_limit(MAX_ROW)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _parquet(path: Path) -> Iterator[Row]:
    from ragset.adapters.parquet_reading import column_names, read_rows

    columns = column_names(path)
    if twice := next((name for at, name in enumerate(columns) if name in columns[:at]), None):
        raise UsageError(f"has two columns '{twice[:40]}'", where=str(path), hint="rename one of them")
    for number, fields in enumerate(read_rows(path), 1):
        try:
            check(fields)
        except ValueError as error:
            where = f"{path}, row {number}"
            raise UsageError(f"cannot be kept ({_said(error)})", where=where, hint="correct it") from error
        yield Row(fields, f"row {number}", {})


@contextmanager
def opened(path: Path, mode: str) -> Generator[Any]:
    """Open a file, text as UTF-8 with or without a byte-order mark; raises ``UsageError`` when it cannot be read."""
    text: dict[str, Any] = {} if "b" in mode else {"encoding": "utf-8-sig", "newline": ""}
    try:
        with path.open(mode, **text) as file:
            yield file
    except OSError as error:
        what = f"cannot be read ({error.strerror or error})"
        raise UsageError(what, where=str(path), hint="give a file that is there and may be read") from error


def names(fields: Mapping[str, Any]) -> str:
    """List the names of fields for a message."""
    shown = [str(name)[:40] for name in list(fields)[:MAX_NAMED]]
    return ", ".join((*shown, *["…"] * (len(fields) > MAX_NAMED))) or "nothing"
