"""What a search of the whole store brings up for a question, by vectors and by words, each chunk once."""

from __future__ import annotations

from dataclasses import dataclass

from ragset.kit.retrieving import query_of, retrieve, retrieve_lexical
from ragset.schema.documents import Chunk
from ragset.schema.samples import QAPair
from ragset.schema.step import Tools


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk that a search found, and its best rank in either, from 1."""

    chunk: Chunk
    rank: int


async def candidates(pair: QAPair, k: int, tools: Tools) -> list[Candidate]:
    """Give the chunks among the first ``k`` hits of either search (so at most twice ``k``), best rank first.

    Of two with the same rank the one that vectors found comes first. A follow-up is searched with the user's earlier
    turns before it.
    """
    query = query_of(pair)
    found: dict[str, Candidate] = {}
    for hits in (await retrieve(query, k, tools), await retrieve_lexical(query, k, tools)):
        for rank, hit in enumerate(hits, 1):
            known = found.get(hit.chunk.id)
            if known is None or rank < known.rank:
                found[hit.chunk.id] = Candidate(hit.chunk, rank)
    return sorted(found.values(), key=lambda candidate: candidate.rank)
