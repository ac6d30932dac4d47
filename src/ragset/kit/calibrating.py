"""From judged labels to a calibration: the figures of each file, their macro means, and the file that flows name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ragset.errors import UsageError
from ragset.kit import builtin_judge
from ragset.kit.calibration import KEPT_SHARE, RESAMPLES, Scored, best_threshold, bootstrap, brier, reliability
from ragset.kit.calibration_band import band
from ragset.kit.calibration_file import (
    Band,
    Calibration,
    Estimate,
    LabelFile,
    Reliability,
    shipped_calibration,
    shipped_names,
)
from ragset.kit.label_files import Labelled, LabelSet
from ragset.kit.prediction_powered import PassRate

FEW_GROUPS = 20
"""Groups below which a bootstrap interval is too narrow to be trusted."""


@dataclass(frozen=True, slots=True)
class JudgeFacts:
    """Which judge is calibrated: what a calibration file says of it. ``threshold`` is the one in force.

    ``decisions`` says that the judge gives no scores, so that its decisions are read as 1 and 0.
    """

    name: str
    version: str
    threshold: float
    model: str | None = None
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    decisions: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """A row and its score; without a score, why (``problem``) and whether the judge failed or abstained."""

    row: Labelled
    score: float | None
    problem: str = ""
    failed: bool = False


@dataclass(frozen=True)
class JudgedSet:
    """A file of labels and what the judge made of each row."""

    labels: LabelSet
    judged: tuple[Judged, ...]

    @cached_property
    def scored(self) -> Scored:
        """The rows that have a score; raises ``UsageError`` when these hold one label only, or there are none."""
        rows = [(each.score, bool(each.row.label), each.row.group) for each in self.judged if each.score is not None]
        if not rows:
            what = f"no row got a score, {self.failures} failed, {self.abstentions} abstained ({self.first_problem})"
            raise UsageError(what, where=str(self.labels.path), hint="give rows that this judge can read")
        try:
            return Scored.of(*map(list, zip(*rows, strict=True)))
        except ValueError as error:
            what = f"of {len(self.judged)} rows {len(rows)} got a score, and {error}"
            raise UsageError(what, where=str(self.labels.path), hint="give more rows of both labels") from error

    @property
    def one_kind(self) -> bool:
        """True when all rows that have a score have the same label."""
        return len({each.row.label for each in self.judged if each.score is not None}) == 1

    @property
    def failures(self) -> int:
        """Rows in which the judge failed."""
        return sum(each.failed for each in self.judged)

    @property
    def abstentions(self) -> int:
        """Rows on which the judge gave no score without failing."""
        return sum(each.score is None and not each.failed for each in self.judged)

    @property
    def first_problem(self) -> str:
        """The first reason of a failure, else of an abstention."""
        reasons = [(not each.failed, each.problem) for each in self.judged if each.score is None]
        return min(reasons, key=lambda reason: reason[0])[1] if reasons else ""


@dataclass(frozen=True)
class SetFigures:
    """The figures of one file of labels, at the threshold in force; ``band_decided`` of the common band, and its error.

    ``left_out`` is the same with a band that was set on the other files alone: what to expect of a set like none seen.
    """

    judged: JudgedSet
    auroc: Estimate
    balanced_accuracy: Estimate
    precision_at_80: Estimate
    best: tuple[float, float]
    band: tuple[float, float | None] | None
    left_out: tuple[float, float | None] | None

    def as_dict(self) -> dict[str, Any]:
        """Give plain data."""
        scored = self.judged.scored
        return {
            "file": self.judged.labels.name,
            "sha256": self.judged.labels.sha256,
            "rows": len(self.judged.judged),
            "scored": len(scored.scores),
            "failures": self.judged.failures,
            "abstentions": self.judged.abstentions,
            "positives": int(scored.labels.sum()),
            "groups": scored.group_count,
            **_figures(self.auroc, self.balanced_accuracy, self.precision_at_80),
            "best_threshold": {"threshold": self.best[0], "balanced_accuracy": round(self.best[1], 4)},
            "brier": _brier(scored),
            "band": _decided(self.band),
            "band_of_other_files": _decided(self.left_out),
        }


@dataclass(frozen=True)
class CalibrationResult:
    """What a calibration found: the file that flows name, the figures of each set, and what is wrong with it.

    ``pass_rate`` is the true pass rate of a delivered set, where one was given; ``fitted_on`` names the files of labels
    that constants of the judge were fitted on, so that its figures on them are too good.
    """

    calibration: Calibration
    sets: tuple[SetFigures, ...]
    best: tuple[float, float]
    pooled: Scored
    warnings: tuple[str, ...] = ()
    pass_rate: PassRate | None = None
    fitted_on: tuple[str, ...] = ()

    @property
    def failures(self) -> int:
        """Rows in which the judge failed."""
        return sum(each.judged.failures for each in self.sets)

    @property
    def abstentions(self) -> int:
        """Rows on which the judge abstained."""
        return sum(each.judged.abstentions for each in self.sets)

    @property
    def rows(self) -> int:
        """All labelled rows."""
        return sum(len(each.judged.judged) for each in self.sets)

    def as_dict(self) -> dict[str, Any]:
        """Give plain data; figures are macro means over the sets, reliability, Brier and band are of all rows."""
        it = self.calibration
        return {
            "judge": it.judge,
            "judge_version": it.judge_version,
            "model": it.model,
            "settings": it.settings,
            "rows": self.rows,
            "scored": len(self.pooled.scores),
            "failures": self.failures,
            "abstentions": self.abstentions,
            "positives": int(self.pooled.labels.sum()),
            "fitted_on_these": bool(self.fitted_on),
            "threshold": it.threshold,
            **_figures(it.auroc, it.balanced_accuracy, it.precision_at_80),
            "best_threshold": {
                "threshold": self.best[0],
                "balanced_accuracy": round(self.best[1], 4),
                "note": "fitted to these labels: too good",
            },
            "brier": _brier(self.pooled),
            "reliability": it.reliability.model_dump(mode="json"),
            "band": it.band.model_dump(mode="json") if it.band else None,
            "pass_rate": self.pass_rate.as_dict() if self.pass_rate else None,
            "sets": [each.as_dict() for each in self.sets],
            "warnings": list(self.warnings),
        }


def measure(
    facts: JudgeFacts,
    sets: Sequence[JudgedSet],
    *,
    max_error: float = 0.05,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> CalibrationResult:
    """Work out every figure of judged sets; raises ``UsageError`` for a set that tells nothing."""
    scored = [each.scored for each in sets]
    pooled = _pooled(scored)
    figures = (
        lambda tally: tally.auroc(),
        lambda tally: tally.balanced_accuracy(facts.threshold),
        lambda tally: tally.precision_at(KEPT_SHARE),
    )
    columns = bootstrap(scored, figures, resamples=resamples, seed=seed)
    found = band(pooled.scores, pooled.labels, max_error)
    each_set = tuple(
        SetFigures(
            judged,
            *(column[at] for column in columns),
            best=best_threshold([judged.scored]),
            band=_applied(found, judged.scored),
            left_out=_left_out(scored, at, max_error),
        )
        for at, judged in enumerate(sets)
    )
    overall = [column[-1] for column in columns]
    files = [LabelFile(file=s.labels.name, sha256=s.labels.sha256, rows=len(s.judged)) for s in sets]
    calibration = _calibration(facts, files, overall, reliability(pooled), found)
    return CalibrationResult(calibration, each_set, best_threshold(scored), pooled, _warnings(facts, sets, pooled))


def fitted_on(facts: JudgeFacts, sets: Sequence[JudgedSet]) -> tuple[str, ...]:
    """Name the files of labels that the judge's own constants were fitted on: those of its shipped calibration.

    A step that the built-in judge decides has the constants of both built-in judges.
    """
    shipped = shipped_names()
    ruled = (facts.model or "").startswith(builtin_judge.NAME)
    judges = [facts.name] if facts.name in shipped else shipped if ruled else []
    seen = {file.sha256 for judge in judges for file in shipped_calibration(judge).labels}
    return tuple(each.labels.name for each in sets if each.labels.sha256 in seen)


def with_fitted(found: CalibrationResult, facts: JudgeFacts) -> CalibrationResult:
    """Say in the result which of its files the judge's constants were fitted on, if any."""
    files = fitted_on(facts, [each.judged for each in found.sets])
    if not files:
        return found
    what = f"the judge's constants were fitted on {len(files)} of these {len(found.sets)} files, so its figures"
    line = f"{what} are too good; those of the calibration that ships are of rows its constants had not seen"
    return replace(found, fitted_on=files, warnings=(*found.warnings, line))


