"""What a run will use before it is made: the estimate, and the pilot that makes the run's own first draws.

The other way to get one, which calls nothing, is :mod:`ragset.flow.rehearse`.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from pydantic import Field

from ragset.errors import FlowError, RagsetError
from ragset.flow.compile import Flow
from ragset.flow.engine import run
from ragset.flow.play import Odds, play, room
from ragset.flow.rates import Passing, Rates
from ragset.flow.report import add_spent
from ragset.flow.running import makes_samples, parts
from ragset.kit.prices import CURRENCY, PriceTable
from ragset.schema.documents import Noun
from ragset.schema.models import BUILTIN
from ragset.schema.samples import Draw, Scenario, Usage
from ragset.schema.step import Fold, Source, Step, Tally, Tools, Uses

NINE_IN_TEN = 1.645
"""Standard errors to either side that nine of ten estimates stay within (normal approximation)."""

WITHIN = 0.1
"""How close a pilot should come; when it does not, it says how many draws would."""

ROUGH = 0.3
"""Half the width of a range from which on the one line says it too."""

Account = dict[tuple[str, str], Usage]


class StageCost(Noun):
    """What one step will ask of one role's model: requests and tokens of the whole run, and USD where known."""

    step: str
    role: str
    model: str
    calls: float
    prompt_tokens: float
    completion_tokens: float
    cost: float | None = None


class Estimate(Noun):
    """What a run of ``asked`` pairs will use, per step and role and in all.

    ``draws`` are the scenarios it takes, ``kept`` the pairs to be expected (fewer than asked for when the index has
    no room for more), ``low`` and ``high`` the factors between which nine of ten runs should stay. ``assumptions``
    say in sentences what it rests on, ``measured`` is what a pilot counted. The numbers are those of the draws up to
    the one that fills the order.
    """

    basis: Literal["rehearsal", "pilot"]
    asked: int | None
    kept: float
    draws: float
    stages: tuple[StageCost, ...] = ()
    low: float = 1.0
    high: float = 1.0
    pass_rates: dict[str, float] = Field(default_factory=dict)
    sent_on: dict[str, float] = Field(default_factory=dict)
    assumptions: tuple[str, ...] = ()
    measured: Rates | None = Field(default=None, exclude=True)

    @property
    def calls(self) -> float:
        """Requests in all."""
        return sum(stage.calls for stage in self.stages)

    @property
    def prompt_tokens(self) -> float:
        """Tokens in."""
        return sum(stage.prompt_tokens for stage in self.stages)

    @property
    def completion_tokens(self) -> float:
        """Tokens out."""
        return sum(stage.completion_tokens for stage in self.stages)

    @property
    def cost(self) -> float | None:
        """USD in all; none when a price is not known."""
        costs = [stage.cost for stage in self.stages]
        return None if None in costs else sum(cost for cost in costs if cost is not None)

    def priced(self, prices: PriceTable) -> Estimate:
        """Give it with what each stage costs."""
        stages = (
            s.model_copy(update={"cost": prices.cost(s.model, s.prompt_tokens, s.completion_tokens)})
            for s in self.stages
        )
        unknown = sorted({stage.model for stage in self.stages if prices.find(stage.model) is None})
        said = tuple(f"no price is known for {name}: name a file with --prices" for name in unknown)
        return self.model_copy(update={"stages": tuple(stages), "assumptions": (*self.assumptions, *said)})

    def line(self) -> str:
        """Say it in one line, as before every run."""
        whom = f"estimate for {self.asked:,} pairs" if self.asked else f"estimate for about {self.kept:,.0f} pairs"
        if not self.stages:
            return f"{whom}: no call of a language model"
        tokens = f"{amount(self.prompt_tokens)} tokens in, {amount(self.completion_tokens)} out"
        money = "price unknown" if self.cost is None else f"{self.cost:,.2f} {CURRENCY}"
        names = ", ".join(sorted({stage.model for stage in self.stages}))
        short = f"; the index has room for about {self.kept:,.0f}" if self.asked and self.kept < self.asked else ""
        wide = self.high - self.low > 2 * ROUGH
        rough = f"; a rough guess: {self.low:.0%} to {self.high:.0%} of it" if wide else ""
        return f"{whom}: about {amount(self.calls)} calls, {tokens}, {money} ({names}){short}{rough}"

    def as_dict(self) -> dict[str, Any]:
        """Give plain data with the totals."""
        data = self.model_dump(mode="json")
        each = {"calls": self.calls, "tokens": self.prompt_tokens + self.completion_tokens, "cost": self.cost}
        total = {
            "calls": self.calls,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "cost": self.cost,
        }
        per = {name: value / self.kept if value is not None and self.kept else None for name, value in each.items()}
        return {**data, "total": total, "per_kept": per, "currency": CURRENCY}


