"""The second chunk of a multi-hop scenario: near enough to be joined with the first, not its duplicate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragset.schema.documents import Chunk
    from ragset.schema.ports import ChunkStore, FloatArray

DUPLICATE = 0.95
"""Cosine from which two chunks say the same."""
NEIGHBOURS = (12, 100)
"""How many neighbours are looked at for a chunk of another document: few first, then many."""


def within(chunks: list[Chunk], vectors: FloatArray, row: int) -> Iterator[Chunk]:
    """Yield chunks of the same document that a question could join with ``chunks[row]``, nearest first.

    ``vectors`` has shape (len(chunks), dimension), L2-normalised. Duplicates are left out; chunks that touch the first
    one come last, since what joins those is often one sentence cut in two.
    """
    scores = [float(score) for score in vectors @ vectors[row]]
    others = [at for at in range(len(chunks)) if at != row and _apart(chunks[at], chunks[row], scores[at])]
    for at in sorted(others, key=lambda at: (abs(at - row) == 1, -scores[at], at)):
        yield chunks[at]


async def across(store: ChunkStore, chunk: Chunk, vector: FloatArray, wanted: Callable[[str], bool]) -> list[Chunk]:
    """Give chunks of other documents near ``chunk``, nearest first, duplicates left out; ``vector`` is its own."""
    found: list[Chunk] = []
    for k in NEIGHBOURS:
        (hits,) = await store.search(vector[None], k)
        found = [
            hit.chunk
            for hit in hits
            if hit.chunk.document_id != chunk.document_id
            and wanted(hit.chunk.document_id)
            and _apart(hit.chunk, chunk, hit.score)
        ]
        if found or len(hits) < k:
            break
    return found


def _apart(one: Chunk, other: Chunk, cosine: float) -> bool:
    return cosine < DUPLICATE and one.text.strip() != other.text.strip()
