"""A pair that came from elsewhere must stand in the index: its contexts are looked for there, and its evidence.

What was given (texts, ids, spans) is put into the documents; a pair without contexts is matched by retrieval, with
question and answer together, and labelled so. The judges that follow see it like any other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field

from ragset.kit.foreign.keeping import together
from ragset.kit.foreign.pairs import path_of
from ragset.kit.grounding import (
    Found,
    Place,
    chunks_in,
    cut,
    exact_place,
    most_asked,
    near_place,
    proofs,
    similar_place,
)
from ragset.kit.judging import Judge
from ragset.kit.languages import QUESTION_LANGUAGE, expected_language, language_of, other_language
from ragset.kit.pair_labels import HOPS
from ragset.kit.retrieving import query_of, retrieve
from ragset.schema.documents import Chunk
from ragset.schema.samples import Context, Evidence, QAPair, Sample
from ragset.schema.step import Tools, Uses

MATCHED = "matched_by_retrieval"
"""Label of a pair that came without contexts."""
SIMILAR = "context_similar"
"""Label of a pair one of whose contexts stands in the index in other words or another order only."""
GIVEN = "given_contexts"
"""Where the metadata keep contexts that are not delivered as they were given."""

MOST_CHUNKS = 4
"""Chunks that are delivered of a context without evidence to choose by."""
MOST_CHARS = 4000
"""Characters of a context that retrieval looks for; embedding models read no further."""
HEAD = 60
"""Characters of a lost context that the reason quotes."""
NEARNESS = 0.3
"""Weight of the cosine of a retrieved chunk, beside the words of answer and question."""

_UNNAMED = re.compile(r"#\d+")


class Ground(Judge):
    """Find the contexts and the evidence of a foreign pair; reject one whose contexts are not in the index.

    Abstains on a pair without contexts, which it matches with what retrieval brings. Ragset's own samples, whose
    contexts name chunks, pass as they are.
    """

    name: ClassVar[str] = "ground"
    version: ClassVar[str] = "2"
    uses: ClassVar[frozenset[Uses]] = frozenset({"store", "embedder"})

    corpus: str | None = Field(default=None, description="Corpus that the step 'contexts' made of the same set.")
    top_k: int = Field(default=10, ge=1, le=100, description="Chunks among which a context, or a match, is looked for.")
    min_shared: float = Field(default=0.6, gt=0, le=1, description="Least share of a context's words in one place.")

    async def judge(self, sample: Sample, tools: Tools) -> Sample:
        """Locate what was given, else retrieve; then put the sample's contexts and evidence there."""
        if sample.contexts and all(context.chunk_id for context in sample.contexts):
            return sample.judged(self.verdict(None, reason="its contexts name chunks of an index"))
        places = [await self._locate(context, tools) for context in sample.contexts]
        found = [place for place in places if place]
        if any(found):
            return self._placed(sample, places, tools)
        if any(context.text for context in sample.contexts):
            return sample.judged(self.verdict(False, 0.0, _lost(sample, tools)))
        return await self._matched(sample, tools)

    async def _locate(self, context: Context, tools: Tools) -> Place | None:
        """Find a given context: by its id, in the documents that resemble it, word for word before all else."""
        if place := self._by_id(context, tools):
            return place
        if not context.text.strip():
            return None
        store = tools.store
        (near,) = await retrieve([context.text[:MOST_CHARS]], self.top_k, tools)
        hits = [hit.chunk for hit in near]
        documents = {chunk.document_id: store.document(chunk.document_id) for chunk in hits}
        for document in documents.values():
            if document and (place := exact_place(context.text, document)):
                return place
        for chunk in hits:
            if (document := documents[chunk.document_id]) and (place := near_place(context.text, document, chunk)):
                return place
        for chunk in hits:
            siblings = store.chunks(chunk.document_id)
            if place := similar_place(context.text, chunk, siblings, self.min_shared):
                return place
        return None

    def _by_id(self, context: Context, tools: Tools) -> Place | None:
        """Take an id that names a chunk or a document; its text, when one was given, must stand there."""
        store, given, text = tools.store, context.document_id, context.text
        chunk = store.chunk(given)
        if chunk is not None and (not text.strip() or text.strip() == chunk.text.strip()):
            return Place(chunk.document_id, chunk.start, chunk.end, "id" if not text.strip() else "exact")
        name = "" if _UNNAMED.fullmatch(given) else given
        for document_id in (given, f"{self.corpus}/{path_of(name, text)}") if self.corpus else (given,):
            document = store.document(document_id)
            if document is not None and not text.strip():
                return Place(document.id, 0, len(document.text), "id")
            if document is not None and (place := exact_place(text, document)):
                return place
        return None

    def _placed(self, sample: Sample, places: Sequence[Place | None], tools: Tools) -> Sample:
        """Put the sample where its contexts stand."""
        parts = [chunks_in(place, tools.store.chunks(place.document_id)) if place else [] for place in places]
        proved, verbatim = _proved(sample, places, parts)
        hows = [place.how for place in places if place]
        lost = len(places) - len(hows)
        if lost and sample.question_type in HOPS:
            reason = f"{lost} of the {len(places)} contexts of a multi-hop pair are not in the index"
            return sample.judged(self.verdict(False, 1 - lost / len(places), reason))
        reason = f"{len(hows)} of {len(places)} given contexts found: {', '.join(dict.fromkeys(hows))}"
        sample = _delivered(sample, proved, verbatim, "given contexts")
        sample = sample.labelled(SIMILAR) if "similar" in hows else sample
        return sample.judged(self.verdict(True, len(hows) / len(places), reason))

    async def _matched(self, sample: Sample, tools: Tools) -> Sample:
        """Match a sample without contexts: with what retrieval brings for question and answer together."""
        pair, named = sample.payload, bool(sample.contexts)
        if not pair.answerable:
            return sample.judged(self.verdict(None, reason="unanswerable, and no context was given: nothing to match"))
        (hits,) = await retrieve(["\n".join(filter(None, (query_of(pair), pair.answer)))], self.top_k, tools)
        near = [Found(hit.chunk, hit.chunk.start, hit.chunk.end, NEARNESS * hit.score) for hit in hits]
        sample = _delivered(sample, *_match(pair, near), "retrieval").labelled(MATCHED)
        why = "the index has none of the given ids" if named else "no context was given"
        own = _own_language(sample)
        if own:  # the match is to blame, and not the question
            sample = sample.model_copy(update={"provenance": sample.provenance | {QUESTION_LANGUAGE: own}})
        how = ", in another language than its question" if own else ""
        return sample.judged(self.verdict(None, reason=f"{why}: matched by retrieval{how}"))


