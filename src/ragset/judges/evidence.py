"""Every evidence span must still stand in its document, word for word."""

from __future__ import annotations

from typing import ClassVar

from ragset.kit.judging import Judge
from ragset.schema.ports import ChunkStore
from ragset.schema.samples import Evidence, Sample
from ragset.schema.step import Tools, Uses

EXTRACTIVE = "extractive"
"""Name of the built-in writer, whose answers are quotes."""


class EvidenceHolds(Judge):
    """Reject a pair whose evidence is missing, has moved, or lies outside its contexts."""

    name: ClassVar[str] = "evidence"
    uses: ClassVar[frozenset[Uses]] = frozenset({"store"})

    async def judge(self, sample: Sample, tools: Tools) -> Sample:
        """Re-verify each span against the stored document; the score is the share that holds."""
        if not sample.payload.answerable:
            return sample.judged(self.verdict(None, reason="an unanswerable question has no evidence to check"))
        found = list(self._problems(sample, tools.store))
        held = sum(_state(e, tools.store) == "same" for e in sample.evidence)
        score = held / len(sample.evidence) if sample.evidence else 0.0
        return sample.judged(self.verdict(not found, score, "; ".join(found)), evidence_spans=len(sample.evidence))

    def _problems(self, sample: Sample, store: ChunkStore) -> list[str]:
        if not sample.evidence:
            return ["no evidence"]
        found = [
            f"{e.document_id} [{e.start}:{e.end}]: {state}"
            for e in sample.evidence
            if (state := _state(e, store)) != "same"
        ]
        if not any(_in_contexts(e, sample, store) for e in sample.evidence):
            found.append("no evidence lies in the contexts")
        if sample.provenance.get("writer") == EXTRACTIVE and not _quoted(sample):
            found.append("the answer is no quote of the evidence")
        return found


def _state(evidence: Evidence, store: ChunkStore) -> str:
    return evidence.verify(store.document(evidence.document_id)) if evidence.quote else "empty quote"


def _in_contexts(evidence: Evidence, sample: Sample, store: ChunkStore) -> bool:
    for context in sample.contexts:
        chunk = store.chunk(context.chunk_id)
        if chunk is None or chunk.document_id != evidence.document_id:
            continue
        if chunk.start <= evidence.start and evidence.end <= chunk.end:
            return True
    return False


def _quoted(sample: Sample) -> bool:
    answer = sample.payload.answer or ""
    return bool(answer) and any(answer in e.quote for e in sample.evidence)