def _calibration(
    facts: JudgeFacts, labels: list[LabelFile], overall: list[Estimate], diagram: Reliability, found: Band | None
) -> Calibration:
    auroc, accuracy, precision = overall
    return Calibration(
        judge=facts.name,
        judge_version=facts.version,
        model=facts.model,
        settings=facts.settings,
        labels=tuple(labels),
        threshold=facts.threshold,
        auroc=auroc,
        balanced_accuracy=accuracy,
        precision_at_80=precision,
        reliability=diagram,
        band=found,
    )


def _pooled(sets: Sequence[Scored]) -> Scored:
    groups = [f"{at}:{group}" for at, each in enumerate(sets) for group in each.groups]
    scores = np.concatenate([each.scores for each in sets])
    return Scored.of(scores, np.concatenate([each.labels for each in sets]), groups)


def _applied(found: Band | None, scored: Scored) -> tuple[float, float | None] | None:
    """Give the share of rows that a band decides, and the share of these that it decides wrongly."""
    if found is None:
        return None
    decisions = [found.decide(float(score)) for score in scored.scores]
    wrong = [
        decided != bool(label) for decided, label in zip(decisions, scored.labels, strict=True) if decided is not None
    ]
    return len(wrong) / len(decisions), sum(wrong) / len(wrong) if wrong else None


