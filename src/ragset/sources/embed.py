"""``embed``: vectors for the chunks of a document, those that are known taken from the index."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from ragset.schema.documents import Chunk, EmbeddedChunk
from ragset.schema.samples import Intake
from ragset.schema.step import Map, Tools, Uses


class Embed(Map):
    """Embed the chunks of one document together; a chunk whose vector is stored is not embedded again."""

    name = "embed"
    takes = Chunk
    gives = EmbeddedChunk
    uses: ClassVar[frozenset[Uses]] = frozenset({"embedder"})

    async def apply(self, item: Intake, tools: Tools) -> Intake:
        """Set ``vectors`` (one row a chunk) and ``embedded``."""
        if item.document is None or item.vectors is not None:
            return item
        import numpy as np

        known = await asyncio.to_thread(_known_vectors, item.document.id, tools)
        fresh = [chunk for chunk in item.chunks if chunk.id not in known]
        vectors = np.zeros((len(item.chunks), tools.embedder.dimension), dtype=np.float32)
        if fresh:
            rows = await tools.embedder.embed([chunk.text for chunk in fresh])
            known |= {chunk.id: row for chunk, row in zip(fresh, rows, strict=True)}
        for at, chunk in enumerate(item.chunks):
            vectors[at] = known[chunk.id]
        return item.model_copy(update={"vectors": vectors, "embedded": len(fresh)})


def _known_vectors(document_id: str, tools: Tools) -> dict[str, Any]:
    index = tools.extras.get("index")
    if index is None or index.known(document_id) is None:
        return {}
    stored = index.stored(document_id)
    return {chunk.id: row for chunk, row in zip(stored.chunks, stored.vectors, strict=True)}
