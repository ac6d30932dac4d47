"""The engine: a chain of async generators pulled from the end, in draw order.

source → maps in a window → folds → maps in a window → … → ``keep`` → barriers. A map keeps ``window`` draws open and
waits for the head, never for whichever is first, so what is committed when draw i is asked for depends on i alone: the
same replies give the same set, whatever the latencies and the concurrency. A barrier takes all that ``keep`` gave,
spooled to disk when it is much, and gives it on in order; a run that is stopped decides on what came until then.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any

from ragset.errors import NOT_THE_DRAWS, BudgetError, UsageError
from ragset.flow.journal import Journal
from ragset.schema.ids import digest
from ragset.schema.samples import Failure, Spent
from ragset.schema.step import (
    Barrier,
    Envelope,
    Fold,
    Folding,
    Ledger,
    Map,
    Source,
    Step,
    Tools,
    anew,
    current_draw,
    current_step,
    ledger,
)

Seen = tuple[bytes | None, ...]

SPOOLED = 16 << 20
"""Bytes of draws that a barrier holds in memory; more go to a file without a name, which no kill leaves behind."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Neighbouring maps, run as one coroutine a draw, and the folds that follow them."""

    maps: tuple[Map, ...]
    folds: tuple[Fold, ...]
    fingerprint: str

    async def work(self, item: Envelope, tools: Tools, journal: Journal | None) -> tuple[Any, Seen]:
        """Take one draw through the maps, or from the journal if that was done before."""
        if item.empty:
            return item, (None,) * len(self.folds)
        current_draw.set(item.number)
        account: Ledger = {}
        ledger.set(account)
        key = digest(self.fingerprint, item.model_dump(mode="json", exclude={"number", "spent"})) if journal else ""  # type: ignore[attr-defined]
        if journal and (done := journal.get(key, item)):
            return done
        anew.set(journal.retried(key) if journal else frozenset())
        result, seen = await self._apply(item, tools)
        result = billed(result, account)
        if journal:
            journal.put(key, result, seen)
        return result, seen

    async def _apply(self, item: Any, tools: Tools) -> tuple[Any, Seen]:
        looked: list[bytes | None] = []
        for step in (*self.maps, *self.folds):
            current_step.set(step.name)
            try:
                if isinstance(step, Fold):
                    looked.append(None if item.failure else await step.look(item, tools))
                elif not item.failure:
                    item = await step.apply(item, tools)
            except NOT_THE_DRAWS:
                raise
            except Exception as error:  # a crash in a step is that draw's failure, never the run's
                item = failed(item, step, error)
                looked += [None] * isinstance(step, Fold)
        return item, tuple(looked)


def stages(steps: Sequence[Step], tools: Tools) -> list[Stage]:
    """Group the steps after the source; a stage's fingerprint covers all that comes before it too."""
    groups = [(kind, tuple(group)) for kind, group in groupby(steps, key=lambda s: s.kind)]
    found: list[Stage] = []
    before = version("ragset")  # another release may do the same step otherwise
    while groups:
        maps = groups.pop(0)[1] if groups[0][0] == "map" else ()
        folds = groups.pop(0)[1] if groups and groups[0][0] == "fold" else ()
        before = digest(before, [step.fingerprint(tools) for step in (*maps, *folds) if step.name != "keep"])
        found.append(Stage(maps, folds, before))  # type: ignore[arg-type]
    return found


async def run(
    steps: Sequence[Step],
    tools: Tools,
    *,
    window: int,
    journal: Journal | None = None,
    spool: Path | None = None,
    watch: Callable[[Any], None] = lambda item: None,
) -> AsyncGenerator[Any, None]:
    """Pull every draw through the steps and yield it, in order, after the last one; ends when ``keep`` is full.

    ``watch`` sees each draw as it leaves the last fold, before any barrier; ``spool`` is where barriers keep draws.
    """
    barriers = [step for step in steps if isinstance(step, Barrier)]
    pulled = steps[: len(steps) - len(barriers)]
    async with AsyncExitStack() as stack:
        stream = await stack.enter_async_context(aclosing(_pulled(pulled, tools, window, journal, watch)))
        for barrier in barriers:
            stream = await stack.enter_async_context(aclosing(_gathered(stream, barrier, tools, spool)))
        async for item in stream:
            yield item


