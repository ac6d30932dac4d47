"""An event loop whose clock jumps to the next timer, and a server of so many places: minutes in milliseconds."""

from __future__ import annotations

import asyncio
import heapq
import selectors
from collections.abc import Coroutine
from typing import Any


class _Jump(selectors.DefaultSelector):
    """A selector that never waits: it moves the clock instead."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[Any]:
        """Look what is ready now, and jump over the time that would have been waited."""
        if timeout and timeout > 0:
            self.loop.now += timeout
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop; ``now`` is its clock, in seconds."""

    def __init__(self) -> None:
        """Start at 0."""
        self.now = 0.0
        selector = _Jump()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        """Give the virtual time."""
        return self.now


class OldestFirst:
    """A server with so many places, the oldest draw served first, as the limiter does."""

    def __init__(self, places: int) -> None:
        """Open all places."""
        self.free, self.waiting, self.calls = places, list[tuple[int, int, asyncio.Future[None]]](), 0

    async def call(self, draw: int, seconds: float) -> None:
        """Wait for a place, and hold it for the time of a call."""
        self.calls += 1
        if self.free:
            self.free -= 1
        else:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            heapq.heappush(self.waiting, (draw, self.calls, turn))
            await turn
        try:
            await asyncio.sleep(seconds)
        finally:
            while self.waiting:
                turn = heapq.heappop(self.waiting)[2]
                if not turn.done():
                    turn.set_result(None)
                    break
            else:
                self.free += 1


def simulated(work: Coroutine[Any, Any, Any]) -> tuple[Any, float]:
    """Run to the end; gives the result and the virtual seconds it took."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(work), loop.now
    finally:
        loop.close()
