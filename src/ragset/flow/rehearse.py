"""The free estimate: the flow's own steps render and count their real prompts, a stand-in answers them.

Each step is rehearsed with all samples of a draw and with one alone, so that what it costs for m samples is known
(c(m) = base + slope * m), whether it asks about each sample or about siblings together. How many arrive follows from
the pass rates: of k asked pairs, step j meets k p_0 p_1 … p_(j-1) on the mean, spread as a beta-binomial.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from ragset.errors import NOT_THE_DRAWS, FlowError, RagsetError
from ragset.flow.compile import Flow
from ragset.flow.estimate import NINE_IN_TEN, Account, Estimate, StageCost, names_of, sample_steps, without_a_model
from ragset.flow.play import GAMES, Odds, Played, play
from ragset.flow.rates import LEAST, Rates, pairs_asked
from ragset.flow.stand_ins import stand_ins
from ragset.kit.tiers import REHEARSED, TieredJudge
from ragset.schema.samples import Draw, Failure, Sample, Usage
from ragset.schema.step import Fold, Map, Source, Step, Tools, current_step, ledger

ASSUMED_JUDGE, ASSUMED_RULE = 0.9, 0.95
"""Pass rates of a judge that is a model, and of a rule, where neither the flow nor a measurement says one."""

PULLED = 200
"""Draws looked at to choose those that are rehearsed: of all lengths."""

_OUT = Failure(step="rehearsal", error="", message="set aside")


@dataclass(frozen=True)
class _Cost:
    """What one step used for one role over the rehearsed draws: tokens and calls for all samples, and for one."""

    full: list[Usage] = field(default_factory=list[Usage])
    one: list[Usage] = field(default_factory=list[Usage])
    samples: list[int] = field(default_factory=list[int])


@dataclass
class _Rehearsed:
    """What the rehearsal measured."""

    costs: dict[tuple[str, str], _Cost] = field(default_factory=dict[tuple[str, str], _Cost])
    forced: dict[tuple[str, str], _Cost] = field(default_factory=dict[tuple[str, str], _Cost])
    reached: Counter[str] = field(default_factory=Counter[str])
    asked: list[int] = field(default_factory=list[int])
    gave: list[int] = field(default_factory=list[int])
    arrived: dict[str, int] = field(default_factory=dict[str, int])
    passed: dict[str, int] = field(default_factory=dict[str, int])
    failures: list[str] = field(default_factory=list[str])

    def note(self, full: Account, one: Account, samples: int, judged: int, *, forced: bool = False) -> None:
        """Write down what a step used in one draw of ``samples``, of which the judge's model saw ``judged``.

        What it used where its cheap tier was ``forced`` to send all on counts for the judge alone, and only where the
        tier sent nothing on of its own accord.
        """
        for key in (name for name in full if name[1] == "judge" or not forced):
            cost = (self.forced if forced else self.costs).setdefault(key, _Cost())
            cost.full.append(full[key])
            cost.one.append(one.get(key, Usage()))
            cost.samples.append(judged if key[1] == "judge" else samples)

    def cost(self) -> dict[tuple[str, str], _Cost]:
        """Give what each step used for each role."""
        return self.forced | self.costs


async def rehearse(
    flow: Flow,
    tools: Tools,
    n: int | None,
    *,
    draws: int = 20,
    games: int = GAMES,
    like: Rates = Rates(),  # noqa: B008 (it is frozen)
) -> Estimate:
    """Estimate a run of ``n`` pairs (none: what the flow says) from ``draws`` rehearsed ones; calls no model.

    Rates that the flow does not name are taken from ``like``. ``games`` is how often the run is played with dice.
    """
    flow = flow.asking(n)
    source, *rest = sample_steps(flow)
    n = getattr(rest[-1], "n", None)
    names = names_of(tools)
    if not names:
        return without_a_model(flow)
    if not isinstance(source, Source) or not isinstance(keep := rest[-1], Fold):
        raise FlowError("does not go from a source to keep", where=flow.name)
    trial = stand_ins(tools)
    keep.begin(trial)  # it writes its limits into the tally, which the source reads
    trial.tally.wanted = None if n is None else max(n, 4 * draws)
    pulled = await _pull(source, trial)
    found = await _measured(flow.name, rest, _of_all_lengths(pulled, draws), trial)
    known = Rates(passes=flow.pass_rates, sent_on=flow.sent_on).over(like)
    rates, said = _rates(known, rest, trial, found)
    if known.counts:
        said.append(f"pass rates as in an earlier run, which made {max(known.counts.values()):,} pairs")
    if getattr(source, "quotas", ()) and not rates.values:
        said.append("the values of quotas are taken to pass alike")
    share, pairs = math.prod(rates.passes.values()), sum(found.asked) / len(found.asked)
    played = await play(source, keep, trial, Odds(share, pairs, rates), window=flow.window, games=games)
    stages = _stages(rest, found, rates, played, names)
    tokens = [
        _tokens(_stages(rest, found, rates.sending(most, unless=known), played, names)) / max(1.0, _tokens(stages))
        for most in (0.0, 1.0)
    ]
    low, high = _range(share, n, _guessed(known, rates), stages, tokens, known.variance(rates.passes))
    return Estimate(
        basis="rehearsal",
        asked=flow.asked,
        kept=min(played.kept, flow.asked or played.kept),
        draws=played.draws,
        stages=(*_before(pulled, names), *stages),
        low=low,
        high=high,
        pass_rates=rates.passes,
        sent_on=rates.sent_on,
        assumptions=(
            f"prompts rendered and counted over {len(found.asked)} draws; replies as long as those of a rehearsal",
            *said,
        ),
    )


async def _measured(flow: str, steps: Sequence[Step], draws: Sequence[Draw], tools: Tools) -> _Rehearsed:
    """Take draws through the steps; raises ``RagsetError`` where most of them fail or give nothing."""
    found = _Rehearsed()
    for draw in draws:
        await asyncio.create_task(_walk(steps, draw, tools, found))  # a task of its own: context variables are set
    if len(found.failures) > len(found.gave) / 2 or not any(found.gave):
        why = found.failures[0] if found.failures else "no draw gave a pair"
        raise RagsetError(f"the flow cannot be rehearsed: {why}", where=flow, hint="use --pilot")
    return found


async def _pull(source: Step, tools: Tools) -> list[Draw]:
    found: list[Draw] = []
    if not isinstance(source, Source):
        return found
    async with aclosing(source.draws(tools)) as stream:  # type: ignore[type-var]
        async for draw in stream:
            if draw.empty or len(found) >= PULLED:
                break
            found.append(draw)
    return found


def _of_all_lengths(draws: Sequence[Draw], most: int) -> list[Draw]:
    """Choose draws evenly over the lengths of their chunks: a stratified sample, whose mean varies less."""
    ranked = sorted(draws, key=lambda d: sum(len(chunk.text) for chunk in d.scenario.chunks) if d.scenario else 0)
    count = min(most, len(ranked))
    return [ranked[int((at + 0.5) * len(ranked) / count)] for at in range(count)]


async def _walk(steps: Sequence[Step], draw: Draw, tools: Tools, found: _Rehearsed) -> None:
    """Take one draw through the maps; every sample goes on to the next step, whatever the last one thought of it."""
    item, begun = draw, False
    for step in steps:
        if not isinstance(step, Map):
            continue
        makes = step.takes is not Sample
        full = await _account(step, item, tools)
        if full[0] is None or (makes and full[0].failure):
            found.failures.append(f"{step.name}: {full[0].failure.message if full[0] else 'failed'}")  # type: ignore[union-attr]
            break
        out, used = full
        if not isinstance(step, TieredJudge):
            found.reached[step.name] += 1
        if makes:
            found.note(used, used, 1, 1)
        else:
            await _note(step, item, out, used, tools, found)
        broken = [f"{step.name}: {s.failure.message}" for s in out.samples if s.failure]
        if len(broken) > len(out.samples) / 2:  # then what the step uses was not seen
            found.failures += broken
        if not makes:
            found.arrived[step.name] = found.arrived.get(step.name, 0) + len(out.samples)
            found.passed[step.name] = found.passed.get(step.name, 0) + sum(s.status == "open" for s in out.samples)
        if not begun and out.samples:
            begun = True
            usable = [sample for sample in out.samples if sample.status == "open"]  # the rest has nothing to judge
            found.gave.append(len(usable))
            found.asked.append(max(len(out.samples), pairs_asked(draw)))
            out = out.with_samples(tuple(usable))
        item = out.with_samples(tuple(s.model_copy(update={"status": "open", "failure": None}) for s in out.samples))
        if not item.samples:
            break
    if not begun:
        found.gave.append(0)
        found.asked.append(pairs_asked(draw))


async def _note(step: Map, item: Draw, out: Draw, used: Account, tools: Tools, found: _Rehearsed) -> None:
    """Write down what a step used for all samples of a draw, beside what it uses for one of them.

    Those that a cheap tier sends on cost the model more than others would: what is plain is decided before. Where it
    sends none on, it is made to.
    """
    sent = [sample.id for sample in out.samples if _goes_to_the_model(step, sample)]
    first = _only(item, sent[0] if sent else item.samples[0].id)
    one = used if len(item.samples) < 2 else (await _account(step, first, tools))[1]
    found.note(used, one, len(item.samples), len(sent))
    if not sent:
        forced = replace(tools, extras={**tools.extras, REHEARSED: True})
        every, alone = [(await _account(step, draw, forced))[1] for draw in (item, first)]
        found.note(every, alone, len(item.samples), len(item.samples), forced=True)


def _goes_to_the_model(step: Map, sample: Sample) -> bool:
    return not isinstance(step, TieredJudge) or bool(sample.measures.get(step.measure, True))


async def _account(step: Map, item: Draw, tools: Tools) -> tuple[Any, Account]:
    account: Account = {}
    ledger.set(account)
    current_step.set(step.name)
    try:
        return await step.apply(item, tools), account
    except NOT_THE_DRAWS:
        raise
    except Exception as error:  # the engine makes it the draw's failure, and so it is here
        failure = Failure(step=step.name, error=type(error).__name__, message=" ".join(str(error).split())[:200])
        return item.model_copy(update={"failure": failure}), account


def _only(item: Draw, chosen: str) -> Draw:
    return item.with_samples(tuple(one if one.id == chosen else one.failed(_OUT) for one in item.samples))


def _rates(known: Rates, steps: Sequence[Step], tools: Tools, found: _Rehearsed) -> tuple[Rates, list[str]]:
    """Give the pass rate of each step and what its cheap tier sends on, and sentences about what nobody knows.

    What is known comes first; a rule is measured when the writer was real; the rest are assumed.
    """
    passes: dict[str, float] = {}
    sent_on: dict[str, float] = {}
    assumed: list[str] = []
    sending: list[str] = []
    real_writer = "writer" not in names_of(tools)
    for step in steps:
        if step.name in known.sent_on:
            sent_on[step.name] = known.sent_on[step.name]
        elif isinstance(step, TieredJudge) and (share := step.sent_on(tools)) < 1:
            sent_on[step.name] = share
            sending.append(f"{step.name} {share:.0%}")
        if step.name in known.passes:
            passes[step.name] = known.passing(step.name, ASSUMED_JUDGE if _asks(step, tools) else ASSUMED_RULE)
        elif step.takes is not Sample:
            passes[step.name] = sum(found.gave) / max(1, sum(found.asked))
        elif step.name == "keep":
            passes[step.name] = 1.0
        elif real_writer and found.arrived.get(step.name) and not _asks(step, tools):
            passes[step.name] = max(LEAST, found.passed[step.name] / found.arrived[step.name])
        else:
            passes[step.name] = ASSUMED_JUDGE if _asks(step, tools) else ASSUMED_RULE
            assumed.append(f"{step.name} {passes[step.name]:.0%}")
    hint = "(name them in the flow, or use --pilot, or --like with the folder of an earlier run)"
    said = [f"pass rates assumed: {', '.join(assumed)} {hint}"] if assumed else []
    said += [f"assumed to be sent on to the model by the cheap tier: {', '.join(sending)} {hint}"] if sending else []
    passes = {step: round(rate, 4) for step, rate in passes.items()}
    return Rates(passes=passes, sent_on=sent_on, values=known.values, alike=known.alike), said


def _asks(step: Step, tools: Tools) -> bool:
    return any(role in step.uses for role in names_of(tools))


def _before(pulled: Sequence[Draw], names: Mapping[str, str]) -> Iterator[StageCost]:
    """Give what the source itself asks: it stands in its first draw."""
    for spent in pulled[0].spent:
        usage, model = spent.usage, names.get(spent.role, spent.role)
        tokens = {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens}
        yield StageCost(step=spent.step, role=spent.role, model=model, calls=usage.calls, **tokens)


def _guessed(known: Rates, rates: Rates) -> list[float]:
    return [rate for step, rate in rates.passes.items() if step not in known.passes and rate < 1]


def _range(
    share: float,
    n: int | None,
    guessed: Sequence[float],
    stages: Sequence[StageCost],
    sent: Sequence[float],
    counted: float,
) -> tuple[float, float]:
    """Give the factors of the cheapest and the dearest run that is likely.

    Chance: the number of candidates that n kept ones take is negative binomial, and rates of an earlier run have the
    relative variance ``counted``. A model's replies may be a third shorter or longer than rehearsed ones. Where rates
    are guessed, half as many and twice as many may fail, and the cheap tier may send on nothing or all: ``sent`` holds
    the factors of that. What is unlikely by itself is not taken to come all at once: logarithms are added as squares.
    """
    chance = NINE_IN_TEN * math.sqrt((1 - share) / max(1.0, float(n or 50)) + 0.02**2 + counted)
    unlike = sum(stage.completion_tokens for stage in stages) / 3 / max(1.0, _tokens(stages))
    fewer = [rate / (1 - (1 - rate) / 2) for rate in guessed]
    more = [rate / max(0.05, 1 - 2 * (1 - rate)) for rate in guessed]
    spread = chance + unlike
    low = math.hypot(*map(math.log, fewer), math.log(max(0.01, sent[0])), math.log(max(0.01, 1 - spread)))
    high = math.hypot(*map(math.log, more), math.log(max(1.0, sent[1])), math.log(1 + spread))
    return math.exp(-low), math.exp(high)


def _tokens(stages: Sequence[StageCost]) -> float:
    return sum(stage.prompt_tokens + stage.completion_tokens for stage in stages)


def _stages(
    steps: Sequence[Step], found: _Rehearsed, rates: Rates, played: Played, names: Mapping[str, str]
) -> list[StageCost]:
    stages: list[StageCost] = []
    share = 1.0
    for step in steps:
        makes, seen = step.takes is not Sample, share
        if getattr(step, "all_scores", False):
            seen = math.prod(rates.passes[s.name] for s in steps if s.takes is not Sample)
        for (_, role), cost in ((key, cost) for key, cost in found.cost().items() if key[0] == step.name):
            asked = seen * (rates.sent_on.get(step.name, 1.0) if role == "judge" else 1.0)
            # A draw in which a step had nothing to ask counts too; how often a cheap tier sends on is known besides.
            draws = played.draws / (found.reached[step.name] or len(cost.full))
            calls, prompt, completion = (
                draws * (_sum(cost.full, what) if makes else _expected(cost, what, played.pairs, asked, rates))
                for what in ("calls", "prompt_tokens", "completion_tokens")
            )
            tokens = {"prompt_tokens": prompt, "completion_tokens": completion}
            stages.append(StageCost(step=step.name, role=role, model=names.get(role, role), calls=calls, **tokens))
        share *= rates.passes[step.name]
    return stages


def _sum(usages: Sequence[Usage], what: str) -> float:
    return sum(getattr(usage, what) for usage in usages)


def _expected(cost: _Cost, what: str, pairs: float, share: float, rates: Rates) -> float:
    """Give what a step is expected to use in such draws: base for any sample at all, slope for each that arrives."""
    total = 0.0
    for full, one, samples in zip(cost.full, cost.one, cost.samples, strict=True):
        every, alone = getattr(full, what), getattr(one, what)
        slope = (every - alone) / (samples - 1) if samples > 1 else alone
        total += (alone - slope) * (1 - rates.none_of(pairs, share)) + slope * pairs * share
    return total
