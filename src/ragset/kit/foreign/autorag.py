"""AutoRAG: ``qa.parquet`` with ``corpus.parquet`` beside it, or the folder of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, cast

from ragset.errors import UsageError
from ragset.kit.foreign.pairs import Fields, Pair, Passage, text_of
from ragset.kit.foreign.rows import Json, Row, read

QA, CORPUS = "qa.parquet", "corpus.parquet"


class Autorag:
    """One pair a row: ``generation_gt`` are the answers, the first one the reference; ``retrieval_gt`` the contexts.

    ``retrieval_gt`` is a list of lists: one of each inner list is needed, and more than one makes the pair multi-hop.
    """

    name: ClassVar[str] = "autorag"
    about: ClassVar[str] = "AutoRAG qa.parquet with corpus.parquet"
    wants: ClassVar[str] = "query"
    answers: ClassVar[str] = "generation_gt"

    def fits(self, path: Path, first: Row | None) -> bool:
        """Tell by the file's name in a folder, else by the columns."""
        if first is None:
            return path.is_dir() and (path / QA).is_file()
        return {"query", "retrieval_gt"} <= set(first.fields)

    def pairs(self, path: Path, columns: Mapping[str, str]) -> Iterator[Pair]:
        """Yield one pair a row."""
        qa, corpus = _files(path)
        wanted = {name for row in read(qa) for group in _groups(row.fields.get("retrieval_gt")) for name in group}
        documents = {name: row for name, row in _documents(corpus) if name in wanted}
        return (_pair(Fields(row), documents) for row in read(qa))

    def corpus(self, path: Path) -> Iterator[Passage]:
        """Yield every document of the corpus, if there is one."""
        for name, row in _documents(_files(path)[1]):
            if text := _contents(row):
                yield Passage(text, name)


def _files(path: Path) -> tuple[Path, Path]:
    qa = path / QA if path.is_dir() else path
    if not qa.is_file():
        raise UsageError(f"has no {QA}", where=str(path), hint=f"give the folder of {QA} and {CORPUS}, or the file")
    return qa, qa.with_name(CORPUS)


def _documents(path: Path) -> Iterator[tuple[str, Json]]:
    if not path.is_file():
        return
    for row in read(path):
        name = text_of(row.fields.get("doc_id"))
        if name is None:
            raise UsageError("has no 'doc_id'", where=f"{path}, {row.where}", hint="give each document its id")
        yield name, row.fields


def _contents(row: Mapping[str, Any]) -> str:
    text = row.get("contents")
    return text if isinstance(text, str) and text.strip() else ""


def _groups(value: Any) -> list[list[str]]:
    """Read ``retrieval_gt`` as AutoRAG does: a text, a list of texts, or a list of lists."""
    if isinstance(value, str):
        return [[value]]
    items = cast("list[Any]", value) if isinstance(value, list) else []
    if any(isinstance(item, list) for item in items):
        groups = [_texts(cast("list[Any]", item)) for item in items if isinstance(item, list)]
    else:
        groups = [_texts(items)]
    return [group for group in groups if group]


def _texts(items: list[Any]) -> list[str]:
    return [said for said in map(text_of, items) if said]


def _pair(fields: Fields, documents: Mapping[str, Json]) -> Pair:
    groups = _groups(fields.left.get("retrieval_gt"))
    several = len(groups) > 1
    wanted = [name for group in groups for name in (group[:1] if several else group)]
    passages = tuple(Passage(_contents(documents.get(name, {})), name) for name in dict.fromkeys(wanted))
    if about := _about(wanted, documents):
        fields.add("documents", about)
    return fields.pair(
        id=fields.identity("qid"),
        question=fields.text("query"),
        answer=text_of(fields.left.get("generation_gt")),
        passages=passages,
        question_type="multi_hop" if several else None,
    )


def _about(wanted: list[str], documents: Mapping[str, Json]) -> list[Json]:
    """Give what is known of the documents besides their texts."""
    rows = [documents.get(name, {}) for name in wanted]
    found = [{key: inner for key, inner in row.items() if key != "contents" or inner != _contents(row)} for row in rows]
    return [about for about in found if set(about) > {"doc_id"}]
