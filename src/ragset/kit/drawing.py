"""The plan of a run's scenarios: what was drawn, what became of it, and what comes next.

It looks at nothing but the index, the settings and the tally of what is committed, so the same replies give the same
draws.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ragset.kit.axes import Shape, Weights, draw_axes, shape_of
from ragset.kit.hops import across, within
from ragset.kit.quotas import Board, Slot
from ragset.kit.shares import Place, Shelf, Shelved
from ragset.kit.yields import Yields
from ragset.schema.samples import Scenario

if TYPE_CHECKING:
    from ragset.schema.documents import Chunk
    from ragset.schema.step import Commit, Tools


TRIES = {True: 12, False: 150}
"""Draws of a document that keep nothing before it comes last, with a model and without: rules cost milliseconds."""


class Settings(Protocol):
    """What the plan reads of the ``scenarios`` step."""

    @property
    def seed(self) -> int: ...  # noqa: D102
    @property
    def pairs(self) -> int: ...  # noqa: D102
    @property
    def patience(self) -> int: ...  # noqa: D102
    @property
    def document_tries(self) -> int | None: ...  # noqa: D102
    @property
    def repeats(self) -> int: ...  # noqa: D102
    @property
    def quotas(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def quota_patience(self) -> int: ...  # noqa: D102
    def wants(self, document_id: str) -> bool: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class _Open:
    """A draw under way."""

    document: Shelved
    shape: Shape
    place: Place
    wants: tuple[Slot, ...]
    room: float


class Plan:
    """Decides draw by draw. Without a model that writes, one draw is taken to give one pair, and no axis is drawn."""

    def __init__(self, step: Settings, tools: Tools, documents: Sequence[str], axes: Mapping[str, Weights]) -> None:
        """Write the quotas into the tally; ``axes`` are those of the step, with all personas."""
        self.step, self.tools, self.tally = step, tools, tools.tally
        self.modelled = tools.models.get("writer") is not None
        self.pairs = step.pairs if self.modelled else 1
        most = self.tally.most_per_chunk
        self.yields = Yields(float(min(self.pairs, most or self.pairs)))
        self.shelf = Shelf(
            tools.store,
            documents,
            seed=step.seed,
            tries=step.document_tries or TRIES[self.modelled],
            repeats=step.repeats,
        )
        self.shelf.most, self.shelf.share = most, self.yields.most
        self.tally.axes = {axis: dict(weights) for axis, weights in axes.items() if weights}
        self.free = {axis: weights for axis, weights in axes.items() if weights and axis not in step.quotas}
        self.board: Board | None = None
        if step.quotas and self.tally.wanted:
            quotas = {axis: weights for axis, weights in axes.items() if axis in step.quotas}
            self.board = Board.start(quotas, self.tally.wanted, step.seed, step.quota_patience)
            self.tally.lacking = self.board.lacking
        self.shapes = _shares(axes.get("question_type", {}))
        self.drawn: Counter[Shape] = Counter()
        self.open: dict[int, _Open] = {}
        self.used: set[tuple[Shape, frozenset[str]]] = set()
        self.read = self.since_gain = 0

    @property
    def rate(self) -> float:
        """Share of wanted pairs that pass."""
        return self.yields.mean / self.pairs

    async def next(self, number: int) -> Scenario | None:
        """Give the next scenario, or none while enough is under way or nothing can be drawn now."""
        self._catch_up()
        if not self._more():
            return None
        wants, shape = self._wanted()
        if shape is None:
            return None
        found = await self._find(shape)
        if found is None:
            return None
        document, place, chunks = found
        repeat = place[1] if shape == "one" else 0
        drawn = tuple({**want, **self._free(shape, chunks, repeat, at)} for at, want in enumerate(wants))
        room = self.shelf.room(chunks[0].id)
        self.open[number] = _Open(document, shape, place, drawn, room)
        self.yields.opened(room)
        self.drawn[shape] += 1
        if self.board:
            self.board.opened(drawn)
        return Scenario(chunks=chunks, wants=drawn if self.modelled else (), seed=self.step.seed, repeat=repeat)

    def exhausted(self) -> bool:
        """Tell whether the run must end here."""
        self._catch_up()
        if self.since_gain >= self.step.patience:
            return True
        if self.board and self.board.ended:
            return True
        if self.open:
            return False
        ready = [shape for shape in self.shapes if self.shelf.choose(shape)]
        if self.board and "question_type" in self.board.lacking:
            for kind in self.board.alive("question_type"):
                if shape_of(kind) not in ready:
                    self._give_up(kind)
            return self.board.ended
        return not ready

    def _more(self) -> bool:
        """Tell whether what is open and kept does not yet fill the order, as far as can be foreseen."""
        wanted = self.tally.wanted
        if wanted is None:
            return True
        if not self.modelled:
            return self.tally.kept + len(self.open) < wanted
        if self.open and self.since_gain + len(self.open) >= self.step.patience:
            return False  # if none of these gives a pair the run ends, and more would be paid in vain
        if self.board:
            return self.board.needs(self.rate)
        return self.tally.kept + self.yields.expected() < wanted

    def _wanted(self) -> tuple[list[Slot], Shape | None]:
        """Give the quota values of each pair, and the shape that the draw shall have; none when there is none now."""
        if self.board is None:
            return [{} for _ in range(self.pairs)], self._turn()
        if "question_type" not in self.board.lacking:
            slots = self.board.next(self.pairs, self.rate, lambda shape: True)
            return slots, self._turn() if slots else None
        slots = self.board.next(self.pairs, self.rate, lambda shape: self.shelf.choose(shape) is not None)
        return slots, shape_of(slots[0]["question_type"]) if slots else None

    def _turn(self) -> Shape | None:
        """Give the shape that is furthest behind its share, of those that have chunks to draw now."""
        ready: list[Shape] = [shape for shape in self.shapes if self.shelf.choose(shape) is not None]
        total = self.drawn.total() + 1
        return max(ready, key=lambda shape: self.shapes[shape] * total - self.drawn[shape], default=None)

    def _free(self, shape: Shape, chunks: tuple[Chunk, ...], repeat: int, at: int) -> dict[str, str]:
        """Draw a value on each axis without a quota; those of one draw are spread over the axis."""
        axes = dict(self.free)
        if types := axes.get("question_type"):
            axes["question_type"] = {kind: weight for kind, weight in types.items() if shape_of(kind) == shape}
        return draw_axes(axes, self.step.seed, [chunk.id for chunk in chunks], repeat, at / self.pairs)

    async def _find(self, shape: Shape) -> tuple[Shelved, Place, tuple[Chunk, ...]] | None:
        """Take the next chunk of the document whose turn it is, and the chunk that goes with it."""
        while document := self.shelf.choose(shape):
            place = document.take(shape)
            chunk = document.chunks[place[0]]
            if shape == "one":
                return document, place, (chunk,)
            for other in await self._others(shape, document, place[0]):
                key = (shape, frozenset((chunk.id, other.id)))
                if key not in self.used:
                    self.used.add(key)
                    return document, place, (chunk, other)
            document.drop(shape, place)
        return None

    async def _others(self, shape: Shape, document: Shelved, row: int) -> list[Chunk]:
        chunks, vectors = document.chunks, self.tools.store.vectors(document.id)
        if shape == "multi_hop":
            return list(within(chunks, vectors, row))
        return await across(self.tools.store, chunks[row], vectors[row], self.step.wants)

    def _catch_up(self) -> None:
        for commit in self.tally.commits[self.read :]:
            self.read += 1
            if commit.number in self.open:
                self._commit(self.open.pop(commit.number), commit)

    def _commit(self, draw: _Open, commit: Commit) -> None:
        document = draw.document
        document.commit(draw.shape, draw.place, commit)
        self.yields.closed(len(commit.passed), draw.room)
        if commit.kept:
            self.since_gain = 0
        elif self.modelled or document.kept or document.barren:  # rules' first tries of a document cost next to nothing
            self.since_gain += 1
        if self.board:
            for line in self.board.closed(draw.wants, commit.passed):
                self._say(line)

    def _give_up(self, kind: str) -> None:
        if self.board:
            for line in self.board.give_up("question_type", kind, "no chunks are left to ask it about"):
                self._say(line)

    def _say(self, line: str) -> None:
        self.tally.given_up.append(line)
        self.tools.say(line)


def _shares(types: Weights) -> dict[Shape, float]:
    """Give each shape the share of the question types that have it."""
    shares: dict[Shape, float] = {}
    for kind, weight in types.items():
        shape = shape_of(kind)
        shares[shape] = shares.get(shape, 0.0) + weight
    total = sum(shares.values())
    return {shape: share / total for shape, share in shares.items()} if shares else {"one": 1.0}
