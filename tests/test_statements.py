"""Answers that are one plain statement: which they are, and that no model is asked to split them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ragset.adapters import ragas_bridge
from ragset.adapters.scripted_model import ScriptedModel
from ragset.kit.replies import TypedModel
from ragset.kit.statements import PlainStatements, one_statement
from ragset.schema.ports import Ask

QUESTION = "How long is the Ivelgate Bridge?"


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (QUESTION, "The Ivelgate Bridge is 139 metres long."),
        ("Who designed the Ostquay Viaduct?", "The Ostquay Viaduct was designed by Greta Svensson."),
        ("What does the relief valve do?", "The relief valve opens at 3 bar."),
    ],
)
def test_plain_sentences_are_one_statement(question: str, answer: str) -> None:
    assert one_statement(question, answer)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (QUESTION, "139 metres"),  # says nothing without its question
        (QUESTION, "It is 139 metres long."),
        (QUESTION, "The bridge is 139 metres long."),  # which one stands in the question only
        (QUESTION, "The Ivelgate Bridge is 139 metres long and 12 metres wide."),
        (QUESTION, "The Ivelgate Bridge, a toll bridge, is 139 metres long."),
        (QUESTION, "The Ivelgate Bridge is 139 metres long. The Ivelgate Bridge is wide."),
        (QUESTION, "The Ivelgate Bridge is 139 metres long because the Ivelgate valley is wide."),
        (QUESTION, ""),
        ("", "The Ivelgate Bridge is 139 metres long."),
    ],
)
def test_what_claims_more_or_leans_on_something_is_split_by_the_model(question: str, answer: str) -> None:
    assert not one_statement(question, answer)


def test_only_the_verdicts_are_asked_about_a_plain_answer() -> None:
    asked: list[str] = []

    def reply(ask: Ask) -> dict[str, Any]:
        asked.append((ask.reply_schema or {})["title"])
        return {"statements": [{"statement": "The Ivelgate Bridge is 139 metres long.", "reason": "so", "verdict": 0}]}

    model = PlainStatements(TypedModel(ScriptedModel(reply)))
    found = asyncio.run(
        ragas_bridge.faithfulness(model, QUESTION, "The Ivelgate Bridge is 139 metres long.", ["It has two piers."])
    )
    assert (asked, found.score, found.usage.calls) == (["NLIStatementOutput"], 0.0, 1)


def test_an_answer_of_two_claims_is_split_by_the_model() -> None:
    calls: list[str] = []

    def reply(ask: Ask) -> dict[str, Any]:
        calls.append(ask.purpose)
        if len(calls) == 1:
            return {"statements": ["The bridge is long.", "The bridge is wide."]}
        rows = [{"statement": s, "reason": "so", "verdict": 1} for s in ("The bridge is long.", "The bridge is wide.")]
        return {"statements": rows}

    answer = "The Ivelgate Bridge is 139 metres long and 12 metres wide."
    found = asyncio.run(
        ragas_bridge.faithfulness(PlainStatements(TypedModel(ScriptedModel(reply))), QUESTION, answer, ["x"])
    )
    assert (len(calls), found.score) == (2, 1.0)
