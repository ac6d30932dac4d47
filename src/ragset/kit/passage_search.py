"""What a search of the whole store brings up for a question, by vectors and by words, each chunk once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from ragset.kit.retrieving import query_of, retrieve, retrieve_lexical
from ragset.schema.documents import Chunk
from ragset.schema.ports import Hit
from ragset.schema.samples import QAPair
from ragset.schema.step import Tools


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk that a search found, and its best rank in either, from 1."""

    chunk: Chunk
    rank: int


async def candidates(pairs: Sequence[QAPair], k: int, tools: Tools) -> list[list[Candidate]]:
    """Give, for each pair, the chunks among the first ``k`` hits of either search (at most twice ``k``), best first.

    Of two with the same rank the one that vectors found comes first. A follow-up is searched with the user's earlier
    turns before it.
    """
    queries = [query_of(pair) for pair in pairs]
    both = await asyncio.gather(retrieve(queries, k, tools), retrieve_lexical(queries, k, tools))
    return [_merged(*hits) for hits in zip(*both, strict=True)]


def _merged(*searches: Sequence[Hit]) -> list[Candidate]:
    found: dict[str, Candidate] = {}
    for hits in searches:
        for rank, hit in enumerate(hits, 1):
            known = found.get(hit.chunk.id)
            if known is None or rank < known.rank:
                found[hit.chunk.id] = Candidate(hit.chunk, rank)
    return sorted(found.values(), key=lambda candidate: candidate.rank)
