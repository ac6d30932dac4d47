"""Indexes: list, show, search, rebuild, delete."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ragset.api.wiring import IndexOptions, opened, run_sync
from ragset.errors import RagsetError
from ragset.schema.ports import Hit
from ragset.settings import chroma_server, indexes_folder


def list_indexes(indexes: str | Path | None = None) -> list[dict[str, Any]]:
    """Give what :func:`show_index` gives, for each index of a folder, by name.

    One that cannot be read has no documents, and ``problem`` says why.
    """
    from ragset.adapters import chroma_store

    return [_shown(name, indexes) for name in chroma_store.list_indexes(indexes_folder(indexes))]


def _shown(name: str, indexes: str | Path | None) -> dict[str, Any]:
    try:
        return show_index(name, indexes)
    except RagsetError as error:
        return {"name": name, "documents": 0, "chunks": 0, "corpora": {}, "embedder": {}, "problem": str(error)}


def show_index(name: str, indexes: str | Path | None = None) -> dict[str, Any]:
    """Tell what an index holds: ``{name, documents, chunks, corpora: {name: {root, documents}}, embedder}``."""
    with opened(name, IndexOptions(indexes=indexes)) as index:
        return index.summary()


def search(name: str, question: str, k: int = 5, indexes: str | Path | None = None) -> list[Hit]:
    """Give the k chunks nearest to a question, best first."""
    with opened(name, IndexOptions(indexes=indexes)) as index:

        async def find() -> list[Hit]:
            (hits,) = await index.search(await index.embedder.embed([question]), k)
            return hits

        return run_sync(find())


def rebuild(name: str, indexes: str | Path | None = None) -> None:
    """Make Chroma anew from the stored vectors; nothing is embedded again."""
    with opened(name, IndexOptions(indexes=indexes)) as index:
        index.rebuild()


def delete(name: str, indexes: str | Path | None = None) -> None:
    """Delete an index with all it holds."""
    from ragset.adapters.chroma_store import delete_index

    delete_index(indexes_folder(indexes), name, server=chroma_server())
