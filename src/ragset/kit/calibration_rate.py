"""The true pass rate of a delivered set, from the labels of some of its rows and a judge's scores of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ragset.errors import UsageError
from ragset.kit.calibrating import Judged, JudgedSet, JudgeFacts, fitted_on
from ragset.kit.calibration import LEVEL
from ragset.kit.calibration_band import upper_bound
from ragset.kit.prediction_powered import LEAST_LABELS, PassRate, pass_rate


@dataclass(frozen=True)
class RateResult:
    """The pass rate alone: labels of one kind say nothing about a judge, so that there are no figures of it."""

    facts: JudgeFacts
    sets: tuple[JudgedSet, ...]
    pass_rate: PassRate

    @property
    def rows(self) -> int:
        """All labelled rows."""
        return sum(len(each.judged) for each in self.sets)

    @property
    def failures(self) -> int:
        """Rows in which the judge failed."""
        return sum(each.failures for each in self.sets)

    @property
    def abstentions(self) -> int:
        """Rows on which the judge abstained."""
        return sum(each.abstentions for each in self.sets)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Say why figures are missing, and what the interval rests on."""
        names = ", ".join(each.labels.name for each in self.sets if each.one_kind)
        why = f"{names}: labels of one kind, which tell nothing of the judge; its figures are left out"
        return (why, *rate_notes(self.pass_rate))

    def as_dict(self) -> dict[str, Any]:
        """Give plain data, with the keys of a calibration; every figure of the judge is none."""
        figures = ("auroc", "balanced_accuracy", "precision_at_80")
        nothing = dict.fromkeys(("best_threshold", "brier", "reliability", "band"))
        return {
            "judge": self.facts.name,
            "judge_version": self.facts.version,
            "model": self.facts.model,
            "settings": self.facts.settings,
            "rows": self.rows,
            "scored": self.rows - self.failures - self.abstentions,
            "failures": self.failures,
            "abstentions": self.abstentions,
            "positives": sum(_positives(each) for each in self.sets),
            "fitted_on_these": bool(fitted_on(self.facts, self.sets)),
            "threshold": self.facts.threshold,
            **dict.fromkeys(figures),
            "intervals": dict.fromkeys(figures),
            **nothing,
            "pass_rate": self.pass_rate.as_dict(),
            "sets": [_about(each) for each in self.sets],
            "warnings": list(self.warnings),
        }


def rate_notes(rate: PassRate) -> tuple[str, ...]:
    """Say where the interval of a pass rate comes from when it is not the usual one."""
    if 0 < rate.labels_alone[0] < 1:
        return ()
    what = "all labels of the delivered set are the same: its interval is that of Clopper and Pearson"
    return (f"{what}, each context counted once; the scores add nothing",)


def _positives(each: JudgedSet) -> int:
    return sum(one.row.label == 1 for one in each.judged if one.score is not None)


def _about(each: JudgedSet) -> dict[str, Any]:
    return {
        "file": each.labels.name,
        "sha256": each.labels.sha256,
        "rows": len(each.judged),
        "scored": len(each.judged) - each.failures - each.abstentions,
        "failures": each.failures,
        "abstentions": each.abstentions,
        "positives": _positives(each),
    }


def measure_pass_rate(sets: Sequence[JudgedSet], delivered: JudgedSet) -> PassRate:
    """Give the true pass rate of a delivered set: its rows that the sets label, by id, and its scores.

    A row without a score takes the mean score, which keeps the estimate sound. Raises ``UsageError`` with fewer than
    150 labels of the set.
    """
    rows = (each.row for judged in (delivered, *sets) for each in judged.judged)
    labels = {row.id: row.label for row in rows if row.label is not None}
    here = [each for each in delivered.judged if each.row.id in labels]
    rest = [each for each in delivered.judged if each.row.id not in labels]
    if len(here) < LEAST_LABELS:
        what = f"{len(here)} of its {len(delivered.judged)} rows are labelled (by id), {LEAST_LABELS} are needed"
        raise UsageError(what, where=str(delivered.labels.path), hint="label more rows of it, drawn at random")
    truth = [labels[each.row.id] for each in here]
    groups = [each.row.group for each in here]
    if len(set(truth)) == 1:
        return _all_alike(bool(truth[0]), groups, len(rest))
    known = [each.score for each in delivered.judged if each.score is not None]
    middle = float(np.mean(known)) if known else 0.0
    return pass_rate(
        truth, _scores(here, middle), _scores(rest, middle), groups=(groups, [each.row.group for each in rest])
    )


def _scores(judged: Sequence[Judged], middle: float) -> list[float]:
    return [middle if each.score is None else each.score for each in judged]


def _all_alike(good: bool, groups: Sequence[str], rest: int) -> PassRate:
    """Give the interval of Clopper & Pearson (1934), each group counted once: the normal one would have no width.

    Labels that do not vary go with no score, so that the scores add nothing.
    """
    wrong = round(upper_bound(0, len(set(groups)), (1 - LEVEL) / 2), 4)
    alone = (1.0, round(1 - wrong, 4), 1.0) if good else (0.0, 0.0, wrong)
    return PassRate(*alone, alone, 0.0, labelled=len(groups), unlabelled=rest)
