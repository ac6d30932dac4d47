"""Round-trip retrieval: a question must find the chunk that it was made from.

The rank of the gold chunk among all chunks of the real store is the sample's measured difficulty. The idea is the
consistency filter of Alberti et al. 2019 (Synthetic QA Corpora Generation with Roundtrip Consistency) and of
Promptagator (Dai et al. 2022), done with the user's own index.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from pydantic import Field

from ragset.kit.judging import Judge
from ragset.kit.pair_labels import HOPS
from ragset.kit.retrieving import query_of, question_vectors, retrieve
from ragset.schema.documents import Chunk
from ragset.schema.ports import Hit
from ragset.schema.samples import Context, Draw, Evidence, Sample
from ragset.schema.step import Tools, Uses

EASY, MEDIUM = 1, 5
"""Ranks up to which a question counts as easy and as medium; what is beyond is hard."""


class RoundTrip(Judge):
    """Pass a question whose gold chunk is among the first ``max_rank`` hits; record the rank.

    Of a multi-hop question every gold chunk must be found, and the worst rank counts. A follow-up is searched with the
    user's earlier turns before it.
    """

    name: ClassVar[str] = "round_trip"
    version: ClassVar[str] = "2"
    uses: ClassVar[frozenset[Uses]] = frozenset({"store", "embedder"})

    max_rank: int = Field(default=10, ge=1, le=100)

    async def apply(self, item: Draw, tools: Tools) -> Draw:
        """Judge the samples of one draw; their questions are embedded together."""
        await question_vectors([query_of(s.payload) for s in item.samples if self._sees(s)], tools)
        return await super().apply(item, tools)

    async def judge(self, sample: Sample, tools: Tools) -> Sample:
        """Retrieve for the question and look for the gold chunks, or what holds their evidence after a re-chunking."""
        hits = await retrieve(query_of(sample.payload), self.max_rank, tools)
        ranks = [_rank(hits, context, sample.evidence) for context in sample.contexts]
        if not sample.payload.answerable:
            near = {"near_rank": min(rank for rank in ranks if rank)} if any(ranks) else {}
            return sample.judged(self.verdict(None, reason="unanswerable: there is no gold chunk to find"), **near)
        found = [rank for rank in ranks if rank]
        every = sample.question_type in HOPS
        if not found or (every and len(found) < len(ranks)):
            which = f"{len(ranks) - len(found)} of its {len(ranks)} chunks are" if every else "its chunk is"
            return sample.judged(self.verdict(False, 0.0, f"{which} not among the first {self.max_rank} hits"))
        rank = max(found) if every else min(found)
        difficulty = "easy" if rank <= EASY else "medium" if rank <= MEDIUM else "hard"
        verdict = self.verdict(True, 1 / rank, f"its {'last ' if every else ''}chunk is hit {rank}")
        return sample.judged(verdict, gold_rank=rank, difficulty=difficulty)


def _rank(hits: Iterable[Hit], context: Context, evidence: Iterable[Evidence]) -> int | None:
    """Give the rank of a context's chunk, or of one that holds evidence of that context whole."""
    spans = [e for e in evidence if e.document_id == context.document_id and e.quote in context.text]
    found = (at for at, hit in enumerate(hits, 1) if hit.chunk.id == context.chunk_id or _holds(hit.chunk, spans))
    return next(found, None)


def _holds(chunk: Chunk, evidence: Iterable[Evidence]) -> bool:
    """Tell whether one of the spans lies whole in the chunk."""
    return any(
        span.document_id == chunk.document_id and chunk.start <= span.start < span.end <= chunk.end for span in evidence
    )
