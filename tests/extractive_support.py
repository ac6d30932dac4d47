"""Small documents, chunks and a store made by hand, for tests of the extractive writer and of evidence."""

from __future__ import annotations

import numpy as np

from memory_store import MemoryStore
from ragset.kit.extractive import Candidate, candidates
from ragset.schema.documents import Block, Chunk, Document, Heading

TITLE = "Duck Handbook"
SAYS = f"According to “{TITLE}”, "


def document_of(title: str, text: str, *, path: str = "d.md", mime: str = "text/markdown") -> Document:
    """Lines that start with ``#`` are headings, as they stand; runs of ``a | b`` lines are tables."""
    headings, blocks, at = [], [], 0
    for part in text.split("\n\n"):
        start = text.index(part, at)
        at = start + len(part)
        if part.startswith("#"):
            headings.append(Heading(start=start, level=part.index(" "), text=part))
        blocks.append(Block(kind="table" if " | " in part else "paragraph", start=start, end=at))
    found = {"headings": tuple(headings), "blocks": tuple(blocks)}
    return Document(id=f"c/{path}", corpus="c", path=path, title=title, mime=mime, text=text, source_hash="x", **found)


def chunk_of(document: Document, start: int = 0, end: int | None = None) -> Chunk:
    text = document.text[start:end]
    return Chunk(
        id=Chunk.make_id(document.id, text, 0),
        document_id=document.id,
        version=document.version,
        title=document.title,
        text=text,
        start=start,
        end=start + len(text),
        ordinal=0,
        headings=document.headings_at(start),
    )


def store_of(*pairs: tuple[Document, Chunk]) -> MemoryStore:
    documents = [d for d, _ in pairs]
    return MemoryStore(documents, {d.id: [c] for d, c in pairs}, np.zeros((len(pairs), 2), dtype=np.float32))


def written(text: str, *, title: str = TITLE, product: str = "") -> list[Candidate]:
    """What the rules ask of a document that is one chunk."""
    document = document_of(title, text)
    return candidates(chunk_of(document), document, product=product)
