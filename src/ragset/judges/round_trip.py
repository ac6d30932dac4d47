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
from ragset.kit.retrieving import retrieve
from ragset.schema.documents import Chunk
from ragset.schema.samples import Evidence, Sample
from ragset.schema.step import Tools, Uses

EASY, MEDIUM = 1, 5
"""Ranks up to which a question counts as easy and as medium; what is beyond is hard."""


class RoundTrip(Judge):
    """Pass a question whose gold chunk is among the first ``max_rank`` hits; record the rank."""

    name: ClassVar[str] = "round_trip"
    uses: ClassVar[frozenset[Uses]] = frozenset({"store", "embedder"})

    max_rank: int = Field(default=10, ge=1, le=100)

    async def judge(self, sample: Sample, tools: Tools) -> Sample:
        """Retrieve for the question and look for a gold chunk, or one that holds the evidence after a re-chunking."""
        if not sample.payload.answerable:
            return sample.judged(self.verdict(None, reason="unanswerable: there is no gold chunk to find"))
        gold = {context.chunk_id for context in sample.contexts}
        hits = await retrieve(sample.payload.question, self.max_rank, tools)
        found = (at for at, hit in enumerate(hits, 1) if hit.chunk.id in gold or _holds(hit.chunk, sample.evidence))
        rank = next(found, None)
        if rank is None:
            return sample.judged(self.verdict(False, 0.0, f"its chunk is not among the first {self.max_rank} hits"))
        difficulty = "easy" if rank <= EASY else "medium" if rank <= MEDIUM else "hard"
        verdict = self.verdict(True, 1 / rank, f"its chunk is hit {rank}")
        return sample.judged(verdict, gold_rank=rank, difficulty=difficulty)


def _holds(chunk: Chunk, evidence: Iterable[Evidence]) -> bool:
    """Tell whether one of the spans lies whole in the chunk."""
    return any(
        span.document_id == chunk.document_id and chunk.start <= span.start < span.end <= chunk.end for span in evidence
    )
