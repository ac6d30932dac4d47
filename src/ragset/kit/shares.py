"""Which document is drawn from next: the one with the fewest kept and open pairs, in time that grows with log n."""

from __future__ import annotations

from collections import Counter
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from ragset.kit.axes import Shape, uniform
from ragset.kit.spread import spread_order

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ragset.schema.documents import Chunk
    from ragset.schema.ports import ChunkStore
    from ragset.schema.step import Commit

Key = tuple[bool, float, float]
Place = tuple[int, int]
"""A chunk's row in its document, and the turn in which it is drawn."""


class Shelved:
    """One document: what it gave, and what of it may be drawn next, for each shape of scenario apart."""

    def __init__(self, shelf: Shelf, document_id: str) -> None:
        """Read nothing yet: a document's chunks are looked up when it is first its turn."""
        self.shelf, self.id = shelf, document_id
        self.rank = uniform(shelf.seed, "document", document_id)
        self.kept = self.open = self.committed = 0
        self._chunks: list[Chunk] = []
        self._rows: list[int] | None = None
        self._left: dict[Shape, list[Place]] = {}
        self._gave: dict[tuple[Shape, int, int], int | None] = {}

    @property
    def barren(self) -> bool:
        """True when it was tried often enough and nothing of it was kept."""
        return self.kept == 0 and self.committed >= self.shelf.tries

    @property
    def key(self) -> Key:
        """Its place in the queue: those that yield none come last."""
        return self.barren, self.kept + self.open * self.shelf.share, self.rank

    @property
    def chunks(self) -> list[Chunk]:
        """Its chunks, in order."""
        if self._rows is None:
            self._chunks = self.shelf.store.chunks(self.id)
            self._rows = spread_order(self.shelf.store.vectors(self.id), self.shelf.seed, self.id)
        return self._chunks

    def peek(self, shape: Shape) -> Place | None:
        """Give what may be drawn now; a chunk that gave nothing, or all it may give, is not drawn again."""
        chunks = self.chunks
        left = self._left.get(shape)
        if left is None:
            rows = self._rows if self._rows and (shape != "multi_hop" or len(chunks) > 1) else []
            left = self._left[shape] = [(row, turn) for turn in range(self.shelf.repeats) for row in rows]
            left.reverse()
        while left:
            row, turn = left[-1]
            before = self._gave.get((shape, row, turn - 1), 0) if turn else 1
            if before is None:
                return None  # its earlier draw is still open
            if before and self.shelf.room(chunks[row].id) > 0:
                return row, turn
            left.pop()
        return None

    def take(self, shape: Shape) -> Place:
        """Take what ``peek`` showed; it counts as open until ``commit`` or ``drop``."""
        row, turn = self._left[shape].pop()
        self._gave[shape, row, turn] = None
        self.open += 1
        self.shelf.changed(self)
        return row, turn

    def drop(self, shape: Shape, place: Place) -> None:
        """Give back what could not be drawn; it gives nothing."""
        self._gave[(shape, *place)] = 0
        self.open -= 1
        self.shelf.changed(self)

    def commit(self, shape: Shape, place: Place, commit: Commit) -> None:
        """Count what became of a draw."""
        self._gave[(shape, *place)] = commit.gave
        self.open -= 1
        self.committed += 1
        self.kept += commit.kept
        self.shelf.kept_of.update(commit.kept_of)
        self.shelf.changed(self)


class Shelf:
    """All documents that may be drawn from, in the order of their shares."""

    def __init__(self, store: ChunkStore, names: Iterable[str], *, seed: int, tries: int, repeats: int) -> None:
        """Take the documents' ids; ``tries`` draws without a kept pair make one barren."""
        self.store, self.seed, self.tries, self.repeats = store, seed, tries, repeats
        self.share = 1.0
        """Pairs that an open draw counts for."""
        self.most: int | None = None
        """Most pairs that are kept of one chunk."""
        self.kept_of: Counter[str] = Counter()
        self.documents = [Shelved(self, name) for name in names]
        self._heaps: dict[Shape, list[tuple[Key, int]]] = {}
        self._places = {document.id: at for at, document in enumerate(self.documents)}

    def room(self, chunk_id: str) -> float:
        """Say how many more pairs of a chunk may be kept."""
        return float("inf") if self.most is None else self.most - self.kept_of[chunk_id]

    def changed(self, document: Shelved) -> None:
        """Queue a document anew; its older entries are passed over when they come up."""
        for heap in self._heaps.values():
            heappush(heap, (document.key, self._places[document.id]))

    def choose(self, shape: Shape) -> Shelved | None:
        """Give the document whose turn it is and that has something to draw now, or none.

        One with nothing left, or that waits for its open draws, leaves the queue until one of them is committed.
        """
        heap = self._heaps.get(shape)
        if heap is None:
            heap = self._heaps[shape] = [(document.key, at) for at, document in enumerate(self.documents)]
            heapify(heap)
        while heap:
            key, at = heap[0]
            document = self.documents[at]
            if key == document.key and document.peek(shape) is not None:
                return document
            heappop(heap)
        return None
