"""``keep``: decides, once, at the end of the flow, and shows its tally to the source."""

from __future__ import annotations

from collections import Counter
from math import ceil
from typing import ClassVar

from pydantic import Field

from ragset.errors import FlowError
from ragset.schema.documents import Noun
from ragset.schema.samples import Draw, Sample, Verdict
from ragset.schema.step import Commit, Fold, Folding, Tally, Tools


class Keep(Fold):
    """Keep what passed every judge, until the order and its quotas are filled; the rest are rejects with a reason.

    Before a ``select`` the order is that of the candidates: what ``select`` asks for is written into ``n``.
    Quotas come from the source (``scenarios: {quotas: …}``). A sample counts as what it is here, after any relabelling.
    """

    name: ClassVar[str] = "keep"
    takes: ClassVar[type[Noun] | None] = Sample
    gives: ClassVar[type[Noun] | None] = Sample

    n: int | None = Field(default=None, ge=1, description="How many samples are wanted; none keeps all that pass.")
    max_per_chunk: int | None = Field(default=None, ge=1, description="Most samples kept of one gold chunk; none: all.")
    max_per_document: int | None = Field(
        default=None, ge=1, description="Most samples kept of one document; none: all."
    )
    max_per_type: float | None = Field(
        default=None, gt=0, le=1, description="Largest share of n that one question type may have; none: any."
    )

    def check(self) -> None:
        """Refuse a share of an order that has no size."""
        if self.max_per_type is not None and self.n is None:
            raise FlowError("'max_per_type' is a share of n, and there is no n", hint="add it: n: 50")

    def begin(self, tools: Tools) -> Folding:
        """Start counting."""
        tools.tally.wanted, tools.tally.most_per_chunk = self.n, self.max_per_chunk
        tools.tally.most_per_type = self.max_per_type
        return _Keeping(self, tools.tally)


class _Keeping:
    def __init__(self, step: Keep, tally: Tally) -> None:
        self.step, self.tally = step, tally
        self.of_chunk: Counter[str] = Counter()
        self.of_document: Counter[str] = Counter()
        self.of_type: Counter[str] = Counter()
        self.passed: list[dict[str, str]] = []

    def feed(self, item: Draw, seen: bytes | None) -> Draw:
        self.passed = []
        draw = item.with_samples(tuple(self._decide(sample) for sample in item.samples))
        chunks = draw.scenario.chunks if draw.scenario else ()
        kept = [sample for sample in draw.samples if sample.status == "kept"]
        self.tally.commits.append(
            Commit(
                number=draw.number,
                chunk_ids=tuple(chunk.id for chunk in chunks),
                document_ids=tuple(chunk.document_id for chunk in chunks),
                empty=draw.empty,
                gave=len(draw.samples),
                kept=len(kept),
                passed=tuple(self.passed),
                kept_of=tuple(_gold(sample)[0] for sample in kept),
            )
        )
        return draw

    def _decide(self, sample: Sample) -> Sample:
        if sample.status != "open":
            return sample
        chunk, document = _gold(sample)
        if reason := self._capped(sample, chunk, document):
            return sample.judged(_no(reason))
        values = values_of(sample)
        self.passed.append(values)
        if self.tally.full:
            return sample.judged(_no("the order was filled by an earlier sample of this draw"))
        if reason := self._no_quota(values):
            return sample.judged(_no(reason))
        for axis, lacking in self.tally.lacking.items():
            lacking[values[axis]] -= 1
        self.of_chunk[chunk] += 1
        self.of_document[document] += 1
        self.of_type[sample.question_type or "none"] += 1
        self.tally.kept += 1
        return sample.model_copy(update={"status": "kept"})

    def _capped(self, sample: Sample, chunk: str, document: str) -> str:
        most, of_document, share = self.step.max_per_chunk, self.step.max_per_document, self.step.max_per_type
        if chunk and most and self.of_chunk[chunk] >= most:
            return f"its chunk already gave {most}"
        if document and of_document and self.of_document[document] >= of_document:
            return f"its document already gave {of_document}"
        kind = sample.question_type or "none"
        if share and self.step.n and self.of_type[kind] >= ceil(share * self.step.n - 1e-9):
            return f"its question type has its share: {kind}"
        return ""

    def _no_quota(self, values: dict[str, str]) -> str:
        """Say which quota has no place for the sample: that of a value which is filled, or which has none."""
        for axis, lacking in self.tally.lacking.items():
            value = values.get(axis, "none")
            if value not in lacking:
                return f"no quota asks for it: {axis}={value}"
            if lacking[value] <= 0:
                return f"its quota is filled: {axis}={value}"
        return ""


def values_of(sample: Sample) -> dict[str, str]:
    """Give what a sample is on every axis that it has a value on."""
    own = {"question_type": sample.question_type, "persona": sample.persona}
    return {**sample.axes, **{axis: value for axis, value in own.items() if value is not None}}


def _gold(sample: Sample) -> tuple[str, str]:
    return (sample.contexts[0].chunk_id, sample.contexts[0].document_id) if sample.contexts else ("", "")


def _no(reason: str) -> Verdict:
    return Verdict(judge="keep", version=Keep.version, passed=False, reason=reason)
