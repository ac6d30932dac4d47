"""One ask, asked until it is answered or cannot be: context check, slot, reservation, request, and the retries.

A slot is held only while a request is under way. The order is: let the draw in (budget), wait for a slot (limiter),
reserve (budget), send. There is never more than one request for one ask at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random

from ragset.adapters.models.budget import Budget, Reservation
from ragset.adapters.models.limiter import Limiter, Outcome, Slot
from ragset.adapters.models.paid import Counts
from ragset.adapters.models.tokens import Calibration, count_messages
from ragset.adapters.models.transport import (
    Disconnected,
    Fault,
    ModeRefused,
    RateLimited,
    ServerFault,
    TimedOut,
    Transport,
)
from ragset.errors import ContextError, ModelError, UnreachableError
from ragset.schema.models import ModelChoice
from ragset.schema.ports import Ask, Reply
from ragset.schema.samples import Usage

TRIES = 6
"""Requests that may break down or time out before an ask is given up; refusals for load (429) count by time alone."""

FIRST_TRIES = 4
"""Tries of one ask at a server that has never answered."""

GONE = 30.0
"""Seconds without a connection after which a server that did answer before counts as gone."""

BASE, LONGEST = 0.5, 30.0
"""Seconds of the first back-off, doubled each time, and of the longest; the real one is drawn between 0 and that."""

BELT = 1.5
"""The transport keeps its own time-out; a request that outlives it by this factor is broken off."""


class RequestTimeoutError(ModelError):
    """Every try to get an answer in time failed."""


class ServerBrokenError(ModelError):
    """Every try ended with a breakdown of the server, or of the connection."""


class RateLimitedError(ModelError):
    """The server refused for load until the deadline, or asked to wait beyond it."""


@dataclass(slots=True)
class Tries:
    """How often one ask was tried, and until when it may be."""

    random: Random
    until: float | None = None
    sent: int = 0
    broken: int = 0
    waits: int = 0


@dataclass
class PacedModel:
    """A transport at the right pace; ``say`` takes notices of one line."""

    transport: Transport
    choice: ModelChoice
    limiter: Limiter
    budget: Budget
    say: Callable[[str], None] = lambda line: None
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    calibration: Calibration = field(default_factory=Calibration)
    _answered: bool = False
    _lost_since: float | None = None
    _lost: int = 0

    async def send(self, ask: Ask, counts: Counts | None = None) -> Reply:
        """Give the raw reply; raises a typed ``ModelError`` for this ask, or what ends the run.

        ``ask.parameters`` is complete. The reply's usage is that of the request that was answered; requests that failed
        are in ``counts`` and in the budget.
        """
        prompt = count_messages(ask.messages)
        need = self.calibration.corrected(prompt), int(ask.parameters.get("max_tokens", self.choice.max_tokens))
        self._check(prompt, need[1])  # not corrected: what has been learned depends on which replies came first
        tries, counts = Tries(Random(ask.id)), counts or Counts()  # noqa: S311
        await self.budget.admit(self.transport.name, *need)
        self.budget.enter()
        try:
            while True:
                try:
                    reply = await self._try(ask, need, tries, counts)
                except Fault as fault:
                    await self._after(fault, tries)
                else:
                    self.calibration.observe(prompt, reply.usage.prompt_tokens)
                    return reply
        finally:
            self.budget.leave()

    def _check(self, prompt: int, longest: int) -> None:
        context = self.choice.context or self.transport.context
        if context is not None and prompt + longest > context:
            raise ContextError(
                f"a prompt of about {prompt} tokens and a reply of {longest} do not fit its context of {context}",
                where=self.transport.name,
                hint="lower max_tokens, use smaller chunks, or a model with a longer context",
            )

    async def _try(self, ask: Ask, need: tuple[int, int], tries: Tries, counts: Counts) -> Reply:
        slot = await self.limiter.acquire(sum(need), ask.purpose)
        outcome, used = "unknown", None
        try:
            loop = asyncio.get_running_loop()
            tries.until = tries.until or loop.time() + self.choice.deadline
            reservation = await self.budget.reserve(self.transport.name, *need)
            counts.sent(again=tries.sent > 0)
            tries.sent += 1
            try:
                reply = await self._request(ask, slot, reservation)
            except Fault as fault:
                outcome = self._met(fault)
                counts.unbilled += 1
                raise
            except BaseException:
                counts.unbilled += 1
                raise
            outcome, used = "good", reply.usage.prompt_tokens + reply.usage.completion_tokens
            counts.billed(reply.usage)
            self._answered, self._lost_since, self._lost = True, None, 0
            return reply
        finally:
            slot.done(outcome, used or None)

    async def _request(self, ask: Ask, slot: Slot, reservation: Reservation) -> Reply:
        """Send one request and settle what was reserved for it; what may have been billed counts in full."""
        cost: Usage | None = None
        slot.sent()
        try:
            async with asyncio.timeout(self.choice.timeout * BELT):
                reply = await self.transport.send(ask)
            known = reply.usage.prompt_tokens + reply.usage.completion_tokens > 0
            cost = reply.usage.model_copy(update={"calls": max(1, reply.usage.calls)}) if known else None
            return reply
        except TimeoutError as error:
            raise TimedOut(f"no answer within {self.choice.timeout:g} s", where=self.transport.name) from error
        except ModelError as error:
            billed = isinstance(error, TimedOut) or getattr(error, "billed", False)
            cost = None if billed else Usage(calls=1)  # refused: nothing was written
            raise
        finally:
            reservation.settle(cost)

    def _met(self, fault: Fault) -> Outcome:
        if not isinstance(fault, Disconnected):
            self._lost_since, self._lost = None, 0
            self._answered = self._answered or isinstance(fault, (RateLimited, ServerFault, ModeRefused))
        if isinstance(fault, RateLimited) and fault.retry_after and fault.retry_after < self.choice.deadline:
            self.limiter.pause(fault.retry_after)  # a longer one no ask can wait for: the rest must not stand still
        return "slow_down" if isinstance(fault, (RateLimited, ServerFault, TimedOut)) else "unknown"

    async def _after(self, fault: Fault, tries: Tries) -> None:
        """Wait before the next try, or give up."""
        if isinstance(fault, ModeRefused):
            return
        now = asyncio.get_running_loop().time()
        left = (tries.until or now) - now
        if isinstance(fault, Disconnected):
            self._check_there(fault, now, tries.sent)
        # While nobody gets through, how long that lasts decides, not how often one ask was tried.
        if not isinstance(fault, RateLimited) and not (isinstance(fault, Disconnected) and self._lost > 1):
            tries.broken += 1
            if tries.broken >= TRIES:
                raise self._given_up(fault, f"{tries.sent} tries", fault.hint) from fault
        wait = fault.retry_after or tries.random.uniform(0, min(LONGEST, BASE * 2**tries.waits))
        tries.waits += 1
        if wait >= left:
            why = f"the server asks to wait {wait:g} s" if fault.retry_after else f"{tries.sent} tries"
            hint = "ask again when that is over, or raise deadline" if fault.retry_after else fault.hint
            why = f"{why}, the deadline of {self.choice.deadline:g} s would pass"
            raise self._given_up(fault, why, hint) from fault
        await self.sleep(wait)

    def _check_there(self, fault: Fault, now: float, sent: int) -> None:
        self._lost += 1
        if self._lost_since is None:
            self._lost_since = now
            self.say(f"{self.transport.name}: no connection, trying again")
        if (not self._answered and sent >= FIRST_TRIES) or now - self._lost_since > GONE:
            address = self.transport.identity[1] if len(self.transport.identity) > 1 else ""
            hint = "is the server running, and is its address right?"
            raise UnreachableError(
                f"cannot be reached ({fault.what})", where=f"{self.transport.name} {address}".strip(), hint=hint
            )

    def _given_up(self, fault: Fault, why: str, hint: str | None) -> ModelError:
        kind = {RateLimited: RateLimitedError, TimedOut: RequestTimeoutError}.get(type(fault), ServerBrokenError)  # type: ignore[arg-type]
        return kind(f"{fault.what} ({why})", where=self.transport.name, hint=hint)
