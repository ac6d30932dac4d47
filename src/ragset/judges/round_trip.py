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

from ragset.kit.judging import Judge
from ragset.kit.pair_labels import HOPS
from ragset.kit.retrieving import load_lexical, query_of, retrieve, retrieve_lexical
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
    Of a multi-hop question every gold chunk must be found, and the worst rank counts; what the question alone does not
    find is looked for with the question and the evidence of the hops that it does find, as who follows the hops would
    do. A follow-up is searched with the user's earlier turns before it.
    """

    name: ClassVar[str] = "round_trip"
    version: ClassVar[str] = "3"
    uses: ClassVar[frozenset[Uses]] = frozenset({"store", "embedder"})

    max_rank: int = Field(default=10, ge=1, le=100)
    found_by: FoundBy = "either"

    async def warm(self, tools: Tools) -> None:
        """Make the index of lexical search."""
        await load_lexical(tools)

    async def apply(self, item: Draw, tools: Tools) -> Draw:
        """Judge the samples of one draw; their questions are searched for together."""
        queries = [query_of(s.payload) for s in item.samples if self._sees(s)]
        await asyncio.gather(retrieve(queries, self.max_rank, tools), retrieve_lexical(queries, self.max_rank, tools))
        return await super().apply(item, tools)

    async def judge(self, sample: Sample, tools: Tools) -> Sample:
        """Retrieve for the question and look for the gold chunks, or what holds their evidence after a re-chunking."""
        query, every = query_of(sample.payload), sample.question_type in HOPS
        ranks = await self._search(query, sample, tools)
        if not sample.payload.answerable:
            near = [rank for found in ranks.values() for rank in found if rank]
            reason = "unanswerable: there is no gold chunk to find"
            return sample.judged(self.verdict(None, reason=reason), **({"near_rank": min(near)} if near else {}))
        alone = self._wanted(ranks)
        if every and any(alone) and not all(alone):
            found = [sample.contexts[at] for at, rank in enumerate(alone) if rank]
            onward = await self._search("\n".join((query, *_quotes(sample, found))), sample, tools)
            ranks = {
                name: [one or other for one, other in zip(ranks[name], onward[name], strict=True)] for name in ranks
            }
        by = {name: _decisive(ranks[name], every) for name in ranks}
        measures = {
            name: rank for name, rank in zip(("gold_rank", "gold_rank_lexical"), by.values(), strict=True) if rank
        }
        rank = _decisive(self._wanted(ranks), every)
        if rank is None:
            return sample.judged(self.verdict(False, 0.0, self._missed(ranks, every)), **measures)
        told = ", ".join(f"{f'hit {rank}' if rank else 'no hit'} {_BY[name]}" for name, rank in by.items())
        through = f"; {alone.count(None)} found through the others" if every and None in alone else ""
        verdict = self.verdict(True, 1 / rank, f"its {'last ' if every else ''}chunk is {told}{through}")
        return sample.judged(verdict, **measures, difficulty="hard" if through else _difficulty(by))

    async def _search(self, query: str, sample: Sample, tools: Tools) -> dict[str, list[int | None]]:
        """Give the rank of each gold chunk in each search."""
        (dense,) = await retrieve([query], self.max_rank, tools)
        (lexical,) = await retrieve_lexical([query], self.max_rank, tools)
        return {"dense": _ranks(dense, sample), "lexical": _ranks(lexical, sample)}

    def _wanted(self, ranks: Mapping[str, Sequence[int | None]]) -> list[int | None]:
        """Give the rank of each gold chunk that counts, by the searches that must find it."""
        if self.found_by in ranks:
            return list(ranks[self.found_by])
        pairs = [[rank for rank in pair if rank] for pair in zip(*ranks.values(), strict=True)]
        if self.found_by == "both":
            return [max(pair) if len(pair) == len(ranks) else None for pair in pairs]
        return [min(pair) if pair else None for pair in pairs]

    def _missed(self, ranks: Mapping[str, Sequence[int | None]], every: bool) -> str:
        lost = self._wanted(ranks).count(None)
        which = f"{lost} of its {len(ranks['dense'])} chunks are" if every else "its chunk is"
        names = [name for name in ranks if self.found_by in (name, "both") and None in ranks[name]]
        how = " " + " or ".join(_BY[name] for name in names) if names else ""
        return f"{which} not among the first {self.max_rank} hits{how}"


def _quotes(sample: Sample, contexts: Sequence[Context]) -> list[str]:
    """Give the evidence that lies in the contexts."""
    return [
        e.quote for e in sample.evidence if any(c.document_id == e.document_id and e.quote in c.text for c in contexts)
    ]


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
