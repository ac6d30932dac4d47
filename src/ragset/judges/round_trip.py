"""Round-trip retrieval: a question must find the chunk that it was made from, by its vector or by its words.

The ranks of the gold chunk among all chunks of the real store are the sample's measured difficulty. The idea is the
consistency filter of Alberti et al. 2019 (Synthetic QA Corpora Generation with Roundtrip Consistency) and of
Promptagator (Dai et al. 2022), done with the user's own index.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ragset.adapters import lexical_index
from ragset.kit.judging import Judge
from ragset.kit.pair_labels import HOPS
from ragset.kit.retrieving import query_of, question_vectors, retrieve, retrieve_lexical
from ragset.schema.documents import Chunk
from ragset.schema.ports import Hit
from ragset.schema.samples import Context, Draw, Evidence, Sample
from ragset.schema.step import Tools, Uses

EASY, MEDIUM = 1, 5
"""Ranks up to which a question counts as easy (in both searches) and as medium (in one of them)."""

_BY = {"dense": "by vectors", "lexical": "by words"}

FoundBy = Literal["either", "dense", "lexical", "both"]


class RoundTrip(Judge):
    """Pass a question whose gold chunk is among the first ``max_rank`` hits; record its rank in each search.

    ``found_by`` says which search must find it: ``either`` (default), ``dense`` (vectors), ``lexical`` (BM25) or
    ``both``. A question that no search finds is of no use; one that only words, or only vectors find is a hard one.
    Of a multi-hop question every gold chunk must be found, and the worst rank counts. A follow-up is searched with the
    user's earlier turns before it.
    """

    name: ClassVar[str] = "round_trip"
    version: ClassVar[str] = "3"
    uses: ClassVar[frozenset[Uses]] = frozenset({"store", "embedder"})

    max_rank: int = Field(default=10, ge=1, le=100)
    found_by: FoundBy = "either"

    async def warm(self, tools: Tools) -> None:
        """Import the library of lexical search."""
        await asyncio.to_thread(lexical_index.load)

    async def apply(self, item: Draw, tools: Tools) -> Draw:
        """Judge the samples of one draw; their questions are embedded together."""
        await question_vectors([query_of(s.payload) for s in item.samples if self._sees(s)], tools)
        return await super().apply(item, tools)

    async def judge(self, sample: Sample, tools: Tools) -> Sample:
        """Retrieve for the question and look for the gold chunks, or what holds their evidence after a re-chunking."""
        query = query_of(sample.payload)
        dense = _ranks(await retrieve(query, self.max_rank, tools), sample)
        lexical = _ranks(await retrieve_lexical(query, self.max_rank, tools), sample)
        if not sample.payload.answerable:
            near = [rank for rank in (*dense, *lexical) if rank]
            reason = "unanswerable: there is no gold chunk to find"
            return sample.judged(self.verdict(None, reason=reason), **({"near_rank": min(near)} if near else {}))
        every = sample.question_type in HOPS
        by = {"dense": _decisive(dense, every), "lexical": _decisive(lexical, every)}
        measures = {
            name: rank for name, rank in zip(("gold_rank", "gold_rank_lexical"), by.values(), strict=True) if rank
        }
        if not self._passes(by):
            return sample.judged(self.verdict(False, 0.0, self._missed(by, dense, lexical, every)), **measures)
        wanted = [rank for name, rank in by.items() if rank and self.found_by in ("either", "both", name)]
        score = 1 / (max(wanted) if self.found_by == "both" else min(wanted))
        told = ", ".join(f"{f'hit {rank}' if rank else 'no hit'} {_BY[name]}" for name, rank in by.items())
        verdict = self.verdict(True, score, f"its {'last ' if every else ''}chunk is {told}")
        return sample.judged(verdict, **measures, difficulty=_difficulty(by))

    def _passes(self, by: Mapping[str, int | None]) -> bool:
        if self.found_by in by:
            return by[self.found_by] is not None
        return (all if self.found_by == "both" else any)(by.values())

    def _missed(
        self, by: Mapping[str, int | None], dense: Sequence[int | None], lexical: Sequence[int | None], every: bool
    ) -> str:
        at_fault = {"dense": dense, "lexical": lexical}
        names = [name for name in by if by[name] is None and self.found_by in ("either", "both", name)]
        lost = min(at_fault[name].count(None) for name in names)
        which = f"{lost} of its {len(dense)} chunks are" if every else "its chunk is"
        how = "" if self.found_by == "either" else " " + " or ".join(_BY[name] for name in names)
        return f"{which} not among the first {self.max_rank} hits{how}"


def _ranks(hits: Sequence[Hit], sample: Sample) -> list[int | None]:
    return [_rank(hits, context, sample.evidence) for context in sample.contexts]


def _decisive(ranks: Sequence[int | None], every: bool) -> int | None:
    """Give the rank that counts: the worst when every chunk is needed, else the best; none when not found."""
    found = [rank for rank in ranks if rank]
    if not found or (every and len(found) < len(ranks)):
        return None
    return max(found) if every else min(found)


def _difficulty(by: Mapping[str, int | None]) -> str:
    """Say how hard it is to find: easy when both searches put it first, hard when neither has it near the top."""
    ranks = list(by.values())
    if all(rank and rank <= EASY for rank in ranks):
        return "easy"
    return "medium" if any(rank and rank <= MEDIUM for rank in ranks) else "hard"


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
