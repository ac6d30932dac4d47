"""The gate before a model: how many requests are in flight, how many a minute, and who is next.

Concurrency adapts. A healthy server is used fully at once; refusals, breakdowns and time-outs cut it by their share
among the latest outcomes (as DCTCP does, RFC 8257), at most once for the requests that were under way together, and so
does a clear and lasting rise of the latency of one kind of request; afterwards it grows by one a window, faster while
it is far below where it was. Requests and tokens a minute are counted over a sliding window. Calls that begin a draw go
first, since a draw is a chain of calls and the run ends with its last one; then the oldest draw.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from ragset.adapters.turns import Line, turn_now, wait_in
from ragset.errors import TooLargeError

Outcome = Literal["good", "slow_down", "unknown"]
"""How a request ended: answered, refused for load (429, 5xx, time-out), or in a way that says nothing of the load."""

MINUTE = 61.0
"""Seconds over which rates are counted: a minute, and what one request may be faster than another on its way."""

FIRST = 32
"""Requests in flight at the start, if so many are allowed; more are reached by doubling."""

RECENT = 32
"""Outcomes whose share of failures says how deep a cut is; also the requests of one latency measurement."""

RISE = 2.5
"""Rise of the median latency over the best one that counts as load, when it is seen twice in a row."""


@dataclass(slots=True)
class Pace:
    """Latency of one kind of request: the best median so far, and how often in a row it was far above that."""

    seconds: list[float] = field(default_factory=list[float])
    best: float = float("inf")
    above: int = 0

    def add(self, seconds: float) -> bool:
        """Count a request; true when the latency has clearly risen, and stayed there."""
        self.seconds.append(seconds)
        if len(self.seconds) < RECENT:
            return False
        middle, self.seconds = median(self.seconds), []
        self.above = self.above + 1 if middle > RISE * self.best else 0
        self.best = min(self.best, middle)
        if self.above < 2:
            return False
        self.above = 0
        self.best *= 1.25  # a server that has become slower for good is not slowed down for ever
        return True


@dataclass(slots=True, eq=False)
class Slot:
    """The right to send one request; give it back with :meth:`done`, once."""

    gate: Limiter
    kind: str
    tokens: int
    at: float
    begun: float = 0.0
    open: bool = True
    counted: bool = False

    def sent(self) -> None:
        """Say that the request goes out now (it may have waited for its budget)."""
        self.gate.stamp(self)

    def unsent(self) -> None:
        """Give the slot back as if it had not been had: nothing was sent."""
        self.gate.take_back(self)

    def done(self, outcome: Outcome, tokens: int | None = None) -> None:
        """Give the slot back; ``tokens`` is what the server counted, if it said so."""
        self.gate.give_back(self, outcome, tokens)


class Limiter:
    """The gate of one model: at most ``most`` requests in flight, ``rpm`` requests and ``tpm`` tokens a minute."""

    def __init__(self, most: int, *, rpm: int | None = None, tpm: int | None = None) -> None:
        """Start with ``FIRST`` in flight, or ``most`` when that is less."""
        self.most, self.rpm, self.tpm = most, rpm, tpm
        self.in_flight = 0
        self.watch: Callable[[], None] | None = None
        self._level = float(min(most, FIRST))
        self._peak, self._doubling = float(most), True
        self._cut_at = float("-inf")
        self._outcomes: deque[bool] = deque(maxlen=RECENT)
        self._paces: dict[str, Pace] = {}
        self._line: Line[Slot] = Line(beginners_first=True)
        self._minute: deque[Slot] = deque()
        self._tokens = 0
        self._paused_until = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    def tighten(self, most: int, rpm: int | None, tpm: int | None) -> None:
        """Let the stricter limits hold, where several roles ask one model."""
        self.most = min(self.most, most)
        self._level = min(self._level, float(self.most))
        self.rpm = min((limit for limit in (self.rpm, rpm) if limit is not None), default=None)
        self.tpm = min((limit for limit in (self.tpm, tpm) if limit is not None), default=None)

    @staticmethod
    def now() -> float:
        """Give the time of the running loop, in seconds."""
        return asyncio.get_running_loop().time()

    @property
    def allowed(self) -> int:
        """Requests that may be in flight now."""
        return max(1, int(self._level))

    async def acquire(self, tokens: int = 0, kind: str = "") -> Slot:
        """Wait for the right to send one request of about ``tokens`` (prompt and longest reply)."""
        if self.tpm is not None and tokens > self.tpm:
            hint = f"raise tpm ({self.tpm}), or lower max_tokens"
            raise TooLargeError(f"one request may take {tokens} tokens, more than a minute allows", hint=hint)
        slot = Slot(self, kind, tokens, 0.0)
        await wait_in(self._line, turn_now(), slot, self._serve, lambda: self._unused(slot))
        return slot

    def pause(self, seconds: float) -> None:
        """Send nothing for so many seconds (the server asked for it)."""
        self._paused_until = max(self._paused_until, self.now() + seconds)
        self._serve()

    def give_back(self, slot: Slot, outcome: Outcome, tokens: int | None = None) -> None:
        """End a request: free its slot, correct its tokens, learn from how it went."""
        if not slot.open:
            return
        slot.open = False
        self.in_flight -= 1
        if tokens is not None and slot.counted:
            self._tokens += tokens - slot.tokens
            slot.tokens = tokens
        if outcome != "unknown":
            self._learn(slot, outcome)
        self._serve()

    def take_back(self, slot: Slot) -> None:
        """Free a slot that was not used, and count nothing for it."""
        if slot.counted:
            slot.counted = False
            self._minute.remove(slot)
            self._tokens -= slot.tokens
        self._unused(slot)

    def stamp(self, slot: Slot) -> None:
        """Count a request for the rates from now on."""
        slot.at = slot.begun = self.now()
        if not slot.counted and (self.rpm is not None or self.tpm is not None):
            slot.counted = True
            self._minute.append(slot)
            self._tokens += slot.tokens

    def _unused(self, slot: Slot) -> None:
        slot.open = False
        self.in_flight -= 1
        self._serve()

    def _serve(self) -> None:
        while self.in_flight < self.allowed and (waiter := self._line.head()):
            wait = self._wait_for(waiter.need.tokens)
            if wait > 0:
                self._serve_in(wait)
                break
            self._line.pop()
            self._grant(waiter.need)
            waiter.ready.set_result(None)
        if self.watch:
            self.watch()

    def _grant(self, slot: Slot) -> None:
        self.in_flight += 1
        self.stamp(slot)

    def _wait_for(self, tokens: int) -> float:
        """Seconds until one more request fits into the rates; 0 when it fits now."""
        now = self.now()
        while self._minute and self._minute[0].at + MINUTE <= now:
            past = self._minute.popleft()
            past.counted = False
            self._tokens -= past.tokens
        wait = self._paused_until - now
        if self.rpm is not None and len(self._minute) >= self.rpm:
            wait = max(wait, self._left(self._minute[0], now))
        if self.tpm is not None and self._tokens + tokens > self.tpm and self._minute:
            wait = max(wait, self._left(self._minute[0], now))
        return wait

    @staticmethod
    def _left(slot: Slot, now: float) -> float:
        return max(slot.at + MINUTE - now, 0.05)

    def _serve_in(self, seconds: float) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self._serve()

    def _learn(self, slot: Slot, outcome: Outcome) -> None:
        good = outcome == "good"
        self._outcomes.append(good)
        if good:
            self._grow()
            risen = self._paces.setdefault(slot.kind, Pace()).add(self.now() - slot.begun)
            if risen and self.allowed > 4:
                self._cut(slot, 0.8)
        else:
            share = self._outcomes.count(False) / len(self._outcomes)
            self._cut(slot, 1 - min(max(share, 0.1), 0.5))

    def _grow(self) -> None:
        pace = 4.0 if self._level < 0.8 * self._peak else 1.0
        step = 1.0 if self._doubling else pace / self._level
        self._level = min(float(self.most), self._level + step)

    def _cut(self, slot: Slot, factor: float) -> None:
        if slot.begun <= self._cut_at:
            return  # it was under way when the last cut was made: the same burst
        self._cut_at = self.now()
        self._peak, self._doubling = self._level, False
        self._level = max(1.0, self._level * factor)
