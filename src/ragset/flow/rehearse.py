"""The free estimate: the flow's own steps render and count their real prompts, a stand-in answers them.

Each step is rehearsed with all samples of a draw and with one alone, so that what it costs for m samples is known
(c(m) = base + slope * m), whether it asks about each sample or about siblings together. How many arrive follows from
the pass rates: of k asked pairs, step j meets Bin(k, p_0 p_1 … p_(j-1)).
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from ragset.errors import NOT_THE_DRAWS, RagsetError
from ragset.flow.compile import Flow
from ragset.flow.estimate import NINE_IN_TEN, Account, Estimate, StageCost, chunks_of, names_of, sample_steps
from ragset.kit.replies import Wrapped
from ragset.kit.tiers import REHEARSED
from ragset.schema.ports import Ask, LanguageModel, Reply, Role
from ragset.schema.samples import Draw, Failure, Sample, Usage
from ragset.schema.step import Fold, Map, Source, Step, Tally, Tools, book, current_step, ledger

ASSUMED_JUDGE, ASSUMED_RULE = 0.9, 0.95
"""Pass rates of a judge that is a model, and of a rule, where neither the flow nor a measurement says one."""

PULLED = 200
"""Draws looked at to choose those that are rehearsed: of all lengths."""

ANSWER_WORDS = 20
"""Words of an answer that is made up where the stand-in finds none."""

ALIKE = 0.15
"""Correlation of the fates of two pairs of one chunk: a good passage gives several good pairs, a poor one none.

