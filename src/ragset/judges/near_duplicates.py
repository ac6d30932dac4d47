"""Embedding diversity: no question that says what an earlier one said, no pair that tells what an earlier one told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ragset.kit.bounds import contrary, same_bounds, unbounded
from ragset.kit.look_alikes import different, nothing_shared, same_answer
from ragset.kit.nearest import Twin, TwinSearch
from ragset.kit.pair_labels import HOPS
from ragset.kit.retrieving import query_of, question_vectors
from ragset.schema.documents import Noun
from ragset.schema.samples import Draw, Sample, Verdict
from ragset.schema.step import Fold, Folding, Tools, Uses

if TYPE_CHECKING:
    from ragset.schema.ports import FloatArray


ALIKE = 0.98
"""Cosine from which two questions are the same whatever their answers say."""
UNTOLD = 0.5
"""Share of the distance to 1 that the threshold leaves where an answer is missing: the questions alone decide."""
BARE = 8
"""Words up to which an answer is a bare fact, so that another one answers another question."""
PLACE = 256
"""Characters of a document that are one place: what overlaps lies, at least in part, in one of them."""

Span = tuple[str, int, int]
"""A document, and where in it a piece of evidence begins and ends."""


class NearDuplicates(Fold):
    """Reject a question within ``threshold`` cosine of one that passed this gate earlier in draw order.

    Where evidence and answer are the same as those of the earlier pair, ``pair_threshold`` is enough: it is the same
    pair in other words. A missing answer is no answer in common: such questions must be twice as near as ``threshold``
    demands. Two questions that differ in a number, a name, code or a contrary ("in 2019" and "in 2020") are
    two questions, however near; so are two that are not quite the same and whose answers have nothing in common ("in
    which month" and "in which town"). A follow-up is compared with the user's earlier turns before it: alone it says
    too little.
    """

    name: ClassVar[str] = "near_duplicates"
    version: ClassVar[str] = "5"
    takes: ClassVar[type[Noun] | None] = Sample
    gives: ClassVar[type[Noun] | None] = Sample
    uses: ClassVar[frozenset[Uses]] = frozenset({"embedder"})

    threshold: float = Field(default=0.92, gt=0, le=1)
    pair_threshold: float = Field(default=0.75, gt=0, le=1)

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


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is remembered of a pair that passed."""

    id: str
    question: str
    said: str
    answer: str | None
    spans: frozenset[Span]
    hops: bool

    @classmethod
    def of(cls, sample: Sample) -> _Seen:
        spans = frozenset((span.document_id, span.start, span.end) for span in sample.evidence)
        pair, hops = sample.payload, sample.question_type in HOPS
        return cls(sample.id, pair.question, query_of(pair), pair.answer, spans, hops)

    def overlaps(self, other: _Seen) -> bool:
        """Tell whether evidence of both lies in one place."""
        return any(
            document == theirs and start < last and first < end
            for document, start, end in self.spans
            for theirs, first, last in other.spans
        )

    def untold(self, other: _Seen) -> bool:
        """Tell whether one of the two has no answer, so that the questions alone can tell whether they are one."""
        return self.answer is None or other.answer is None

    def asks_for_other(self, other: _Seen) -> bool:
        """Tell whether the answers have nothing in common, and stand in other places or are bare facts.

        A question over several hops and one of its hops ask for different things too.
        """
        if self.hops != other.hops:
            return True
        if self.answer is None or other.answer is None:
            return False
        bare = max(len(self.answer.split()), len(other.answer.split())) <= BARE
        return (bare or not self.overlaps(other)) and nothing_shared(
            (self.said, self.answer), (other.said, other.answer)
        )

    def same_pair(self, other: _Seen) -> bool:
        """Tell whether evidence overlaps and the answers are there and say the same."""
        return not self.untold(other) and self.overlaps(other) and same_answer(self.answer, other.answer)


class _Places:
    """Which earlier pairs have evidence in which places, so that not all of a long document are compared."""

    def __init__(self) -> None:
        self._rows: defaultdict[tuple[str, int], list[int]] = defaultdict(list)

    def add(self, row: int, spans: Iterable[Span]) -> None:
        for place in _places(spans):
            self._rows[place].append(row)

    def near(self, spans: Iterable[Span]) -> list[int]:
        """Give, in order, the rows of every pair whose evidence may overlap; some of it may only lie close by."""
        return sorted(set(chain.from_iterable(self._rows[at] for at in _places(spans) if at in self._rows)))


def _places(spans: Iterable[Span]) -> set[tuple[str, int]]:
    return {
        (document, at)
        for document, start, end in spans
        for at in range(start // PLACE, max(start, end - 1) // PLACE + 1)
    }


def _told_apart(one: str, other: str) -> bool:
    """Tell whether two questions are two, however near; the same bound in other words tells none apart."""
    if contrary(one, other):
        return True
    if same_bounds(one, other):
        one, other = unbounded(one), unbounded(other)
    return bool(different(one, other))


class _Gate:
    def __init__(self, step: NearDuplicates) -> None:
        self.step, self.search = step, TwinSearch(step.threshold)
        self.alone = 1 - UNTOLD * (1 - step.threshold)
        self.seen: list[_Seen] = []
        self.places = _Places()

    def feed(self, item: Draw, seen: bytes | None) -> Draw:
        if not seen:
            return item
        import numpy as np

        rows = np.frombuffer(seen, np.float32).reshape(len(item.samples), -1)
        pairs = zip(item.samples, rows, strict=True)
        judged = [self._judge(sample, row) if sample.status == "open" else sample for sample, row in pairs]
        return item.with_samples(tuple(judged))

    def _judge(self, sample: Sample, vector: FloatArray) -> Sample:
        this = _Seen.of(sample)
        twins = ((twin, "near duplicate of") for twin in self.search.near(vector))
        told = ((twin, "the pair in other words of") for twin in self._same_pairs(this, vector))
        for twin, what in chain(twins, told):
            earlier = self.seen[twin.row]
            if twin.cosine < ALIKE and this.asks_for_other(earlier):
                continue
            if this.untold(earlier) and twin.cosine < self.alone:
                continue
            if not _told_apart(this.said, earlier.said):
                return sample.judged(self._verdict(False, twin.cosine, f"{what} {earlier.id}: {earlier.question}"))
        self.places.add(len(self.seen), this.spans)
        self.search.add(vector)
        self.seen.append(this)
        return sample.judged(self._verdict(True, None, "nothing like it came before"))

    def _same_pairs(self, this: _Seen, vector: FloatArray) -> Iterator[Twin]:
        """Give the earlier pairs with the same evidence and answer that are near enough for that, nearest first.

        The answers, which take longest, are compared last, and only for as long as the next one is asked for.
        """
        found = (Twin(row, self.search.cosine(row, vector)) for row in self.places.near(this.spans))
        near = [twin for twin in found if twin.cosine >= self.step.pair_threshold]
        for twin in sorted(near, key=lambda twin: (-twin.cosine, twin.row)):
            if this.same_pair(self.seen[twin.row]):
                yield twin

    def _verdict(self, passed: bool, cosine: float | None, reason: str) -> Verdict:
        score = None if cosine is None else round(cosine, 4)
        return Verdict(judge=self.step.name, version=self.step.version, score=score, passed=passed, reason=reason)
