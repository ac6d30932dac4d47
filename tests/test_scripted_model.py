from __future__ import annotations

import pytest

from ragset.adapters.scripted_model import ScriptedModel
from ragset.errors import ModelError
from ragset.schema.ports import Ask, LanguageModel
from ragset.schema.samples import Message


def ask(text: str) -> Ask:
    return Ask(messages=(Message(role="user", content=text),))


async def test_replies_come_in_order_and_asks_are_recorded() -> None:
    model = ScriptedModel(["first", {"n": 2}])
    assert isinstance(model, LanguageModel)
    assert (await model.complete(ask("a b"))).raw == "first"
    reply = await model.complete(ask("c"))
    assert reply.raw == '{"n": 2}'
    assert (reply.usage.calls, reply.usage.prompt_tokens) == (1, 1)
    assert [a.messages[0].content for a in model.asks] == ["a b", "c"]


async def test_errors_are_raised_and_an_empty_script_is_one() -> None:
    model = ScriptedModel([ModelError("offline")])
    with pytest.raises(ModelError, match="offline"):
        await model.complete(ask("x"))
    with pytest.raises(ModelError, match="no reply is left"):
        await model.complete(ask("x"))
    model.enqueue("late")
    assert (await model.complete(ask("x"))).value == "late"


async def test_a_function_may_answer() -> None:
    model = ScriptedModel(lambda a: a.messages[-1].content.upper(), name="shout")
    assert (await model.complete(ask("hey"))).raw == "HEY"
    assert model.fingerprint != ScriptedModel([], name="other").fingerprint
