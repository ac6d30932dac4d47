from __future__ import annotations

from typing import Any

import pytest

from conftest import make_sample
from ragset.adapters.scripted_model import ScriptedModel
from ragset.judges.closed_book import ClosedBook
from ragset.schema.samples import Draw, QAPair, Sample
from ragset.schema.step import Tools

ANSWERS = ("In 1789.", "By twelve metres.", "The harbour master.")


def samples() -> tuple[Sample, ...]:
    return tuple(
        make_sample(at).model_copy(update={"payload": QAPair(question=f"What is thing {at}?", answer=answer)})
        for at, answer in enumerate(ANSWERS)
    )


def recalled(*given: str | None) -> dict[str, Any]:
    return {"recalled": [{"question": at, "answer": text} for at, text in enumerate(given, 1)]}


async def judged(step: ClosedBook, *given: str | None, **models: Any) -> tuple[tuple[Sample, ...], ScriptedModel]:
    model = ScriptedModel([recalled(*given)], name="m:answerer")
    kit = Tools(models={"answerer": model, **models})
    return (await step.apply(Draw(number=0, samples=samples()), kit)).samples, model


async def test_what_is_known_without_the_context_is_labelled_and_measured() -> None:
    done, model = await judged(ClosedBook(), "In 1789.", "By thirty miles.", None)
    assert [(s.labels, s.measures["closed_book"], s.status) for s in done] == [
        (("closed_book",), 1, "open"),
        ((), 0, "open"),
        ((), 0, "open"),
    ]
    assert [s.verdicts[0].passed for s in done] == [True, True, True]
    assert {s.verdicts[0].score for s in done} == {None}
    assert done[0].verdicts[0].judge == "closed-book[m:answerer; judge=builtin-rules]"
    assert done[0].verdicts[0].reason.startswith("known without its context; threshold 0.9; the answer given is")
    assert done[2].verdicts[0].reason == "not known without its context: no answer was given"
    shown = "\n".join(m.content for m in model.asks[0].messages)
    assert len(model.asks) == 1
    assert not any(text in shown for text in (*ANSWERS, "Chunk 0"))


async def test_a_flow_may_drop_it() -> None:
    done, _ = await judged(ClosedBook(drop=True), "In 1789.", "By thirty miles.", None)
    assert [(s.status, s.labels) for s in done] == [("rejected", ("closed_book",)), ("open", ()), ("open", ())]


async def test_a_judge_model_compares_the_rest_in_one_call_and_may_be_unsure() -> None:
    entry = {"reason": "r", "score": 1, "sure": True}
    replies = {"scores": [{"pair": 1, **entry}, {"pair": 2, "reason": "?", "score": None, "sure": False}]}
    judge = ScriptedModel([replies], name="m:judge")
    done, _ = await judged(ClosedBook(cheap_tier=False), "1789", "deep", None, judge=judge)
    assert [(s.verdicts[0].passed, s.labels) for s in done] == [(True, ("closed_book",)), (None, ()), (True, ())]
    assert "closed_book" not in done[1].measures
    assert done[0].verdicts[0].judge == "closed-book[m:answerer; judge=m:judge]"
    shown = judge.asks[0].messages[-1].content
    assert "Reference answer: In 1789.\nGiven answer: 1789" in shown
    assert len(judge.asks) == 1


async def test_alone_each_is_compared_in_a_call_of_its_own() -> None:
    one = {"scores": [{"pair": 1, "reason": "r", "score": 0, "sure": True}]}
    judge = ScriptedModel([one, "?", "?", "?"], name="m:judge")
    done, _ = await judged(ClosedBook(cheap_tier=False, together=False), "x", "y", None, judge=judge)
    assert [s.status for s in done] == ["open", "failed", "open"]
    assert done[0].measures["closed_book"] == 0


async def test_without_a_model_or_an_answer_it_abstains() -> None:
    done = (await ClosedBook().apply(Draw(number=0, samples=samples()), Tools())).samples
    assert {(s.verdicts[0].passed, s.verdicts[0].reason) for s in done} == {(None, "no model to ask")}
    none = make_sample(0).model_copy(update={"payload": QAPair(question="Q?", answer=None, answerable=False)})
    model = ScriptedModel([])
    (done,) = (await ClosedBook().apply(Draw(number=0, samples=(none,)), Tools(models={"answerer": model}))).samples
    assert (done.verdicts[0].passed, model.asks) == (None, [])


@pytest.mark.parametrize("language", ["de", "Russian"])
async def test_the_rules_compare_no_other_language(language: str) -> None:
    one = samples()[0].model_copy(update={"axes": {"language": language}})
    model = ScriptedModel([])
    (done,) = (await ClosedBook().apply(Draw(number=0, samples=(one,)), Tools(models={"answerer": model}))).samples
    assert done.verdicts[0].passed is None
    assert language in done.verdicts[0].reason
