"""BEIR: a folder of ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/*.tsv`` (the data loader of beir 2)."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from ragset.errors import UsageError
from ragset.kit.foreign.encoding import not_utf8
from ragset.kit.foreign.keeping import together, unique
from ragset.kit.foreign.pairs import Fields, Pair, Passage, text_of
from ragset.kit.foreign.rows import Json, Row, lines, opened

CORPUS, QUERIES, QRELS = "corpus.jsonl", "queries.jsonl", "qrels"

_HINT = "a BEIR folder has corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv"


@dataclass(frozen=True, slots=True)
class _Judged:
    """One line of the qrels: a document with its score for a query, and what further columns hold."""

    document: str
    score: int
    split: str
    where: str
    more: Json = field(default_factory=dict[str, Any])


class Beir:
    """One pair a query, without an answer: the documents judged relevant are its contexts, the best first.

    A document's title is a part of it. Scores, splits and documents judged irrelevant are metadata. A query that no
    document is relevant to, and a judgement of a query that is not there, are rows that cannot be judged.
    """

    name: ClassVar[str] = "beir"
    about: ClassVar[str] = "BEIR folders"
    wants: ClassVar[str] = "text"
    answers: ClassVar[str] = ""

    def fits(self, path: Path, first: Row | None) -> bool:
        """Tell by the names of the files."""
        return path.is_dir() and (path / CORPUS).is_file() and (path / QUERIES).is_file()

    def pairs(self, path: Path, columns: Mapping[str, str]) -> Iterator[Pair]:
        """Yield one pair a query, then one for each judgement of a query that is not there."""
        if not path.is_dir():
            raise UsageError("is no folder", where=str(path), hint=_HINT)
        judged = _qrels(path)
        wanted = {entry.document for entries in judged.values() for entry in entries}
        documents = {name: row for _, name, row in _records(path / CORPUS) if name in wanted}
        for where, name, row in _records(path / QUERIES):
            yield _pair(Fields(Row(row, f"{QUERIES}, {where}", {})), judged.pop(name, []), documents)
        for name, entries in judged.items():
            for entry in entries:
                wrong = f"{entry.where} judges a query that {QUERIES} does not have"
                about = {"source_id": name, "qrels": [_about(entry, documents)]}
                yield Pair(metadata=about, wrong=wrong, where=entry.where)

    def corpus(self, path: Path) -> Iterator[Passage]:
        """Yield every document."""
        for _, name, row in _records(path / CORPUS):
            if passage := _passage(name, row):
                yield passage


def _records(path: Path) -> Iterator[tuple[str, str, Json]]:
    """Yield (line, id, record); raises ``UsageError`` for a record without an id."""
    if not path.is_file():
        raise UsageError(f"has no {path.name}", where=str(path.parent), hint=_HINT)
    for where, row in lines(path):
        name = text_of(row.get("_id"))
        if name is None:
            raise UsageError("has no '_id'", where=f"{path}, {where}", hint="give each record its id")
        yield where, name, row


def _qrels(path: Path) -> dict[str, list[_Judged]]:
    """Read all splits: the judgements of each query, the best first."""
    files = sorted((path / QRELS).glob("*.tsv"))
    if not files:
        raise UsageError(f"has no {QRELS}/*.tsv", where=str(path), hint=_HINT)
    found: dict[str, list[_Judged]] = {}
    for file in files:
        for query, entry in _judgements(file):
            found.setdefault(query, []).append(entry)
    return {query: sorted(entries, key=lambda entry: -entry.score) for query, entries in found.items()}


def _judgements(path: Path) -> Iterator[tuple[str, _Judged]]:
    with opened(path, "r") as file:
        header: list[str] = []
        try:
            for number, cells in enumerate(csv.reader(file, delimiter="\t"), 1):
                where = f"{QRELS}/{path.name}, line {number}"
                if not cells or (number == 1 and (len(cells) < 3 or not _whole(cells[2]))):
                    header = header or cells
                    continue
                if len(cells) < 3 or not _whole(cells[2]):
                    hint = "write: query-id, corpus-id and a whole number, with tabs between"
                    raise UsageError("is no judgement", where=f"{path}, line {number}", hint=hint)
                yield cells[0], _Judged(cells[1], int(cells[2]), path.stem, where, _more(header, cells))
        except UnicodeDecodeError as error:
            raise not_utf8(path, error) from error
        except csv.Error as error:
            raise UsageError(f"is no table ({error})", where=str(path), hint="put tabs between the cells") from error


def _more(header: list[str], cells: list[str]) -> Json:
    """Give the cells after the score, by the names of their columns, or their places."""
    columns = [*header[3:], *(f"column {at}" for at in range(max(4, len(header) + 1), len(cells) + 1))]
    return {name: cell for name, cell in zip(unique(columns), cells[3:], strict=False) if cell}


def _whole(text: str) -> bool:
    return text.strip().lstrip("+-").isdecimal()


def _pair(fields: Fields, judged: list[_Judged], documents: Mapping[str, Json]) -> Pair:
    relevant = [entry for entry in judged if entry.score > 0]
    passages = [_passage(entry.document, documents.get(entry.document, {})) for entry in relevant]
    found = tuple({passage.id: passage for passage in passages if passage}.values())
    question = fields.text("text")
    if judged:
        fields.add("qrels", [_about(entry, documents) for entry in judged])
    wrong = "" if found or not question else _lacking(relevant)
    return fields.pair(id=fields.identity("_id"), question=question, passages=found, wrong=wrong)


def _lacking(relevant: list[_Judged]) -> str:
    return f"{CORPUS} has none of its documents" if relevant else "no document is judged relevant to it"


def _about(entry: _Judged, documents: Mapping[str, Json]) -> dict[str, Any]:
    """Give a judgement with what is known of its document besides the text."""
    document = {key: value for key, value in documents.get(entry.document, {}).items() if not _in_corpus(key, value)}
    judged = {"corpus-id": entry.document, "score": entry.score, "split": entry.split}
    return together(judged, entry.more, document)


def _in_corpus(key: str, value: Any) -> bool:
    """Tell what the index holds of a document: its text; its id is that of the judgement."""
    return isinstance(value, str) and key in ("_id", "text")


def _passage(name: str, row: Mapping[str, Any]) -> Passage | None:
    text = row.get("text")
    return (
        Passage(text, name, text_of(row.get("title")) or "", headed=True)
        if isinstance(text, str) and text.strip()
        else None
    )
