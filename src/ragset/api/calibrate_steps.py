"""Judge labelled rows by a step, as a flow would, and read its verdicts as scores."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

from pydantic import ValidationError

from ragset.api.choosing import objects_of, trusted_by
from ragset.api.roles import SpendingOptions, opened_models
from ragset.api.wiring import RunOptions, opened, progress_of, tools_for
from ragset.errors import UsageError, did_you_mean
from ragset.flow.compile import Flow
from ragset.flow.engine import Stage
from ragset.flow.registry import STEPS, step_class
from ragset.flow.running import Progress
from ragset.kit.calibrating import Judged, JudgedSet, JudgeFacts
from ragset.kit.calibration_file import judging_model, settings_of
from ragset.kit.judging import Judge
from ragset.kit.label_files import Labelled, LabelSet
from ragset.schema.samples import Draw, Sample, Verdict
from ragset.schema.step import Tools

WINDOW = 64
"""Rows that are judged at once."""


def configured(name: str, flow: Flow, others: Sequence[str]) -> Judge:
    """Give the judge as the flow configures it, or with its defaults; a cheap tier before it is left out.

    ``others`` are judges that are no steps. Raises ``UsageError`` for a name that is no judge's.
    """
    judges = [step for step in STEPS if issubclass(step_class(step), Judge)]
    if name not in judges:
        what = f"'{name}' is a step, and no judge" if name in STEPS else f"no judge '{name}'"
        raise UsageError(what, hint=did_you_mean(name, [*others, *judges]))
    try:
        step = flow.find(name) or step_class(name)()
    except ValidationError as error:
        what = f"the field '{error.errors()[0]['loc'][0]}' has no default"
        raise UsageError(what, where=name, hint="name a flow that has this step with --flow") from error
    fields = {"cheap_tier": False} if "cheap_tier" in type(step).model_fields else {}
    return cast("Judge", type(step).model_validate(step.model_dump() | fields))


async def judged_by_step(
    step: Judge, flow: Flow, sets: Sequence[LabelSet], threshold: float | None, options: RunOptions
) -> tuple[JudgeFacts, list[JudgedSet]]:
    """Judge every row; ``threshold`` stands in place of the step's own. Raises ``UsageError`` and its kin."""
    progress = progress_of(options)
    async with _tools(step, flow, options) as tools:
        await step.warm(tools)
        samples: list[list[Sample]] = []
        for labels in sets:
            samples.append(await _judge_all(step, labels, tools, progress, first=sum(map(len, samples))))
        model = judging_model(step, tools)
    verdicts = [verdict for found in samples for sample in found if (verdict := _verdict(sample, step))]
    bare = bool(verdicts) and all(verdict.score is None for verdict in verdicts)
    sound = [verdict for verdict in verdicts if verdict.passed is not None]
    least = _threshold(step, sound, bare) if threshold is None else threshold
    version = sound[0].version if sound else step.version
    facts = JudgeFacts(step.name, version, least, model, settings_of(step), bare)
    return facts, [
        JudgedSet(labels, tuple(_read(row, one, step, bare) for row, one in zip(labels.rows, found, strict=True)))
        for labels, found in zip(sets, samples, strict=True)
    ]


@asynccontextmanager
async def _tools(step: Judge, flow: Flow, options: RunOptions) -> AsyncGenerator[Tools]:
    """Open what the judge uses: its models, the index it retrieves from, or an embedding model alone."""
    from ragset.adapters.embedding import MINILM, open_embedder

    progress = progress_of(options)
    if "store" in step.uses and not flow.index:
        raise UsageError("this judge retrieves, and no index is named", where=step.name, hint="name one with --index")
    needed = {role: choice for role, choice in flow.models.items() if role in step.uses}
    spending: dict[str, Any] = {**options, "objects": objects_of(options), "trusted": trusted_by(options)}
    asked = flow.model_copy(update={"models": needed})
    async with opened_models(asked, cast("SpendingOptions", spending), progress.say) as roles:
        progress.say(roles.line())
        if flow.index and step.uses & {"store", "embedder"}:
            with opened(flow.index, options) as index:
                yield tools_for(index, progress, roles)
        else:
            embedder = open_embedder(options.get("embedder") or flow.embedder or MINILM)
            yield Tools(None, embedder, roles.models, say=progress.say, finished=roles.finished)


async def _judge_all(step: Judge, labels: LabelSet, tools: Tools, progress: Progress, *, first: int) -> list[Sample]:
    """Judge the rows of a file, each a draw of its own: no two are shown to a model in one call."""
    progress.stage(f"judging {labels.name}", len(labels.rows))
    gate, stage, done = asyncio.Semaphore(WINDOW), Stage((step,), (), ""), 0

    async def one(number: int, row: Labelled) -> Sample:
        nonlocal done
        async with gate:
            draw, _ = await stage.work(Draw(number=number, samples=(row.as_sample(),)), tools, None)
        tools.finished(number)
        done += 1
        progress.advance(done)
        return draw.samples[0]

    tasks = [asyncio.create_task(one(first + at, row)) for at, row in enumerate(labels.rows)]
    try:
        return list(await asyncio.gather(*tasks))
    finally:  # a budget or a server that is gone ends all of them, before the models are closed
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _verdict(sample: Sample, step: Judge) -> Verdict | None:
    """Give the verdict of a sample that did not fail; raises ``UsageError`` when there are several."""
    verdicts = sample.verdicts if sample.status != "failed" else ()
    if len(verdicts) > 1:
        what = f"gives {len(verdicts)} verdicts a row, and one can be calibrated"
        raise UsageError(what, where=step.name, hint="name a flow in which it judges by one rubric with --flow")
    return next(iter(verdicts), None)


def _threshold(step: Judge, verdicts: Sequence[Verdict], bare: bool) -> float:
    """Give the threshold in force: the step's field when its verdicts keep to it, else the lowest score that passed.

    A step may have another threshold for each model, or one on another scale than its scores, so its verdicts are
    believed. ``bare`` judges give no scores: their decisions are read as 1 and 0.
    """
    if bare:
        return 1.0
    passed = [v.score for v in verdicts if v.passed and v.score is not None]
    failed = [v.score for v in verdicts if not v.passed and v.score is not None]
    field = getattr(step, "threshold", None)
    if field is not None and min(passed, default=field) >= field > max(failed, default=-float("inf")):
        return float(field)
    if not passed or min(passed) <= max(failed, default=-float("inf")):
        what = "no row passed" if not passed else "its decisions are no threshold of its scores"
        raise UsageError(f"{what}, so its threshold is not known", where=step.name, hint="give one with --threshold")
    return min(passed)


def _read(row: Labelled, sample: Sample, step: Judge, bare: bool) -> Judged:
    """Read a judged sample: a failure, an abstention, and a decision without a score among scores are no scores."""
    if sample.failure:
        return Judged(row, None, f"{sample.failure.error}: {sample.failure.message}", failed=True)
    verdict = _verdict(sample, step)
    if verdict is None or verdict.passed is None:
        return Judged(row, None, verdict.reason if verdict else "no verdict")
    if verdict.score is None:
        return Judged(row, float(verdict.passed)) if bare else Judged(row, None, f"no score: {verdict.reason}")
    return Judged(row, verdict.score)
