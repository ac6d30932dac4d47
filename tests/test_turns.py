"""Turns: one draw at a time, the oldest first, and what is ready runs in between."""

from __future__ import annotations

import asyncio

from ragset.adapters.turns import Turns
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