async def _pulled(
    steps: Sequence[Step], tools: Tools, window: int, journal: Journal | None, watch: Callable[[Any], None]
) -> AsyncGenerator[Any, None]:
    source, *rest = steps
    if not isinstance(source, Source):
        raise UsageError(f"'{source.name}' is no source")
    async with AsyncExitStack() as stack:
        stream: Any = await stack.enter_async_context(aclosing(source.draws(tools)))  # type: ignore[type-var]
        foldings: list[Folding] = []
        grouped = stages(rest, tools)
        for stage in grouped:
            running = [fold.begin(tools) for fold in stage.folds]
            foldings += running
            setting = _Setting(tools, journal, window, last=stage is grouped[-1])
            stream = await stack.enter_async_context(aclosing(_flow(stream, stage, running, setting)))
        async for item in stream:
            watch(item)
            yield item
            if tools.tally.full:
                return
        for folding in foldings:
            finish = getattr(folding, "finish", None)
            if finish:
                await finish()


async def _gathered(
    stream: AsyncIterator[Any], barrier: Barrier, tools: Tools, spool: Path | None
) -> AsyncGenerator[Any, None]:
    """Take all draws, let the barrier decide, and give them on; what stopped the run is raised after them."""
    gathering = barrier.begin(tools)
    stopped: BaseException | None = None
    kind: Any = None
    with SpooledTemporaryFile(SPOOLED, dir=spool and str(spool)) as lines:
        try:
            async for item in stream:
                gathering.feed(item)
                kind = type(item)
                lines.write(item.model_dump_json().encode() + b"\n")
        except (*NOT_THE_DRAWS, asyncio.CancelledError) as error:
            stopped = error
        await gathering.decide()
        lines.seek(0)
        for line in lines:
            yield gathering.release(kind.model_validate_json(line))
    if stopped:
        raise stopped


@dataclass(frozen=True, slots=True)
class _Setting:
    tools: Tools
    journal: Journal | None
    window: int
    last: bool


async def _flow(
    stream: AsyncIterator[Any], stage: Stage, foldings: Sequence[Folding], setting: _Setting
) -> AsyncGenerator[Any, None]:
    tools, window = setting.tools, setting.window
    opened: deque[tuple[bool, asyncio.Task[tuple[Any, Seen]]]] = deque()

    async def work(item: Any) -> tuple[Any, Seen]:
        done = await stage.work(item, tools, setting.journal)
        if setting.last and not item.empty:
            tools.finished(item.number)
        return done

    async def head() -> Any:
        # Shielded: what is stopped is stopped here at once, and does not first wait for this draw to be cancelled.
        item, seen = await asyncio.shield(opened[0][1])
        opened.popleft()
        for fold, folding, look in zip(stage.folds, foldings, seen, strict=True):
            try:
                item = folding.feed(item, look)
            except NOT_THE_DRAWS:
                raise
            except Exception as error:
                item = failed(item, fold, error)
        return item

    stopped: Exception | None = None
    try:
        while True:
            try:
                item = await anext(stream)
            except StopAsyncIteration:
                break
            except NOT_THE_DRAWS as error:  # what came before it is sound: those draws are decided on first
                stopped = error
                break
            opened.append((item.empty, asyncio.create_task(work(item))))
            if len(opened) >= window:
                yield await head()
        while opened and (not stopped or isinstance(stopped, BudgetError) or opened[0][1].done()):
            yield await head()
        if stopped:
            raise stopped
    except asyncio.CancelledError:  # here, in whatever stage: the draws of later ones are still at work
        tools.abandoned()
        raise
    finally:
        tools.tally.ahead += sum(not empty for empty, _ in opened)
        if opened and setting.last:
            tools.abandoned()
        for _, task in opened:
            task.cancel()
        await asyncio.gather(*(task for _, task in opened), return_exceptions=True)


def billed(item: Any, account: Ledger) -> Any:
    """Write into a draw what it cost."""
    if not account:
        return item
    spent = (Spent(step=step, role=role, usage=usage) for (step, role), usage in account.items())
    return item.model_copy(update={"spent": (*item.spent, *spent)})


def failed(item: Any, step: Step, error: Exception) -> Any:
    """Mark a draw as failed, and its undecided samples with it: nothing is claimed about them."""
    failure = Failure(step=step.name, error=type(error).__name__, message=_line(error))
    update: dict[str, Any] = {"failure": failure}
    if samples := getattr(item, "samples", ()):
        update["samples"] = tuple(s.failed(failure) if s.status == "open" else s for s in samples)
    return item.model_copy(update=update)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
