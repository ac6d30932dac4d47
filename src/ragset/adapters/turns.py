"""Whose turn it is: callers that wait are served by the number of their draw, the oldest first, then by arrival.

One call may be wanted by several draws (equal asks in flight are shared); it then has the turn of the oldest of them,
also when that one comes last.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from functools import partial
from typing import Generic, ParamSpec, TypeVar

from ragset.schema.step import current_draw, ledger

OUTSIDE = -1
"""The turn of a call that no draw makes (personas that are proposed before the run, say): before all others."""

T = TypeVar("T")
P = ParamSpec("P")


class Turn:
    """The oldest draw that a call is made for; may become older while the call waits."""

    def __init__(self, draw: int, *, begins: bool = False) -> None:
        """Begin with one draw; ``begins`` says that all else of the draw waits for this call."""
        self.draw, self.begins = draw, begins
        self.moved: list[Callable[[], None]] = []

    def join(self, draw: int) -> None:
        """Let another draw wait for the same call."""
        if draw < self.draw:
            self.draw = draw
            for move in tuple(self.moved):
                move()


_turn: ContextVar[Turn | None] = ContextVar("_turn", default=None)


def draw_now() -> int:
    """Give the number of the running draw, or ``OUTSIDE``."""
    return current_draw.get() if ledger.get() is not None else OUTSIDE


def turn_now() -> Turn:
    """Give the turn of the running call; a new one for a call that nobody shares."""
    return _turn.get() or Turn(draw_now())


def take_turn(turn: Turn) -> None:
    """Make this task's calls wait under a turn that others may join."""
    _turn.set(turn)


class Waiter(Generic[T]):
    """One caller that waits."""

    __slots__ = ("need", "ready", "turn")

    def __init__(self, turn: Turn, need: T) -> None:
        """``need`` is what it waits for; ``ready`` is set when it has it."""
        self.turn, self.need = turn, need
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Line(Generic[T]):
    """A line of waiters in the order of their turns; every operation takes O(log n)."""

    def __init__(self, *, beginners_first: bool = False) -> None:
        """Begin empty; ``beginners_first`` puts the calls that begin a draw before all others."""
        self._heap: list[tuple[bool, int, int, Waiter[T]]] = []
        self._arrivals = 0
        self._beginners_first = beginners_first

    def add(self, waiter: Waiter[T]) -> Callable[[], None]:
        """Put a waiter into the line; gives what to call when its turn has become older."""
        arrival, self._arrivals = self._arrivals, self._arrivals + 1

        def move() -> None:
            turn = waiter.turn
            late = self._beginners_first and not turn.begins and turn.draw != OUTSIDE
            heapq.heappush(self._heap, (late, turn.draw, arrival, waiter))

        move()
        return move

    def head(self) -> Waiter[T] | None:
        """Give the oldest waiter that still waits; those that were served or have gone away are dropped on the way."""
        while self._heap and self._heap[0][-1].ready.done():
            heapq.heappop(self._heap)
        return self._heap[0][-1] if self._heap else None

    def pop(self) -> Waiter[T] | None:
        """Take the oldest waiter out of the line."""
        waiter = self.head()
        if waiter:
            heapq.heappop(self._heap)
        return waiter


class Turns:
    """One caller at a time (or ``places``), the oldest draw first; whatever else is ready runs in between."""

    def __init__(self, places: int = 1) -> None:
        """Begin with nobody."""
        self._line: Line[None] = Line()
        self._places = places

    async def __aenter__(self) -> None:
        """Wait for one's turn."""
        await wait_in(self._line, turn_now(), None, self._serve, self._free)

    async def __aexit__(self, *_: object) -> None:
        """Let the next one go, once what is ready has run."""
        asyncio.get_running_loop().call_soon(self._free)

    def _free(self) -> None:
        self._places += 1
        self._serve()

    def _serve(self) -> None:
        while self._places and (waiter := self._line.pop()):
            self._places -= 1
            waiter.ready.set_result(None)


class Worker:
    """One thread for work that blocks, the oldest draw's first.

    The next piece is handed over while the last one is under way: between the two the thread waits for no loop.
    """

    def __init__(self, name: str) -> None:
        """``name`` is the thread's; it begins with the first piece of work."""
        self._turns = Turns(2)
        self._name = name
        self._pool: ThreadPoolExecutor | None = None

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do the work in the thread when it is its turn."""
        async with self._turns:
            # Not the loop's pool: callers that wait here must not fill it.
            self._pool = self._pool or ThreadPoolExecutor(1, thread_name_prefix=self._name)
            return await asyncio.get_running_loop().run_in_executor(self._pool, partial(work, *args, **kwargs))

    def close(self) -> None:
        """Wait for what is under way, drop what is not, and let the thread end."""
        if self._pool:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None


async def wait_in(line: Line[T], turn: Turn, need: T, serve: Callable[[], None], undo: Callable[[], None]) -> None:
    """Wait until ``serve`` (called now, and by whoever frees something) sets the future of this waiter.

    A caller that is cancelled in the very moment in which it was served calls ``undo``, so that nothing is lost.
    """
    waiter = Waiter(turn, need)
    move = line.add(waiter)
    turn.moved.append(move)
    try:
        serve()
        await waiter.ready
    except BaseException:
        if waiter.ready.done() and not waiter.ready.cancelled() and waiter.ready.exception() is None:
            undo()
        else:
            waiter.ready.cancel()
            serve()  # the one behind may fit where this one did not
        raise
    finally:
        turn.moved.remove(move)
