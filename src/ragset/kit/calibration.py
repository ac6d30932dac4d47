"""How far a judge agrees with people: AUROC, balanced accuracy, precision, reliability, with bootstrap intervals.

A score is better the higher it is; label 1 is what the judge should pass. What a judge did not score (it failed, it
abstained) is no part of any figure here: it is counted by whoever calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ragset.kit.calibration_file import Bin, Estimate, Reliability

Floats = NDArray[np.float64]

KEPT_SHARE = 0.8
"""Share of the rows, the best ones, whose precision is reported."""
BINS = 10
"""Bins of the reliability diagram, of equal width (Guo et al. 2017 take 10 to 15)."""
LEVEL = 0.95
RESAMPLES = 1000

_BATCH = 200_000
"""Numbers of one batch of resamples: it stays in the processor's cache."""


@dataclass(frozen=True)
class Scored:
    """Scores with people's labels: three arrays of one length; rows of one group share a context or a question.

    Raises ``ValueError`` for scores that are no numbers, and where only one of both labels is there.
    """

    scores: Floats
    labels: NDArray[np.bool_]
    groups: NDArray[np.int64]

    @classmethod
    def of(cls, scores: ArrayLike, labels: ArrayLike, groups: Sequence[object] | None = None) -> Scored:
        """Take any sequences; groups may be any names, each row is its own group where none are given."""
        values, truth = np.asarray(scores, np.float64), np.asarray(labels).astype(np.bool_)
        names = np.unique(np.asarray([str(g) for g in groups]), return_inverse=True)[1] if groups is not None else None
        found = cls(values, truth, np.arange(len(values)) if names is None else names.astype(np.int64))
        if not len(values) == len(truth) == len(found.groups):
            raise ValueError(f"{len(values)} scores, {len(truth)} labels and {len(found.groups)} groups")
        if not np.isfinite(values).all():
            raise ValueError("a score is no finite number")
        if truth.all() or not truth.any():
            raise ValueError(f"all {len(truth)} labels are the same")
        return found

    @property
    def group_count(self) -> int:
        """Number of groups."""
        return len(np.unique(self.groups))

    @property
    def probabilities(self) -> bool:
        """True when all scores lie in 0..1, so that they can be read as probabilities."""
        return bool(self.scores.min() >= 0 and self.scores.max() <= 1)

    @cached_property
    def tally(self) -> Tally:
        """Every row counted once."""
        return self.weighted(np.ones((1, len(self.scores))))

    def weighted(self, weights: Floats) -> Tally:
        """Count the rows with weights of shape (resamples, rows)."""
        order, starts = self._order
        sorted_weights, truth = weights[:, order], self.labels[order]
        positives = np.add.reduceat(sorted_weights * truth, starts, axis=1)
        return Tally(self.scores[order][starts], positives, np.add.reduceat(sorted_weights, starts, axis=1) - positives)

    @cached_property
    def _order(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        order = np.argsort(self.scores, kind="stable")
        changes = np.flatnonzero(np.diff(self.scores[order])) + 1
        return order, np.concatenate(([0], changes))


@dataclass(frozen=True)
class Tally:
    """Weight of both labels at each distinct score, lowest first: ``positives`` and ``negatives`` (resamples, scores).

    Each figure has shape (resamples,); it is NaN where a resample holds one label only.
    """

    values: Floats
    positives: Floats
    negatives: Floats

    def auroc(self) -> Floats:
        """Chance that a random row of label 1 scores above one of label 0, ties half (Mann & Whitney 1947)."""
        below = np.cumsum(self.negatives, axis=1) - self.negatives
        wins = (self.positives * (below + 0.5 * self.negatives)).sum(axis=1)
        return _divided(wins, self.positives.sum(axis=1) * self.negatives.sum(axis=1))

    def balanced_accuracy(self, threshold: float) -> Floats:
        """Mean of the shares of label 1 at or above the threshold and of label 0 below it."""
        at = int(np.searchsorted(self.values, threshold, side="left"))
        hits = _divided(self.positives[:, at:].sum(axis=1), self.positives.sum(axis=1))
        return (hits + _divided(self.negatives[:, :at].sum(axis=1), self.negatives.sum(axis=1))) / 2

    def precision_at(self, share: float) -> Floats:
        """Share of label 1 among the best ``share`` of the rows; of rows that tie at the cut, a part counts."""
        weight = (self.positives + self.negatives)[:, ::-1]
        wanted = share * weight.sum(axis=1, keepdims=True)
        taken = np.clip(wanted - (np.cumsum(weight, axis=1) - weight), 0.0, weight)
        good = (_divided(taken, weight, 0.0) * self.positives[:, ::-1]).sum(axis=1)
        return _divided(good, wanted[:, 0])


def auroc(scores: ArrayLike, labels: ArrayLike) -> float:
    """Give the area under the ROC curve, by ranks; ties count half."""
    return float(Scored.of(scores, labels).tally.auroc()[0])


def balanced_accuracy(scores: ArrayLike, labels: ArrayLike, threshold: float) -> float:
    """Give the mean of sensitivity and specificity of ``score >= threshold``."""
    return float(Scored.of(scores, labels).tally.balanced_accuracy(threshold)[0])


def precision_at(scores: ArrayLike, labels: ArrayLike, share: float = KEPT_SHARE) -> float:
    """Give the share of label 1 among the best ``share`` of the rows."""
    return float(Scored.of(scores, labels).tally.precision_at(share)[0])


def best_threshold(sets: Sequence[Scored]) -> tuple[float, float]:
    """Give the one threshold with the best balanced accuracy, macro over sets, and that accuracy.

    It is fitted to these very labels, so that its accuracy is too good; of equal thresholds the lowest.
    """
    candidates = np.unique(np.concatenate([each.scores for each in sets]))
    total = np.zeros(len(candidates))
    for each in sets:
        high, low = np.sort(each.scores[each.labels]), np.sort(each.scores[~each.labels])
        passed = 1 - np.searchsorted(high, candidates, side="left") / len(high)
        total += (passed + np.searchsorted(low, candidates, side="left") / len(low)) / 2
    at = int(np.argmax(total))
    return float(candidates[at]), float(total[at] / len(sets))


def brier(scores: ArrayLike, labels: ArrayLike) -> float:
    """Give the mean squared distance of probability and label (Brier 1950)."""
    return float(np.mean((np.asarray(scores, np.float64) - np.asarray(labels, np.float64)) ** 2))


def reliability(scored: Scored) -> Reliability:
    """Compare mean score and share of label 1 in ten bins of equal width; the expected error for probabilities only."""
    low, high = (0.0, 1.0) if scored.probabilities else (float(scored.scores.min()), float(scored.scores.max()))
    width = (high - low) / BINS or 1.0
    at = np.minimum(((scored.scores - low) / width).astype(np.int64), BINS - 1)
    bins: list[Bin] = []
    for number in np.unique(at):
        here = at == number
        bins.append(
            Bin(
                low=round(low + width * int(number), 6),
                high=round(low + width * (int(number) + 1), 6),
                rows=int(here.sum()),
                score=round(float(scored.scores[here].mean()), 4),
                passed=round(float(scored.labels[here].mean()), 4),
            )
        )
    gap = sum(each.rows * abs(each.score - each.passed) for each in bins) / len(scored.scores)
    return Reliability(ece=round(gap, 4) if scored.probabilities else None, bins=tuple(bins))


Figure = Callable[[Tally], Floats]


def bootstrap(
    sets: Sequence[Scored], figures: Sequence[Figure], *, resamples: int = RESAMPLES, seed: int = 0
) -> list[list[Estimate]]:
    """Give for each figure its estimates: one for each set, and the macro mean over all sets at the end.

    Percentile bootstrap (Efron 1979) of whole groups: rows that share a context are not independent. Sets are taken as
    given: the macro interval says nothing about other sets. A set of one group is resampled by rows. Reproducible from
    ``seed``.
    """
    found: list[list[Estimate]] = [[] for _ in figures]
    drawn = [_resampled(each, figures, resamples, np.random.default_rng([seed, at])) for at, each in enumerate(sets)]
    for number, figure in enumerate(figures):
        points = [float(figure(each.tally)[0]) for each in sets]
        samples = [each[number] for each in drawn]
        found[number] = [_estimate(point, sample) for point, sample in zip(points, samples, strict=True)]
        found[number].append(_estimate(float(np.mean(points)), np.mean(samples, axis=0)))
    return found


def _resampled(each: Scored, figures: Sequence[Figure], resamples: int, rng: np.random.Generator) -> list[Floats]:
    """Give each figure of ``resamples`` resamples of the groups."""
    groups = each.groups if each.group_count > 1 else np.arange(len(each.scores))
    count = int(groups.max()) + 1
    step = max(1, _BATCH // len(groups))
    parts: list[list[Floats]] = [[] for _ in figures]
    for begin in range(0, resamples, step):
        drawn = rng.multinomial(count, np.full(count, 1 / count), size=min(step, resamples - begin))
        tally = each.weighted(drawn[:, groups].astype(np.float64))
        for part, figure in zip(parts, figures, strict=True):
            part.append(figure(tally))
    return [np.concatenate(part) for part in parts]


def _estimate(point: float, samples: Floats) -> Estimate:
    """Make an estimate; resamples with one label only have no figure and are left out."""
    sound = samples[np.isfinite(samples)]
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(sound, [tail, 1 - tail]) if len(sound) else (point, point)
    return Estimate(value=round(point, 4), low=round(float(low), 4), high=round(float(high), 4))


def _divided(top: Floats, bottom: Floats, nothing: float = np.nan) -> Floats:
    return np.divide(top, bottom, out=np.full(np.shape(top), nothing), where=bottom != 0)
