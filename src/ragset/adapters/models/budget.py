"""The budget of a run: hard limits on calls, tokens and money, for all its models together.

Every request is reserved before it is sent, at its prompt and the longest reply it may have, and settled with what it
then cost. So that the money goes into draws that are finished, a draw's first request is let in only while the budget
covers what the draws under way may still cost, as the finished ones say. What is delivered at the end is a
prefix in draw order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import add, sub

from ragset.adapters.turns import OUTSIDE, Line, Turn, turn_now, wait_in
from ragset.errors import BudgetError, UsageError
from ragset.schema.samples import Usage

Price = Callable[[str, float, float], float | None]
"""(model, prompt tokens, completion tokens) to USD, none when the price is not known."""

Amount = tuple[float, float, float]
"""Calls, tokens (prompt and completion), USD."""

ZERO: Amount = (0.0, 0.0, 0.0)

GUESS = 4.0
"""Cost of a draw in first requests, until it is known better."""

WEIGHT = 3
"""Draws that an expectation given beforehand counts for."""

MARGIN = 1.5
"""A draw under way is taken to cost this many times the mean, or as much as the dearest so far, if that is more."""

QUIET = 2.0
"""Seconds without any call after which the draws under way are taken to cost nothing more; a way out, not the rule."""

EDGE = 1e-9
"""Rounding of sums of money."""


def _plus(left: Amount, right: Amount) -> Amount:
    a, b, c = map(add, left, right)
    return a, b, c


def _minus(left: Amount, right: Amount) -> Amount:
    a, b, c = map(sub, left, right)
    return a, b, c


def _times(left: Amount, factor: float) -> Amount:
    return left[0] * factor, left[1] * factor, left[2] * factor


def _most(left: Amount, right: Amount) -> Amount:
    return max(left[0], right[0]), max(left[1], right[1]), max(left[2], right[2])


def _least(left: Amount) -> Amount:
    return _most(left, ZERO)


@dataclass(slots=True)
class Reservation:
    """What one request may cost; end it with :meth:`settle`, once."""

    budget: Budget
    name: str
    draw: int
    amount: Amount
    open: bool = False

    def settle(self, usage: Usage | None) -> None:
        """Say what it cost: none when that is not known (all that was reserved counts)."""
        self.budget.settle(self, usage)

    def drop(self) -> None:
        """Say that it was not sent."""
        self.budget.settle(self, Usage())


@dataclass(slots=True)
class Work:
    """A draw under way: what it has cost, what is reserved for it, and whether it may ask for more."""

    cost: Amount = ZERO
    reserved: Amount = ZERO
    quiet: bool = False


@dataclass(slots=True)
class Account:
    """Sums: what was spent, what is reserved, what servers billed beyond their reservations."""

    spent: Amount = ZERO
    reserved: Amount = ZERO
    overrun: Amount = ZERO
    in_flight: int = 0
    works: dict[int, Work] = field(default_factory=dict[int, Work])


class Budget:
    """Limits on ``calls``, ``tokens`` and ``cost``; none is no limit."""

    def __init__(
        self,
        max_calls: int | None = None,
        max_tokens: int | None = None,
        max_cost: float | None = None,
        price: Price | None = None,
    ) -> None:
        """``price`` is needed with ``max_cost``."""
        inf = float("inf")
        self.limits: Amount = tuple(
            inf if limit is None else float(limit) for limit in (max_calls, max_tokens, max_cost)
        )  # type: ignore[assignment]
        self._price = price
        self._sums = Account()
        self._finished, self._known, self._largest = ZERO, 0, ZERO
        self._expected: Amount | None = None
        self._entries: Line[Reservation] = Line()
        self._asks: Line[Reservation] = Line()
        self._ended_at: int | None = None
        self._at_work = 0
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def limited(self) -> bool:
        """True when there is any limit."""
        return min(self.limits) < float("inf")

    @property
    def spent(self) -> Amount:
        """Calls, tokens and USD spent so far."""
        return self._sums.spent

    @property
    def overrun(self) -> Amount:
        """What servers billed beyond what was reserved."""
        return self._sums.overrun

    def expect(self, calls: float, tokens: float, cost: float = 0.0) -> None:
        """Say what a draw is expected to cost."""
        self._expected = (calls, tokens, cost)

    def finished(self, draw: int) -> None:
        """Say that a draw asks for nothing more."""
        if work := self._sums.works.pop(draw, None):
            self._finished, self._known = _plus(self._finished, work.cost), self._known + 1
            self._largest = _most(self._largest, work.cost)
        self._serve()

    def close(self) -> None:
        """Say that all draws are given up: no request of theirs goes out while they are cancelled one after another."""
        self._closed = True

    def enter(self) -> None:
        """Say that a call is under way (it may be waiting for its slot): the run does not stand still."""
        self._at_work += 1

    def leave(self) -> None:
        """Say that a call has ended."""
        self._at_work -= 1
        self._serve()

    async def admit(self, name: str, prompt_tokens: int, max_tokens: int) -> None:
        """Wait until the running draw may begin to pay; at once for a draw under way. Raises ``BudgetError``."""
        turn = turn_now()
        if not self.limited or turn.draw == OUTSIDE or turn.draw in self._sums.works:
            return
        entry = Reservation(self, name, turn.draw, self._amount(name, prompt_tokens, max_tokens))
        await wait_in(self._entries, turn, entry, self._serve, self._serve)

    async def reserve(self, name: str, prompt_tokens: int, max_tokens: int) -> Reservation:
        """Reserve one request, waiting for others to be settled if it must; raises ``BudgetError``."""
        turn = turn_now()
        asked = Reservation(self, name, turn.draw, self._amount(name, prompt_tokens, max_tokens))
        await wait_in(self._asks, turn, asked, self._serve, asked.drop)
        return asked

    def settle(self, reservation: Reservation, usage: Usage | None) -> None:
        """End a reservation with what the request cost."""
        if not reservation.open:
            return
        reservation.open = False
        real = reservation.amount if usage is None else self._real(reservation, usage)
        sums = self._sums
        sums.reserved, sums.in_flight = _minus(sums.reserved, reservation.amount), sums.in_flight - 1
        sums.spent = _plus(sums.spent, real)
        sums.overrun = _plus(sums.overrun, _least(_minus(real, reservation.amount)))
        if work := sums.works.get(reservation.draw):
            work.reserved, work.cost = _minus(work.reserved, reservation.amount), _plus(work.cost, real)
        self._serve()

    def _amount(self, name: str, prompt_tokens: int, max_tokens: int) -> Amount:
        return 1.0, float(prompt_tokens + max_tokens), self._cost(name, prompt_tokens, max_tokens)

    def _real(self, reservation: Reservation, usage: Usage) -> Amount:
        tokens = usage.prompt_tokens + usage.completion_tokens
        return (
            float(usage.calls),
            float(tokens),
            self._cost(reservation.name, usage.prompt_tokens, usage.completion_tokens),
        )

    def _cost(self, name: str, prompt_tokens: int, completion_tokens: int) -> float:
        if self.limits[2] == float("inf"):
            return 0.0
        cost = self._price(name, prompt_tokens, completion_tokens) if self._price else None
        if cost is None:
            hint = "give one in a file of prices (--prices), or limit calls or tokens"
            raise UsageError(f"no price is known for '{name}', so a limit on cost cannot be kept", hint=hint)
        return cost

    def _serve(self) -> None:
        while asked := self._asks.head():
            if self._closed and asked.turn.draw != OUTSIDE:
                return
            if self._over(asked.turn):
                asked.ready.set_exception(self._error())
            elif self._fits(asked.need.amount, _plus(self._sums.spent, self._sums.reserved)):
                self._grant(asked.need, asked.turn)
                asked.ready.set_result(None)
            elif self._sums.in_flight:
                return
            else:
                self._end(asked.turn.draw)
        self._let_in()

    def _grant(self, reservation: Reservation, turn: Turn) -> None:
        reservation.open, reservation.draw = True, turn.draw
        self._sums.reserved = _plus(self._sums.reserved, reservation.amount)
        self._sums.in_flight += 1
        if reservation.draw != OUTSIDE:
            work = self._sums.works.setdefault(reservation.draw, Work())
            work.quiet, work.reserved = False, _plus(work.reserved, reservation.amount)

    def _let_in(self) -> None:
        while entry := self._entries.head():
            draw = entry.turn.draw
            if self._over(entry.turn):
                entry.ready.set_exception(self._error())
            elif draw in self._sums.works or self._affordable(draw, entry.need.amount):
                self._sums.works.setdefault(draw, Work())
                entry.ready.set_result(None)
            else:
                self._watch_quiet()
                return

    def _affordable(self, draw: int, first: Amount) -> bool:
        sums = self._sums
        if not sums.works or draw < min(sums.works):
            return True
        share = _most(_times(self._mean(first), MARGIN), self._largest)
        taken = _plus(sums.spent, sums.reserved)
        for work in sums.works.values():
            if not work.quiet:
                taken = _plus(taken, _least(_minus(share, _plus(work.cost, work.reserved))))
        return self._fits(_most(share, first), taken)

    def _mean(self, first: Amount) -> Amount:
        prior = self._expected or _times(first, GUESS)
        weight = WEIGHT if self._expected or not self._known else max(0, WEIGHT - self._known)
        return _times(_plus(self._finished, _times(prior, weight)), 1 / (self._known + weight))

    def _fits(self, amount: Amount, taken: Amount) -> bool:
        return all(t + a <= limit + EDGE for t, a, limit in zip(taken, amount, self.limits, strict=True))

    def _watch_quiet(self) -> None:
        """Let the next draw in when nothing moves: the draws under way wait for others, or have all they need."""
        if self._timer is None and self._at_work == 0:
            self._timer = asyncio.get_running_loop().call_later(QUIET, self._quiet)

    def _quiet(self) -> None:
        self._timer = None
        entry = self._entries.head()
        if not entry or self._at_work:
            return
        for work in self._sums.works.values():
            work.quiet = True
        if self._affordable(entry.turn.draw, entry.need.amount) or self._fits(entry.need.amount, self._sums.spent):
            self._sums.works.setdefault(entry.turn.draw, Work())
            entry.ready.set_result(None)
        else:
            self._end(entry.turn.draw)
        self._serve()

    def _over(self, turn: Turn) -> bool:
        return self._ended_at is not None and turn.draw >= self._ended_at

    def _end(self, draw: int) -> None:
        self._ended_at = draw if self._ended_at is None else min(draw, self._ended_at)

    def _error(self) -> BudgetError:
        names = ("calls", "tokens", "USD")
        limits = ", ".join(
            f"{self._sums.spent[at]:g} of {limit:g} {names[at]}"
            for at, limit in enumerate(self.limits)
            if limit < float("inf")
        )
        return BudgetError(
            f"the budget is spent ({limits}): the next request might exceed it", hint="raise it to go on"
        )
