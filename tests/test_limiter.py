"""The gate before a model: full use, back-off, rates, order, and nothing lost when callers go away."""

import asyncio
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pacing_support import FakeTransport, as_draw, ask, lognormal, paced
from ragset.adapters.models.limiter import Limiter
from ragset.adapters.models.reply_cache import CachedModel
from ragset.adapters.models.transport import RateLimited, ServerFault, TimedOut
from ragset.errors import ModelError
from ragset.schema.ports import Role
from virtual_time import virtually


class Meter:
    """Integrals of what is in flight and of what is allowed, between two moments."""

    def __init__(self, limiter: Limiter) -> None:
        self.limiter, self.busy, self.room, self.at = limiter, 0.0, 0.0, 0.0
        self.last, self.on = (0, 0), False
        limiter.watch = self.look

    def look(self) -> None:
        now = self.limiter.now()
        if self.on:
            self.busy += (now - self.at) * self.last[0]
            self.room += (now - self.at) * self.last[1]
        self.at, self.last = now, (self.limiter.in_flight, self.limiter.allowed)
        self.on = self.on or self.limiter.in_flight >= self.limiter.allowed


@pytest.mark.parametrize("sigma", [0.0, 0.6])
def test_the_server_is_kept_busy_through_a_chain_of_calls(sigma: float) -> None:
    async def work() -> tuple[float, int]:
        limiter = Limiter(32)
        model, meter = paced(FakeTransport(lognormal(0.2, sigma)), limiter), Meter(limiter)
        open_draws, window = 0, asyncio.Semaphore(256)

        async def draw(number: int) -> None:
            nonlocal open_draws
            as_draw(number)
            async with window:
                for step in range(4):
                    await model.send(ask(f"{number} {step}", purpose=f"step {step}"))
            open_draws -= 1
            if open_draws < 32:
                meter.on, limiter.watch = False, None

        open_draws = 300
        await asyncio.gather(*(draw(number) for number in range(300)))
        return meter.busy / meter.room, limiter.allowed

    share, allowed = virtually(work())
    assert allowed == 32  # widely spread latencies are no load
    assert share >= 0.9


def test_more_than_the_first_requests_are_reached_by_doubling() -> None:
    async def work() -> float:
        limiter = Limiter(256)
        model = paced(FakeTransport(0.2), limiter)
        tasks = [asyncio.create_task(model.send(ask(str(n)))) for n in range(2000)]
        while limiter.in_flight < 256:
            await asyncio.sleep(0.01)
        now = limiter.now()
        await asyncio.gather(*tasks)
        return now

    assert virtually(work()) < 0.8


def test_a_burst_of_refusals_counts_once_and_the_level_comes_back() -> None:
    async def work() -> tuple[int, int]:
        limiter = Limiter(32)
        slots = [await limiter.acquire() for _ in range(32)]
        await asyncio.sleep(0.1)
        for slot in slots:
            slot.done("slow_down")
        after = limiter.allowed
        for _ in range(400):
            slot = await limiter.acquire()
            await asyncio.sleep(0.01)
            slot.done("good")
        return after, limiter.allowed

    after, later = virtually(work())
    assert after == 16
    assert later >= 30


def test_lasting_refusals_take_the_level_down_to_one() -> None:
    async def work() -> int:
        limiter = Limiter(32)
        for _ in range(40):
            slot = await limiter.acquire()
            await asyncio.sleep(0.1)
            slot.done("slow_down")
        return limiter.allowed

    assert virtually(work()) == 1


def test_a_server_that_slows_down_under_load_is_given_less() -> None:
    async def work() -> int:
        limiter, now = Limiter(32), 0.1

        async def one() -> None:
            slot = await limiter.acquire()
            await asyncio.sleep(now)
            slot.done("good")

        await asyncio.gather(*(one() for _ in range(200)))
        now = 0.5
        await asyncio.gather(*(one() for _ in range(200)))
        return limiter.allowed

    assert virtually(work()) < 32


def test_a_few_time_outs_do_not_starve_the_run() -> None:
    random = Random(5)

    async def work() -> float:
        limiter = Limiter(32)
        transport = FakeTransport(0.2, lambda number: TimedOut("slow") if random.random() < 0.1 else None)
        model, meter = paced(transport, limiter), Meter(limiter)
        await asyncio.gather(*(model.send(ask(str(n))) for n in range(1000)))
        return meter.room / limiter.now()

    assert virtually(work()) > 12


