"""Evidence and contexts must still stand in their documents, word for word, and hold the answer's hard facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from ragset.kit.contradictions import contradiction
from ragset.kit.judging import Judge
from ragset.kit.languages import detect, expected_language
from ragset.kit.pair_labels import HOPS
from ragset.kit.sufficiency import lacking, proof_of
from ragset.schema.ports import ChunkStore
from ragset.schema.samples import Context, Evidence, Sample
from ragset.schema.step import Tools, Uses

EXTRACTIVE = "extractive"
"""Name of the built-in writer, whose answers are quotes."""

Span = tuple[str, int, int]
"""A document's id, and where in its text something begins and ends."""


class EvidenceHolds(Judge):
    """Reject a pair whose evidence is missing, moved, outside its contexts or insufficient, or whose contexts changed.

    Sufficient means that numbers, dates, names and the negation of the answer stand in the sentences that the evidence
    touches, and that these speak of what is answered, count it alike and do not deny it; with ``sufficient: false``
    that is not looked at. A multi-hop pair needs evidence that no single context holds; an unanswerable one carries
    none, and no answer.
    """

    name: ClassVar[str] = "evidence"
    version: ClassVar[str] = "5"
    uses: ClassVar[frozenset[Uses]] = frozenset({"store"})

    sufficient: bool = True

    async def judge(self, sample: Sample, tools: Tools) -> Sample:
        """Compare contexts and spans with what is stored; the score is the share of spans that hold."""
        store = tools.store
        places = [_places(context, store) for context in sample.contexts]
        altered = [
            f"a context is not the text of its chunk or document: context {at} of {context.document_id}"
            for at, (context, found) in enumerate(zip(sample.contexts, places, strict=True), 1)
            if not found
        ]
        if not sample.payload.answerable:
            wrong = "; ".join((*altered, *_claims_to_know(sample)))
            return sample.judged(
                self.verdict(not wrong, reason=wrong or "an unanswerable question carries no evidence")
            )
        states = [e.verify(store.document(e.document_id)) for e in sample.evidence]
        found = [*_problems(sample, states, [span for spans in places for span in spans]), *altered]
        if self.sufficient and not found:
            found = _insufficient(sample, store)
        score = states.count("same") / len(states) if states else 0.0
        return sample.judged(self.verdict(not found, score, "; ".join(found)), evidence_spans=len(states))


def _problems(sample: Sample, states: Iterable[str], places: list[Span]) -> Iterator[str]:
    if not sample.evidence:
        yield "no evidence"
        return
    for evidence, state in zip(sample.evidence, states, strict=True):
        span = f"{evidence.document_id} [{evidence.start}:{evidence.end}]"
        if state != "same":
            yield f"{span}: {state}"
        elif not _inside(evidence, places):
            yield f"evidence lies outside the contexts: {span}"
    if sample.provenance.get("writer") == EXTRACTIVE and not _quoted(sample):
        yield "the answer is no quote of the evidence"
    if sample.question_type == "unanswerable":
        yield "it is called unanswerable, and has an answer"
    yield from _too_few_hops(sample)


def _insufficient(sample: Sample, store: ChunkStore) -> list[str]:
    """Tell which hard facts of the answer the sentences of its evidence do not hold, or what they say otherwise."""
    documents = {e.document_id: store.document(e.document_id) for e in sample.evidence}
    spans = [(d.text, e.start, e.end) for e in sample.evidence if (d := documents[e.document_id]) is not None]
    titles = [d.title for d in documents.values() if d is not None]
    headings = [*titles, *(heading for context in sample.contexts for heading in context.headings)]
    asked = (*(turn.content for turn in sample.payload.history), sample.payload.question)
    proof, code = proof_of(spans, headings), expected_language(sample)
    answer = sample.payload.answer or ""
    found = [f"the evidence does not hold {fact}" for fact in lacking("\n".join(asked), answer, proof, code=code)]
    if not found and {code, detect(proof.cited)} <= {None, "en"}:
        against = contradiction(proof.cited, answer, sample.payload.question)
        found = [f"the evidence says otherwise: {against}"] if against else []
    return found


def _claims_to_know(sample: Sample) -> Iterator[str]:
    if sample.evidence:
        yield "an unanswerable question carries evidence"
    if sample.payload.answer is not None:
        yield "an unanswerable question has an answer"


def _too_few_hops(sample: Sample) -> Iterator[str]:
    """Tell when a multi-hop pair can be answered from one context, or one across documents from one document."""
    if sample.question_type not in HOPS:
        return
    if any(all(_holds(context, span) for span in sample.evidence) for context in sample.contexts):
        yield "multi-hop, and one context holds all the evidence"
    elif sample.question_type == "multi_hop_across" and len({span.document_id for span in sample.evidence}) < 2:
        yield "multi-hop across documents, and one document holds all the evidence"


def _holds(context: Context, span: Evidence) -> bool:
    return context.document_id == span.document_id and span.quote in context.text


def _places(context: Context, store: ChunkStore) -> list[Span]:
    """Find where a context stands: at its chunk, or, after re-chunking, wherever its document has its text."""
    chunk = store.chunk(context.chunk_id)
    if chunk is not None:
        same = (chunk.document_id, chunk.text) == (context.document_id, context.text)
        return [(chunk.document_id, chunk.start, chunk.end)] if same else []
    document = store.document(context.document_id)
    if document is None or not context.text:
        return []
    found: list[Span] = []
    at = document.text.find(context.text)
    while at >= 0:
        found.append((document.id, at, at + len(context.text)))
        at = document.text.find(context.text, at + len(context.text))
    return found


def _inside(evidence: Evidence, places: Iterable[Span]) -> bool:
    return any(
        document_id == evidence.document_id and start <= evidence.start and evidence.end <= end
        for document_id, start, end in places
    )


def _quoted(sample: Sample) -> bool:
    answer = sample.payload.answer or ""
    return bool(answer) and any(answer in e.quote for e in sample.evidence)
