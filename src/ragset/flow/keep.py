"""``keep``: decides, once, at the end of the flow, and shows its tally to the source."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from pydantic import Field

from ragset.schema.documents import Noun
from ragset.schema.samples import Draw, Sample, Verdict
from ragset.schema.step import Commit, Fold, Folding, Tally, Tools


class Keep(Fold):
    """Keep what passed every judge, until the order is filled; the rest are rejects with a reason."""

    name: ClassVar[str] = "keep"
    takes: ClassVar[type[Noun] | None] = Sample
    gives: ClassVar[type[Noun] | None] = Sample

    n: int | None = Field(default=None, ge=1, description="How many samples are wanted; none keeps all that pass.")
    max_per_chunk: int | None = Field(default=None, ge=1, description="Most samples kept of one gold chunk; none: all.")

    def begin(self, tools: Tools) -> Folding:
        """Start counting."""
        tools.tally.wanted = self.n
        return _Keeping(self, tools.tally)


class _Keeping:
    def __init__(self, step: Keep, tally: Tally) -> None:
        self.step, self.tally = step, tally
        self.of_chunk: Counter[str] = Counter()

    def feed(self, item: Draw, seen: bytes | None) -> Draw:
        draw = item.with_samples(tuple(self._decide(sample) for sample in item.samples))
        chunks = draw.scenario.chunks if draw.scenario else ()
        self.tally.commits.append(
            Commit(
                number=draw.number,
                chunk_ids=tuple(chunk.id for chunk in chunks),
                document_ids=tuple(chunk.document_id for chunk in chunks),
                empty=draw.empty,
                gave=len(draw.samples),
                kept=sum(sample.status == "kept" for sample in draw.samples),
            )
        )
        return draw

    def _decide(self, sample: Sample) -> Sample:
        if sample.status != "open":
            return sample
        if self.tally.full:
            return sample.judged(_no("the order was filled by an earlier sample of this draw"))
        gold = sample.contexts[0].chunk_id if sample.contexts else ""
        most = self.step.max_per_chunk
        if gold and most and self.of_chunk[gold] >= most:
            return sample.judged(_no(f"its chunk already gave {most}"))
        self.of_chunk[gold] += 1
        self.tally.kept += 1
        return sample.model_copy(update={"status": "kept"})


def _no(reason: str) -> Verdict:
    return Verdict(judge="keep", version=Keep.version, passed=False, reason=reason)
