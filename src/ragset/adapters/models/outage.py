"""When a server gives nothing but faults: who goes on trying, what is said meanwhile, and when the run ends.

One ask is given up after its own tries. That is its draw's failure while others are answered. Where nobody is, it says
nothing about the draw: the ask is held until somebody is answered, and after a handful of them in a row the run ends,
so that what could not be asked is asked when the same command is run again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

from ragset.adapters.models.transport import Disconnected, Fault, ModeRefused, RateLimited, ServerFault, TimedOut
from ragset.errors import ModelError, UnreachableError

GIVEN_UP = 4
"""Asks given up in a row, for faults of one kind and with no answer to anybody since, after which the run may end."""

FAULTS = 8
"""Faults in a row after which only ``GIVEN_UP`` asks go on trying, until there is an answer."""

FIRST_TRIES = 4
"""Tries of one ask at a server that no connection to has ever come about."""

GONE = 30.0
"""Seconds without an answer after which a server that did answer before counts as gone: until then it may be that what
is left are the very questions that it breaks on."""

SILENCE = 3.0
"""Seconds without an answer after which the fault is said; later ones too, until there is an answer."""

_HINTS: dict[type[Fault], str] = {TimedOut: "see what holds the server up, or raise timeout (models in the flow)"}


@dataclass(eq=False)
class Outage:
    """What is known of one model's server: how long and how often in a row it gave no answer.

    ``name`` and ``address`` say in messages who it is; ``say`` takes lines for the user.
    """

    name: str
    address: str
    say: Callable[[str], None] = lambda line: None
    lost: int = 0
    _there: bool = False
    _lost_since: float = 0.0
    _answered_at: float = float("-inf")
    _since: float | None = None
    _faults: int = 0
    _kind: type[Fault] | None = None
    _given_up: int = 0
    _asks: int = 0
    _trying: set[object] = field(default_factory=set[object])
    _waiting: list[asyncio.Future[None]] = field(default_factory=list[asyncio.Future[None]])
    _held: list[asyncio.Future[None]] = field(default_factory=list[asyncio.Future[None]])
    _said: set[type[Fault]] = field(default_factory=set[type[Fault]])
    _end: UnreachableError | None = None

    def enter(self) -> None:
        """Say that an ask begins."""
        self._asks += 1

    def leave(self, ask: object) -> None:
        """Say that an ask has ended, in whatever way."""
        self._asks -= 1
        self._retire(ask)
        self._free_the_last(0)

    async def admit(self, ask: object) -> None:
        """Wait while nothing is answered and others go on trying; raises what ended the run."""
        while not self._end and not self.lets(ask):
            await in_line(self._waiting)
        if self._end:
            raise self._end

    def lets(self, ask: object) -> bool:
        """Tell whether an ask may be sent now, or has to wait again: much may have happened since it was admitted."""
        if self._end or self._faults < FAULTS or ask in self._trying:
            return not self._end
        if len(self._trying) < GIVEN_UP:
            self._trying.add(ask)
        return ask in self._trying

    def answered(self) -> None:
        """Say that there was an answer: all is well, and who was given up before has only itself to blame."""
        self._there, self._answered_at = True, asyncio.get_running_loop().time()
        self._since, self._faults, self._given_up, self.lost = None, 0, 0, 0
        self._said &= {RateLimited}  # one that throttles does so again and again
        self._trying.clear()
        for ask in (*self._waiting, *self._held):
            wake(ask)

    def failed(self, fault: Fault, began: float) -> None:
        """Say that a request that went out at ``began`` met a fault."""
        if not unconnected(fault):
            self.lost = 0
            self._there = self._there or isinstance(fault, (RateLimited, ServerFault, ModeRefused))
        if self._since is None:
            self._since = max(began, self._answered_at)
        self._faults += not isinstance(fault, (RateLimited, ModeRefused))

    def unconnected(self, fault: Fault, sent: int) -> None:
        """Say that the ``sent``-th request of an ask had no connection; raises when the server counts as gone."""
        now = asyncio.get_running_loop().time()
        self.lost += 1
        if self.lost == 1:
            self._lost_since = now
            self.say(f"{self.name}: no connection, trying again")
        if (not self._there and sent >= FIRST_TRIES) or now - self._lost_since > GONE:
            hint = "is the server running, and is its address right?"
            self._stop(f"cannot be reached ({fault.what})", hint)

    def tell(self, fault: Fault, wait: float) -> None:
        """Say what is wrong when nobody was answered for a while, or is going to be: once, until there is an answer."""
        silent = asyncio.get_running_loop().time() - (self._since or 0.0)
        if isinstance(fault, RateLimited):
            silent += wait  # all do
        if unconnected(fault) or silent < SILENCE or type(fault) in self._said:
            return
        self._said.add(type(fault))
        self.say(f"{self.name}: {fault.what}; trying again{f' in {wait:.0f} s' if wait >= SILENCE else ''}")

    async def give_up(self, ask: object, since: float, fault: Fault, error: ModelError) -> None:
        """Raise ``error`` where others are answered, or nobody else is left; return when somebody is answered again.

        ``since`` is when the ask met its first fault, or was sent where that was a time-out: who was answered after
        that shows that the server is there, and the fault is the ask's own. Otherwise the ask is held, and may be tried
        anew once the server is back; after a handful of them what ends the run is raised for all.
        """
        if self._end:
            raise self._end
        if self._answered_at > since:
            raise error
        self._given_up = self._given_up + 1 if type(fault) is self._kind else 1
        self._kind = type(fault)
        silent = asyncio.get_running_loop().time() - self._answered_at
        if self._given_up >= GIVEN_UP and (silent >= GONE or isinstance(fault, RateLimited)):
            hint = error.hint or _HINTS.get(type(fault), "see what is wrong at the server")
            self._stop(f"no answer to {self._given_up} questions in a row: {error.what}", hint)
        self._retire(ask)
        self._free_the_last(1)
        if self._asks > len(self._held) + 1:
            await in_line(self._held)
        if self._end:
            raise self._end
        if self._answered_at <= since:
            raise error

    def _stop(self, what: str, hint: str) -> NoReturn:
        self._end = UnreachableError(what, where=f"{self.name} {self.address}".strip(), hint=hint)
        for ask in (*self._waiting, *self._held):
            wake(ask)
        raise self._end

    def _retire(self, ask: object) -> None:
        """Let another ask try in the place of this one."""
        self._trying.discard(ask)
        if len(self._trying) < GIVEN_UP:
            for waiting in [waiting for waiting in self._waiting if not waiting.done()][:1]:
                wake(waiting)

    def _free_the_last(self, more: int) -> None:
        """Let those go who are held, when nobody is left who could be answered; ``more`` are about to be held."""
        if self._asks <= len(self._held) + more:
            for ask in self._held:
                wake(ask)


def unconnected(fault: Fault) -> bool:
    """Tell whether no request got out; a connection that broke later may be the request's own fault."""
    return isinstance(fault, Disconnected) and not fault.billed


async def in_line(line: list[asyncio.Future[None]]) -> None:
    """Wait in a line until woken."""
    place = asyncio.get_running_loop().create_future()
    line.append(place)
    try:
        await place
    finally:
        line.remove(place)


def wake(place: asyncio.Future[None]) -> None:
    """Let one go who waits in a line."""
    if not place.done():
        place.set_result(None)