def _match(pair: QAPair, near: Sequence[Found]) -> tuple[list[tuple[Evidence, Chunk]], float]:
    """Give the evidence in what was retrieved, and its verbatim share: in the question's language, where that has it.

    A passage in another language is taken where there is no other, or where more of the answer stands word for word.
    """
    found = [language_of(part.chunk.text) for part in near]
    strange = {code for code in set(found) if code and other_language(pair.question, code)}
    own = [part for part, code in zip(near, found, strict=True) if code not in strange] or near
    if pair.answer is None:
        return [piece for part in own[:1] for piece in cut(part.start, part.end, [part])], 0.0
    best = proofs(pair.answer, pair.question, own)
    if len(own) == len(near) or best[1] == 1:
        return best
    return max(best, proofs(pair.answer, pair.question, near), key=lambda proved: proved[1])


def _own_language(sample: Sample) -> str | None:
    """Give the language of a question that is clearly in another than is expected of it, and has not been told its."""
    expected = None if sample.axes.get("language") else expected_language(sample)
    return other_language(sample.payload.question, expected) if expected else None


def _proved(
    sample: Sample, places: Sequence[Place | None], parts: Sequence[Sequence[Found]]
) -> tuple[list[tuple[Evidence | None, Chunk]], float]:
    """Give the evidence with its chunks: the given spans, else what proves the answer, else the contexts alone."""
    pair, everything = sample.payload, [part for found in parts for part in found]
    if not pair.answerable:
        return [(None, part.chunk) for part in most_asked(pair.question, everything, MOST_CHUNKS)], 0.0
    if pair.answer is None:  # the contexts are what is claimed: the part of each that has most of the question
        best = [part for found in parts for part in most_asked(pair.question, found, 1)]
        return [piece for part in best for piece in cut(part.start, part.end, [part])], 0.0
    given = [piece for span in sample.evidence for piece in _moved(span, sample, places, parts)]
    if given:
        return [*given], 1.0
    proved, verbatim = proofs(pair.answer, pair.question, everything)
    if sample.question_type in HOPS:
        held = {chunk.id for _, chunk in proved}
        for found in parts:
            if found and not held & {part.chunk.id for part in found}:
                proved += proofs(pair.answer, pair.question, found)[0][:1]
    return [*proved], verbatim


def _moved(
    span: Evidence, sample: Sample, places: Sequence[Place | None], parts: Sequence[Sequence[Found]]
) -> list[tuple[Evidence, Chunk]]:
    """Move a span of a given context into the document; only a context that stands there to the letter has offsets."""
    for context, place, found in zip(sample.contexts, places, parts, strict=True):
        if context.document_id != span.document_id or place is None or place.how != "exact":
            continue
        lead = len(context.text) - len(context.text.lstrip())
        return cut(place.start + span.start - lead, place.start + span.end - lead, found)
    return []


def _delivered(sample: Sample, proved: Sequence[tuple[Evidence | None, Chunk]], verbatim: float, by: str) -> Sample:
    """Give the sample its contexts, each once in the order of its evidence, and keep what was given instead of them."""
    chunks = {chunk.id: chunk for _, chunk in proved}
    contexts = tuple(Context.of(chunk) for chunk in chunks.values())
    evidence = tuple(dict.fromkeys(span for span, _ in proved if span))
    texts = {context.text for context in contexts} | _leaves(sample.metadata)
    kept = [_given(context) for context in sample.contexts if context.text not in texts]
    provenance = sample.provenance | {"grounded_by": by}
    update: dict[str, Any] = {"contexts": contexts, "evidence": evidence, "provenance": provenance}
    if kept:
        update["metadata"] = together(sample.metadata, {GIVEN: kept})
    if sample.payload.answer is not None:
        update["measures"] = sample.measures | {"answer_verbatim": verbatim}
    return sample.model_copy(update=update)


def _given(context: Context) -> dict[str, str]:
    named = {} if _UNNAMED.fullmatch(context.document_id) else {"id": context.document_id}
    return named | ({"text": context.text} if context.text else {})


def _leaves(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set[str]().union(*(_leaves(inner) for inner in value.values()))
    if isinstance(value, list):
        return set[str]().union(*(_leaves(inner) for inner in value))
    return {value} if isinstance(value, str) else set()


def _lost(sample: Sample, tools: Tools) -> str:
    first = next(context.text for context in sample.contexts if context.text)
    head = " ".join(first.split())
    many = f"none of its {len(sample.contexts)} contexts is" if len(sample.contexts) > 1 else "its context is not"
    return f"{many} in the index: '{head[:HEAD]}{'…' if len(head) > HEAD else ''}'"
