"""How many of a delivered set are truly good: a few labels, and a judge's scores of all, make one interval.

Prediction-powered inference (Angelopoulos, Bates, Fannjiang, Jordan & Zrnic 2023, "Prediction-powered inference",
Science 382; ARES, Saad-Falcon et al. 2023, uses it to rate RAG systems): the mean score of the unlabelled rows, set
right by what the scores get wrong on the labelled ones. The weight of the scores is tuned (PPI++, Angelopoulos, Duchi
& Zrnic 2023), so that a judge that knows nothing costs nothing. It is valid for any judge, however biased, as long as
the labelled rows were drawn at random from the set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ragset.kit.calibration import LEVEL, Floats

LEAST_LABELS = 150
"""Labels below which no interval is given (ARES 2023): the normal approximation needs them."""


@dataclass(frozen=True)
class PassRate:
    """The true share of good rows in a delivered set, with its interval, and the interval of the labels alone.

    ``weight`` is what a score counts (0: the judge adds nothing); ``labelled`` and ``unlabelled`` count rows.
    """

    value: float
    low: float
    high: float
    labels_alone: tuple[float, float, float]
    weight: float
    labelled: int
    unlabelled: int

    def as_dict(self) -> dict[str, Any]:
        """Give plain data."""
        return asdict(self) | {"labels_alone": list(self.labels_alone), "level": LEVEL}


def pass_rate(
    labels: ArrayLike,
    scores: ArrayLike,
    unlabelled: ArrayLike,
    *,
    groups: tuple[Sequence[str], Sequence[str]] | None = None,
    level: float = LEVEL,
) -> PassRate:
    """Give the prediction-powered estimate of the share of label 1 and its normal interval.

    ``scores`` are those of the labelled rows, ``unlabelled`` those of the others, on any scale. ``groups`` names the
    context of each labelled and of each unlabelled row: rows of one context vary together, and the variance is that of
    the groups' sums. Raises ``ValueError`` with fewer than 150 labels, and for scores that are no numbers.
    """
    truth, seen, rest = (np.asarray(each, np.float64) for each in (labels, scores, unlabelled))
    if len(truth) < LEAST_LABELS:
        raise ValueError(f"{len(truth)} labels are too few, {LEAST_LABELS} are needed")
    if len(seen) != len(truth) or not np.isfinite(np.concatenate([seen, rest])).all():
        raise ValueError("each labelled row needs a score, and every score must be a finite number")
    names = _groups(groups, len(truth), len(rest))
    weight = _tuned(truth, seen, rest)
    corrected = truth - weight * seen
    value = float(corrected.mean() + (weight * rest.mean() if len(rest) else 0.0))
    shares = [(corrected - corrected.mean()) / len(truth)]
    if len(rest):
        shares.append(weight * (rest - rest.mean()) / len(rest))
    z = NormalDist().inv_cdf((1 + level) / 2)
    half = z * _spread(np.concatenate(shares), names)
    plain = float(truth.mean())
    alone = z * _spread((truth - plain) / len(truth), names[: len(truth)])
    return PassRate(
        *_clipped(value, half), _clipped(plain, alone), round(weight, 4), labelled=len(truth), unlabelled=len(rest)
    )


def _tuned(truth: Floats, seen: Floats, rest: Floats) -> float:
    """Give the weight of the scores that makes the variance least (PPI++, equation for a mean)."""
    variance = float(np.var(np.concatenate([seen, rest])))
    if not len(rest) or variance == 0:
        return 0.0
    together = float(np.mean((truth - truth.mean()) * (seen - seen.mean())))
    return together / ((1 + len(truth) / len(rest)) * variance)


def _spread(shares: Floats, names: np.ndarray[Any, Any]) -> float:
    """Give the standard error from what each row adds, summed over its group."""
    sums = np.bincount(names, weights=shares)
    sums = sums[np.bincount(names) > 0]
    few = len(sums) / (len(sums) - 1) if len(sums) > 1 else 1.0
    return float(np.sqrt(few * (sums**2).sum()))


def _groups(groups: tuple[Sequence[str], Sequence[str]] | None, labelled: int, rest: int) -> np.ndarray[Any, Any]:
    if groups is None:
        return np.arange(labelled + rest)
    names = np.unique(np.asarray([*groups[0], *groups[1]]), return_inverse=True)[1]
    if len(groups[0]) != labelled or len(groups[1]) != rest:
        raise ValueError("each row needs the name of its group")
    return names


def _clipped(value: float, half: float) -> tuple[float, float, float]:
    low, middle, high = (float(np.clip(each, 0, 1)) for each in (value - half, value, value + half))
    return round(middle, 4), round(low, 4), round(high, 4)
