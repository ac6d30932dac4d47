"""The gold passages of a sample, and which other chunks are the same passage again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from ragset.kit.measures import words
from ragset.schema.documents import Chunk
from ragset.schema.ports import ChunkStore
from ragset.schema.samples import Evidence, Sample

ALIKE = 0.9
"""Share of the words (each as often as it comes) that two passages must have in common to be the same text."""

Proved = tuple[Chunk, Evidence]
"""A chunk, and where in it the answer stands."""
Place = tuple[str, int, int]
"""A document's id, and where in its text something begins and ends."""


@dataclass(frozen=True, slots=True)
class Gold:
    """Where a sample's contexts stand, the spans of its evidence, and the texts of its contexts."""

    chunk_ids: frozenset[str]
    evidence: tuple[Place, ...]
    places: tuple[Place, ...]
    texts: tuple[str, ...]

    @classmethod
    def of(cls, sample: Sample, store: ChunkStore) -> Self:
        """Look up the contexts of a sample; one that was cut anew stands where its evidence does."""
        chunks = [store.chunk(context.chunk_id) for context in sample.contexts]
        spans = tuple((span.document_id, span.start, span.end) for span in sample.evidence)
        return cls(
            chunk_ids=frozenset(context.chunk_id for context in sample.contexts),
            evidence=spans,
            places=(*spans, *((c.document_id, c.start, c.end) for c in chunks if c is not None)),
            texts=tuple(context.text for context in sample.contexts),
        )

    def is_same(self, chunk: Chunk) -> bool:
        """Tell whether a chunk is gold already: a context, or an overlapping neighbour that holds its evidence."""
        return chunk.id in self.chunk_ids or any(
            document == chunk.document_id and chunk.start <= start and end <= chunk.end
            for document, start, end in self.evidence
        )

    def others(self, proved: Iterable[Proved]) -> list[Proved]:
        """Leave out chunks whose proof lies in a gold passage (or in an earlier one): they overlap, and say it once."""
        taken = list(self.places)
        found: list[Proved] = []
        for chunk, proof in proved:
            place = (proof.document_id, proof.start, proof.end)
            if not any(_overlap(place, other) for other in taken):
                found.append((chunk, proof))
                taken.append(place)
        return found

    def sources(self, chunks: Iterable[Chunk]) -> int:
        """Count different passages among chunks: copies of a gold one, and of one another, are no further source."""
        seen: list[str] = list(self.texts)
        count = 0
        for chunk in chunks:
            if not any(alike(chunk.text, text) for text in seen):
                count += 1
                seen.append(chunk.text)
        return count


def alike(one: str, other: str) -> bool:
    """Tell whether two texts are the same but for a few words: no number may differ."""
    left, right = _words(one), _words(other)
    numbers = [{word for word in text if word[:1].isdigit()} for text in (left, right)]
    if numbers[0] != numbers[1]:
        return False
    both, mean = sum((left & right).values()), (sum(left.values()) + sum(right.values())) / 2
    return both >= ALIKE * max(1, mean)


@lru_cache(maxsize=1024)
def _words(text: str) -> Counter[str]:
    return Counter(word.plain for word in words(text))


def _overlap(one: Place, other: Place) -> bool:
    return one[0] == other[0] and one[1] < other[2] and other[1] < one[2]
