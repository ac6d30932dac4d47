from __future__ import annotations

import asyncio
import json
import os
import time
from typing import Any

import pytest

from ragset.adapters import ragas_bridge
from ragset.adapters.hash_embedder import HashEmbedder
from ragset.adapters.ragas_bridge import answer_correctness, faithfulness
from ragset.adapters.scripted_model import ScriptedModel
from ragset.errors import ModelError, ReplyError
from ragset.kit.builtin_judge import BuiltinJudge
from ragset.kit.replies import TypedModel
from ragset.schema.ports import Ask, Reply


def statements(*texts: str) -> dict[str, Any]:
    return {"statements": list(texts)}


def verdicts(*values: int) -> dict[str, Any]:
    return {"statements": [{"statement": f"s{i}", "reason": "r", "verdict": v} for i, v in enumerate(values)]}


def judged(*pairs: tuple[str, int]) -> dict[str, Any]:
    return {"statements": [{"statement": text, "reason": "r", "verdict": v} for text, v in pairs]}


def classes(tp: str, fp: str, fn: str) -> dict[str, Any]:
    """Each letter is a statement."""
    return {k: [{"statement": s, "reason": "r"} for s in found] for k, found in (("TP", tp), ("FP", fp), ("FN", fn))}


def scripted(*replies: Any) -> TypedModel:
    return TypedModel(ScriptedModel(replies))


async def test_faithfulness_is_the_share_of_supported_statements() -> None:
    result = await faithfulness(scripted(statements("a", "b"), verdicts(1, 0)), "q", "a. b.", ["c"])
    assert result.score == 0.5
    assert result.usage.calls == 2
    assert result.detail.startswith("not all statements are supported: 1 of 2 statements")


async def test_verdicts_may_differ_in_case_or_paraphrase_each_statement() -> None:
    for one in (judged(("A  Cat", 1), ("b", 0)), judged(("a feline", 1), ("something else", 0))):
        assert (await faithfulness(scripted(statements("a cat", "b"), one), "q", "a", ["c"])).score == 0.5


async def test_statements_of_one_text_only_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    ragas = await ragas_bridge.load()

    asked = ragas.correctness._generate_statements

    async def one_text(self: Any, question: str, text: str) -> list[str]:
        return await asked(self, question, text) if text == "a" else [text]

    monkeypatch.setattr(ragas.correctness, "_generate_statements", one_text)
    with pytest.raises(ReplyError, match="one text only"):
        await answer_correctness(scripted(statements("a"), statements("b"), classes("a", "", "")), None, "q", "a", "b")


async def test_a_dirty_reply_costs_another_call_and_is_counted() -> None:
    result = await faithfulness(scripted("I think…", statements("a"), verdicts(1)), "q", "a", ["c"])
    assert (result.score, result.usage.calls) == (1.0, 3)


@pytest.mark.parametrize(
    ("replies", "message"),
    [
        ([statements()], "no statement"),
        ([statements("  ", "")], "no statement"),
        ([statements("a", "b"), verdicts(1)], "1 verdicts for 2 statements"),
        ([statements("a"), verdicts()], "0 verdicts for 1 statements"),
        ([statements("a"), verdicts(1, 1)], "2 verdicts for 1 statements"),
        ([statements("a", "b"), judged(("b", 1), ("a", 0))], "repeat or reorder"),
        ([statements("a", "b"), judged(("a", 1), ("a", 1))], "repeat or reorder"),
        ([statements("a", "b"), judged(("x", 1), ("x", 1))], "repeat or reorder"),
        ([statements("a"), "no", "no", "no"], "there is no JSON"),
    ],
)
async def test_traps_of_faithfulness_are_errors(replies: list[Any], message: str) -> None:
    with pytest.raises(ReplyError, match=message):
        await faithfulness(scripted(*replies, *replies[-1:] * 2), "q", "a", ["c"])


