"""``select``: chooses the most diverse of what ``keep`` kept, as far as the quotas allow."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from math import ceil
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ragset.flow.keep import values_of
from ragset.kit.diversity import set_vectors
from ragset.kit.quotas import largest_remainder
from ragset.kit.retrieving import query_of
from ragset.kit.selection import Cell, most_diverse, shares_of
from ragset.schema.documents import Noun
from ragset.schema.samples import Draw, Sample, Verdict
from ragset.schema.step import Barrier, Gathering, Tools, Uses

if TYPE_CHECKING:
    from ragset.schema.ports import FloatArray

KIND = "question_type"


class Select(Barrier):
    """Choose the ``n`` most diverse of ``n`` times ``of`` samples that were good enough to keep; reject the others.

    The question that is farthest from all chosen ones is taken, again and again. Quotas and ``max_per_type`` hold for
    what is chosen, and the other caps with them. ``keep`` before it asks for ``n`` times ``of``.
    """

    name: ClassVar[str] = "select"
    takes: ClassVar[type[Noun] | None] = Sample
    gives: ClassVar[type[Noun] | None] = Sample
    uses: ClassVar[frozenset[Uses]] = frozenset({"embedder"})

    n: int = Field(ge=1, description="How many samples are chosen.")
    of: float = Field(default=2.0, gt=1, le=100, description="How many times as many are made to choose among.")
    seed: int = Field(default=0, description="Decides between equals.")

    @property
    def candidates(self) -> int:
        """How many samples it chooses among."""
        return ceil(self.n * self.of - 1e-9)

    def begin(self, tools: Tools) -> Gathering:
        """Start with nothing seen."""
        return _Selecting(self, tools)


class _Selecting:
    def __init__(self, step: Select, tools: Tools) -> None:
        self.step, self.tools = step, tools
        self.named: list[str] = []
        self.questions: list[str] = []
        self.values: list[dict[str, str]] = []
        self.verdicts: deque[Verdict] = deque()

    def feed(self, item: Draw) -> None:
        for sample in item.samples:
            if sample.status == "kept":
                self.named.append(f"{sample.id}: {sample.payload.question}")
                self.questions.append(query_of(sample.payload))
                self.values.append(values_of(sample))

    async def decide(self) -> None:
        limits = self._limits()
        cells: list[Cell] = [tuple(values.get(axis, "none") for axis in limits) for values in self.values]
        shares = shares_of(cells, list(limits.values()), self.step.n)
        vectors = await set_vectors(self.questions, self.tools)
        chosen = most_diverse(vectors, cells, shares, self.step.seed)
        self._count(chosen)
        self.verdicts.extend(self._verdicts(chosen, vectors))

    def release(self, item: Draw) -> Draw:
        return item.with_samples(tuple(self._decided(sample) for sample in item.samples))

    def _decided(self, sample: Sample) -> Sample:
        if sample.status != "kept":
            return sample
        verdict = self.verdicts.popleft()
        status = "kept" if verdict.passed else "rejected"
        return sample.judged(verdict).model_copy(update={"status": status})

    def _quotas(self) -> dict[str, dict[str, int]]:
        """Give what each quota asks for of the order that is chosen."""
        tally = self.tools.tally
        return {axis: largest_remainder(tally.axes[axis], self.step.n) for axis in tally.lacking}

    def _limits(self) -> dict[str, dict[str, int]]:
        """Give what may be chosen of each value, on each axis where that is limited."""
        limits, share = self._quotas(), self.tools.tally.most_per_type
        if share:
            most = ceil(share * self.step.n - 1e-9)
            kinds = dict.fromkeys((values.get(KIND, "none") for values in self.values), most)
            limits[KIND] = {kind: min(most, count) for kind, count in limits.get(KIND, kinds).items()}
        return limits

    def _count(self, chosen: Sequence[int]) -> None:
        """Write into the tally which quotas the chosen ones leave short."""
        got = Counter((axis, value) for row in chosen for axis, value in self.values[row].items())
        self.tools.tally.lacking = {
            axis: {value: count - got[axis, value] for value, count in counts.items()}
            for axis, counts in self._quotas().items()
        }

    def _verdicts(self, chosen: Sequence[int], vectors: FloatArray) -> Iterator[Verdict]:
        """Give a verdict for each; one that was not chosen is shown the chosen one that is nearest to it."""
        most, filled, places = min(self.step.n, len(self.named)), len(chosen) >= self.step.n, set(chosen)
        picked = vectors[chosen]  # once: it is a copy
        for row, vector in enumerate(vectors):
            if row in places:
                yield self._verdict(True, None, f"one of the {most} most diverse of {len(self.named)}")
            elif not filled:
                yield self._verdict(False, None, "the quotas have no place for it")
            else:
                cosines = picked @ vector
                nearest = int(cosines.argmax())
                why = f"a more diverse set was chosen; nearest in it is {self.named[chosen[nearest]]}"
                yield self._verdict(False, round(float(cosines[nearest]), 4), why)

    def _verdict(self, passed: bool, score: float | None, reason: str) -> Verdict:
        return Verdict(judge=self.step.name, version=self.step.version, score=score, passed=passed, reason=reason)
