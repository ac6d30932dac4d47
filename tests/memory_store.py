"""A small chunk store in memory, exact and quick, for tests of what reads an index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ragset.schema.documents import Chunk, Document
from ragset.schema.ids import digest
from ragset.schema.ports import Embedder, Hit


class MemoryStore:
    """Chunks are the paragraphs of the documents; search is exact."""

    name = "memory"

    def __init__(self, documents: Sequence[Document], chunks: Mapping[str, list[Chunk]], matrix: np.ndarray) -> None:
        self._documents = {d.id: d for d in documents}
        self._chunks = dict(chunks)
        self._all = [c for d in sorted(self._chunks) for c in self._chunks[d]]
        self._matrix = matrix

    @classmethod
    async def of(cls, texts: Mapping[str, str], embedder: Embedder, size: int = 700) -> MemoryStore:
        documents = [
            Document(id=name, corpus="test", path=name, title=name, mime="text/plain", text=text, source_hash=name)
            for name, text in texts.items()
        ]
        chunks = {d.id: _chunks(d, size) for d in documents}
        flat = [c.text for d in sorted(chunks) for c in chunks[d]]
        return cls(documents, chunks, await embedder.embed(flat))

    @property
    def version(self) -> str:
        return digest([c.id for c in self._all])

    def document_ids(self) -> list[str]:
        return sorted(self._documents)

    def document(self, document_id: str) -> Document | None:
        return self._documents.get(document_id)

    def chunks(self, document_id: str) -> list[Chunk]:
        return self._chunks[document_id]

    def chunk(self, chunk_id: str) -> Chunk | None:
        return next((c for c in self._all if c.id == chunk_id), None)

    def vectors(self, document_id: str) -> np.ndarray:
        own = [at for at, c in enumerate(self._all) if c.document_id == document_id]
        return self._matrix[own]

    async def search(self, vectors: np.ndarray, k: int) -> list[list[Hit]]:
        return [self._nearest(vector, k) for vector in vectors]

    def _nearest(self, vector: np.ndarray, k: int) -> list[Hit]:
        scores = self._matrix @ vector
        order = sorted(range(len(self._all)), key=lambda at: (-float(scores[at]), self._all[at].id))
        return [Hit(self._all[at], float(scores[at])) for at in order[:k]]


def _chunks(document: Document, size: int) -> list[Chunk]:
    """Join paragraphs up to ``size`` characters."""
    found: list[Chunk] = []
    start = 0
    text = document.text
    while start < len(text):
        end = len(text)
        if end - start > size:
            cut = text.rfind("\n\n", start, start + size)
            end = cut if cut > start else start + size
        piece = text[start:end]
        lead = len(piece) - len(piece.lstrip())
        body = piece.strip()
        if body:
            at = start + lead
            found.append(
                Chunk(
                    id=Chunk.make_id(document.id, body, len(found)),
                    document_id=document.id,
                    version=document.version,
                    title=document.title,
                    text=body,
                    start=at,
                    end=at + len(body),
                    ordinal=len(found),
                )
            )
        start = end
    return found
