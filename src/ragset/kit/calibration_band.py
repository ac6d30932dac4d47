"""The band of scores that decide alone, set from labels at a stated error: what lies between is sent to a model.

Below ``low`` a score fails alone, from ``high`` on it passes alone. Each side is taken as wide as the upper bound of
its own error allows, so that a flood of easy rows on one side pays for no error on the other.

**Bound.** Clopper & Pearson (1934), one-sided, 95 %. The widest of many cuts is chosen, which is kind to luck: in
simulations the true error of a side was above ``max_error`` in 2 to 9 of 100 bands, so that the error holds at 90 %.

**What it rests on.** The error among decided rows depends on the share of good rows: the bound holds for rows that are
like the labelled ones, and takes them as independent.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ragset.kit.calibration import Floats, Scored
from ragset.kit.calibration_file import Band

MISS = 0.05
"""Chance that the bound of one cut is below the true error."""
_HALVINGS = 40


def band(scores: ArrayLike, labels: ArrayLike, max_error: float = 0.05) -> Band | None:
    """Give the band that decides most rows with at most ``max_error`` (0 to 1) wrong on each side; none if none does.

    Raises ``ValueError`` for scores that are no numbers, for labels of one class, and for an error outside 0..1.
    """
    if not 0 < max_error < 1:
        raise ValueError(f"max_error is {max_error}, it must lie between 0 and 1")
    tally = Scored.of(scores, labels).tally
    good, bad = (
        np.concatenate(([0], np.cumsum(side[0]))).astype(np.int64) for side in (tally.positives, tally.negatives)
    )
    below, above = good + bad, (good[-1] - good) + (bad[-1] - bad)
    wrong_above = bad[-1] - bad
    fails, passes = _sound(good, below, max_error), _sound(wrong_above, above, max_error)
    low_at, high_at = _widest(fails, passes, below, above)
    if below[low_at] == 0 and above[high_at] == 0:
        return None
    low = float(tally.values[low_at]) if below[low_at] and low_at < len(tally.values) else None
    if below[low_at] and low is None:  # every row fails alone: what is above the highest score is not known
        low = float(np.nextafter(tally.values[-1], np.inf))
    return Band(
        low=low,
        high=float(tally.values[high_at]) if above[high_at] else None,
        max_error=max_error,
        error_low=_rounded_up(upper_bound(int(good[low_at]), int(below[low_at]))) if low is not None else None,
        error_high=_rounded_up(upper_bound(int(wrong_above[high_at]), int(above[high_at]))) if above[high_at] else None,
        rows_low=int(below[low_at]),
        rows_high=int(above[high_at]),
        share_decided=round(float((below[low_at] + above[high_at]) / below[-1]), 4),
    )


def upper_bound(wrong: int, rows: int, miss: float = MISS) -> float:
    """Give the share that the true error is below, but for a chance of ``miss`` (Clopper & Pearson 1934)."""
    if wrong >= rows:
        return 1.0
    table, low, high = _log_factorials(rows), wrong / rows, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(wrong, rows, middle, table) > miss else (low, middle)
    return high


def _sound(wrong: NDArray[np.int64], rows: NDArray[np.int64], max_error: float) -> NDArray[np.bool_]:
    """Tell for each cut whether the bound of its error is at most ``max_error``; a side without rows is sound."""
    table = _log_factorials(int(rows.max()))
    found = rows == 0
    for at in np.flatnonzero((rows > 0) & (wrong < max_error * rows)):
        found[at] = _at_most(int(wrong[at]), int(rows[at]), max_error, table) <= MISS
    return found


def _widest(
    fails: NDArray[np.bool_], passes: NDArray[np.bool_], below: NDArray[np.int64], above: NDArray[np.int64]
) -> tuple[int, int]:
    """Give the cuts (low, high), low not above high, that are sound and decide most rows."""
    lows = np.maximum.accumulate(np.where(fails, np.arange(len(fails)), 0))
    decided = np.where(passes, below[lows] + above, -1)
    high = len(decided) - 1 - int(np.argmax(decided[::-1]))  # of equal ones the narrower side that passes
    return int(lows[high]), high


def _at_most(wrong: int, rows: int, chance: float, table: Floats) -> float:
    """Give the chance of at most ``wrong`` errors in ``rows`` when each comes with ``chance``."""
    counts = np.arange(wrong + 1)
    log_ways = table[rows] - table[counts] - table[rows - counts]
    return float(np.exp(log_ways + counts * np.log(chance) + (rows - counts) * np.log1p(-chance)).sum())


def _log_factorials(most: int) -> Floats:
    return np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, most + 1)))))


def _rounded_up(value: float) -> float:
    return min(1.0, float(np.ceil(value * 10_000 - 1e-6) / 10_000))
