"""A transport in virtual time, and a draw's context."""

import asyncio
from collections.abc import Callable
from random import Random

from ragset.adapters.models.budget import Budget
from ragset.adapters.models.limiter import Limiter
from ragset.adapters.models.pacing import PacedModel
from ragset.schema.models import ModelChoice
from ragset.schema.ports import Ask, Reply
from ragset.schema.samples import Message, Usage
from ragset.schema.step import current_draw, ledger

USAGE = Usage(calls=1, prompt_tokens=12, completion_tokens=8)


def ask(text: str = "hello", **fields: object) -> Ask:
    return Ask(messages=(Message(role="user", content=text),), **{"parameters": {"max_tokens": 20}, **fields})  # type: ignore[arg-type]


def as_draw(number: int) -> None:
    current_draw.set(number)
    ledger.set({})


class FakeTransport:
    """Answers after a latency, or raises what ``script`` gives for the request's number."""

    name, context = "fake:model", None
    identity = ("fake", "http://127.0.0.1:1/v1", "model")

    def __init__(
        self, latency: Callable[[], float] | float = 0.2, script: Callable[[int], object] | None = None
    ) -> None:
        self.latency = latency if callable(latency) else lambda: latency
        self.script = script or (lambda number: None)
        self.sent: list[tuple[float, str]] = []
        self.in_flight = self.most = 0

    async def send(self, asked: Ask) -> Reply:
        number = len(self.sent)
        text = asked.messages[0].content
        self.sent.append((asyncio.get_running_loop().time(), text))
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        try:
            said = self.script(number)
            await asyncio.sleep(self.latency())
            if isinstance(said, BaseException):
                raise said
            usage = said if isinstance(said, Usage) else USAGE
            return Reply(value=f"re: {text}", raw=f"re: {text}", usage=usage, finish="stop")
        finally:
            self.in_flight -= 1

    async def aclose(self) -> None:
        return None


def lognormal(median: float, sigma: float, seed: int = 1) -> Callable[[], float]:
    random = Random(seed)
    return lambda: median * random.lognormvariate(0, sigma)


def paced(
    transport: FakeTransport, limiter: Limiter | None = None, budget: Budget | None = None, **choice: object
) -> PacedModel:
    chosen = ModelChoice(model="fake:model", **choice)  # type: ignore[arg-type]
    return PacedModel(transport, chosen, limiter or Limiter(chosen.concurrency), budget or Budget())
