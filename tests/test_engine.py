"""The engine: order, windows, failures, the journal, and what ``keep`` shows to the source."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import ClassVar

import pytest

from conftest import make_chunk, make_sample
from ragset.errors import BudgetError, IndexLockedError
from ragset.flow import engine
from ragset.flow.engine import run
from ragset.flow.journal import Journal
from ragset.flow.keep import Keep
from ragset.schema.samples import Draw, Scenario
from ragset.schema.step import Barrier, Fold, Map, Source, Tools, current_draw

asked: list[int] = []


class Numbers(Source):
    """Draws that look at the tally: while enough are open, an empty one."""

    name: ClassVar[str] = "numbers"
    limit: int = 10_000

    async def draws(self, tools: Tools) -> AsyncIterator[Draw]:
        real = 0
        for number in range(self.limit):
            lacking = (tools.tally.wanted or 10**9) - tools.tally.kept
            still_open = real - sum(not c.empty for c in tools.tally.commits)
            if still_open < lacking:
                real += 1
                asked.append(number)
                chunk = make_chunk(number)
                yield Draw(number=number, scenario=Scenario(chunks=(chunk,)))
            else:
                yield Draw(number=number)


class Make(Map):
    """One sample a draw; every third draw gives none, every seventh breaks."""

    name: ClassVar[str] = "make"
    slow: bool = False
    calls: ClassVar[list[int]] = []

    async def apply(self, item: Draw, tools: Tools) -> Draw:
        Make.calls.append(item.number)
        assert current_draw.get() == item.number
        if self.slow:
            await asyncio.sleep(random.random() / 300)
        if item.number % 7 == 6:
            raise ValueError("the seventh breaks")
        if item.number % 3 == 2:
            return item
        return item.with_samples((make_sample(item.number, chunk=item.scenario.chunks[0]),))


class Odd(Fold):
    """Remembers the order in which it was fed; reads what ``look`` saw."""

    name: ClassVar[str] = "odd"
    fed: ClassVar[list[int]] = []

    async def look(self, item: Draw, tools: Tools) -> bytes | None:
        return str(len(item.samples)).encode()

    def begin(self, tools: Tools):
        Odd.fed = []
        return self

    def feed(self, item: Draw, seen: bytes | None) -> Draw:
        Odd.fed.append(item.number)
        assert seen is None if item.empty or item.failure else seen == str(len(item.samples)).encode()
        return item


class Pass(Map):
    """A second window after the fold."""

    name: ClassVar[str] = "pass"

    async def apply(self, item: Draw, tools: Tools) -> Draw:
        await asyncio.sleep(0)
        return item


async def collect(n: int | None = 20, slow: bool = False, window: int = 16, journal: Journal | None = None, **source):
    tools = Tools()
    steps = [Numbers(**source), Make(slow=slow), Odd(), Pass(), Keep(n=n)]
    async with aclosing(run(steps, tools, window=window, journal=journal)) as stream:
        return [draw async for draw in stream], tools.tally


async def test_every_draw_travels_to_the_end_in_order():
    draws, _ = await collect(n=None, limit=100)
    assert [draw.number for draw in draws] == list(range(100)) == Odd.fed
    assert sum(draw.failure is not None for draw in draws) == 14
    assert all(s.status == "kept" for draw in draws for s in draw.samples)


async def test_the_set_does_not_depend_on_latency():
    plain, _ = await collect(n=40)
    for seed in range(3):
        random.seed(seed)
        slow, tally = await collect(n=40, slow=True)
        assert slow == plain
        assert tally.kept == 40


async def test_the_order_is_met_exactly_and_nothing_more_is_asked_than_is_open():
    asked.clear()
    draws, tally = await collect(n=30)
    kept = [s for draw in draws for s in draw.samples if s.status == "kept"]
    assert len(kept) == tally.kept == 30
    committed = [number for number in asked if number <= draws[-1].number]
    assert len(committed) <= 30 / (4 / 7) + 10


async def test_a_broken_step_is_a_failure_of_its_draw():
    draws, _ = await collect(n=None, limit=8)
    failure = draws[6].failure
    assert failure is not None
    assert (failure.step, failure.error, failure.message) == ("make", "ValueError", "the seventh breaks")


async def test_the_journal_replays_finished_draws(tmp_path: Path):
    with Journal(tmp_path / "j.sqlite") as journal:
        first, _ = await collect(n=None, limit=50, journal=journal)
        Make.calls.clear()
        second, _ = await collect(n=None, limit=50, journal=journal)
        assert second == first
        assert Make.calls == []
        assert journal.retry_failures() > 0
        await collect(n=None, limit=50, journal=journal)
        assert Make.calls == [number for number in range(50) if number % 7 == 6]


async def test_a_damaged_journal_is_replaced(tmp_path: Path):
    path = tmp_path / "j.sqlite"
    path.write_bytes(b"no database" * 100)
    with Journal(path) as journal:
        draws, _ = await collect(n=None, limit=20, journal=journal)
    assert len(draws) == 20


async def test_stopping_early_cancels_what_is_open():
    tools = Tools()
    steps = [Numbers(), Make(slow=True), Keep(n=1)]
    async with aclosing(run(steps, tools, window=64)) as stream:
        async for _ in stream:
            break
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert others == []


class Waits(Map):
    """Waits on draw 3 for ever; notes who goes on after the run was given up."""

    name: ClassVar[str] = "waits"
    given_up: ClassVar[list[str]] = []
    stage: str

    async def apply(self, item: Draw, tools: Tools) -> Draw:
        try:
            await asyncio.sleep(60 if item.number == 3 and self.stage == "first" else 0.001)
            if self.stage == "second":
                await asyncio.sleep(60)
        except asyncio.CancelledError:
            Waits.given_up.append(self.stage)
            raise
        return item


@pytest.mark.parametrize("stages", [("first",), ("first", "second")])
async def test_what_is_interrupted_is_given_up_before_any_draw_is_cancelled(stages: tuple[str, ...]) -> None:
    """Also when it waits for an early stage while draws are in a later one."""
    Waits.given_up.clear()
    tools = Tools(abandoned=lambda: Waits.given_up.append("told"))
    steps = [Numbers(limit=6), *(step for stage in stages for step in (Waits(stage=stage), Odd())), Keep(n=5)]
    task = asyncio.create_task(_pull(run(steps, tools, window=4), []))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert Waits.given_up[0] == "told"
    assert {*Waits.given_up} - {"told"} == {*stages}


class Breaks(Map):
    """Breaks on samples that others made."""

    name: ClassVar[str] = "breaks"

    async def apply(self, item: Draw, tools: Tools) -> Draw:
        raise ValueError("no judge today")


class BreaksFold(Fold):
    """A fold that breaks, in its look or in its feed."""

    name: ClassVar[str] = "breaks_fold"
    early: bool = True

    async def look(self, item: Draw, tools: Tools) -> bytes | None:
        if self.early:
            raise ValueError("no look today")
        return None

    def begin(self, tools: Tools):
        return self

    def feed(self, item: Draw, seen: bytes | None) -> Draw:
        if self.early or item.empty:
            return item
        raise ValueError("no feed today")


@pytest.mark.parametrize("step", [Breaks(), BreaksFold(early=True), BreaksFold(early=False)])
async def test_a_sample_that_was_not_judged_is_never_kept(step):
    tools = Tools()
    async with aclosing(run([Numbers(limit=20), Make(), step, Keep()], tools, window=4)) as stream:
        draws = [draw async for draw in stream]
    samples = [s for draw in draws for s in draw.samples]
    assert len(samples) > 5
    assert {s.status for s in samples} == {"failed"}
    assert tools.tally.kept == 0
    assert all(draw.failure for draw in draws if draw.samples)


class Locked(Map):
    """Meets an error of the set-up."""

    name: ClassVar[str] = "locked"

    async def apply(self, item: Draw, tools: Tools) -> Draw:
        raise IndexLockedError("another process is writing", where="index 'x'")


async def test_an_error_of_the_set_up_ends_the_run_and_is_not_remembered(tmp_path: Path):
    with Journal(tmp_path / "j.sqlite") as journal:
        with pytest.raises(IndexLockedError):
            async with aclosing(run([Numbers(limit=9), Locked(), Keep()], Tools(), window=4, journal=journal)) as all_:
                _ = [draw async for draw in all_]
        rest = [Numbers(limit=9), Make(), Keep()]
        async with aclosing(run(rest, Tools(), window=4, journal=journal)) as stream:
            assert any(draw.samples for draw in [d async for d in stream])
        assert journal.replayed == 0


async def test_failed_samples_are_forgotten_with_retry_failed(tmp_path: Path):
    with Journal(tmp_path / "j.sqlite") as journal:
        steps = [Numbers(limit=6), Make(), Breaks(), Keep()]
        async with aclosing(run(steps, Tools(), window=4, journal=journal)) as stream:
            _ = [draw async for draw in stream]
        assert journal.retry_failures() == 6


async def test_a_journal_with_torn_pages_is_replaced(tmp_path: Path):
    path = tmp_path / "j.sqlite"
    with Journal(path) as journal:
        await collect(n=None, limit=60, journal=journal)
    data = bytearray(path.read_bytes())
    data[5000:9000] = b"\xff" * 4000
    path.write_bytes(data)
    with Journal(path) as journal:
        draws, _ = await collect(n=None, limit=60, journal=journal)
    assert len(draws) == 60


class Siblings(Map):
    """Three samples of one chunk."""

    name: ClassVar[str] = "siblings"

    async def apply(self, item: Draw, tools: Tools) -> Draw:
        chunk = item.scenario.chunks[0]
        return item.with_samples(tuple(make_sample(item.number * 10 + at, chunk=chunk) for at in range(3)))


@pytest.mark.parametrize(("n", "kept", "reasons"), [(5, 5, {"its chunk already gave 2": 2}), (1, 1, {})])
async def test_keep_caps_a_chunk_and_says_why(n: int, kept: int, reasons: dict[str, int]):
    tools = Tools()
    async with aclosing(run([Numbers(), Siblings(), Keep(n=n, max_per_chunk=2)], tools, window=1)) as stream:
        samples = [s async for draw in stream for s in draw.samples]
    assert sum(s.status == "kept" for s in samples) == kept
    said = [s.rejected_by.reason for s in samples if s.rejected_by]
    for reason, count in reasons.items():
        assert said.count(reason) == count
    assert all(s.status in ("kept", "rejected") for s in samples)


class Mark(Barrier):
    """Writes into each draw how many came in all, and whether any task was still open when it decided."""

    name: ClassVar[str] = "mark"
    seen: ClassVar[list[int]] = []
    open: ClassVar[int] = 0

    def begin(self, tools: Tools):
        Mark.seen = []
        return self

    def feed(self, item: Draw) -> None:
        self.seen.append(item.number)

    async def decide(self) -> None:
        Mark.open = len(asyncio.all_tasks()) - 1

    def release(self, item: Draw) -> Draw:
        marked = (s.model_copy(update={"metadata": {"of": len(self.seen)}}) for s in item.samples)
        return item.with_samples(tuple(marked))


async def _through(*steps, n: int | None = None, limit: int = 10_000, **more):
    watched: list[int] = []
    all_steps = [Numbers(limit=limit), Make(slow=True), *steps, Keep(n=n), Mark()]
    stream = run(all_steps, Tools(), window=8, watch=lambda item: watched.append(item.number), **more)
    return stream, watched


async def test_a_barrier_gives_on_in_order_when_all_have_come():
    stream, watched = await _through(limit=60)
    async with aclosing(stream) as draws:
        first = await anext(draws)
        assert watched == list(range(60))
        rest = [draw async for draw in draws]
    assert [first.number, *(draw.number for draw in rest)] == watched == Mark.seen
    assert {s.metadata["of"] for draw in rest for s in draw.samples} == {60}


async def test_a_barrier_decides_when_keep_is_full_and_nothing_is_open_any_more():
    stream, watched = await _through(n=12)
    async with aclosing(stream) as draws:
        found = [draw async for draw in draws]
    assert sum(s.status == "kept" for draw in found for s in draw.samples) == 12
    assert [draw.number for draw in found] == watched == Mark.seen
    assert Mark.open == 0  # what was under way is cancelled: it would be paid for nothing


async def test_many_draws_are_spooled_to_a_file_that_no_kill_leaves_behind(tmp_path: Path, monkeypatch):
    few, _ = await _through(limit=50)
    async with aclosing(few) as draws:
        expected = [draw async for draw in draws]
    monkeypatch.setattr(engine, "SPOOLED", 1)
    made: list[Path] = []
    monkeypatch.setattr(engine, "SpooledTemporaryFile", _noting(made, engine.SpooledTemporaryFile))
    many, _ = await _through(limit=50, spool=tmp_path)
    async with aclosing(many) as draws:
        assert [draw async for draw in draws] == expected
    assert made == [tmp_path]
    assert list(tmp_path.iterdir()) == []


def _noting(made: list[Path], kind):
    def make(size: int, dir: str):
        file = kind(size, dir=dir)
        rollover = file.rollover

        def roll():
            made.append(Path(dir))
            rollover()

        file.rollover = roll
        return file

    return make


class Stops(Map):
    """Stops the run at draw 40, as a budget does."""

    name: ClassVar[str] = "stops"

    async def apply(self, item: Draw, tools: Tools) -> Draw:
        if item.number >= 40:
            raise BudgetError("the next call might exceed --max-calls 40")
        return item


async def _pull(stream, found: list[Draw]) -> None:
    async with aclosing(stream) as draws:
        async for draw in draws:
            found.append(draw)


async def test_a_run_that_is_stopped_decides_on_what_came_and_says_why_after_it():
    stream, watched = await _through(Stops())
    found: list[Draw] = []
    with pytest.raises(BudgetError):
        await _pull(stream, found)
    assert [draw.number for draw in found] == watched == list(range(40))
    assert {s.metadata["of"] for draw in found for s in draw.samples} == {40}


async def test_a_run_that_is_interrupted_decides_on_what_came():
    stream, watched = await _through()
    found: list[Draw] = []
    task = asyncio.create_task(_pull(stream, found))
    while len(watched) < 10:
        await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [draw.number for draw in found] == watched
    assert len(found) >= 10
