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
from ragset.adapters.models.outage import Outage, unconnected
from ragset.adapters.models.paid import Counts
from ragset.adapters.models.readable import Readable
from ragset.adapters.models.refusals import Refusals
from ragset.adapters.models.tokens import Calibration, count_messages
from ragset.adapters.models.transport import (
    Fault,
    ModeRefused,
    RateLimited,
    ServerFault,
    TimedOut,
    Transport,
)
from ragset.adapters.turns import OUTSIDE, turn_now
from ragset.errors import ModelError, PromptTooLargeError, ReplyError
from ragset.schema.models import ModelChoice
from ragset.schema.ports import Ask, Reply
from ragset.schema.samples import Usage

TRIES = 6
"""Requests that may break down or time out before an ask is given up; refusals for load (429) count by time alone."""

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


@dataclass(slots=True, eq=False)
class Tries:
    """How often one ask was tried, until when it may be, when it first went out, and when it met its first fault.

    ``taken`` are the questions that it is one of, ``draw`` is who asks it, ``refusal`` how it was refused.
    """

    random: Random
    taken: Refusals
    draw: object
    until: float | None = None
    sent: int = 0
    broken: int = 0
    waits: int = 0
    out: float | None = None
    since: float | None = None
    anew: bool = False
    refusal: ModelError | None = None

    def begin_anew(self, until: float) -> None:
        """Count from nothing, once: it was the server's fault, and the server is back."""
        self.until, self.broken, self.waits, self.out, self.since, self.anew = until, 0, 0, None, None, True


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
    readable: Readable = field(default_factory=Readable)
    refusals: dict[str, Refusals] = field(default_factory=dict[str, Refusals])
    outage: Outage = field(init=False)

    def __post_init__(self) -> None:
        """Begin with a server of which nothing is known, but for what its transport was told."""
        identity = self.transport.identity
        self.outage = Outage(self.transport.name, identity[1] if len(identity) > 1 else "", self.say)
        if notice := getattr(self.transport, "notice", ""):
            self.say(notice)

    async def send(self, ask: Ask, counts: Counts | None = None) -> Reply:
        """Give the raw reply; raises a typed ``ModelError`` for this ask, or what ends the run.

        ``ask.parameters`` is complete. The reply's usage is that of the request that was answered; requests that failed
        are in ``counts`` and in the budget.
        """
        prompt = count_messages(ask.messages)
        need = self.calibration.corrected(prompt), int(ask.parameters.get("max_tokens", self.choice.max_tokens))
        self._check(prompt, need[1])  # not corrected: what has been learned depends on which replies came first
        taken = self.refusals.setdefault(ask.purpose, Refusals(self.transport.name, ask.purpose))
        draw = ask.id if (drawn := turn_now().draw) == OUTSIDE else drawn  # outside of draws each stands for itself
        tries, counts = Tries(Random(ask.id), taken, draw), counts or Counts()  # noqa: S311
        await self.budget.admit(self.transport.name, *need)
        try:
            reply = await self._until_answered(ask, need, tries, counts)
        except ModelError as error:
            if error is tries.refusal:
                await taken.hold(tries.draw)
            raise
        self.calibration.observe(prompt, reply.usage.prompt_tokens)
        return reply

    def _check(self, prompt: int, longest: int) -> None:
        context = self.choice.context or self.transport.context
        if context is not None and prompt + longest > context:
            raise PromptTooLargeError(
                f"a prompt of about {prompt} tokens and a reply of {longest} do not fit its context of {context}",
                where=self.transport.name,
                hint="lower max_tokens, use smaller chunks, or a model with a longer context",
            )

    async def _until_answered(self, ask: Ask, need: tuple[int, int], tries: Tries, counts: Counts) -> Reply:
        self.budget.enter()
        self.outage.enter()
        tries.taken.enter()
        try:
            while True:
                try:
                    return await self._try(ask, need, tries, counts)
                except Fault as fault:
                    await self._after(fault, tries)
        finally:
            tries.taken.leave()
            self.outage.leave(tries)
            self.budget.leave()

    async def _try(self, ask: Ask, need: tuple[int, int], tries: Tries, counts: Counts) -> Reply:
        while True:
            await self.outage.admit(tries)
            await tries.taken.admit()
            slot = await self.limiter.acquire(sum(need), ask.purpose)
            if self.outage.lets(tries) and tries.taken.lets():
                break
            slot.unsent()
        tries.taken.sent()
        outcome, used, answered = "unknown", None, False
        try:
            loop = asyncio.get_running_loop()
            tries.until = tries.until or loop.time() + self.choice.deadline
            reservation = await self.budget.reserve(self.transport.name, *need)
            counts.sent(again=tries.sent > 0)
            tries.sent += 1
            tries.out = loop.time() if tries.out is None else tries.out
            try:
                reply = await self._request(ask, slot, reservation)
            except Fault as fault:
                self.outage.failed(fault, slot.begun)
                outcome = self._met(fault)
                counts.unbilled += 1
                raise
            except ModelError as error:  # refused for what it is: the server is there
                self.outage.answered()
                counts.unbilled += 1
                answered = isinstance(error, ReplyError)
                tries.refusal = None if answered else error
                raise
            except BaseException:
                counts.unbilled += 1
                raise
            outcome, used, answered = "good", reply.usage.prompt_tokens + reply.usage.completion_tokens, True
            counts.billed(reply.usage)
            self.outage.answered()
            return reply
        finally:
            slot.done(outcome, used or None)
            tries.taken.back(tries.draw, tries.refusal, answered=answered)

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
        if isinstance(fault, RateLimited) and fault.retry_after and fault.retry_after < self.choice.deadline:
            self.limiter.pause(fault.retry_after)  # a longer one no ask can wait for: the rest must not stand still
        return "slow_down" if isinstance(fault, (RateLimited, ServerFault, TimedOut)) else "unknown"

    async def _after(self, fault: Fault, tries: Tries) -> None:
        """Wait before the next try, or give up."""
        if isinstance(fault, ModeRefused):
            return
        now = asyncio.get_running_loop().time()
        left = (tries.until or now) - now
        if tries.since is None:
            tries.since = tries.out if isinstance(fault, TimedOut) else now
        if unconnected(fault):
            self.outage.unconnected(fault, tries.sent)
        # While nobody gets through, how long that lasts decides, not how often one ask was tried.
        if not isinstance(fault, RateLimited) and not (unconnected(fault) and self.outage.lost > 1):
            tries.broken += 1
            if tries.broken >= TRIES:
                return await self._give_up(fault, tries, f"{tries.sent} tries", fault.hint)
        wait = fault.retry_after or tries.random.uniform(0, min(LONGEST, BASE * 2**tries.waits))
        tries.waits += 1
        if wait >= left:
            why = f"the server asks to wait {wait:g} s" if fault.retry_after else f"{tries.sent} tries"
            hint = "ask again when that is over, or raise deadline" if fault.retry_after else fault.hint
            why = f"{why}, the deadline of {self.choice.deadline:g} s would pass"
            return await self._give_up(fault, tries, why, hint)
        self.outage.tell(fault, wait)
        return await self.sleep(wait)

    async def _give_up(self, fault: Fault, tries: Tries, why: str, hint: str | None) -> None:
        """Raise what comes of it, or go on where the server was at fault and is back."""
        kind = {RateLimited: RateLimitedError, TimedOut: RequestTimeoutError}.get(type(fault), ServerBrokenError)  # type: ignore[arg-type]
        error = kind(f"{fault.what} ({why})", where=self.transport.name, hint=hint)
        error.__cause__ = fault
        loop = asyncio.get_running_loop()
        if tries.anew:
            raise error
        await self.outage.give_up(tries, loop.time() if tries.since is None else tries.since, fault, error)
        if isinstance(fault, RateLimited):
            raise error
        tries.begin_anew(loop.time() + self.choice.deadline)
