"""An event loop whose clock jumps to the next timer: a minute of waiting takes no time, and every run is the same."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):  # type: ignore[misc,valid-type]
    skipped = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise RuntimeError("deadlock: everything waits and no timer runs")
        self.skipped += max(timeout, 0)
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.jumps = _Selector()
        super().__init__(self.jumps)

    def time(self) -> float:
        return self.jumps.skipped


def virtually(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in virtual time; a deadlock raises instead of hanging."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(work)
