"""Choose the most diverse n of m, as far as quotas allow.

How many are chosen of each combination of values is fixed first, so that every quota is met exactly where it can be;
then the one that is farthest from all chosen so far is taken, again and again (Gonzalez 1985: no choice has more than
twice the distance between its nearest two).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ragset.kit.axes import uniform

if TYPE_CHECKING:
    from ragset.schema.ports import FloatArray

Cell = tuple[str, ...]
"""A combination of values, one of each axis that has limits."""
Limits = Sequence[Mapping[str, int]]
"""For each axis, how many of each value may be chosen; a value that is not named may not."""

COSINES = 6
"""Decimals in which cosines are compared: what is closer together is a tie, and the seed decides."""
STATES = 500
"""Places that the search for an exchange looks at, at most."""


def most_diverse(vectors: FloatArray, cells: Sequence[Cell], shares: Mapping[Cell, int], seed: int) -> list[int]:
    """Give the chosen rows, ascending: of each cell its share, each row as far from the chosen ones as can be.

    ``vectors`` has shape (m, dimension), rows L2-normalised. The first is the one least like their mean; of equals a
    seeded number decides. Time grows with n m dimension.
    """
    import numpy as np

    order = sorted(range(len(cells)), key=lambda row: uniform(seed, "select", row))
    names = list(shares)
    places = {cell: at for at, cell in enumerate(names)}
    kinds = np.array([places.get(cells[row], -1) for row in order], dtype=np.int64)
    left = [shares[cell] for cell in names]
    closed = kinds < 0
    rows = vectors[order]
    nearest = rows @ rows.mean(axis=0)
    chosen: list[int] = []
    for _ in range(sum(left)):
        at = int(np.where(closed, np.inf, np.round(nearest, COSINES)).argmin())
        cosines = rows @ rows[at]
        nearest = np.maximum(nearest, cosines) if chosen else cosines
        chosen.append(order[at])
        closed[at] = True
        left[kinds[at]] -= 1
        if not left[kinds[at]]:
            closed |= kinds == kinds[at]
    return sorted(chosen)


def shares_of(cells: Sequence[Cell], limits: Limits, n: int) -> dict[Cell, int]:
    """Say how many to choose of each cell: n in all, or as many as the limits allow, in the proportions they come in.

    With up to two axes that is the most there can be (a maximum flow); with more, the most that a chain of exchanges
    finds.
    """
    there = Counter(cells)
    plan = _Plan(there, limits)
    part = min(1.0, n / max(1, len(cells)))
    for cell, count in there.items():
        plan.add(cell, min(int(count * part), plan.room(cell)))
    while plan.chosen.total() < n:
        open_ones = [cell for cell in there if plan.room(cell)]
        if open_ones:
            plan.add(max(open_ones, key=lambda cell: there[cell] * part - plan.chosen[cell]), 1)
        elif not plan.exchange():
            break
    return {cell: count for cell, count in plan.chosen.items() if count}


class _Plan:
    """How many are chosen of each cell, and what the limits leave."""

    def __init__(self, there: Mapping[Cell, int], limits: Limits) -> None:
        self.there = there
        self.left = [Counter(dict(limit)) for limit in limits]
        self.chosen: Counter[Cell] = Counter()

    def room(self, cell: Cell) -> int:
        """Give how many more of a cell may be chosen."""
        spare = self.there[cell] - self.chosen[cell]
        return max(0, min([spare, *(left[value] for left, value in zip(self.left, cell, strict=True))]))

    def add(self, cell: Cell, count: int) -> None:
        """Choose so many more of a cell; fewer, when the count is negative."""
        self.chosen[cell] += count
        for left, value in zip(self.left, cell, strict=True):
            left[value] -= count

    def exchange(self) -> bool:
        """Choose one more by the shortest chain of exchanges, where one cell takes the place of another.

        This is the search for an augmenting path: breadth first, and no state of what is left is looked at twice.
        """
        waiting: deque[tuple[tuple[Cell, Cell], ...]] = deque([()])
        seen: set[tuple[tuple[tuple[str, int], ...], ...]] = set()
        while waiting and len(seen) < STATES:
            chain = waiting.popleft()
            for taken, given in chain:
                self.add(taken, 1)
                self.add(given, -1)
            if end := next((cell for cell in self.there if self.room(cell)), None):
                self.add(end, 1)
                return True
            state = tuple(tuple(sorted(left.items())) for left in self.left)
            if state not in seen:
                seen.add(state)
                waiting.extend((*chain, link) for link in self._links())
            for taken, given in chain:
                self.add(taken, -1)
                self.add(given, 1)
        return False

    def _links(self) -> Iterable[tuple[Cell, Cell]]:
        """Give which cell may take the place of which chosen one, once for each change of what is left."""
        changes: dict[tuple[tuple[str, str], ...], tuple[Cell, Cell]] = {}
        for cell, count in self.there.items():
            if count <= self.chosen[cell]:
                continue
            full = [axis for axis, value in enumerate(cell) if self.left[axis][value] <= 0]
            for held, many in self.chosen.items():
                if many > 0 and held != cell and all(held[axis] == cell[axis] for axis in full):
                    changes.setdefault(tuple(zip(cell, held, strict=True)), (cell, held))
        return changes.values()
