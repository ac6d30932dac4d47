"""The budget is never exceeded, and what it pays for is delivered in draw order."""

import asyncio
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ragset
from pacing_support import FakeTransport, as_draw, ask, lognormal, paced
from ragset.adapters.models.budget import Budget
from ragset.adapters.models.limiter import Limiter
from ragset.adapters.models.transport import ServerFault, TimedOut
from ragset.api.calibrate import calibrate
from ragset.api.estimate import estimate
from ragset.errors import BudgetError, UsageError
from ragset.schema.samples import Usage
from virtual_time import virtually


def price(name: str, prompt: float, completion: float) -> float | None:
    return None if name == "unknown" else prompt * 1e-3 + completion * 2e-3


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6),
    st.one_of(st.none(), st.integers(1, 60)),
    st.one_of(st.none(), st.integers(20, 3000)),
    st.one_of(st.none(), st.floats(0.01, 2)),
)
def test_it_is_never_exceeded(seed: int, calls: int | None, tokens: int | None, cost: float | None) -> None:
    random, budget = Random(seed), Budget(calls, tokens, cost, price)

    async def one(number: int) -> None:
        as_draw(number)
        await asyncio.sleep(random.random())
        for _ in range(random.randint(1, 5)):
            prompt, most = random.randint(1, 40), random.randint(1, 60)
            await budget.admit("m", prompt, most)
            budget.enter()
            try:
                reserved = await budget.reserve("m", prompt, most)
                try:
                    await asyncio.sleep(random.random())
                except asyncio.CancelledError:
                    reserved.settle(None)
                    raise
                real = Usage(calls=1, prompt_tokens=prompt, completion_tokens=random.randint(0, most))
                reserved.settle(random.choice([real, Usage(calls=1), None]))
            finally:
                budget.leave()

    async def work() -> None:
        tasks = [asyncio.create_task(one(number)) for number in range(40)]
        for number, task in enumerate(tasks):
            if random.random() < 0.1:
                asyncio.get_running_loop().call_later(random.random() * 3, task.cancel)
            await asyncio.wait([task])
            budget.finished(number)
        for task in tasks:
            assert task.cancelled() or task.exception() is None or isinstance(task.exception(), BudgetError)

    virtually(work())
    for spent, limit in zip(budget.spent, budget.limits, strict=True):
        assert spent <= limit + 1e-9
    assert budget.overrun == (0, 0, 0)


def calls_of(number: int) -> tuple[int, int]:
    """Calls a draw takes, and pairs it gives: a writer, and judges until one says no."""
    random = Random(number)
    judges = next((n for n in range(1, 4) if random.random() < 0.15), 4)
    return 1 + min(judges, 3), 2 if judges == 4 else random.randint(0, 1)


def sequential(limit: int) -> int:
    pairs = spent = 0
    for number in range(10_000):
        calls, gives = calls_of(number)
        if spent + calls > limit:
            break
        spent, pairs = spent + calls, pairs + gives
    return pairs


async def run(budget: Budget, transport: FakeTransport, window: int) -> int:
    """Keep a window of draws open and wait for the head, as the engine does."""
    model, pairs = paced(transport, Limiter(32), budget), 0

    async def draw(number: int) -> int:
        as_draw(number)
        calls, gives = calls_of(number)
        for step in range(calls):
            await model.send(ask(f"{number} {step}"))
        return gives

    tasks: list[asyncio.Task[int]] = []
    try:
        for head in range(10_000):
            while len(tasks) < head + window:
                tasks.append(asyncio.create_task(draw(len(tasks))))
            pairs += await tasks[head]
            budget.finished(head)
    except BudgetError:
        return pairs
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return pairs


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("limit", [60, 150, 400, 1000])
def test_it_delivers_what_it_pays_for(limit: int, known: bool) -> None:
    budget, transport = Budget(max_calls=limit), FakeTransport(lognormal(0.2, 0.6))
    if known:
        budget.expect(3.5, 70)
    got = virtually(run(budget, transport, 256))
    assert len(transport.sent) <= limit
    assert got >= 0.9 * sequential(limit)