def _left_out(sets: Sequence[Scored], at: int, max_error: float) -> tuple[float, float | None] | None:
    """Apply to one set the band that the other sets give."""
    others = [each for number, each in enumerate(sets) if number != at]
    if not others:
        return None
    rest = _pooled(others)
    return _applied(band(rest.scores, rest.labels, max_error), sets[at])


def _figures(auroc: Estimate, accuracy: Estimate, precision: Estimate) -> dict[str, Any]:
    named = {"auroc": auroc, "balanced_accuracy": accuracy, "precision_at_80": precision}
    values = {name: each.value for name, each in named.items()}
    return values | {"intervals": {name: [each.low, each.high] for name, each in named.items()}}


def _decided(shares: tuple[float, float | None] | None) -> dict[str, float | None] | None:
    if shares is None:
        return None
    return {"share_decided": round(shares[0], 4), "error": None if shares[1] is None else round(shares[1], 4)}


def _brier(scored: Scored) -> float | None:
    return round(brier(scored.scores, scored.labels), 4) if scored.probabilities else None


def _warnings(facts: JudgeFacts, sets: Sequence[JudgedSet], pooled: Scored) -> tuple[str, ...]:
    lines = ["this judge gives no scores: its decisions were read as 1 and 0"] if facts.decisions else []
    for each in sets:
        count = each.scored.group_count
        if count < FEW_GROUPS:
            what = "rows share one context: rows were resampled" if count == 1 else f"only {count} different contexts"
            lines.append(f"{each.labels.name}: {what}; its intervals are too narrow")
    silent = sum(each.failures + each.abstentions for each in sets)
    if silent:
        first = next(each.first_problem for each in sets if each.first_problem)
        lines.append(f"{silent} rows without a score are in no figure; the first reason: {first}")
    if not pooled.probabilities:
        lines.append("scores beyond 0 to 1 are no probabilities: no Brier score, no expected calibration error")
    return tuple(lines)
