"""Quotas: how many pairs each value of an axis gets, met exactly, counting what a pair is when it is kept.

The counts are marginal, by largest remainder (Hamilton's method). A table of slots, each a combination of values, is
fixed before the run and says what is asked for first; what then lacks is asked for by the counts that are left.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ragset.kit.axes import Shape, Weights, shape_of, uniform

Counts = dict[str, dict[str, int]]
"""Axis → value → how many."""
Slot = dict[str, str]
"""Axis → value."""

ENOUGH = 0.5
"""A value is asked for while more than this many of its pairs are lacking and not expected either."""
LOOK = 100
"""Slots of the table among which the pairs of one draw are looked for."""
PRIOR = 3.0
"""Asked pairs that the common pass rate counts for in the rate of one value."""


def largest_remainder(weights: Weights, n: int) -> dict[str, int]:
    """Share n by weight in whole numbers: every share rounded down, the rest to the largest remainders.

    Of equal remainders the value that is named first gets it.
    """
    total = sum(weights.values())
    exact = {value: n * weight / total for value, weight in weights.items()}
    shares = {value: int(share + 1e-9) for value, share in exact.items()}
    order = sorted(exact, key=lambda value: round(shares[value] - exact[value], 9))
    for value in order[: n - sum(shares.values())]:
        shares[value] += 1
    return shares


def slot_table(targets: Mapping[str, Mapping[str, int]], seed: int) -> list[Slot]:
    """Combine the values of all axes so that every marginal is exact and the combinations are as even as can be.

    All axes must sum to the same n. Greedy: slot by slot and axis by axis, the value that is furthest behind its share
    with the values the slot has already; ties by how much of it is left, then by a seeded number.
    """
    if not targets:
        return []
    n = sum(next(iter(targets.values())).values())
    left = {axis: dict(counts) for axis, counts in targets.items()}
    joint: Counter[tuple[str, str, str, str]] = Counter()
    table: list[Slot] = []
    for at in range(n):
        slot: Slot = {}
        for axis, counts in targets.items():

            def behind(value: str, axis: str = axis, slot: Slot = slot, share: float = (at + 1) / n) -> float:
                due = [
                    share * targets[a][v] * targets[axis][value] / n - joint[a, v, axis, value] for a, v in slot.items()
                ]
                alone = share * targets[axis][value] - (targets[axis][value] - left[axis][value])
                return sum(due) + alone

            open_values = [value for value in counts if left[axis][value]]
            chosen = max(open_values, key=lambda v: (round(behind(v), 9), uniform(seed, "slot", at, axis, v)))
            left[axis][chosen] -= 1
            for a, v in slot.items():
                joint[a, v, axis, chosen] += 1
            slot[axis] = chosen
        table.append(slot)
    return table


@dataclass
class Board:
    """What is lacking of each value, what the open draws ask for, and which values are given up.

    ``lacking`` is counted down by ``keep``; ``rate`` gives the share of wanted pairs that pass, over all values.
    """

    lacking: Counts
    seed: int
    patience: int
    slots: deque[Slot] = field(default_factory=deque[Slot])
    open: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    given_up: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    _asked: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    _passed: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    _fruitless: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])

    @classmethod
    def start(cls, axes: Mapping[str, Weights], n: int, seed: int, patience: int) -> Board:
        """Fix the counts and the table of slots for n pairs."""
        targets = {axis: largest_remainder(weights, n) for axis, weights in axes.items()}
        return cls({a: dict(c) for a, c in targets.items()}, seed, patience, deque(slot_table(targets, seed)))

    def alive(self, axis: str) -> list[str]:
        """Values that lack pairs and are not given up."""
        return [v for v, count in self.lacking[axis].items() if count > 0 and (axis, v) not in self.given_up]

    @property
    def ended(self) -> bool:
        """True when no slot can be formed any more: an axis has no value left to ask for."""
        return any(not self.alive(axis) for axis in self.lacking)

    def deficit(self, axis: str, value: str, rate: float) -> float:
        """Pairs of a value that are lacking and that the open draws are not expected to give."""
        key = (axis, value)
        own = (PRIOR * rate + self._passed[key]) / (PRIOR + self._asked[key])
        return self.lacking[axis][value] - self.open[key] * min(1.0, own)

    def needs(self, rate: float) -> bool:
        """Tell whether another draw should be opened."""
        return any(self.deficit(axis, v, rate) > ENOUGH for axis in self.lacking for v in self.alive(axis))

    def next(self, k: int, rate: float, ready: Callable[[Shape], bool]) -> list[Slot]:
        """Give what a draw should ask for: up to k slots of one shape that has chunks; none when there is none now."""
        if self.ended:
            return []
        ahead = list(self._take(rate))
        first = next((slot for slot in ahead if ready(_shape(slot))), None)
        shape = None if first is None else _shape(first)
        wants, rest = list[Slot](), list[Slot]()
        for slot in ahead:
            (wants if len(wants) < k and _shape(slot) == shape else rest).append(slot)
        self.slots.extendleft(reversed(rest))
        if not wants and (greedy := self._greedy([], rate, ready)):
            wants, shape = [greedy], _shape(greedy)
        if not wants:
            return []
        while len(wants) < k and (more := self._greedy(wants, rate, lambda other: other == shape)):
            wants.append(more)
        return wants

    def _take(self, rate: float) -> Iterator[Slot]:
        """Take the first slots of the table that still lack their pair, as many as may be looked at for one draw."""
        for _ in range(LOOK):
            while self.slots and not self._lacks(self.slots[0], rate):
                self.slots.popleft()
            if not self.slots:
                return
            yield self.slots.popleft()

    def _lacks(self, slot: Slot, rate: float) -> bool:
        return all((a, v) not in self.given_up and self.deficit(a, v, rate) > 0 for a, v in slot.items())

    def _greedy(self, wants: Sequence[Slot], rate: float, ready: Callable[[Shape], bool]) -> Slot | None:
        """Combine the values that lack most, those of ``wants`` counted as asked for."""
        asked = Counter(item for want in wants for item in want.items())
        slot: Slot = {}
        for axis in self.lacking:
            values = [v for v in self.alive(axis) if axis != "question_type" or ready(shape_of(v))]
            if not values:
                return None
            slot[axis] = max(values, key=lambda v: self._order(axis, v, rate, asked))
        return slot if ready(_shape(slot)) else None

    def _order(self, axis: str, value: str, rate: float, asked: Mapping[tuple[str, str], int]) -> tuple[float, float]:
        deficit = self.deficit(axis, value, rate) - rate * asked.get((axis, value), 0)
        return deficit, uniform(self.seed, axis, value, self._asked[axis, value], self.open[axis, value])

    def opened(self, wants: Iterable[Slot]) -> None:
        """Count the slots of a draw as asked for."""
        self.open.update(item for want in wants for item in self._own(want))

    def closed(self, wants: Sequence[Slot], passed: Sequence[Mapping[str, str]]) -> list[str]:
        """Count what became of a draw's slots; gives a line for each value that is given up now."""
        own = [item for want in wants for item in self._own(want)]
        got = Counter(item for values in passed for item in self._own(values))
        self.open.subtract(own)
        self._asked.update(own)
        self._passed.update(got)
        said: list[str] = []
        for key in dict.fromkeys(own):
            self._fruitless[key] = 0 if got[key] else self._fruitless[key] + 1
            axis, value = key
            if self._fruitless[key] >= self.patience and self.lacking[axis].get(value, 0) > 0:
                said += self.give_up(axis, value, f"{self.patience} draws in a row gave no pair of it")
        return said

    def give_up(self, axis: str, value: str, why: str) -> list[str]:
        """Ask no more for a value; gives the line that says so, once."""
        if (axis, value) in self.given_up:
            return []
        self.given_up[axis, value] = why
        return [f"{axis}={value} is given up with {self.lacking[axis].get(value, 0)} lacking: {why}"]

    def _own(self, values: Mapping[str, str]) -> list[tuple[str, str]]:
        return [(axis, value) for axis, value in values.items() if axis in self.lacking]


def _shape(slot: Slot) -> Shape:
    return shape_of(slot.get("question_type"))
