"""Whether a model takes questions at all: one that refuses all that it was ever asked ends the run, with what it says.

A question that is refused where others are answered is its draw's failure. Where nothing was ever answered, that says
nothing about the draw: the question is held until there is an answer. When all that is asked is refused, and it is a
handful, the run ends, so that what was refused is asked when the same command is run again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from ragset.adapters.models.outage import GIVEN_UP, in_line, wake
from ragset.errors import ModelError, ModelSetupError

REFUSED = 10
"""Draws with a question refused, and none ever answered, after which nothing more is sent. The run ends when those that
are under way are not answered either: refusals come sooner than answers, and it may be those questions alone. One draw
may ask many questions, and be to blame for all. ``GIVEN_UP`` draws will do where they are all that ask."""

_HINT = "check the model, its parameters and its address (models in the flow)"


@dataclass(eq=False)
class Refusals:
    """The questions of one purpose to one model, until one is answered; ``name`` says in messages who it is."""

    name: str
    purpose: str
    proven: bool = False
    refused: int = 0
    _draws: set[object] = field(default_factory=set[object])
    _holding: list[object] = field(default_factory=list[object])
    _asks: int = 0
    _out: int = 0
    _waiting: list[asyncio.Future[None]] = field(default_factory=list[asyncio.Future[None]])
    _held: list[asyncio.Future[None]] = field(default_factory=list[asyncio.Future[None]])
    _last: ModelError | None = None
    _end: ModelSetupError | None = None

    def enter(self) -> None:
        """Say that a question is going to be asked."""
        self._asks += 1

    def leave(self) -> None:
        """Say that a question has ended, or is held."""
        self._asks -= 1
        if not self._asks:  # nobody is left who could be answered
            if not self.proven and len(set(self._holding)) >= GIVEN_UP:
                self._stop()
            _wake_all(self._held)

    async def admit(self) -> None:
        """Wait while it depends on the requests under way whether anything more is asked; raises what ended the run."""
        while not self._end and not self.lets():
            await in_line(self._waiting)
        if self._end:
            raise self._end

    def lets(self) -> bool:
        """Tell whether a request may be sent now: much may have happened since it was admitted."""
        return not self._end and (self.proven or len(self._draws) < REFUSED)

    def sent(self) -> None:
        """Say that a request goes out."""
        self._out += 1

    def back(self, draw: object, refusal: ModelError | None, *, answered: bool) -> None:
        """Say that a draw's request has come back: answered, refused, or neither (a fault, say)."""
        self._out -= 1
        self.proven = self.proven or answered
        if refusal:
            self.refused, self._last = self.refused + 1, refusal
            self._draws.add(draw)
        if not self.lets() and not self._out:
            self._stop()
        if answered or self._end:
            _wake_all((*self._waiting, *self._held))

    async def hold(self, draw: object) -> None:
        """Return when a refusal is its draw's own, since others are answered, or few were asked; or end the run."""
        self._holding.append(draw)
        try:
            if not self.proven and not self._end and self._asks:
                await in_line(self._held)
            elif not self.proven and len(set(self._holding)) >= GIVEN_UP:
                self._stop()
        finally:
            self._holding.remove(draw)
        if self._end:
            raise self._end

    def _stop(self) -> None:
        last = self._last or ModelError("refused")
        asked = f"none of {self.refused} questions{f' ({self.purpose})' if self.purpose else ''} was answered"
        self._end = self._end or ModelSetupError(f"{asked}: {last.what}", where=self.name, hint=last.hint or _HINT)


def _wake_all(line: Iterable[asyncio.Future[None]]) -> None:
    for ask in line:
        wake(ask)
