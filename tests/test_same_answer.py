"""Same answer: the built-in equivalence decides what its shipped band is sure of, the judge model all else."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ragset.adapters.scripted_model import ScriptedModel
from ragset.errors import ModelError, ReplyError
from ragset.kit.calibration_file import shipped_calibration
from ragset.kit.equivalence import NAME, equivalence
from ragset.kit.same_answer import Agreement, agreements, rules
from ragset.schema.ports import Ask
from ragset.schema.samples import QAPair, Sample
from ragset.schema.step import Tools

BORN = ("Where was Olga Berg born?", "In Oslo")
CHEAPER = ("Which way to Aber is the cheaper one, ferry or bus?", "the bus")
OLDER = ("Which is older, the Eiffel Tower or the Statue of Liberty?", "The Statue of Liberty is older.")
BOTH = ("Do ferry and bus run on Sundays, or one of them?", "Both")
SHORTER = ("Is the archive kept for less time than the mailbox?", "No.")
LONGER = ("Is the archive kept longer than the mailbox?", "Yes")


def given(asked: tuple[str, str], text: str, language: str = "") -> tuple[Sample, str]:
    pair, axes = QAPair(question=asked[0], answer=asked[1]), {"language": language} if language else {}
    return Sample(id=text, scenario_id="x", payload=pair, contexts=(), evidence=(), axes=axes), text


def judge(score: float = 1) -> ScriptedModel:
    def reply(ask: Ask) -> dict[str, Any]:
        count = len(re.findall(r"^Pair \d", ask.messages[-1].content, re.MULTILINE))
        entry = {"criterion": "equivalence", "reason": "r", "score": score, "sure": True}
        return {"scores": [{"pair": n, **entry} for n in range(1, count + 1)]}

    return ScriptedModel(reply, name="scripted:judge")


@pytest.mark.parametrize(
    ("asked", "text", "same"),
    [
        (BORN, "She was born in Oslo.", True),
        (BORN, "Bergen", None),
        (BORN, "The passages do not say.", None),
        (CHEAPER, "It is the bus.", True),
        (CHEAPER, "The ferry.", None),
        (CHEAPER, "Which is cheaper, ferry or bus, is not said.", None),
        (OLDER, "The Statue of Liberty", True),
        (OLDER, "the Statue of Liberty is older", True),
        (OLDER, "The Eiffel Tower is older.", None),
        (OLDER, "The Eiffel Tower is older than the Statue of Liberty.", None),
        (BOTH, "both", True),
        (BOTH, "both of them may or may not", None),
        (LONGER, "Yes.", True),
        (LONGER, "Yes, it is kept longer.", True),
        (LONGER, "Yes it is", True),
        (LONGER, "No.", None),
        (LONGER, "It cannot be said yes or no.", None),
        (SHORTER, "No.", True),
        (SHORTER, "No, it is not.", True),
        (SHORTER, "No information about the mailbox is given.", None),
        (SHORTER, "No one knows.", None),
        (SHORTER, "Yes.", None),
    ],
)
async def test_without_a_judge_only_what_is_sure_is_decided(
    asked: tuple[str, str], text: str, same: bool | None
) -> None:
    (found,) = await agreements([given(asked, text)], Tools())
    assert isinstance(found, Agreement)
    assert (found.same, found.by, found.usage.calls) == (same, "the rules", 0)
    assert found.score == equivalence(asked[0], (asked[1],), text).score
    if same:
        assert shipped_calibration(NAME).decide(found.score)


async def test_what_is_not_sure_is_one_call() -> None:
    model = judge(0)
    some = [given(BORN, "In Oslo."), given(CHEAPER, "The ferry."), given(BORN, "Bergen")]
    found = await agreements([*some, given(BORN, "In Oslo", "de")], Tools(models={"judge": model}))
    assert [one.same for one in found if isinstance(one, Agreement)] == [True, False, False, False]
    assert [one.by for one in found if isinstance(one, Agreement)] == ["the rules", *["scripted:judge"] * 3]
    assert sum(one.usage.calls for one in found if isinstance(one, Agreement)) == len(model.asks) == 1
    assert await agreements([], Tools(models={"judge": model})) == []


async def test_a_reply_that_cannot_be_read_is_an_error_in_its_place() -> None:
    model = ScriptedModel(lambda ask: "?", name="scripted:judge")
    found = await agreements([given(BORN, "In Oslo."), given(BORN, "Bergen")], Tools(models={"judge": model}))
    assert [type(one) for one in found] == [Agreement, ReplyError]
    assert issubclass(ReplyError, ModelError)


def test_what_decides_is_in_the_fingerprint() -> None:
    assert rules(Tools()) == rules(Tools())
    assert rules(Tools()) != rules(Tools(models={"judge": judge()}))
    assert shipped_calibration(NAME).to_yaml() in rules(Tools())
