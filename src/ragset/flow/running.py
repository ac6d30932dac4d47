"""Running a flow: each part that begins with a source, one after another, into the index or the run folder."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Protocol

from ragset.errors import NOT_THE_DRAWS, BudgetError, RagsetError
from ragset.flow.certify import certify
from ragset.flow.compile import Flow
from ragset.flow.engine import run
from ragset.flow.keep import Keep
from ragset.flow.profile import Profile
from ragset.flow.rates import Passing
from ragset.flow.report import BUILTIN_GAVE_NONE, GAVE_NONE, Report
from ragset.flow.run_folder import RunFolder
from ragset.schema.samples import Draw, Sample
from ragset.schema.step import Step, Tally, Tools
from ragset.tasks.rag_qa import RagQA


class Progress(Protocol):
    """Who is told how far the work is."""

    def stage(self, name: str, total: int | None) -> None:
        """Begin a stage of ``total`` units (none: unknown)."""
        ...

    def advance(self, done: int, note: str = "") -> None:
        """Say that ``done`` units are finished."""
        ...

    def say(self, line: str) -> None:
        """Say a line."""
        ...


class Quiet:
    """A progress that says nothing."""

    def stage(self, name: str, total: int | None) -> None:
        """Say nothing."""

    def advance(self, done: int, note: str = "") -> None:
        """Say nothing."""

    def say(self, line: str) -> None:
        """Say nothing."""


def parts(flow: Flow) -> list[tuple[Step, ...]]:
    """Split the list of steps before each source."""
    found: list[list[Step]] = []
    for step in flow.steps:
        if step.kind == "source":
            found.append([])
        found[-1].append(step)
    return [tuple(part) for part in found]


def makes_samples(steps: Sequence[Step]) -> bool:
    """Tell a part that makes samples from one that fills the index."""
    return steps[-1].gives is Sample


def refuse(steps: Sequence[Step], tools: Tools) -> None:
    """Let each step refuse what this run lacks, before anything is made, replaced or paid; raises ``UsageError``."""
    wanted = next((step.n for step in steps if isinstance(step, Keep)), None)
    told = replace(tools, tally=Tally(wanted=wanted))
    for step in steps:
        step.refuse(told)


INTAKE_WINDOW = 16
"""Files that are on their way into the index at once: enough to keep the children busy, few enough for memory."""


async def run_intake(steps: Sequence[Step], tools: Tools, progress: Progress, *, total: int | None = None) -> None:
    """Run a part that fills the index; the result is left in ``tools.extras`` by its last step."""
    progress.stage("reading", total)
    async with aclosing(run(steps, tools, window=INTAKE_WINDOW)) as stream:
        async for item in stream:
            note = "" if item.empty else item.file.document_id
            progress.advance(item.number + 1, note)


async def run_samples(
    steps: Sequence[Step], tools: Tools, folder: RunFolder, progress: Progress, about: dict[str, Any]
) -> dict[str, Any]:
    """Run a part that makes samples; write them to the folder and give the report. ``about`` heads the report.

    A run that is stopped (by its budget, by Ctrl-C, by a server that is gone) delivers the draws that were decided on
    until then. A budget is a way to end, unless nothing is finished and another run's set would go for it; what else
    stops a run is raised again.
    """
    report = Report(folder.flow.asked, costing=tools.extras.get("costing"), why_none=_why_none(steps, tools))
    profile, passing = Profile(), Passing(steps)
    progress.stage("making and judging", getattr(folder.flow.find("keep"), "n", None))
    stopped: BaseException | None = None
    try:
        await _pull(steps, tools, folder, _Watch(progress), (report, profile, passing))
    except (*NOT_THE_DRAWS, asyncio.CancelledError) as error:
        kept, before = report.samples["kept"], folder.kept_before
        fewer = kept < before if isinstance(error, BudgetError) else kept <= before
        if fewer or folder.replaces:
            raise  # what stands there from before is no less
        stopped = error
        report.ended = "interrupted" if isinstance(error, asyncio.CancelledError) else str(error)
    report.ahead = tools.tally.ahead if tools.tally.full or stopped else 0
    report.lacking, report.given_up = tools.tally.lacking, tools.tally.given_up
    report.paid = tools.extras.get("paid", list)()
    spending = tools.extras.get("budget", lambda: None)()
    figures = await profile.figures(report, steps, tools, embed=not isinstance(stopped, asyncio.CancelledError))
    rates = {"rates": passing.rates().model_dump()}
    result = {**about, **report.as_dict(), **rates, **figures, **({"budget": spending} if spending else {})}
    folder.finish(result)
    certify(folder.path)
    if stopped and not isinstance(stopped, BudgetError):
        if isinstance(stopped, RagsetError):
            tools.say("what is finished is kept: run the same command again to go on")
        raise stopped
    return result


def _why_none(steps: Sequence[Step], tools: Tools) -> str:
    task = next((step for step in steps if isinstance(step, RagQA)), None)
    return BUILTIN_GAVE_NONE if task and task.builtin(tools) else GAVE_NONE


class _Watch:
    """Tells the progress what became of each draw when ``keep`` has decided on it, before any barrier."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.drawn = self.kept = self.rejected = 0

    def __call__(self, draw: Draw) -> None:
        if not draw.empty:
            self.drawn += 1
            self.kept += sum(sample.status == "kept" for sample in draw.samples)
            self.rejected += sum(sample.status == "rejected" for sample in draw.samples)
            self.progress.advance(self.kept, f"{self.drawn} drawn, {self.rejected} rejected")


async def _pull(
    steps: Sequence[Step], tools: Tools, folder: RunFolder, watch: _Watch, books: tuple[Report | Profile | Passing, ...]
) -> None:
    window, journal = folder.flow.window, folder.journal
    stream = run(steps, tools, window=window, journal=journal, spool=folder.path, watch=watch)
    async with aclosing(stream) as draws:
        async for draw in draws:
            for book in books:
                book.add(draw)
            folder.add(draw.samples)
