"""Turns: one draw at a time, the oldest first, and what is ready runs in between."""

from __future__ import annotations

import asyncio
import threading
import time

from ragset.adapters.turns import Turns, Worker
from ragset.schema.step import current_draw, ledger


async def test_the_oldest_draw_goes_first_and_others_run_in_between() -> None:
    turns, seen = Turns(), list[str]()

    async def draw(number: int) -> None:
        current_draw.set(number)
        ledger.set({})
        async with turns:
            seen.append(f"draw {number}")
            if number == 5:  # its reply came first; an answer for another draw arrives meanwhile
                asyncio.get_running_loop().call_soon(seen.append, "answer")

    await asyncio.gather(*(draw(number) for number in (5, 3, 1, 4, 2)))
    assert seen == ["draw 5", "answer", "draw 1", "draw 2", "draw 3", "draw 4"]


async def test_a_caller_that_is_cancelled_or_fails_holds_nobody_up() -> None:
    turns, seen = Turns(), list[str]()

    async def use(name: str, *, fails: bool = False) -> None:
        async with turns:
            seen.append(name)
            await asyncio.sleep(0.01)
            if fails:
                raise ValueError(name)

    tasks = [asyncio.create_task(use("a", fails=True)), asyncio.create_task(use("b")), asyncio.create_task(use("c"))]
    await asyncio.sleep(0)
    tasks[1].cancel()
    done = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
    assert [type(one) for one in done] == [ValueError, asyncio.CancelledError, type(None)]
    assert seen == ["a", "c"]


async def test_a_worker_does_one_thing_at_a_time_the_oldest_draws_first_and_waits_for_no_loop() -> None:
    worker, seen = Worker("work"), list[int]()
    begun, go = threading.Event(), threading.Event()

    def work(number: int) -> str:
        seen.append(number)
        if number == 5:
            begun.set()
            go.wait(5)
        return threading.current_thread().name

    async def draw(number: int) -> str:
        current_draw.set(number)
        ledger.set({})
        return await worker.run(work, number)

    tasks = [asyncio.create_task(draw(number)) for number in (5, 3, 1, 4, 2)]
    while not begun.is_set():
        await asyncio.sleep(0.001)
    go.set()
    for _ in range(5000):  # the loop does nothing here, and yet the next one is done
        if seen == [5, 3]:
            break
        time.sleep(0.001)
    assert seen == [5, 3]
    assert set(await asyncio.gather(*tasks)) == {"work_0"}
    assert seen == [5, 3, 1, 2, 4]
    worker.close()
    assert await draw(7) == "work_0"
    worker.close()


async def test_work_that_fails_or_is_given_up_holds_nobody_up() -> None:
    worker = Worker("work")

    async def fail() -> None:
        await worker.run(lambda: 1 // 0)

    tasks = [asyncio.create_task(fail()) for _ in range(4)]
    await asyncio.sleep(0)
    tasks[2].cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(one) for one in done].count(ZeroDivisionError) == 3
    assert await asyncio.wait_for(worker.run(abs, -3), 5) == 3
    worker.close()
