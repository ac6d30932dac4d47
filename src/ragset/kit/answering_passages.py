"""What an answerer is given to read: the chunks that a search by vectors and one by words put first, in turn.

Round trip passes a question that either search finds. Who then answers it from the vectors' hits alone gets the wrong
passages for what only its words find ("What does CAM stand for?"), and its answer says nothing about the reference.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from ragset.kit.retrieving import DEPTH, query_of, retrieve, retrieve_lexical
from ragset.schema.ports import Hit
from ragset.schema.samples import QAPair
from ragset.schema.step import Tools


async def passages(pairs: Sequence[QAPair], k: int, tools: Tools) -> list[list[Hit]]:
    """Give, for each pair, the first ``k`` chunks of both searches together, the best ranks first.

    Of two with the same rank the one that vectors found comes first. The score of each is its cosine, or the least one
    known when vectors do not find it.
    """
    queries = [query_of(pair) for pair in pairs]
    depth = max(k, DEPTH)
    both = await asyncio.gather(retrieve(queries, depth, tools), retrieve_lexical(queries, k, tools))
    return [_together(dense, lexical, k) for dense, lexical in zip(*both, strict=True)]


def _together(dense: Sequence[Hit], lexical: Sequence[Hit], k: int) -> list[Hit]:
    cosine = {hit.chunk.id: hit.score for hit in dense}
    least = min(cosine.values(), default=0.0)
    ranks: dict[str, tuple[int, Hit]] = {}
    for hits in (dense[:k], lexical):
        for rank, hit in enumerate(hits):
            known = ranks.get(hit.chunk.id)
            if known is None or rank < known[0]:
                ranks[hit.chunk.id] = rank, Hit(hit.chunk, cosine.get(hit.chunk.id, least))
    return [hit for _, hit in sorted(ranks.values(), key=lambda found: found[0])][:k]