On corpora/guide with the scripted model it is about 0.2; a model whose pairs fail by chance alone has 0.
"""

_OUT = Failure(step="rehearsal", error="", message="set aside")


class Booked(Wrapped):
    """A model whose replies are written to the account of the running draw, as the reply cache does."""

    def __init__(self, model: LanguageModel, role: Role) -> None:
        """Book what ``model`` replies under ``role``."""
        super().__init__(model)
        self._role = role

    async def complete(self, ask: Ask) -> Reply:
        """Answer, and book the usage."""
        reply = await self._model.complete(ask)
        book(self._role, reply.usage)
        return reply


class _Willing:
    """A stand-in that never says it found no answer: what follows an answer must be rehearsed too.

    How often a real answerer finds none is part of the pass rate of the step.
    """

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self.name, self.fingerprint = model.name, model.fingerprint

    async def complete(self, ask: Ask) -> Reply:
        reply = await self._model.complete(ask)
        fields = (ask.reply_schema or {}).get("properties", {})
        value = json.loads(reply.raw) if {"passages", "answers"} & fields.keys() else {}
        given = value.get("answers", [value])
        if all(one.get("answer", "") is not None for one in given):
            return reply
        lines = [line for line in ask.messages[-1].content.splitlines() if not line.startswith(("<", "Passage"))]
        made_up = " ".join(max(lines, key=len).split()[:ANSWER_WORDS])
        for one in given:
            one["answer"] = made_up if one.get("answer", "") is None else one["answer"]
        raw = json.dumps(value, ensure_ascii=False)
        usage = reply.usage.model_copy(update={"completion_tokens": math.ceil(len(raw) / 4)})
        return reply.model_copy(update={"raw": raw, "value": raw, "usage": usage})


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
    asked: list[int] = field(default_factory=list[int])
    gave: list[int] = field(default_factory=list[int])
    arrived: dict[str, int] = field(default_factory=dict[str, int])
    passed: dict[str, int] = field(default_factory=dict[str, int])
    failures: list[str] = field(default_factory=list[str])

    def note(self, step: str, full: Account, one: Account, samples: int) -> None:
        """Write down what a step used in one draw."""
        for key in (name for name in full if name[0] == step):
            cost = self.costs.setdefault(key, _Cost())
            cost.full.append(full[key])
            cost.one.append(one.get(key, Usage()))
            cost.samples.append(samples)


async def rehearse(flow: Flow, tools: Tools, n: int | None, *, draws: int = 20) -> Estimate:
    """Estimate a run of ``n`` pairs (none: what the flow says) from ``draws`` rehearsed ones; calls no model."""
    flow = flow.asking(n)
    source, *rest = sample_steps(flow)
    n = getattr(rest[-1], "n", None)
    names = names_of(tools)
    if not names:
        kept = float(flow.asked or 0)
        return Estimate(
            basis="rehearsal", asked=flow.asked, kept=kept, draws=0, assumptions=("no language model is used",)
        )
    trial = _trial(tools)
    if isinstance(rest[-1], Fold):
        rest[-1].begin(trial)  # keep writes its limits into the tally, which the source reads
    trial.tally.wanted = None if n is None else max(n, 4 * draws)
    pulled = await _pull(source, trial)
    found = _Rehearsed()
    for draw in _of_all_lengths(pulled, draws):
        await asyncio.create_task(_walk(rest, draw, trial, found))  # a task of its own: context variables are set
    if len(found.failures) > len(found.gave) / 2 or not any(found.gave):
        why = found.failures[0] if found.failures else "no draw gave a pair"
        raise RagsetError(f"the flow cannot be rehearsed: {why}", where=flow.name, hint="use --pilot")
    rates, said = _rates(flow, rest, trial, found)
    size = _Size.of(source, rest[-1], found, rates)
    count, kept = size.draws_for(n, chunks_of(source, tools, size.most_for(n)), len(pulled))
    stages = tuple(_stages(rest, found, rates, size, count, names))
    low, high = _range(size, n, _guessed(flow, rates), stages)
    return Estimate(
        basis="rehearsal",
        asked=flow.asked,
        kept=min(kept, flow.asked or kept),
        draws=count,
        stages=stages,
        low=low,
        high=high,
        pass_rates={step: round(rate, 4) for step, rate in rates.items()},
        assumptions=(
            f"prompts rendered and counted over {len(found.asked)} draws; replies as long as those of a rehearsal",
            *said,
        ),
    )


def _trial(tools: Tools) -> Tools:
    """Give tools with a stand-in for every language model, and nothing that a real one has left behind."""
    from ragset.kit.rehearsal import Rehearsal

    named = names_of(tools)
    models: dict[Role, LanguageModel] = {
        role: Booked(_Willing(Rehearsal()), role) if role in named else model for role, model in tools.models.items()
    }
    extras = {key: value for key, value in tools.extras.items() if not key.startswith("ragset.writer")}
    extras[REHEARSED] = True
    return replace(tools, models=models, tally=Tally(), say=lambda line: None, extras=extras)


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
        one = used if makes or len(item.samples) < 2 else (await _account(step, _only_first(item), tools))[1]
        found.note(step.name, used, one, 1 if makes else len(item.samples))
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
            found.asked.append(max(len(out.samples), _pairs(draw)))
            out = out.with_samples(tuple(usable))
        item = out.with_samples(tuple(s.model_copy(update={"status": "open", "failure": None}) for s in out.samples))
        if not item.samples:
            break
    if not begun:
        found.gave.append(0)
        found.asked.append(_pairs(draw))


def _pairs(draw: Draw) -> int:
    """Give how many pairs a draw asks for; without wants it is left to the rules, which take one at a time."""
    return max(1, len(draw.scenario.wants)) if draw.scenario else 1


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


def _only_first(item: Draw) -> Draw:
    first, *others = item.samples
    return item.with_samples((first, *(sample.failed(_OUT) for sample in others)))


def _rates(flow: Flow, steps: Sequence[Step], tools: Tools, found: _Rehearsed) -> tuple[dict[str, float], list[str]]:
    """Give the pass rate of each step, and sentences about those that nobody knows.

    The flow's own come first; a rule is measured when the writer was real; the rest are assumed.
    """
    rates: dict[str, float] = {}
    assumed: list[str] = []
    real_writer = "writer" not in names_of(tools)
    for step in steps:
        if step.name in flow.pass_rates:
            rates[step.name] = flow.pass_rates[step.name]
        elif step.takes is not Sample:
            rates[step.name] = sum(found.gave) / max(1, sum(found.asked))
        elif step.name == "keep":
            rates[step.name] = 1.0
        elif real_writer and found.arrived.get(step.name) and not _asks(step, tools):
            rates[step.name] = max(0.02, found.passed[step.name] / found.arrived[step.name])
        else:
            rates[step.name] = ASSUMED_JUDGE if _asks(step, tools) else ASSUMED_RULE
            assumed.append(f"{step.name} {rates[step.name]:.0%}")
    said = [f"pass rates assumed: {', '.join(assumed)} (set pass_rates in the flow, or use --pilot)"] if assumed else []
    return rates, said


def _asks(step: Step, tools: Tools) -> bool:
    return any(role in step.uses for role in names_of(tools))


@dataclass(frozen=True)
class _Size:
    """How much one draw gives: asked pairs, the share that is kept, the cap of a chunk, the draws of one."""

    pairs: float
    share: float
    cap: int | None
    repeats: int

    @classmethod
    def of(cls, source: Step, keep: Step, found: _Rehearsed, rates: Mapping[str, float]) -> _Size:
        """Take it from the flow and the rehearsal."""
        pairs = sum(found.asked) / len(found.asked)
        share = math.prod(rates.values())
        return cls(pairs, share, getattr(keep, "max_per_chunk", None), int(getattr(source, "repeats", 1)))

    def kept(self, turns: int) -> float:
        """Give the pairs kept of a chunk that is drawn ``turns`` times."""
        tries = round(self.pairs * turns)
        if not self.cap or tries <= self.cap:
            return self.pairs * turns * self.share
        return sum(min(k, self.cap) * _chance(k, tries, self.share) for k in range(tries + 1))

    def most_for(self, n: int | None) -> float:
        """Give an upper bound of the draws that ``n`` pairs take."""
        return math.inf if n is None else n / max(1e-9, self.kept(1)) + 1

    def draws_for(self, n: int | None, chunks: int | None, pulled: int) -> tuple[float, float]:
        """Give the draws that ``n`` pairs take, and the pairs: turn by turn, as the source draws its chunks."""
        room = chunks if chunks is not None else (math.inf if pulled >= PULLED and n is not None else pulled)
        count = kept = 0.0
        gave = 1 - (1 - self.share) ** self.pairs
        for turn in range(self.repeats):
            each = max(1e-9, self.kept(turn + 1) - self.kept(turn))
            size = room * (gave if turn else 1)
            missing = math.inf if n is None else n - kept
            if missing <= 0:
                break
            draws = min(size, (missing + max(0.0, each - 1) / 2) / each)
            count, kept = count + draws, min(n or math.inf, kept + draws * each)
        return count, kept


def _chance(k: int, tries: int, share: float) -> float:
    """Give the probability that k of the tries of one chunk pass: beta-binomial with correlation ``ALIKE``."""
    if not 0 < share < 1:
        return float(k == tries * share)
    yes, no = share * (1 / ALIKE - 1), (1 - share) * (1 / ALIKE - 1)
    passed = math.prod((yes + at) for at in range(k)) * math.prod((no + at) for at in range(tries - k))
    return math.comb(tries, k) * passed / math.prod(yes + no + at for at in range(tries))


def _guessed(flow: Flow, rates: Mapping[str, float]) -> list[float]:
    return [rate for step, rate in rates.items() if step not in flow.pass_rates and rate < 1]


def _range(size: _Size, n: int | None, guessed: Sequence[float], stages: Sequence[StageCost]) -> tuple[float, float]:
    """Give the factors of the cheapest and the dearest run that is likely.

    Chance: the number of candidates that n kept ones take is negative binomial. A model's replies may be a third
    shorter or longer than rehearsed ones. Where rates are guessed, half as many and twice as many may fail.
    """
    chance = NINE_IN_TEN * math.sqrt((1 - size.share) / max(1.0, float(n or 50)) + 0.02**2)
    replies = sum(stage.completion_tokens for stage in stages)
    unlike = replies / 3 / max(1.0, replies + sum(stage.prompt_tokens for stage in stages))
    fewer = math.prod(rate / (1 - (1 - rate) / 2) for rate in guessed)
    more = math.prod(rate / max(0.05, 1 - 2 * (1 - rate)) for rate in guessed)
    spread = chance + unlike
    return max(0.0, fewer * (1 - spread)), more * (1 + spread)


def _stages(
    steps: Sequence[Step],
    found: _Rehearsed,
    rates: Mapping[str, float],
    size: _Size,
    count: float,
    names: Mapping[str, str],
) -> list[StageCost]:
    stages: list[StageCost] = []
    share = 1.0
    for step in steps:
        makes, seen = step.takes is not Sample, share
        if getattr(step, "all_scores", False):
            seen = math.prod(rates[s.name] for s in steps if s.takes is not Sample)
        for (_, role), cost in ((key, cost) for key, cost in found.costs.items() if key[0] == step.name):
            calls, prompt, completion = (
                count * (_mean(cost.full, what) if makes else _expected(cost, what, size.pairs, seen))
                for what in ("calls", "prompt_tokens", "completion_tokens")
            )
            tokens = {"prompt_tokens": prompt, "completion_tokens": completion}
            stages.append(StageCost(step=step.name, role=role, model=names.get(role, role), calls=calls, **tokens))
        share *= rates[step.name]
    return stages


def _mean(usages: Sequence[Usage], what: str) -> float:
    return sum(getattr(usage, what) for usage in usages) / len(usages)


def _expected(cost: _Cost, what: str, pairs: float, share: float) -> float:
    """Give what a step is expected to use in one draw: base for any sample at all, slope for each that arrives."""
    total = 0.0
    for full, one, samples in zip(cost.full, cost.one, cost.samples, strict=True):
        every, alone = getattr(full, what), getattr(one, what)
        slope = (every - alone) / (samples - 1) if samples > 1 else alone
        total += (alone - slope) * (1 - (1 - share) ** pairs) + slope * pairs * share
    return total / len(cost.full)