@pytest.mark.parametrize(
    ("replies", "message"),
    [
        ([statements()], "no statement"),
        ([statements("a"), statements()], "no statement"),
        ([statements("a", "b"), statements("c"), classes("a", "", "")], "classified statements"),
        ([statements("a"), statements("c"), classes("a", "", "cc")], "classified statements"),
        ([statements("a"), statements("c"), classes("xy", "", "")], "2 . 0 classified statements are not the 1 and 1"),
        ([statements("a"), statements("c"), classes("x", "", "yz")], "1 . 2 classified statements are not the 1 and 1"),
        ([statements("a"), statements("c"), classes("", "", "")], "0 . 0 classified statements are not the 1 and 1"),
        ([statements("a"), statements("c"), classes("", "x", "a")], "wrong side: .*a"),
        ([statements("a"), statements("c"), classes("", "c", "y")], "wrong side: .*c"),
        ([statements("a"), statements("c"), classes("a", "", "a")], "classified twice: .*a"),
        ([statements("a", "b"), statements("c"), classes("aa", "", "")], "classified twice: .*a"),
        ([statements("a", "b"), statements("c"), classes("x", "x", "")], "classified twice: .*x"),
        ([statements("a", "b"), statements("c", "d"), classes("x", "y", "x")], "classified twice: .*x"),
        ([statements("a"), statements("c"), "no", "no", "no"], "there is no JSON"),
        ([statements("a"), statements("c"), {"TP": [], "FP": []}, *["{}"] * 2], "cannot be read"),
    ],
)
async def test_traps_of_answer_correctness_are_errors(replies: list[Any], message: str) -> None:
    with pytest.raises(ReplyError, match=message):
        await answer_correctness(scripted(*replies, *replies[-1:] * 2), None, "q", "a", "b")


async def test_answer_correctness_is_f1_and_may_weigh_the_cosine() -> None:
    replies = (statements("a", "b"), statements("a", "c"), classes("A", "b", "c"))
    facts = await answer_correctness(scripted(*replies), None, "q", "one text", "another text")
    assert facts.score == pytest.approx(0.5)
    assert facts.usage.calls == 3
    both = await answer_correctness(scripted(*replies), HashEmbedder(), "q", "one text", "one text")
    assert both.score == pytest.approx(0.75 * 0.5 + 0.25 * 1.0, abs=1e-6)


@pytest.mark.parametrize(
    ("found", "score"),
    [
        (classes("xy", "", ""), 1.0),  # both paraphrased
        (classes("ax", "", ""), 1.0),  # one repeated, one paraphrased
        (classes("c", "b", "d"), 0.5),  # the shared one worded as the reference has it
        (classes("", "xy", "zw"), 0.0),
    ],
)
async def test_a_classification_may_paraphrase_when_the_counts_agree(found: dict[str, Any], score: float) -> None:
    replies = (statements("a", "b"), statements("c", "d"), found)
    assert (await answer_correctness(scripted(*replies), None, "q", "one", "two")).score == pytest.approx(score)


class Slow(ScriptedModel):
    """A model that counts how many asks are open."""

    open, most = 0, 0

    async def complete(self, ask: Ask) -> Reply:
        self.open += 1
        self.most = max(self.most, self.open)
        await asyncio.sleep(0.05)
        self.open -= 1
        return await super().complete(ask)


def by_kind(ask: Ask) -> dict[str, Any]:
    assert ask.reply_schema is not None
    return classes("a", "", "") if "TP" in ask.reply_schema["properties"] else statements("a")


class Cut(ScriptedModel):
    """A model whose first reply ends at the longest reply allowed."""

    async def complete(self, ask: Ask) -> Reply:
        first = not self.asks
        reply = await super().complete(ask)
        return reply.model_copy(update={"finish": "length"}) if first else reply