def test_retries_and_time_outs_count() -> None:
    faults = [ServerFault("500"), TimedOut("slow"), None]
    budget = Budget(max_calls=10, max_tokens=500)
    virtually(paced(FakeTransport(0.1, lambda n: faults[n]), budget=budget).send(ask()))
    assert budget.spent[0] == 3
    assert 20 < budget.spent[1] < 60  # nothing, the whole reservation, the real usage


def test_what_is_billed_beyond_the_reservation_is_reported() -> None:
    budget = Budget(max_tokens=1000)
    transport = FakeTransport(0.1, lambda n: Usage(calls=1, prompt_tokens=12, completion_tokens=500))
    virtually(paced(transport, budget=budget).send(ask()))
    assert budget.overrun[1] > 450


def test_a_model_without_a_price_is_refused() -> None:
    with pytest.raises(UsageError, match="no price"):
        virtually(Budget(max_cost=1, price=price).reserve("unknown", 1, 1))


def test_the_last_call_is_used_and_the_next_ends_the_run() -> None:
    async def work() -> None:
        model = paced(FakeTransport(0.1), budget=Budget(max_calls=3))
        for number in range(3):
            as_draw(number)
            await model.send(ask(str(number)))
        as_draw(3)
        with pytest.raises(BudgetError, match="3 of 3 calls"):
            await model.send(ask("one more"))

    virtually(work())


def test_draws_that_are_not_decided_on_do_not_hold_up_the_others_for_ever() -> None:
    """Two windows in a row: nothing is finished before the first one is full."""

    async def work() -> int:
        budget, transport = Budget(max_calls=40), FakeTransport(0.1)
        model = paced(transport, budget=budget)

        async def one(number: int) -> None:
            as_draw(number)
            await model.send(ask(str(number)))

        await asyncio.gather(*(one(number) for number in range(60)), return_exceptions=True)
        return len(transport.sent)

    assert virtually(work()) == 40


def test_what_is_given_up_sends_nothing_more_while_it_is_cancelled() -> None:
    transport, budget = FakeTransport(1.0), Budget()
    model = paced(transport, limiter=Limiter(4), budget=budget)

    async def draw(number: int) -> None:
        as_draw(number)
        await model.send(ask(f"draw {number}"))

    async def work() -> int:
        tasks = [asyncio.create_task(draw(number)) for number in range(12)]
        await asyncio.sleep(0.5)
        budget.close()
        for task in tasks[:4]:  # their slots are free before the others are cancelled
            task.cancel()
        await asyncio.sleep(5)
        sent = len(transport.sent)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await model.send(ask("after the draws"))
        return sent

    assert virtually(work()) == 4
    assert len(transport.sent) == 5


@pytest.mark.parametrize("name", ["max_cost", "max_calls", "max_tokens"])
@pytest.mark.parametrize("limit", [float("nan"), float("inf"), float("-inf"), -1, pytest.param(10**400, id="huge")])
def test_a_limit_that_is_none_is_refused_with_every_model(tmp_path: Path, name: str, limit: Any) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("The bridge was opened in 1902.", "utf-8")
    for begin in (
        lambda options: ragset.build(tmp_path / "docs", tmp_path / "out", 1, indexes=tmp_path / "i", **options),
        lambda options: ragset.run_flow("rag_qa", tmp_path / "out", index="i", **options),
        lambda options: calibrate("builtin-groundedness", tmp_path / "l.jsonl", **options),
        lambda options: estimate(tmp_path / "docs", **options),
    ):
        with pytest.raises(UsageError, match=f"^option '{name}' is (not a finite number|below 0); give .* out$"):
            begin({name: limit})
    assert [path.name for path in tmp_path.iterdir()] == ["docs"]


def test_other_numbers_are_finite_too(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="option 'parse_timeout' is not a finite number"):
        ragset.ingest(tmp_path, "i", parse_timeout=float("nan"))
    with pytest.raises(UsageError, match="option 'threshold' is not a finite number"):
        calibrate("builtin-groundedness", tmp_path, threshold=float("inf"))
