"""What a scripted server is told, and what it counts: settings, scripted lines, and requests in flight over time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from support.faults import KINDS

Json = dict[str, Any]
Record = dict[str, Any]


@dataclass
class Settings:
    """How the server behaves.

    ``latency`` is seconds a reply takes (the median when ``sigma`` > 0: log-normal). ``models``: names it knows (none:
    any). ``refuse``: ways of asking for JSON it does not know. ``rpm`` requests are let through every ``window``
    seconds, ``limit`` at once; more get a 429. Every ``bursts`` seconds all is refused, for a tenth of that time, and
    how long to wait is said in seconds and as a date by turns. Beyond ``slots`` at once the latency grows in
    proportion. ``reply`` is given in place of a rule-made one. ``pass_rate`` is the share of pairs that its rule, as a
    judge, lets pass.
    """

    latency: float = 0.0
    sigma: float = 0.0
    seed: int = 0
    models: tuple[str, ...] = ()
    key: str | None = None
    context: int = 131_072
    rpm: int | None = None
    window: float = 60.0
    limit: int | None = None
    bursts: float | None = None
    slots: int | None = None
    refuse: frozenset[str] = frozenset()
    flavour: str = "openai"
    pass_rate: float = 1.0
    reply: str | None = None


@dataclass(frozen=True)
class Line:
    """A scripted answer: a text with its finish reason, a named fault, or a status and body as they are."""

    text: str | None = None
    finish: str | None = None
    fault: str | None = None
    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float | None = None
    retry_after: float | None = None
    usage: Json | None = None


def said(text: str | Json | list[Any], finish: str = "stop", **more: Any) -> Line:
    """Script a reply."""
    return Line(text=text if isinstance(text, str) else json.dumps(text, ensure_ascii=False), finish=finish, **more)


def fault(kind: str, **more: Any) -> Line:
    """Script one of ``support.faults.KINDS``; a garbled one spoils the rule-made reply (or ``text``)."""
    if kind not in KINDS:
        raise ValueError(f"no fault {kind!r}; known: {', '.join(KINDS)}")
    return Line(fault=kind, **more)


def raw(status: int, body: Any, **more: Any) -> Line:
    """Script a status and a body (JSON, or bytes)."""
    return Line(status=status, body=body, **more)


def lines_of(replies: Iterable[Line | str | Json | list[Any]]) -> list[Line]:
    return [reply if isinstance(reply, Line) else said(reply) for reply in replies]


@dataclass
class Load:
    """How many requests are in flight, over time."""

    now: int = 0
    most: int = 0
    first: float | None = None
    last: float | None = None
    area: float = 0.0
    line: list[tuple[float, int]] = field(default_factory=list)

    def enter(self, at: float) -> None:
        """One more."""
        self.first = at if self.first is None else self.first
        self._step(at, 1)

    def leave(self, at: float) -> None:
        """One less."""
        self._step(at, -1)
        self.last = at

    def mean(self) -> float:
        """Time-weighted mean from the first request to the last reply."""
        if self.first is None or self.last is None or self.last <= self.first:
            return 0.0
        return self.area / (self.last - self.first)

    def _step(self, at: float, change: int) -> None:
        if self.line:
            self.area += self.now * max(0.0, at - self.line[-1][0])
        self.now += change
        self.most = max(self.most, self.now)
        self.line.append((at, self.now))


def in_flight_mean(log: Iterable[Record], start: float, end: float) -> float:
    """Give the time-weighted mean number of requests in flight between two times of the monotonic clock."""
    if end <= start:
        return 0.0
    spans = ((max(start, r["time_in"]), min(end, end if r["time_out"] is None else r["time_out"])) for r in log)
    return sum(max(0.0, to - since) for since, to in spans) / (end - start)