def without_a_model(flow: Flow) -> Estimate:
    """Give the estimate of a flow that asks no language model."""
    kept = float(flow.asked or 0)
    said = ("no language model is used",)
    return Estimate(basis="rehearsal", asked=flow.asked, kept=kept, draws=0, assumptions=said)


def amount(value: float) -> str:
    """Say a number with three digits: ``1,150``, ``41,200``, ``1.9 M``."""
    if value >= 1_000_000:
        return f"{value / 1_000_000:,.1f} M"
    digits = max(0, len(str(int(value))) - 3)
    return f"{round(value, -digits):,.0f}"


def sample_steps(flow: Flow) -> tuple[Step, ...]:
    """Give the steps of a flow that make samples, up to ``keep``; raises ``FlowError`` when it only fills an index."""
    found = [steps for steps in parts(flow) if makes_samples(steps)]
    if not found:
        raise FlowError("makes no samples, so there is nothing to estimate", where=flow.name)
    return tuple(step for step in found[-1] if step.kind != "barrier")


def names_of(tools: Tools) -> dict[str, str]:
    """Give the language models by role; ``builtin`` is none."""
    return {role: model.name for role, model in tools.models.items() if model.name != BUILTIN}


def _forgotten(tools: Tools) -> list[str]:
    """Name the language models whose replies no cache keeps: what they said is paid again."""
    return sorted({model.name for model in tools.models.values() if not getattr(model, "keeps", True)})


class _Head(Source):
    """The first ``most`` draws of another source that ask for something."""

    name: ClassVar[str] = "head"
    gives: ClassVar[type[Noun] | None] = Scenario
    uses: ClassVar[frozenset[Uses]] = frozenset()

    source: Source
    most: int

    async def draws(self, tools: Tools) -> AsyncIterator[Any]:
        """Yield what the source yields, then end."""
        left = self.most
        async with aclosing(self.source.draws(tools)) as stream:  # type: ignore[type-var]
            async for draw in stream:
                yield draw
                left -= not draw.empty
                if left <= 0:
                    return


@dataclass(frozen=True)
class _Made:
    """What one draw of the pilot used and how many of its samples were kept."""

    account: Account
    kept: int
    gave: int

    @property
    def size(self) -> float:
        """Tokens, by which draws are compared."""
        return sum(usage.prompt_tokens + usage.completion_tokens for usage in self.account.values())


async def pilot(flow: Flow, tools: Tools, n: int | None, *, draws: int = 20) -> Estimate:
    """Make the first ``draws`` draws of the run itself and take the rest to be like them.

    The replies are real and paid, and stay in the cache: the run that follows does not pay them again, unless a model
    is of those whose replies are not kept (``keeps`` is false); then its first draws are but like these. Ratio
    estimator, usage over kept, with Beale's correction: uncorrected it says some percent too much where few pairs pass
    (Cochran 1977, section 6.15). Raises ``RagsetError`` when nothing was kept.
    """
    flow = flow.asking(n)
    source, *rest = sample_steps(flow)
    n = getattr(rest[-1], "n", None)
    if not isinstance(source, Source) or not isinstance(keep := rest[-1], Fold):
        raise FlowError("does not go from a source to keep", where=flow.name)
    if not names_of(tools):
        return without_a_model(flow)
    trial = replace(tools, tally=Tally())
    passing = Passing(rest)
    made = await _make([_Head(source=source, most=draws), *rest], trial, flow.window, passing)
    kept = sum(draw.kept for draw in made)
    if not kept:
        raise RagsetError(
            f"the pilot's {len(made)} draws kept no pair, so nothing can be estimated",
            hint="run 'ragset build' with a small -n and read its reasons",
        )
    open_end = len(made) >= draws and not trial.tally.full
    needed = _needed(source, keep, tools, n, made) if open_end else float(len(made))
    quotas = bool(getattr(source, "quotas", ())) and needed > len(made)
    least = needed
    if quotas:
        odds = Odds(passing.share, sum(draw.gave for draw in made) / len(made), passing.rates())
        needed = max(needed, (await play(source, keep, trial, odds, window=flow.window)).draws)
    least /= needed  # were its quotas to take no more draws than any pairs
    forgotten = _forgotten(tools)
    squared, crossed = _bias(made, 0.0 if forgotten else len(made) / needed)
    needed = max(float(len(made)), needed / (1 + squared))
    scale = max(1.0, needed * (1 + crossed) / len(made))
    spread = _spread(_error(made), 1 / scale, needed, again=bool(forgotten))
    more = _enough(made, needed, again=bool(forgotten)) if spread > WITHIN else 0
    by_value = ("quotas: more draws where a value passed seldom in these",) if quotas else ()
    wide = (f"about {more} draws would say it within {WITHIN:.0%}: --pilot-draws {more}",) if more else ()
    return Estimate(
        basis="pilot",
        asked=flow.asked,
        kept=min(flow.asked or math.inf, kept * needed * (1 + squared) / len(made)),
        draws=needed,
        stages=_stages(_summed(made), names_of(tools), scale),
        low=max(0.0, 1 - spread) * least,
        high=1 + spread,
        assumptions=(
            f"measured over the first {len(made)} draws of the run itself, which kept {kept} pairs",
            f"{_paid_again(forgotten)}; the other draws are taken to be like them",
            *by_value,
            *wide,
        ),
        measured=passing.rates(),
    )


