"""How many questions are needed to see a difference between two systems, and what a set of a given size can show.

Two systems answer the same questions, so what counts are the questions that one gets right and the other wrong
(McNemar). The size is that of Connor 1987 (Sample size for testing differences in proportions for the paired-sample
design).
"""

from __future__ import annotations

from math import ceil, sqrt
from statistics import NormalDist

POWER, ALPHA = 0.8, 0.05
"""Chance of seeing a difference that is there, and of seeing one that is not (two-sided)."""
DISCORDANT = (0.1, 0.2)
"""Shares of questions that exactly one of two systems gets right: alike systems, and rather different ones."""
TOO_FEW = 50
"""Questions below which a set compares no systems: a difference must be above 15 points to show, even of alike ones."""


def questions_needed(difference: float, discordant: float, power: float = POWER, alpha: float = ALPHA) -> int:
    """Give how many questions show a ``difference`` of accuracy (0.03: three points) between two systems.

    ``discordant`` is the share of questions that exactly one of them gets right; it cannot be less than the difference.
    """
    if not 0 < difference <= 1 or not 0 < discordant <= 1:
        raise ValueError("difference and discordant are shares, above 0 and at most 1")
    disagree = max(discordant, difference)
    normal = NormalDist()
    chance, seen = normal.inv_cdf(1 - alpha / 2), normal.inv_cdf(power)
    return ceil(((chance * sqrt(disagree) + seen * sqrt(disagree - difference**2)) / difference) ** 2)


def smallest_difference(questions: int, discordant: float) -> float | None:
    """Give the smallest difference of accuracy that ``questions`` show, in steps of a tenth of a point; none: none."""
    steps = (step / 1000 for step in range(1, 1001))
    return next((d for d in steps if questions_needed(d, discordant) <= questions), None)