async def test_a_reply_that_leaves_statements_out_is_asked_for_again() -> None:
    some = scripted(statements("a", "b"), verdicts(1), verdicts(1, 0))
    assert (await faithfulness(some, "q", "a. b.", ["c"])).score == 0.5
    some = scripted(statements("a"), statements("b"), classes("", "", "b"), classes("a", "", "b"))
    assert (await answer_correctness(some, None, "q", "a", "b")).usage.calls == 4
    cut = TypedModel(Cut([statements("a"), statements("a", "b"), verdicts(1, 0)]))
    assert (await faithfulness(cut, "q", "a. b.", ["c"])).score == 0.5


async def test_the_statements_of_both_texts_are_asked_for_at_once() -> None:
    model = Slow(by_kind)
    result = await answer_correctness(TypedModel(model), None, "q", "one text", "another")
    assert (result.score, result.usage.calls, model.most) == (1.0, 3, 2)


async def test_equal_texts_are_taken_apart_once() -> None:
    result = await answer_correctness(TypedModel(ScriptedModel(by_kind)), None, "q", "a text", "a text")
    assert (result.score, result.usage.calls) == (1.0, 2)


async def test_an_error_in_one_of_both_waits_for_the_other() -> None:
    model = Slow([ModelError("broken"), statements("b")])
    with pytest.raises(ModelError, match="broken"):
        await answer_correctness(TypedModel(model), None, "q", "one", "two")
    assert (len(model.asks), model.open) == (2, 0)


async def test_prompts_are_the_very_text_that_ragas_renders() -> None:
    ragas = await ragas_bridge.load()
    model = ScriptedModel(by_kind)
    texts = ("one text", 'with "quotes", {braces}\nand lines', "one text", "")
    for text in texts:
        plain = ragas.correctness(
            llm=ragas.model(model, ragas_bridge._Record(), "p", lambda *_: None), weights=[1.0, 0.0]
        )
        given = ragas.text(question="q", answer=text)
        own = plain.statement_generator_prompt.to_string(given)
        assert ragas_bridge._with_prompts(plain).statement_generator_prompt.to_string(given) == own


async def test_every_ask_carries_its_schema_and_a_reply_in_any_wrapping_is_read() -> None:
    wrapped = (f"```json\n{json.dumps(statements('a'))}\n```", json.dumps(json.dumps(verdicts(1))))
    model = ScriptedModel(wrapped)
    assert (await faithfulness(TypedModel(model), "q", "a", ["c"])).score == 1.0
    assert [set((ask.reply_schema or {})["properties"]) for ask in model.asks] == [{"statements"}] * 2


async def test_a_model_that_cannot_be_reached_is_no_score() -> None:
    with pytest.raises(ModelError, match="offline"):
        await faithfulness(scripted(ModelError("offline")), "q", "a", ["c"])


async def test_nan_is_no_score(monkeypatch: pytest.MonkeyPatch) -> None:
    ragas = await ragas_bridge.load()
    monkeypatch.setattr(ragas.faithfulness, "_compute_score", lambda self, verdicts: float("nan"))
    with pytest.raises(ReplyError, match="not a number"):
        await faithfulness(scripted(statements("a"), verdicts(1)), "q", "a", ["c"])


async def test_tracking_is_off() -> None:
    await ragas_bridge.load()
    from ragas._analytics import do_not_track

    assert os.environ["RAGAS_DO_NOT_TRACK"] == "true"
    assert do_not_track()


async def test_scores_at_once_do_not_mix_and_do_not_block() -> None:
    await ragas_bridge.load()
    judge = BuiltinJudge()

    async def one(at: int) -> float:
        result = await faithfulness(
            judge, "How many?", f"There are {at} boats. The sea is red.", [f"There are {at} boats."]
        )
        return result.score

    began = time.perf_counter()
    scores = await asyncio.gather(*(one(at) for at in range(100)))
    assert scores == [0.5] * 100
    assert time.perf_counter() - began < 30