def _paid_again(forgotten: Sequence[str]) -> str:
    if not forgotten:
        return "their replies stay in the cache"
    return f"the replies of {', '.join(forgotten)} are not kept in a cache, so the run pays for these draws again"


async def _make(steps: Sequence[Step], tools: Tools, window: int, passing: Passing) -> list[_Made]:
    made: list[_Made] = []
    async with aclosing(run(steps, tools, window=window)) as stream:
        async for draw in stream:
            if not draw.empty:
                made.append(_of(draw))
                passing.add(draw)
    return made


def _of(draw: Draw) -> _Made:
    account: Account = {}
    add_spent(account, draw.spent)
    return _Made(account, sum(s.status == "kept" for s in draw.samples), len(draw.samples))


def _summed(made: Sequence[_Made]) -> Account:
    sums: Account = {}
    for draw in made:
        for key, usage in draw.account.items():
            sums[key] = sums.get(key, Usage()) + usage
    return sums


def _needed(source: Source, keep: Fold, tools: Tools, n: int | None, made: Sequence[_Made]) -> float:
    """Give how many draws fill the order: as many as the ratio says, and no more than the index has."""
    each = sum(draw.kept for draw in made) / len(made)
    wanted = math.inf if n is None else (n + max(0.0, each - 1) / 2) / each
    gave = sum(draw.gave > 0 for draw in made) / len(made)
    needed = room(source, keep, tools, wanted, each, gave)
    return max(float(len(made)), needed) if needed < math.inf else float(len(made))


def _spread(error: float, part: float, needed: float, *, again: bool) -> float:
    """Give half the width of the range where ``part`` of the run's ``needed`` draws was made, which are whole.

    What was made has no error, unless the run makes it ``again``: then it is a sample beside the run.
    """
    if again:
        return NINE_IN_TEN * error * math.sqrt(1 + part) + 1 / needed
    return 0.0 if part == 1 else NINE_IN_TEN * error * (1 - part) + 1 / needed


def _enough(made: Sequence[_Made], needed: float, *, again: bool) -> int:
    """Give how many draws of the run's ``needed`` ones a pilot takes to be within ``WITHIN``, in tens; 0: none will."""
    error = _error(made) * math.sqrt(len(made))
    last = math.ceil(needed / 10) * 10
    spreads = ((k, _spread(error / math.sqrt(k), k / needed, needed, again=again)) for k in range(10, last, 10))
    return next((k for k, spread in spreads if spread <= WITHIN), 0 if again else last)


def _bias(made: Sequence[_Made], part: float) -> tuple[float, float]:
    """Give the relative variance of the mean of kept pairs, and its covariance with that of usage.

    ``part`` is the share of the run's draws that was made: what is made has no error.
    """
    count = len(made)
    size = sum(draw.size for draw in made) / count
    kept = sum(draw.kept for draw in made) / count
    if count < 2 or not size:
        return 0.0, 0.0
    share = max(0.0, 1 - part) / (count * (count - 1))
    squared = sum((draw.kept / kept - 1) ** 2 for draw in made)
    crossed = sum((draw.kept / kept - 1) * (draw.size / size - 1) for draw in made)
    return share * squared, share * crossed


def _error(made: Sequence[_Made]) -> float:
    """Give the relative standard error of the ratio usage / kept (delta method; Cochran 1977, section 2.11)."""
    count = len(made)
    size = sum(draw.size for draw in made) / count
    kept = sum(draw.kept for draw in made) / count
    if count < 2 or not size or not kept:
        return 0.0
    squares = sum((draw.size / size - draw.kept / kept) ** 2 for draw in made)
    return math.sqrt(squares / (count * (count - 1)))


def _stages(sums: Account, names: Mapping[str, str], scale: float) -> tuple[StageCost, ...]:
    return tuple(
        StageCost(
            step=step,
            role=role,
            model=names.get(role, role),
            calls=usage.calls * scale,
            prompt_tokens=usage.prompt_tokens * scale,
            completion_tokens=usage.completion_tokens * scale,
        )
        for (step, role), usage in sums.items()
    )
