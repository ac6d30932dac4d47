from __future__ import annotations

import asyncio
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
    assert result.detail.startswith("1 of 2 statements supported")


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
        await answer_correctness(scripted(statements("a"), classes("a", "", "")), None, "q", "a", "b")


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
        ([statements("a"), "no", "no"], "there is no JSON"),
    ],
)
async def test_traps_of_faithfulness_are_errors(replies: list[Any], message: str) -> None:
    with pytest.raises(ReplyError, match=message):
        await faithfulness(scripted(*replies), "q", "a", ["c"])


@pytest.mark.parametrize(
    ("replies", "message"),
    [
        ([statements()], "no statement"),
        ([statements("a"), statements()], "no statement"),
        ([statements("a", "b"), statements("c"), classes("a", "", "")], "classified statements"),
        ([statements("a"), statements("c"), classes("a", "", "cc")], "classified statements"),
        ([statements("a"), statements("c"), classes("x", "", "")], "classified statements are not .*x"),
        ([statements("a"), statements("c"), classes("a", "", "a")], "classified statements are not .*a"),
        ([statements("a", "b"), statements("c"), classes("aa", "", "")], "classified statements"),
    ],
)
async def test_traps_of_answer_correctness_are_errors(replies: list[Any], message: str) -> None:
    with pytest.raises(ReplyError, match=message):
        await answer_correctness(scripted(*replies), None, "q", "a", "b")


async def test_answer_correctness_is_f1_and_may_weigh_the_cosine() -> None:
    replies = (statements("a", "b"), statements("a", "c"), classes("A", "b", "c"))
    facts = await answer_correctness(scripted(*replies), None, "q", "one text", "another text")
    assert facts.score == pytest.approx(0.5)
    assert facts.usage.calls == 3
    both = await answer_correctness(scripted(*replies), HashEmbedder(), "q", "one text", "one text")
    assert both.score == pytest.approx(0.75 * 0.5 + 0.25 * 1.0, abs=1e-6)


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
