"""The scenario source: which chunk is asked about next, by whom, and how."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, ClassVar

from pydantic import Field

from ragset.kit.axes import draw_axes, uniform
from ragset.kit.spread import spread_order
from ragset.schema.documents import Chunk, Noun
from ragset.schema.ports import ChunkStore
from ragset.schema.samples import Draw, Scenario
from ragset.schema.step import Commit, Source, Tally, Tools, Uses

Weight = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Scenarios(Source):
    """Draw chunks so that every document gets its share before any gets more, as far as ``keep`` shows.

    Lazy and seeded: what is drawn depends on the index, the seed and what ``keep`` has committed. While enough
    draws are open to fill the order it gives empty draws, which cost nothing. It ends when all scenarios are used up,
    or after ``patience`` committed draws without a gain.
    """

    name: ClassVar[str] = "scenarios"
    takes: ClassVar[type[Noun] | None] = Chunk
    gives: ClassVar[type[Noun] | None] = Scenario
    uses: ClassVar[frozenset[Uses]] = frozenset({"store"})

    documents: tuple[str, ...] = Field(default=(), description="Document ids, or prefixes that end in '/'; none: all.")
    seed: int = 0
    patience: int = Field(default=500, ge=1, description="Committed draws without a kept sample after which to stop.")
    document_tries: int = Field(
        default=12,
        ge=3,
        description="Committed draws of a document that kept nothing before it counts as yielding none.",
    )
    repeats: int = Field(default=2, ge=1, description="Most draws of one chunk.")
    personas: dict[str, Weight] = Field(default_factory=dict, description="Who asks: description and weight.")
    question_types: dict[str, Weight] = Field(default_factory=dict, description="What is asked for, and its weight.")

    def wants(self, document_id: str) -> bool:
        """Tell whether a document may be drawn from."""
        return not self.documents or any(
            document_id == name or (name.endswith("/") and document_id.startswith(name)) for name in self.documents
        )

    async def draws(self, tools: Tools) -> AsyncIterator[Draw]:
        """Yield draws for ever, or until nothing is left to try."""
        plan, number = _Plan(self, tools.store), 0
        while not plan.exhausted(tools.tally):
            yield Draw(number=number, scenario=plan.next(number, tools.tally))
            number += 1


class _Document:
    """One document's scenarios, in the order they are drawn."""

    def __init__(self, step: Scenarios, document_id: str, store: ChunkStore) -> None:
        self.step, self.id, self.store = step, document_id, store
        self.rank = uniform(step.seed, "document", document_id)
        self.kept = self.open = self.committed = 0
        self._order: list[tuple[Chunk, int]] | None = None
        self._gave: dict[tuple[str, int], int | None] = {}

    @property
    def barren(self) -> bool:
        """True when it was tried often enough and nothing of it was kept."""
        return self.kept == 0 and self.committed >= self.step.document_tries

    def peek(self) -> tuple[Chunk, int] | None:
        """Give the next (chunk, repeat) that may be drawn now; a chunk that gave nothing is not asked again."""
        if self._order is None:
            chunks = self.store.chunks(self.id)
            order = spread_order(self.store.vectors(self.id), self.step.seed, self.id)
            self._order = [(chunks[row], turn) for turn in range(self.step.repeats) for row in order]
            self._order.reverse()
        while self._order:
            chunk, repeat = self._order[-1]
            if repeat == 0 or (before := self._gave.get((chunk.id, repeat - 1))):
                return chunk, repeat
            if before is None and (chunk.id, repeat - 1) in self._gave:
                return None  # its earlier draw is still open
            self._order.pop()
        return None

    def take(self) -> tuple[Chunk, int]:
        """Take what ``peek`` showed."""
        if not self._order:
            raise IndexError(self.id)
        chunk, repeat = self._order.pop()
        self._gave[(chunk.id, repeat)] = None
        self.open += 1
        return chunk, repeat

    def commit(self, chunk_id: str, repeat: int, commit: Commit) -> None:
        self._gave[(chunk_id, repeat)] = commit.gave
        self.open -= 1
        self.committed += 1
        self.kept += commit.kept


class _Plan:
    """What was drawn, what became of it, and what comes next."""

    def __init__(self, step: Scenarios, store: ChunkStore) -> None:
        self.step = step
        self.axes = {"persona": step.personas, "question_type": step.question_types}
        names = [name for name in store.document_ids() if step.wants(name)]
        self.documents = [_Document(step, name, store) for name in names]
        self.documents.sort(key=lambda document: document.rank)
        self.open: dict[int, tuple[_Document, Chunk, int]] = {}
        self.read = self.since_gain = 0

    def next(self, number: int, tally: Tally) -> Scenario | None:
        self._catch_up(tally)
        if tally.wanted is not None and tally.kept + len(self.open) >= tally.wanted:
            return None
        document = self._choose()
        if document is None:
            return None
        chunk, repeat = document.take()
        self.open[number] = (document, chunk, repeat)
        axes = draw_axes(self.axes, self.step.seed, [chunk.id], repeat)
        return Scenario(chunks=(chunk,), axes=axes, seed=self.step.seed, repeat=repeat)

    def exhausted(self, tally: Tally) -> bool:
        self._catch_up(tally)
        if self.since_gain >= self.step.patience:
            return True
        return not self.open and self._choose() is None

    def _catch_up(self, tally: Tally) -> None:
        for commit in tally.commits[self.read :]:
            self.read += 1
            if commit.number in self.open:
                document, chunk, repeat = self.open.pop(commit.number)
                document.commit(chunk.id, repeat, commit)
                if commit.kept:
                    self.since_gain = 0
                elif document.kept or document.barren:  # its first tries are a document's own, not the run's patience
                    self.since_gain += 1

    def _choose(self) -> _Document | None:
        """Give the document with the fewest kept and open; those that yield none come last."""
        ready = sorted(self.documents, key=lambda d: (d.barren, d.kept + d.open, d.rank))
        return next((document for document in ready if document.peek() is not None), None)
