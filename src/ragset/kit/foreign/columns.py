"""Plain JSON lines and CSV: each part of a pair in a column of its own, under a usual name or one that is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from ragset.errors import UsageError, did_you_mean
from ragset.kit.foreign import PLAIN
from ragset.kit.foreign.pairs import Fields, NoCorpus, Pair, listed, turns_of, with_ids
from ragset.kit.foreign.rows import LINES, TABLES, Row, first_row, names, read

USUAL: dict[str, tuple[str, ...]] = {
    "question": ("question", "query", "input", "prompt", "Question"),
    "answer": ("answer", "reference_answer", "ground_truth", "reference", "expected_answer", "output", "Answer"),
    "contexts": ("contexts", "context", "reference_contexts", "passages", "passage", "Context"),
    "context_ids": ("context_ids", "reference_context_ids", "document_ids"),
    "id": ("id", "_id", "qid", "question_id"),
    "answerable": ("answerable", "is_answerable"),
    "history": ("history", "conversation_history"),
    "persona": ("persona", "persona_name"),
    "question_type": ("question_type", "type"),
    "language": ("language", "lang"),
    "style": ("style",),
}
"""The parts of a pair, and the columns that are taken for them where none is named."""

OWN_TABLE = frozenset({"id", "question", "contexts", "evidence", "scenario_id"})
"""Columns by which a table that ragset exported is known: its cells are neutral to a spreadsheet."""

_NO = frozenset({"0", "false", "no", "n", "f"})


class _Columns(NoCorpus):
    """Rows whose columns are named."""

    name: ClassVar[str]
    suffixes: ClassVar[frozenset[str]]
    wants: ClassVar[str] = "question"
    answers: ClassVar[str] = "answer"

    def fits(self, path: Path, first: Row | None) -> bool:
        """Tell by the suffix and a column with a usual name for the question."""
        return (
            first is not None
            and path.suffix.lower() in self.suffixes
            and any(name in first.fields for name in USUAL["question"])
        )

    def pairs(self, path: Path, columns: Mapping[str, str]) -> Iterator[Pair]:
        """Yield one pair a row; raises ``UsageError`` for a column that is not there."""
        first = first_row(path)
        for part, column in columns.items():
            if first and column not in first.fields:
                hint = f"its columns: {names(first.fields)}"
                raise UsageError(f"has no column '{column}' for the {part}", where=str(path), hint=hint)
        for row in self.rows(path):
            yield _pair(Fields(row), columns)

    def rows(self, path: Path) -> Iterator[Row]:
        """Yield the rows as they are meant."""
        return read(path)


class JsonLines(_Columns):
    """JSON objects, one a line (or a list of them in a ``.json`` file)."""

    name: ClassVar[str] = "jsonl"
    about: ClassVar[str] = "JSON lines, JSON or Parquet with named columns"
    suffixes: ClassVar[frozenset[str]] = LINES | {".json", ".parquet"}


class Csv(_Columns):
    """A table with a header row; several contexts in one cell are a JSON list."""

    name: ClassVar[str] = "csv"
    about: ClassVar[str] = "CSV or TSV with named columns"
    suffixes: ClassVar[frozenset[str]] = frozenset(TABLES)

    def rows(self, path: Path) -> Iterator[Row]:
        """Yield the rows; those that ragset exported without the apostrophes that it put before formulas."""
        from ragset.kit.exporting import plain_cell

        for row in read(path):
            ours = set(row.fields) >= OWN_TABLE
            yield replace(row, fields={name: plain_cell(cell) for name, cell in row.fields.items()}) if ours else row


def called(part: str, columns: Mapping[str, str]) -> tuple[str, ...]:
    """Give the columns that a part is read from: the one that is named, else the usual ones."""
    return (columns[part],) if part in columns else USUAL[part]


def check_columns(columns: Mapping[str, str], form: str | None = None) -> None:
    """Refuse a part that no pair has, and columns for a format whose own are known; raises ``UsageError``."""
    if columns and form is not None and form not in PLAIN:
        what = f"the columns of the format '{form}' have names of their own"
        hint = f"leave it out, or read the file with --from {' or '.join(sorted(PLAIN))}"
        raise UsageError(what, where="--columns", hint=hint)
    for part in columns:
        if part not in USUAL:
            raise UsageError(f"no part of a pair is called '{part}'", where="--columns", hint=did_you_mean(part, USUAL))


def _pair(fields: Fields, columns: Mapping[str, str]) -> Pair:
    def names_of(part: str) -> tuple[str, ...]:
        return called(part, columns)

    def value(part: str) -> Any:
        return next((fields.left[name] for name in names_of(part) if name in fields.left), None)

    said = value("answerable")
    no = said is False or (isinstance(said, str | int) and str(said).strip().lower() in _NO)
    axes = {axis: found for axis in ("language", "style") if (found := fields.text(*names_of(axis)))}
    return fields.pair(
        id=fields.identity(*names_of("id")),
        question=fields.text(*names_of("question")),
        answer=None if no else fields.text(*names_of("answer")),
        answerable=not no,
        passages=with_ids(fields.passages(*names_of("contexts")), listed(value("context_ids"))),
        history=turns_of(value("history")),
        persona=fields.text(*names_of("persona")),
        question_type=fields.text(*names_of("question_type")),
        axes=axes,
    )
