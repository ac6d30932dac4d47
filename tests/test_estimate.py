"""The estimate: within a tenth of what the run then uses, by rehearsal with known pass rates and by a pilot."""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from memory_store import MemoryStore
from ragset.adapters.hash_embedder import HashEmbedder
from ragset.errors import FlowError, RagsetError
from ragset.flow import play as playing
from ragset.flow.compile import Flow, compile_flow, load_flow
from ragset.flow.engine import run
from ragset.flow.estimate import Estimate, StageCost, amount, pilot, sample_steps
from ragset.flow.rates import Passing, Rates
from ragset.flow.rehearse import rehearse
from ragset.flow.report import Report
from ragset.flow.stand_ins import Booked
from ragset.kit.builtin_judge import BuiltinJudge
from ragset.kit.calibration_file import shipped_calibration
from ragset.kit.judging import Judge
from ragset.kit.prices import PriceTable
from ragset.schema.ports import Ask, Reply, Role
from ragset.schema.samples import Draw, Message, QAPair, Sample, Usage, Verdict
from ragset.schema.step import Tools

THINGS = ["pump", "valve", "filter", "gasket", "bearing", "rotor", "clutch", "spindle", "lever", "piston", "hinge"]
KINDS = ["device", "part", "tool", "unit", "piece", "component", "fitting", "instrument"]
DOES = ["holds the shaft", "cools the engine", "stops the flow", "guides the belt", "seals the tank", "turns the wheel"]
MADE = ["steel", "brass", "rubber", "copper", "nylon", "iron", "bronze", "carbon"]
TOWNS = ["Arad", "Brno", "Cork", "Delft", "Essen", "Faro", "Graz", "Hull", "Ivrea", "Jena", "Kiel", "Lyon"]
SEED = 5


def _texts(documents: int = 8, paragraphs: int = 14) -> dict[str, str]:
    """Make documents whose paragraphs differ in length, the same ones every time."""
    dice = random.Random(7)

    def sentence() -> str:
        name = f"{dice.choice(MADE)} {dice.choice(THINGS)} of {dice.choice(TOWNS)}"
        return f"The {name} is a {dice.choice(KINDS)} that {dice.choice(DOES)} and weighs {dice.randint(2, 90)} grams."

    def paragraph() -> str:
        return " ".join(sentence() for _ in range(dice.randint(4, 9)))

    return {f"c/{at}.md": "\n\n".join(paragraph() for _ in range(paragraphs)) for at in range(documents)}


