"""A judge that breaks makes a failure in the report, never a score: every judge that asks a model, every way to break.

A judge that asks a model has a row in ``ROWS`` for each role it asks. Add rows for new ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from memory_store import MemoryStore
from ragset.adapters.hash_embedder import HashEmbedder
from ragset.errors import ModelError
from ragset.flow.keep import Keep
from ragset.flow.report import Report
from ragset.judges.answer_correctness import AnswerCorrectness
from ragset.judges.closed_book import ClosedBook
from ragset.judges.faithfulness import Faithfulness
from ragset.judges.rubric import RubricJudge
from ragset.kit.judging import Judge
from ragset.kit.rehearsal import Rehearsal
from ragset.schema.ports import Ask, Reply
from ragset.schema.samples import Context, Draw, QAPair, Sample
from ragset.schema.step import Tools
from support.faults import garbled

BAY = "The tides of the bay rise by twelve metres. They turn every six hours. The pier is 300 metres long."
PAIRS = (
    ("How far do the tides of the bay rise?", "By twelve metres. They turn every six hours."),
    ("How long is the pier?", "The pier is 300 metres long."),
    ("How often do they turn?", "The tides turn every six hours."),
)


class Knowing(Rehearsal):
    """The stand-in, which has learnt something: without passages it gives an answer that must be compared."""

    def answer(self, ask: Ask) -> str:
        value = json.loads(super().answer(ask))
        for entry in value.get("recalled", ()):
            entry["answer"] = "It is about as deep as the sea."
        return json.dumps(value)


class Broken(Knowing):
    """A model whose every reply is broken in one way."""

    def __init__(self, way: Callable[[str], str]) -> None:
        super().__init__(name="m:broken")
        self._way, self.asked = way, 0

    async def complete(self, ask: Ask) -> Reply:
        self.asked += 1
        raw = self._way(self.answer(ask))
        return Reply(value=raw, raw=raw)


def crash(raw: str) -> str:
    raise ZeroDivisionError("division by zero")


def offline(raw: str) -> str:
    raise ModelError("the server does not answer", where="m:broken")


def time_out(raw: str) -> str:
    raise TimeoutError


def fewer(raw: str) -> str:
    """Leave out the last entry of every list of entries; ragas' statements stay, their verdicts do not."""
    value = json.loads(raw)
    lists = {key: found for key, found in value.items() if found and isinstance(found, list)}
    return json.dumps({**value, **{k: f[:-1] for k, f in lists.items() if isinstance(f[0], dict)}})


def more(raw: str) -> str:
    """Give the first entry of every list of entries twice."""
    value = json.loads(raw)
    lists = {key: found for key, found in value.items() if found and isinstance(found, list)}
    return json.dumps({**value, **{k: [f[0], *f] for k, f in lists.items() if isinstance(f[0], dict)}})


def empty(raw: str) -> str:
    """Give no entry at all: no statement, no verdict, no score."""
    return json.dumps({key: [] if isinstance(found, list) else found for key, found in json.loads(raw).items()})


def not_a_number(raw: str) -> str:
    return garbled("nan", raw)


WAYS = (crash, offline, time_out, fewer, more, empty, not_a_number)

ROWS = {
    "faithfulness": (Faithfulness(cheap_tier=False), "judge"),
    "faithfulness together": (Faithfulness(cheap_tier=False, together=True), "judge"),
    "answer_correctness": (AnswerCorrectness(cheap_tier=False), "judge"),
    "answer_correctness together": (AnswerCorrectness(cheap_tier=False, together=True), "judge"),
    "answer_correctness, the answers": (AnswerCorrectness(cheap_tier=False), "answerer"),
    "closed_book": (ClosedBook(cheap_tier=False), "judge"),
    "closed_book alone": (ClosedBook(cheap_tier=False, together=False), "judge"),
    "closed_book, the answers": (ClosedBook(), "answerer"),
    "rubric": (RubricJudge(), "judge"),
    "rubric of several aspects": (RubricJudge(aspects=("helpfulness", "honesty")), "judge"),
    "rubric alone": (RubricJudge(together=False), "judge"),
}

MENDED = {
    ("answer_correctness, the answers", fewer): 0,  # what one reply leaves out is asked alone, and that reply is whole
    ("answer_correctness, the answers", more): 0,  # so is all, where it cannot be told what belongs to what
    ("answer_correctness, the answers", empty): 0,
    ("closed_book, the answers", fewer): 1,  # the one that is left out is left out again
}
"""What asking again mends, and how many samples fail all the same: answers that are there are no claim of a judge."""


async def tools(role: str, way: Callable[[str], str]) -> tuple[Tools, Broken]:
    embedder, broken = HashEmbedder(512), Broken(way)
    models: dict[Any, Any] = {"writer": Rehearsal(), "answerer": Knowing(), "judge": Rehearsal(), role: broken}
    return Tools(_store=await MemoryStore.of({"bay.txt": BAY}, embedder), _embedder=embedder, models=models), broken


def draw(kit: Tools) -> Draw:
    context = Context.of(kit.store.chunks("bay.txt")[0])
    samples = (
        Sample(id=f"s{at}", scenario_id="x", payload=QAPair(question=q, answer=a), contexts=(context,), evidence=())
        for at, (q, a) in enumerate(PAIRS)
    )
    return Draw(number=0, samples=tuple(samples))


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("row", ROWS)
async def test_what_breaks_in_a_judge_is_a_failure_in_the_report_never_a_score(
    row: str, way: Callable[[str], str]
) -> None:
    judge, role = ROWS[row]
    kit, model = await tools(role, way)
    done = await judge.apply(draw(kit), kit)
    assert model.asked
    failing = MENDED.get((row, way), len(PAIRS))
    assert sum(sample.status == "failed" for sample in done.samples) == failing
    for sample in (sample for sample in done.samples if sample.failure or failing == len(PAIRS)):
        assert (sample.status, sample.verdicts, sample.labels) == ("failed", (), ())
        assert sample.failure is not None
        assert (sample.failure.step, bool(sample.failure.message)) == (judge.name, True)
        assert "\n" not in sample.failure.message
        assert not any(isinstance(value, float) for value in sample.measures.values())
    report = Report(asked=None)
    report.add(Keep().begin(kit).feed(done, None))
    found = report.as_dict()
    assert found["samples"]["failed"] == sum(found["failures"].values()) == failing
    assert sum(sum(gate.values()) for gate in found["gates"].values()) == len(PAIRS) - failing


@pytest.mark.parametrize("row", ROWS)
async def test_the_same_judge_with_whole_replies_gives_verdicts(row: str) -> None:
    judge, role = ROWS[row]
    kit, _ = await tools(role, str)
    done = await judge.apply(draw(kit), kit)
    assert all(sample.verdicts and sample.failure is None for sample in done.samples)


class Crashing(Judge):
    """A judge of one's own that divides by zero."""

    name = "crashing"  # type: ignore[misc]

    async def judge(self, sample: Sample, tools: Tools) -> Sample:
        return sample.judged(self.verdict(True, 1 / 0))


async def test_any_other_judge_that_breaks_is_a_failure_too() -> None:
    kit, _ = await tools("judge", str)
    done = await Crashing().apply(draw(kit), kit)
    assert {(s.status, s.failure.error) for s in done.samples if s.failure} == {("failed", "ZeroDivisionError")}
