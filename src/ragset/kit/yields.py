"""How many pairs an open draw is going to give: learned from the draws that are committed.

The mean is shrunken towards the most that a draw can give. A run that starts with that hope opens too few draws
rather than too many, and opens the others while the first are still under way: so no call is paid in vain, and there is
next to no wait at the end either.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import inf, sqrt

PRIOR = 3.0
"""Draws that the hope counts for."""
KEEPS = 0.97
"""What a committed draw's weight is multiplied by when the next one is committed: about the last 33 draws count.

Late draws give less: what is easy to ask is taken. On corpora/guide 200 pairs took 14.95 s with 1 and 13.4 s with
0.97, for as many calls.
"""
SPREAD = 0.5
"""Standard deviation of a draw's yield before anything is known, as a share of the most it can give."""
CAUTION = 0.65
"""Standard deviations of what the open draws give that are counted on besides: rather a few draws too few than paid in
vain. On corpora/guide 200 pairs took 3.8 % more calls than needed with 0, 2.5 % with 0.5, 1.8 % with 0.7 and 1.5 % with
1, and 1.13, 1.13, 1.16 and 1.20 times as long as those needed take: with much caution the last pairs are waited for.
"""
FEW = 12
"""Open draws among which there is no caution: the last pairs are not waited for one by one."""
FLOOR = 0.1
"""Least share of the most that a draw is expected to give: bounds the draws that are open at once."""


@dataclass
class Yields:
    """Counts what draws gave. ``most`` is what one can give (pairs a call, or the cap of a chunk)."""

    most: float
    draws: int = 0
    weight: float = PRIOR
    total: float = 0.0
    squares: float = 0.0
    rooms: Counter[float] = field(default_factory=Counter[float])

    def __post_init__(self) -> None:
        """Begin with the hope: every draw gives the most it can."""
        self.total = PRIOR * self.most
        self.squares = PRIOR * self.most**2 * (1 + SPREAD**2)

    @property
    def mean(self) -> float:
        """Pairs a draw gives, by what is known."""
        return max(FLOOR * self.most, self.total / self.weight)

    @property
    def deviation(self) -> float:
        """Standard deviation of what a draw gives."""
        mean = self.total / self.weight
        return sqrt(max(0.0, self.squares / self.weight - mean * mean))

    def opened(self, room: float = inf) -> None:
        """Count a draw as open; ``room`` is what its chunk can still give."""
        self.rooms[room] += 1

    def closed(self, gave: int, room: float = inf) -> None:
        """Count what a committed draw gave that passed."""
        self.rooms[room] -= 1
        self.draws += 1
        self.weight = 1 + KEEPS * self.weight
        self.total = gave + KEEPS * self.total
        self.squares = gave * gave + KEEPS * self.squares

    @property
    def open(self) -> int:
        """Number of open draws."""
        return self.rooms.total()

    def expected(self) -> float:
        """Pairs that the open draws give, ``CAUTION`` standard deviations included."""
        hope = sum(min(self.mean, room) * count for room, count in self.rooms.items())
        return hope + CAUTION * self.deviation * sqrt(max(0, self.open - FEW))