@dataclass
class Trade:
    """A model at work, unlike the one that rehearses: it writes from the chunk, and its judge passes a known share.

    Which verdicts fail is drawn with a fixed seed.
    """

    store: MemoryStore
    passes: float = 0.75
    rewords: bool = False
    usage: Usage = field(default_factory=Usage)
    dice: random.Random = field(default_factory=lambda: random.Random(SEED))

    name = "test:trade"
    fingerprint = "trade"

    async def complete(self, ask: Ask) -> Reply:
        value = await self._value(ask)
        raw = json.dumps(value, ensure_ascii=False)
        size = -(-sum(len(m.content) for m in ask.messages) // 4)
        usage = Usage(calls=1, prompt_tokens=size, completion_tokens=-(-len(raw) // 4))
        self.usage += usage
        return Reply(value=raw, raw=raw, usage=usage)

    async def _value(self, ask: Ask) -> Any:
        fields = set((ask.reply_schema or {}).get("properties", {}))
        if "pairs" in fields:
            pairs = [self._pair(at, line) for at, line in enumerate(self._lines(ask)[:3], 1)]
            return {"pairs": [self._reworded(pair) if self.rewords else pair for pair in pairs]}
        if "passages" in fields:
            return {"answer": self._lines(ask)[0], "passages": [1]}
        if "answers" in fields:
            numbers = re.findall(r"^Question (\d+),", ask.messages[-1].content, re.MULTILINE)
            return {"answers": [{"question": int(n), "answer": self._lines(ask)[0], "passages": [1]} for n in numbers]}
        if not fields:
            return "yes"
        value: Any = (await BuiltinJudge().complete(ask)).value
        if ask.purpose == "faithfulness" and "verdict" in json.dumps(value):
            good = self.dice.random() < self.passes
            value["statements"] = [{**verdict, "verdict": int(good)} for verdict in value["statements"]]
        return value

    def _lines(self, ask: Ask) -> list[str]:
        text = ask.messages[-1].content
        chunks = [
            chunk
            for d in self.store.document_ids()
            for chunk in self.store.chunks(d)
            if chunk.text in text and chunk.text[40:]
        ]
        first = min(chunks, key=lambda chunk: text.index(chunk.text))
        return [line.strip(". ") + "." for line in first.text.split(". ")]

    @staticmethod
    def _reworded(pair: dict[str, Any]) -> dict[str, Any]:
        """Reword about every second answer, so that the cheap tier is not sure of it."""
        found = re.search(r"is a (\w+) .*weighs (\d+) grams", pair["answer"])
        if found is None or int(found[2]) % 2:
            return pair
        return {**pair, "answer": f"It is a {found[1]} with a weight of {found[2]} grams."}

    @staticmethod
    def _pair(number: int, line: str) -> dict[str, Any]:
        name = line.partition(" is a ")[0].removeprefix("The ")
        question = f"What is the {name}, and how much does it weigh?"
        return {"pair": number, "question": question, "answer": line, "quotes": [line], "question_type": "fact"}


async def _tools(
    passes: float = 0.75, roles: tuple[Role, ...] = ("writer", "answerer", "judge")
) -> tuple[Tools, Trade]:
    embedder = HashEmbedder()
    store = await MemoryStore.of(_texts(), embedder, size=900)
    model = Trade(store, passes)
    return Tools(store, embedder, {role: Booked(model, role) for role in roles}), model


def _flow(n: int, judges: list[Any], rates: Mapping[str, float], **keep: Any) -> Flow:
    asked = {"faithfulness": {"faithfulness": {"cheap_tier": False}}}  # these tests count what is asked
    judges = [asked.get(judge, judge) if isinstance(judge, str) else judge for judge in judges]
    steps = [{"scenarios": {"seed": 3}}, "rag_qa", *judges, {"keep": {"n": n, **keep}}]
    return compile_flow({"name": "test", "index": "memory", "pass_rates": dict(rates), "steps": steps})


FLOWS: dict[str, tuple[list[Any], dict[str, float], tuple[Role, ...], dict[str, Any]]] = {
    "writer alone": (["evidence"], {"rag_qa": 1, "evidence": 1}, ("writer",), {}),
    "writer and judge, two a chunk": (
        ["evidence", "faithfulness"],
        {"rag_qa": 1, "evidence": 1, "faithfulness": 0.75},
        ("writer", "judge"),
        {"max_per_chunk": 2},
    ),
    "all roles": (
        [{"faithfulness": {"cheap_tier": False}}, {"answer_correctness": {"threshold": 0, "cheap_tier": False}}],
        {"rag_qa": 1, "faithfulness": 0.75, "answer_correctness": 1},
        ("writer", "answerer", "judge"),
        {},
    ),
    "builtin writer, rules measured": (["evidence", "faithfulness"], {"faithfulness": 0.75}, ("judge",), {}),
}


async def _used(flow: Flow, tools: Tools) -> Report:
    report = Report(None)
    async with aclosing(run(sample_steps(flow), tools, window=flow.window)) as stream:
        async for draw in stream:
            report.add(draw)
    return report


def _off(found: Estimate, report: Report) -> dict[str, float]:
    total = report.usage()["total"]
    said = {"calls": found.calls, "prompt": found.prompt_tokens, "completion": found.completion_tokens}
    return {
        "calls": said["calls"] / total["calls"] - 1,
        "tokens": (said["prompt"] + said["completion"]) / (total["prompt_tokens"] + total["completion_tokens"]) - 1,
    }


@pytest.mark.parametrize("name", FLOWS)
async def test_a_rehearsal_is_within_a_tenth_of_the_run(name: str) -> None:
    judges, rates, roles, keep = FLOWS[name]
    flow = _flow(90, judges, rates, **keep)
    tools, model = await _tools(roles=roles)
    found = await rehearse(flow, tools, 90)
    assert model.usage.calls == 0
    report = await _used(flow, tools)
    assert report.samples["kept"] == 90
    off = _off(found, report)
    assert all(abs(value) <= 0.1 for value in off.values()), off
    assert found.low <= 1 / (1 + off["tokens"]) <= found.high


@pytest.mark.parametrize("name", FLOWS)
async def test_a_pilot_is_within_a_tenth_of_the_run(name: str) -> None:
    judges, _, roles, keep = FLOWS[name]
    flow = _flow(90, judges, {}, **keep)
    tools, model = await _tools(roles=roles)
    found = await pilot(flow, tools, 90)
    paid = model.usage.calls
    report = await _used(flow, (await _tools(roles=roles))[0])
    assert 0 < paid < report.usage()["total"]["calls"]
    off = _off(found, report)
    assert all(abs(value) <= 0.1 for value in off.values()), off
    assert found.low <= 1 / (1 + off["tokens"]) <= found.high


async def test_a_pilot_sees_what_the_cheap_tier_sends_on() -> None:
    flow = _flow(90, ["evidence", {"faithfulness": {"cheap_tier": True}}], {})
    roles: tuple[Role, ...] = ("writer", "judge")
    tools, model = await _tools(roles=roles)
    model.rewords = True
    found = await pilot(flow, tools, 90)
    tools, model = await _tools(roles=roles)
    model.rewords = True
    report = await _used(flow, tools)
    used = report.usage()["by_step"]["faithfulness"]["calls"]
    assert 0.2 * 2 * 90 < used < 0.8 * 2 * 90  # some are sent on, and some are not
    off = _off(found, report)
    assert all(abs(value) <= 0.1 for value in off.values()), off


async def test_a_rehearsal_has_the_cheap_tier_decide_what_it_did_of_the_labelled_unless_the_flow_knows() -> None:
    tools, _ = await _tools(roles=("writer", "judge"))
    rates = {"rag_qa": 1, "evidence": 1, "faithfulness": 0.75}
    flow = _flow(90, ["evidence", {"faithfulness": {"cheap_tier": True}}], rates)
    assumed = await rehearse(flow, tools, 90)
    known = await rehearse(flow.model_copy(update={"sent_on": {"faithfulness": 0.1}}), tools, 90)
    every = await rehearse(flow.model_copy(update={"sent_on": {"faithfulness": 1}}), tools, 90)
    judged = [next(s.calls for s in found.stages if s.step == "faithfulness") for found in (assumed, known, every)]
    band = shipped_calibration("builtin-groundedness").band
    assert band is not None
    assert judged[0] / judged[2] == pytest.approx(1 - band.share_decided)
    assert judged[1] / judged[2] == pytest.approx(0.1)
    assert "sent on to the model by the cheap tier: faithfulness 66%" in assumed.assumptions[-1]
    assert not any("cheap tier" in line for line in known.assumptions)
    tokens = [found.prompt_tokens + found.completion_tokens for found in (assumed, known, every)]
    assert assumed.low * tokens[0] < tokens[1] < tokens[0] < tokens[2] < assumed.high * tokens[0]


async def test_the_rates_of_a_run_estimate_it_again() -> None:
    judges = ["evidence", {"faithfulness": {"cheap_tier": True}}]
    flow = _flow(90, judges, {}, max_per_chunk=2)
    tools, model = await _tools(roles=("writer", "judge"))
    model.rewords = True
    passing, report = Passing(flow.steps), Report(None)
    async with aclosing(run(sample_steps(flow), tools, window=flow.window)) as stream:
        async for draw in stream:
            report.add(draw)
            passing.add(draw)
    rates = passing.rates()
    assert rates.passes["rag_qa"] == rates.passes["evidence"] == 1
    assert 0.2 < rates.sent_on["faithfulness"] < 0.8
    off = _off(await rehearse(flow, tools, 90, like=rates), report)
    assert all(abs(value) <= 0.1 for value in off.values()), off
    assert (await rehearse(_flow(90, judges, {"evidence": 0.5}), tools, 90, like=rates)).pass_rates["evidence"] == 0.5


class Together(Judge):
    """A judge that asks about all open samples of a draw at once."""

    name = "together"
    uses = frozenset({"judge"})

    async def apply(self, item: Draw, tools: Tools) -> Draw:
        seen = [sample for sample in item.samples if sample.status == "open"]
        if seen:
            text = "judge these " + " ".join(sample.payload.question for sample in seen)
            await tools.models["judge"].complete(Ask(messages=(Message(role="user", content=text),)))
        return item


async def test_a_step_that_judges_siblings_in_one_call_is_counted_per_draw() -> None:
    flow = _flow(60, ["evidence", "faithfulness"], {"rag_qa": 1, "evidence": 1, "faithfulness": 0.3})
    *before, keep = flow.steps
    tools, _ = await _tools(0.3)
    found = await rehearse(flow.model_copy(update={"steps": (*before, Together(), keep)}), tools, 60)
    calls = {stage.step: stage.calls for stage in found.stages}
    # Of three pairs, of which 30 % pass and whose fates correlate by .15: beta-binomial with a + b = 1 / .15 - 1.
    both = 1 / 0.15 - 1
    none = math.prod((0.7 * both + at) / (both + at) for at in range(3))
    assert calls["together"] / calls["rag_qa"] == pytest.approx(1 - none)
    assert calls["faithfulness"] / calls["rag_qa"] == pytest.approx(6)


class Seldom(Judge):
    """A judge that has something to ask in about a third of the draws."""

    name = "seldom"
    uses = frozenset({"judge"})

    async def apply(self, item: Draw, tools: Tools) -> Draw:
        asks = item.scenario is not None and int(item.scenario.id[:4], 16) % 3 == 0
        if asks and any(sample.status == "open" for sample in item.samples):
            await tools.models["judge"].complete(Ask(messages=(Message(role="user", content=f"judge {item.number}"),)))
        return item


async def test_a_step_that_asks_in_some_draws_alone_is_counted_over_all_of_them() -> None:
    flow = _flow(60, ["evidence"], {"rag_qa": 1, "evidence": 1})
    *before, keep = flow.steps
    flow = flow.model_copy(update={"steps": (*before, Seldom(), keep)})
    tools, _ = await _tools()
    found = await rehearse(flow, tools, 60)
    calls = {stage.step: stage.calls for stage in found.stages}
    assert 0.1 < calls["seldom"] / calls["rag_qa"] < 0.6


def test_siblings_that_share_their_fate_are_counted_as_alike() -> None:
    steps = _flow(9, ["evidence"], {}).steps
    alike, apart = Passing(steps), Passing(steps)
    for number in range(400):
        alike.add(_judged(number, [number % 2 == 0] * 3))
        apart.add(_judged(number, [number % 2 == 0, number // 2 % 2 == 0, number // 4 % 2 == 0]))
    assert alike.rates().alike == pytest.approx(1, abs=0.05)
    assert apart.rates().alike == pytest.approx(0, abs=0.05)
    assert Rates(alike=0).none_of(3, 0.5) == pytest.approx(0.125, abs=0.02)
    assert Rates(alike=1).none_of(3, 0.5) == pytest.approx(0.5, abs=0.02)
    assert (Rates().none_of(3, 1), Rates().none_of(3, 0)) == (0, 1)


def _judged(number: int, good: list[bool]) -> Draw:
    payload = QAPair(question="Is it?", answer="It is.")
    samples = tuple(
        Sample(
            id=f"{number}.{at}",
            scenario_id=str(number),
            payload=payload,
            contexts=(),
            evidence=(),
            status="kept" if one else "rejected",
        )
        for at, one in enumerate(good)
    )
    return Draw(number=number, samples=samples)


async def test_rates_that_nobody_knows_are_assumed_said_and_widen_the_range() -> None:
    tools, _ = await _tools()
    judges = ["evidence", "faithfulness"]
    known = await rehearse(_flow(60, judges, {"rag_qa": 1, "evidence": 1, "faithfulness": 0.9}), tools, 60)
    guessed = await rehearse(_flow(60, judges, {"rag_qa": 1}), tools, 60)
    assert guessed.pass_rates["faithfulness"] == 0.9
    assert any("pass rates assumed: evidence 95%, faithfulness 90%" in line for line in guessed.assumptions)
    assert not any("assumed" in line for line in known.assumptions)
    assert guessed.low < known.low < 1 < known.high < guessed.high


async def test_an_index_without_room_is_said_beforehand() -> None:
    flow = _flow(5000, ["evidence"], {"rag_qa": 1, "evidence": 1}, max_per_chunk=2)
    tools, _ = await _tools(roles=("writer",))
    found = await rehearse(flow, tools, 5000)
    chunks = sum(len(tools.store.chunks(name)) for name in tools.store.document_ids())
    assert found.kept == pytest.approx(2 * chunks)
    assert f"the index has room for about {2 * chunks:,}" in found.line()
    draws = (await _used(flow, tools)).draws
    assert found.draws == draws["total"] - draws["empty"]


async def test_what_is_not_played_is_bounded_by_the_room_of_the_index(monkeypatch: Any) -> None:
    rates = {"rag_qa": 1, "evidence": 1, "faithfulness": 0.8}
    flow = _flow(5000, ["evidence", "faithfulness"], rates, max_per_chunk=2)
    tools, _ = await _tools(roles=("writer", "judge"))
    chunks = sum(len(tools.store.chunks(name)) for name in tools.store.document_ids())
    monkeypatch.setattr(playing, "MOST", chunks // 2)
    found = await rehearse(flow, tools, 5000)
    assert 1.8 * chunks < found.kept <= 2 * chunks + 1e-6
    assert "the index has room for about" in found.line()
    monkeypatch.undo()
    assert found.draws == pytest.approx((await rehearse(flow, tools, 5000)).draws, rel=0.15)


async def test_draws_that_are_not_played_are_bounded_by_the_chunks(monkeypatch: Any) -> None:
    flow = _flow(5000, ["evidence"], {"rag_qa": 1, "evidence": 0.3})
    types = flow.replace("scenarios", question_types={"fact": 1, "multi_hop": 1})
    tools, _ = await _tools(roles=("writer",))
    played = [(await rehearse(each, tools, 5000)).draws for each in (flow, types)]
    monkeypatch.setattr(playing, "MOST", 60)
    assert [(await rehearse(each, tools, 5000)).draws for each in (flow, types)] == pytest.approx(played, rel=0.02)


@pytest.mark.parametrize("most", [1, 2])
async def test_a_pilot_of_more_than_the_index_gives_says_how_much_it_gives(most: int) -> None:
    flow = _flow(5000, ["evidence", "faithfulness"], {}, max_per_chunk=most)
    tools, _ = await _tools(0.9, roles=("writer", "judge"))
    found = await pilot(flow, tools, 5000)
    report = await _used(flow, (await _tools(0.9, roles=("writer", "judge")))[0])
    assert found.kept == pytest.approx(report.samples["kept"], rel=0.1)
    off = _off(found, report)
    assert all(abs(value) <= 0.1 for value in off.values()), off


async def test_without_a_language_model_nothing_is_rehearsed() -> None:
    tools, _ = await _tools(roles=())
    found = await rehearse(_flow(20, ["evidence"], {}), tools, None)
    assert (found.asked, found.calls, found.cost) == (20, 0, 0)
    assert found.line() == "estimate for 20 pairs: no call of a language model"
    assert await pilot(_flow(20, ["evidence"], {}), tools, None) == found


async def test_a_pilot_that_fills_the_order_is_exact_and_makes_the_very_draws_of_the_run() -> None:
    flow = _flow(12, ["faithfulness"], {})
    tools, _ = await _tools(roles=("writer", "judge"))
    found = await pilot(flow, tools, 12)
    report = await _used(flow, (await _tools(roles=("writer", "judge")))[0])
    total = report.usage()["total"]
    assert (found.calls, found.prompt_tokens) == (total["calls"], total["prompt_tokens"])
    assert (found.low, found.high, found.kept) == (1, 1, 12)
    assert tools.tally.kept == 0  # the run's own tally is untouched


class Forgotten(Booked):
    """A model whose replies no cache keeps."""

    keeps = False


@pytest.mark.parametrize("n", [12, 90])
async def test_a_pilot_whose_replies_are_not_kept_says_that_they_are_paid_again(n: int) -> None:
    flow = _flow(n, ["faithfulness"], {})
    tools, model = await _tools(roles=("writer", "judge"))
    kept = await pilot(flow, tools, n)
    assert "their replies stay in the cache; the other draws are taken to be like them" in kept.assumptions
    model.dice.seed(SEED)
    forgotten = replace(tools, models={**tools.models, "judge": Forgotten(model, "judge")})
    found = await pilot(flow, forgotten, n)
    said = "the replies of test:trade are not kept in a cache, so the run pays for these draws again"
    assert f"{said}; the other draws are taken to be like them" in found.assumptions
    assert found.low < kept.low <= 1 <= kept.high < found.high  # no draw of the run is known beforehand
    assert not any("stay in the cache" in line for line in found.assumptions)


async def test_a_pilot_pays_for_its_draws_and_no_more() -> None:
    tools, model = await _tools(roles=("writer",))
    await pilot(_flow(200, ["evidence"], {}), tools, 200)
    assert model.usage.calls == 20


async def test_a_pilot_that_keeps_nothing_says_so_in_one_line() -> None:
    tools, _ = await _tools(passes=0.0, roles=("writer", "judge"))
    with pytest.raises(RagsetError, match="the pilot's 20 draws kept no pair, so nothing can be estimated; run"):
        await pilot(_flow(50, ["faithfulness"], {}), tools, 50)


async def test_a_flow_that_only_fills_an_index_has_no_estimate() -> None:
    with pytest.raises(FlowError, match="makes no samples"):
        await rehearse(load_flow("ingest"), Tools(), None)


def _estimate(model: str) -> Estimate:
    stages = (
        StageCost(step="rag_qa", role="writer", model=model, calls=98, prompt_tokens=150_000, completion_tokens=40_000),
        StageCost(
            step="f", role="judge", model="ollama:x", calls=1049.6, prompt_tokens=1_760_000, completion_tokens=160_000
        ),
    )
    return Estimate(basis="rehearsal", asked=200, kept=200, draws=98, stages=stages)


def test_the_line_says_calls_tokens_and_money() -> None:
    line = _estimate("openai:gpt-4.1").priced(PriceTable.load()).line()
    assert line == (
        "estimate for 200 pairs: about 1,150 calls, 1.9 M tokens in, 200,000 out, 0.62 USD (ollama:x, openai:gpt-4.1)"
    )
    data = _estimate("openai:gpt-4.1").priced(PriceTable.load()).as_dict()
    assert data["total"]["cost"] == pytest.approx(0.15 * 2 + 0.04 * 8)
    assert data["per_kept"]["calls"] == pytest.approx(1147.6 / 200)


def test_an_unknown_price_is_said_and_never_taken_for_nothing() -> None:
    found = _estimate("openai:unheard-of").priced(PriceTable.load())
    assert found.cost is None
    assert "price unknown" in found.line()
    assert "no price is known for openai:unheard-of: name a file with --prices" in found.assumptions


@pytest.mark.parametrize(
    ("value", "said"), [(0, "0"), (7.4, "7"), (1149.6, "1,150"), (41_234, "41,200"), (1_913_000, "1.9 M")]
)
def test_amounts_have_three_digits(value: float, said: str) -> None:
    assert amount(value) == said


async def test_rates_of_few_pairs_are_drawn_towards_the_usual_and_widen_the_range() -> None:
    tools, _ = await _tools(roles=("writer", "judge"))
    flow = _flow(200, ["faithfulness"], {"rag_qa": 1})
    few, many = [
        await rehearse(flow, tools, 200, like=Rates(passes={"faithfulness": 0.5}, counts={"faithfulness": n}))
        for n in (6, 600)
    ]
    assert many.pass_rates["faithfulness"] == pytest.approx(0.5, abs=0.01)
    assert few.pass_rates["faithfulness"] == pytest.approx((3 * 0.9 + 6 * 0.5) / 9, abs=0.001)
    assert few.high - few.low > 1.5 * (many.high - many.low)
    assert "pass rates as in an earlier run, which made 600 pairs" in many.assumptions


async def test_values_that_seldom_pass_take_more_draws_of_a_quota() -> None:
    axes = {"languages": {"en": 1, "de": 1}, "quotas": ["language"]}
    steps = [{"scenarios": {"seed": 3, **axes}}, "rag_qa", "evidence", {"keep": {"n": 60}}]
    rates = {"rag_qa": 1, "evidence": 0.5}
    flow = compile_flow({"name": "quotas", "index": "memory", "pass_rates": rates, "steps": steps})
    tools, _ = await _tools(roles=("writer",))
    alike = await rehearse(flow, tools, 60)
    assert "the values of quotas are taken to pass alike" in alike.assumptions
    assert alike.draws == pytest.approx(60 / 3 / 0.5, rel=0.25)  # some are open when the quotas of the others fill
    unlike = Rates(values={"language": {"en": 1.8, "de": 0.2}})
    uneven = await rehearse(flow, tools, 60, like=unlike)
    assert uneven.draws == pytest.approx(30 / 0.1 / 3, rel=0.25)  # once the quota of en is filled, all ask for de


@pytest.mark.parametrize(
    ("verdict", "step"),
    [
        ("round_trip", "round_trip"),
        ("near_duplicates", "near_duplicates"),
        ("faithfulness[builtin-groundedness]", "faithfulness"),
        ("ragas-faithfulness[openai:x]", "faithfulness"),
        ("rubric-faithfulness[openai:x]", "faithfulness"),
        ("closed-book[openai:x; judge=y]", "closed_book"),
        ("rubric-my[openai:x]", "rubric"),
    ],
)
def test_a_verdict_counts_for_its_step_by_whomever_it_was_given(verdict: str, step: str) -> None:
    judges = ["round_trip", "near_duplicates", "faithfulness", "closed_book", {"rubric": {"called": "my"}}]
    flow = compile_flow({"name": "x", "index": "y", "steps": ["scenarios", "rag_qa", *judges, "keep"]})
    sample = Sample(
        id="1",
        scenario_id="s",
        payload=QAPair(question="Who?", answer="He."),
        contexts=(),
        evidence=(),
        verdicts=(Verdict(judge=verdict, version="1", passed=True),),
    )
    passing = Passing(flow.steps)
    passing.add(Draw(number=0, samples=(sample, sample.model_copy(update={"verdicts": ()}))))
    assert passing.rates().passes == {"rag_qa": 1, step: 1}
