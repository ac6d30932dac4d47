"""Embedding diversity: no question that says what an earlier one said."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ragset.kit.nearest import TwinSearch
from ragset.kit.retrieving import query_of, question_vectors
from ragset.schema.documents import Noun
from ragset.schema.samples import Draw, Sample, Verdict
from ragset.schema.step import Fold, Folding, Tools, Uses

if TYPE_CHECKING:
    from ragset.schema.ports import FloatArray


class NearDuplicates(Fold):
    """Reject a question within ``threshold`` cosine of one that passed this gate earlier in draw order.

    A follow-up is compared with the user's earlier turns before it: alone it says too little.
    """

    name: ClassVar[str] = "near_duplicates"
    version: ClassVar[str] = "2"
    takes: ClassVar[type[Noun] | None] = Sample
    gives: ClassVar[type[Noun] | None] = Sample
    uses: ClassVar[frozenset[Uses]] = frozenset({"embedder"})

    threshold: float = Field(default=0.92, gt=0, le=1)

    async def look(self, item: Draw, tools: Tools) -> bytes | None:
        """Embed the questions: float32, one row a sample, zeros for one that was rejected before."""
        import numpy as np

        if not any(sample.status == "open" for sample in item.samples):
            return None
        rows = np.zeros((len(item.samples), tools.embedder.dimension), np.float32)
        open_ones = [at for at, sample in enumerate(item.samples) if sample.status == "open"]
        rows[open_ones] = await question_vectors([query_of(item.samples[at].payload) for at in open_ones], tools)
        return rows.tobytes()

    def begin(self, tools: Tools) -> Folding:
        """Start with nothing seen."""
        return _Gate(self)


class _Gate:
    def __init__(self, step: NearDuplicates) -> None:
        self.step, self.search = step, TwinSearch(step.threshold)
        self.seen: list[tuple[str, str]] = []

    def feed(self, item: Draw, seen: bytes | None) -> Draw:
        if not seen:
            return item
        import numpy as np

        rows = np.frombuffer(seen, np.float32).reshape(len(item.samples), -1)
        pairs = zip(item.samples, rows, strict=True)
        judged = [self._judge(sample, row) if sample.status == "open" else sample for sample, row in pairs]
        return item.with_samples(tuple(judged))

    def _judge(self, sample: Sample, vector: FloatArray) -> Sample:
        twin = self.search.find(vector)
        if twin is None:
            self.search.add(vector)
            self.seen.append((sample.id, sample.payload.question))
            return sample.judged(self._verdict(True, None, "nothing like it came before"))
        twin_id, question = self.seen[twin.row]
        return sample.judged(self._verdict(False, twin.cosine, f"near duplicate of {twin_id}: {question}"))

    def _verdict(self, passed: bool, cosine: float | None, reason: str) -> Verdict:
        score = None if cosine is None else round(cosine, 4)
        return Verdict(judge=self.step.name, version=self.step.version, score=score, passed=passed, reason=reason)
