"""Calibrate a judge against people's labels: how far its scores can be believed, and which of them decide alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Unpack

from ragset.api.choosing import chosen
from ragset.api.wiring import RunOptions, check_options, progress_of, run_sync
from ragset.errors import UsageError
from ragset.flow.compile import load_flow
from ragset.flow.registry import STEPS
from ragset.flow.running import Progress
from ragset.kit.calibrating import CalibrationResult, Judged, JudgedSet, JudgeFacts, measure, with_fitted
from ragset.kit.calibration import RESAMPLES
from ragset.kit.calibration_file import write_calibration
from ragset.kit.calibration_rate import RateResult, measure_pass_rate, rate_notes
from ragset.kit.judging import one_line, rounded
from ragset.kit.label_files import Labelled, LabelSet, read_delivered, read_labels

__all__ = ["CalibrateOptions", "CalibrationResult", "RateResult", "calibrate"]

MAX_ERROR = 0.05
"""Error of the band when none is asked for."""

_BLOCK = 256
"""Rows after which progress is shown."""


class CalibrateOptions(RunOptions, total=False):
    """Options of calibrate, besides those of a run.

    ``threshold`` stands in place of the judge's own, ``max_error`` is the error of the band, ``seed`` and ``resamples``
    are the bootstrap's. ``delivered`` is a set of which some rows are labelled, ``out`` the file to write. ``flow``
    says how the judge is configured (default: rag_qa), ``index`` what a judge that retrieves retrieves from.
    """

    threshold: float | None
    max_error: float
    resamples: int
    delivered: str | Path | None
    out: str | Path | None
    index: str | None


@dataclass(frozen=True, slots=True)
class BuiltinJudge:
    """A built-in judge as a function of one row, and the columns that it needs."""

    facts: JudgeFacts
    needs: tuple[str, ...]
    score: Callable[[Labelled], float]


def calibrate(
    name: str, labels: str | Path | Sequence[str | Path], **options: Unpack[CalibrateOptions]
) -> CalibrationResult | RateResult:
    """Compare a judge with people's labels, one or several files of them; figures are macro means over the files.

    ``name`` is that of a step, or ``builtin-groundedness`` or ``builtin-equivalence``. Labels of one kind give the pass
    rate of a ``delivered`` set alone. Raises ``UsageError`` and its kin, with file and line, for labels that cannot be
    used.
    """
    check_options(options, CalibrateOptions)
    paths = [labels] if isinstance(labels, str | Path) else list(labels)
    delivered, out = options.get("delivered"), options.get("out")
    _check(name, paths, options)
    sets = [_of_any_kind(path) if delivered else read_labels(path) for path in paths]
    if out and (same := next((each for each in sets if len({row.label for row in each.rows}) == 1), None)):
        raise _no_calibration(same.path)
    whole = [read_delivered(delivered)] if delivered else []
    facts, judged = _judged(name, [*sets, *whole], options)
    own = judged[: len(sets)]
    rate = measure_pass_rate(own, judged[-1]) if whole else None
    if rate and (same := next((each for each in own if each.one_kind), None)):
        if out:
            raise _no_calibration(same.labels.path)
        return RateResult(facts, tuple(own), rate)
    found = measure(
        facts,
        own,
        max_error=options.get("max_error", MAX_ERROR),
        seed=options.get("seed", 0),
        resamples=options.get("resamples", RESAMPLES),
    )
    if out:
        write_calibration(out, found.calibration)
    found = with_fitted(found, facts)
    return replace(found, pass_rate=rate, warnings=(*found.warnings, *rate_notes(rate))) if rate else found


def _of_any_kind(path: str | Path) -> LabelSet:
    """Read labels that may all be the same: they are enough for the pass rate of a delivered set."""
    found = read_delivered(path)
    if bare := next((row for row in found.rows if row.label is None), None):
        hint = "give every line a 'label' of 0 or 1, or leave it out"
        raise UsageError("has no label", where=bare.where, hint=hint)
    return found


def _no_calibration(path: Path) -> UsageError:
    what = "labels of one kind make no calibration file"
    return UsageError(what, where=str(path), hint="add rows of the other label, or leave out --out")


def _check(name: str, paths: Sequence[str | Path], options: CalibrateOptions) -> None:
    if not paths:
        raise UsageError("no labels were named", hint="give files with --labels")
    delivered = options.get("delivered")
    if lost := next((path for path in (*paths, *filter(None, (delivered,))) if not Path(path).is_file()), None):
        what = "is a folder" if Path(lost).is_dir() else "no such file"
        raise UsageError(what, where=str(lost), hint="give a file of JSON lines or CSV")
    files = [Path(path).resolve() for path in paths]
    if twice := next((path for at, path in enumerate(files) if path in files[:at]), None):
        raise UsageError("is named twice", where=str(twice), hint="name each file of labels once")
    error, resamples = options.get("max_error", MAX_ERROR), options.get("resamples", RESAMPLES)
    if not 0 < error < 1:
        raise UsageError(f"max_error is {error:g}", hint="give a share between 0 and 1, 0.05 say")
    if resamples < 1:
        raise UsageError(f"resamples is {resamples}", hint="give at least 1; 1000 is usual")
    _check_threshold(name, options.get("threshold"))


def _check_threshold(name: str, threshold: float | None) -> None:
    """Refuse one that no score of a judge that ships can be on both sides of; a plug-in has a scale of its own."""
    ours = name in BUILTIN or STEPS.get(name, "").startswith("ragset.")
    if threshold is not None and ours and not 0 <= threshold <= 1:
        raise UsageError(f"threshold is {threshold:g}", where=name, hint="give a score between 0 and 1")


def _judged(name: str, sets: Sequence[LabelSet], options: CalibrateOptions) -> tuple[JudgeFacts, list[JudgedSet]]:
    threshold = options.get("threshold")
    if name in BUILTIN:
        rule = BUILTIN[name](threshold)
        return rule.facts, run_sync(_by_rule(rule, sets, progress_of(options)))
    from ragset.api.calibrate_steps import configured, judged_by_step

    flow = chosen(load_flow(options.get("flow") or "rag_qa"), options)
    flow = flow.model_copy(update={"index": options.get("index") or flow.index})
    return run_sync(judged_by_step(configured(name, flow, list(BUILTIN)), flow, sets, threshold, options))


def _groundedness(threshold: float | None) -> BuiltinJudge:
    from ragset.kit.groundedness import NAME, THRESHOLD, VERSION, groundedness

    facts = JudgeFacts(NAME, VERSION, THRESHOLD if threshold is None else threshold)
    return BuiltinJudge(
        facts, ("context",), lambda row: groundedness(row.context, row.answer, row.question or None).score
    )


def _equivalence(threshold: float | None) -> BuiltinJudge:
    from ragset.kit.equivalence import NAME, THRESHOLD, VERSION, equivalence

    facts = JudgeFacts(NAME, VERSION, THRESHOLD if threshold is None else threshold)
    return BuiltinJudge(facts, ("golds",), lambda row: equivalence(row.question, row.golds, row.answer).score)


BUILTIN: dict[str, Callable[[float | None], BuiltinJudge]] = {
    "builtin-groundedness": _groundedness,
    "builtin-equivalence": _equivalence,
}
"""The judges that are no steps."""


async def _by_rule(rule: BuiltinJudge, sets: Sequence[LabelSet], progress: Progress) -> list[JudgedSet]:
    """Judge every row by a built-in judge."""
    found: list[JudgedSet] = []
    for labels in sets:
        progress.stage(f"judging {labels.name}", len(labels.rows))
        judged: list[Judged] = []
        for begin in range(0, len(labels.rows), _BLOCK):
            block = labels.rows[begin : begin + _BLOCK]
            judged += await asyncio.to_thread(_ruled, rule, block)
            progress.advance(len(judged))
        found.append(JudgedSet(labels, tuple(judged)))
    return found


def _ruled(rule: BuiltinJudge, rows: Sequence[Labelled]) -> list[Judged]:
    """Score rows; a column that the judge needs and a row lacks is the file's fault, a crash is a failure."""
    found: list[Judged] = []
    for row in rows:
        for need in rule.needs:
            if not getattr(row, need):
                hint = f"{rule.facts.name} compares the answer with it"
                raise UsageError(f"has no {need.removesuffix('s')}", where=row.where, hint=hint)
        try:
            found.append(Judged(row, rounded(rule.score(row))))
        except Exception as error:
            found.append(Judged(row, None, one_line(f"{type(error).__name__}: {error}"), failed=True))
    return found