@pytest.mark.parametrize(("rpm", "tpm"), [(60, None), (None, 3000), (100, 2500)])
def test_no_minute_ever_exceeds_the_rates(rpm: int | None, tpm: int | None) -> None:
    async def work() -> list[float]:
        transport = FakeTransport(lognormal(0.5, 0.6))
        model = paced(transport, Limiter(32, rpm=rpm, tpm=tpm))
        await asyncio.gather(*(model.send(ask(str(n))) for n in range(400)))
        return [at for at, _ in transport.sent]

    sent = virtually(work())
    for begin in sent:
        inside = sum(begin <= at < begin + 60 for at in sent)
        assert inside <= (rpm or inside)
        assert inside * 20 <= (tpm or inside * 20)  # 20 tokens were billed for each
    most = min(rpm or 10**9, (tpm or 10**9) / 20)
    assert sent[-1] <= 60 * (400 / most) * 1.25 + 61  # and the rate is used


def test_a_request_that_no_minute_can_hold_is_refused() -> None:
    with pytest.raises(ModelError, match="more than a minute allows"):
        virtually(Limiter(4, tpm=100).acquire(101))


def test_the_oldest_draw_goes_first() -> None:
    async def work() -> list[int]:
        limiter, served = Limiter(1), list[int]()

        async def one(number: int) -> None:
            as_draw(number)
            slot = await limiter.acquire()
            served.append(number)
            await asyncio.sleep(0.1)
            slot.done("good")

        await asyncio.gather(*(one(number) for number in (9, 4, 7, 1, 8, 0)))
        return served

    assert virtually(work()) == [9, 0, 1, 4, 7, 8]


def test_a_call_that_begins_a_draw_goes_before_those_of_older_draws() -> None:
    async def work() -> list[str]:
        transport = FakeTransport(0.1)
        model = paced(transport, Limiter(1))
        roles = {role: CachedModel(model, None, role, model.choice) for role in ("writer", "judge")}

        async def one(number: int | None, role: Role) -> None:
            if number is not None:
                as_draw(number)
            await roles[role].complete(ask(f"{role} {number}"))

        asked = [(9, "judge"), (4, "judge"), (7, "writer"), (1, "judge"), (8, "writer"), (None, "judge")]
        await asyncio.gather(*(one(number, role) for number, role in asked))
        return [text for _, text in transport.sent]

    assert virtually(work()) == ["judge 9", "judge None", "writer 7", "writer 8", "judge 1", "judge 4"]


def test_a_storm_of_refusals_with_a_time_to_wait_is_sat_out() -> None:
    async def work() -> FakeTransport:
        transport = FakeTransport(0.2, lambda n: RateLimited("slow down", retry_after=3) if n < 40 else None)
        model = paced(transport, Limiter(32))
        await asyncio.gather(*(model.send(ask(str(n))) for n in range(100)))
        return transport

    sent = [at for at, _ in virtually(work()).sent]
    assert len(sent) == 140
    refused_at = sent[0] + 0.2
    assert not any(refused_at < at < refused_at + 3 - 1e-6 for at in sent)


def test_ten_thousand_wait_without_ado() -> None:
    async def work() -> int:
        limiter = Limiter(32)
        model = paced(FakeTransport(0.1), limiter)
        await asyncio.gather(*(model.send(ask(str(n))) for n in range(10_000)))
        return limiter.in_flight

    assert virtually(work()) == 0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 2), st.floats(0.01, 1), st.integers(0, 2)), min_size=1, max_size=40),
    st.integers(1, 4),
)
def test_no_slot_is_lost_when_callers_go_away(plans: list[tuple[float, float, int]], most: int) -> None:
    async def work() -> None:
        limiter = Limiter(most)

        async def one(number: int, length: float, kind: int) -> None:
            as_draw(number)
            slot = await limiter.acquire()
            try:
                assert limiter.in_flight <= most
                await asyncio.sleep(length)
                slot.done("good" if kind else "slow_down")
            finally:
                slot.done("unknown")

        tasks = [asyncio.create_task(one(n, length, kind)) for n, (_, length, kind) in enumerate(plans)]
        for (after, _, kind), task in zip(plans, tasks, strict=True):
            if kind == 2:
                asyncio.get_running_loop().call_later(after, task.cancel)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert limiter.in_flight == 0
        slots = [await limiter.acquire() for _ in range(limiter.allowed)]
        assert len(slots) == limiter.in_flight

    virtually(work())


def test_a_breakdown_slows_down_too() -> None:
    async def work() -> int:
        limiter = Limiter(8)
        model = paced(FakeTransport(0.1, lambda n: ServerFault("500") if n < 8 else None), limiter)
        await asyncio.gather(*(model.send(ask(str(n))) for n in range(8)))
        return limiter.allowed

    assert virtually(work()) < 8


def test_a_slot_that_was_not_used_counts_for_no_rate() -> None:
    async def work() -> float:
        gate = Limiter(4, rpm=2, tpm=100)
        for _ in range(5):
            (await gate.acquire(60)).unsent()
        (await gate.acquire(60)).done("good", 60)
        assert gate.in_flight == 0
        return asyncio.get_running_loop().time()

    assert virtually(work()) == 0
