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
SPREAD = 0.5
"""Standard deviation of a draw's yield before anything is known, as a share of the most it can give."""
SAFETY = 0.1
"""Standard deviations of what the open draws give that are asked for on top.

By simulation (200 pairs, pass rate 0.7, three pairs a call, 32 calls at once, 0.2 s each): 0 pays 1.037 times the draws
of a run with window 1, 0.3 pays 1.047, 0.7 pays 1.057; all take the same time, so a larger margin buys nothing. These
are from before ``SPARE``, which the test of open accounting bounds together with it.
"""
SPARE = 0.03
"""Open draws that are not counted on, as a share of those committed: the last pairs are not waited for one by one.

On corpora/guide, where later draws yield less, 200 pairs took 24.5 s with 0 and 15.6 s with 0.03, for as many calls.
"""
FLOOR = 0.1
"""Least share of the most that a draw is expected to give: bounds the draws that are open at once."""


@dataclass
class Yields:
    """Counts what draws gave. ``most`` is what one can give (pairs a call, or the cap of a chunk)."""

    most: float
    draws: int = 0
    total: float = 0.0
    squares: float = 0.0
    rooms: Counter[float] = field(default_factory=Counter[float])

    @property
    def mean(self) -> float:
        """Pairs a draw gives, by what is known."""
        return max(FLOOR * self.most, (PRIOR * self.most + self.total) / (PRIOR + self.draws))

    @property
    def deviation(self) -> float:
        """Standard deviation of what a draw gives."""
        prior = (SPREAD * self.most) ** 2
        if not self.draws:
            return sqrt(prior)
        mean = self.total / self.draws
        squares = max(0.0, self.squares / self.draws - mean * mean)
        return sqrt((PRIOR * prior + self.draws * squares) / (PRIOR + self.draws))

    def opened(self, room: float = inf) -> None:
        """Count a draw as open; ``room`` is what its chunk can still give."""
        self.rooms[room] += 1

    def closed(self, gave: int, room: float = inf) -> None:
        """Count what a committed draw gave that passed."""
        self.rooms[room] -= 1
        self.draws += 1
        self.total += gave
        self.squares += gave * gave

    @property
    def open(self) -> int:
        """Number of open draws."""
        return self.rooms.total()

    def expected(self) -> float:
        """Pairs that the open draws give, some of them not counted on, less ``SAFETY`` standard deviations."""
        if not self.open:
            return 0.0
        mean, counted = self.mean, max(0.0, 1 - SPARE * self.draws / self.open)
        hope = sum(min(mean, room) * count for room, count in self.rooms.items())
        return hope * counted - SAFETY * self.deviation * sqrt(self.open)
