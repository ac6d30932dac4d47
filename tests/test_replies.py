from __future__ import annotations

import time
from typing import Any

import pytest
from pydantic import BaseModel

from ragset.adapters.scripted_model import ScriptedModel
from ragset.errors import ModelError, ReplyError
from ragset.kit.replies import TypedModel, complete_typed, read_reply
from ragset.kit.shapes import ShapeError, fit
from ragset.schema.ports import Ask
from ragset.schema.samples import Message


class Pair(BaseModel):
    q: str
    a: str = ""


class Pairs(BaseModel):
    pairs: list[Pair]


class Verdict(BaseModel):
    verdict: int
    sure: bool = True


TWO = {"pairs": [{"q": "One?", "a": "1"}, {"q": "Two?", "a": "2"}]}

DIRTY: dict[str, str] = {
    "clean": '{"pairs": [{"q": "One?", "a": "1"}, {"q": "Two?", "a": "2"}]}',
    "fenced": '```json\n{"pairs": [{"q": "One?", "a": "1"}, {"q": "Two?", "a": "2"}]}\n```',
    "fenced, no language": '```\n{"pairs": [{"q": "One?", "a": "1"}, {"q": "Two?", "a": "2"}]}\n```',
    "fence left open": 'Here:\n```json\n{"pairs": [{"q": "One?", "a": "1"}, {"q": "Two?", "a": "2"}]}',
    "prose around": 'Sure! {"pairs": [{"q": "One?", "a": "1"}, {"q": "Two?", "a": "2"}]} Hope it helps.',
    "braces in prose": 'Using {x} as asked: {"pairs": [{"q": "One?", "a": "1"}, {"q": "Two?", "a": "2"}]}',
    "trailing commas": '{"pairs": [{"q": "One?", "a": "1",}, {"q": "Two?", "a": "2"},],}',
    "smart quotes": "{“pairs”: [{“q”: “One?”, “a”: “1”}, {“q”: “Two?”, “a”: “2”}]}",
    "thinking first": '<think>{"pairs": []}?</think>{"pairs": [{"q": "One?", "a": "1"}, {"q": "Two?", "a": "2"}]}',
    "byte order mark": '\ufeff{"pairs": [{"q": "One?", "a": "1"}, {"q": "Two?", "a": "2"}]}',
    "cut in the third item": '{"pairs": [{"q": "One?", "a": "1"}, {"q": "Two?", "a": "2"}, {"q": "Thr',
    "cut after a comma": '{"pairs": [{"q": "One?", "a": "1"}, {"q": "Two?", "a": "2"},',
    "cut after a key": '{"pairs": [{"q": "One?", "a": "1"}, {"q": "Two?", "a": "2"}, {"q":',
    "closing brackets missing": '{"pairs": [{"q": "One?", "a": "1"}, {"q": "Two?", "a": "2"}',
    "fenced and cut": '```json\n{"pairs": [{"q": "One?", "a": "1"}, {"q": "Two?", "a": "2"}, {"q": "',
    "answer is a bare list": '[{"q": "One?", "a": "1"}, {"q": "Two?", "a": "2"}]',
}


@pytest.mark.parametrize("raw", [v for k, v in DIRTY.items() if "bare list" not in k], ids=lambda v: v[:24])
def test_a_dirty_reply_is_read(raw: str) -> None:
    assert read_reply(raw, Pairs).model_dump() == TWO
    assert read_reply(raw, Pairs.model_json_schema()) == TWO


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ('{"pairs": {"q": "One?"}}', [("One?", "")]),  # a single object for a list
        ('{"pairs": [{"q": "a \\"b\\" c", "a": null_}]}', None),
        ('{"pairs": [{"q": "line\nbreak", "a": "tab\there"}]}', [("line\nbreak", "tab\there")]),
        ('{"pairs": [{"q": "C:\\dir", "a": "x"}]}', [("C:\\dir", "x")]),
        ('{"pairs": []}', []),
        ('{"pairs": [{"q": "brackets ] } in [ text", "a": "1",}]}', [("brackets ] } in [ text", "1")]),
    ],
)
def test_odd_contents(raw: str, wanted: list[tuple[str, str]] | None) -> None:
    if wanted is None:
        with pytest.raises(ReplyError):
            read_reply(raw, Pairs)
    else:
        assert [(p.q, p.a) for p in read_reply(raw, Pairs).pairs] == wanted


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ('{"verdict": "1", "sure": "yes"}', (1, True)),
        ('{"verdict": 1.0, "sure": False}', (1, False)),
        ('{"verdict": true}', (1, True)),
        ("{'verdict': 1}", None),
        ('{"sure": true}', None),
        ('{"verdict": "perhaps"}', None),
    ],
)
def test_values_are_converted_where_that_is_safe(raw: str, wanted: tuple[int, bool] | None) -> None:
    if wanted is None:
        with pytest.raises(ReplyError):
            read_reply(raw, Verdict)
    else:
        value = read_reply(raw, Verdict)
        assert (value.verdict, value.sure) == wanted


def test_json_lines_become_a_list() -> None:
    schema = {"type": "array", "items": Pair.model_json_schema()}
    assert read_reply('{"q": "One?"}\n{"q": "Two?"}', schema) in ([{"q": "One?"}, {"q": "Two?"}], [{"q": "One?"}])


@pytest.mark.parametrize("raw", ["", "I cannot do that.", "{", "[1, 2", '{"pairs": 5}', "null", "{" * 5000, '"' * 999])
def test_an_unreadable_reply_is_an_error_with_its_head(raw: str) -> None:
    with pytest.raises(ReplyError) as caught:
        read_reply(raw, Pairs)
    assert caught.value.head == raw.strip()[:200]
    assert "\n" not in str(caught.value)


def test_plain_text_needs_no_schema_but_is_not_empty() -> None:
    assert read_reply("  A sentence.\n", None) == "A sentence."
    with pytest.raises(ReplyError):
        read_reply("  \n", None)


def test_fit_names_the_field_at_fault() -> None:
    schema = Pairs.model_json_schema()
    with pytest.raises(ShapeError, match=r"the reply\.pairs\[1\] has no 'q'"):
        fit({"pairs": [{"q": "x"}, {"a": "y"}]}, schema)


def ask(schema: dict[str, Any] | None = None) -> Ask:
    return Ask(messages=(Message(role="user", content="Write pairs"),), reply_schema=schema, purpose="write")


async def test_a_model_is_shown_its_error_and_asked_again() -> None:
    model = ScriptedModel(["no idea", TWO])
    reply = await complete_typed(model, ask(Pairs.model_json_schema()))
    assert reply.value == TWO
    assert reply.usage.calls == 2
    again = model.asks[1]
    assert [m.role for m in again.messages] == ["user", "assistant", "user"]
    assert again.messages[1].content == "no idea"
    assert "there is no JSON in it" in again.messages[2].content
    assert again.id != model.asks[0].id


async def test_after_the_last_attempt_the_reply_is_an_error() -> None:
    model = ScriptedModel(["bad", "worse"])
    with pytest.raises(ReplyError) as caught:
        await complete_typed(model, ask(), Pairs)
    assert caught.value.head == "worse"
    assert "tried 2 times" in str(caught.value)
    assert len(model.asks) == 2


async def test_a_model_error_is_not_asked_again() -> None:
    model = ScriptedModel([ModelError("connection refused"), TWO])
    with pytest.raises(ModelError, match="connection refused"):
        await complete_typed(model, ask(), Pairs)
    assert len(model.asks) == 1


async def test_a_typed_model_completes_the_port() -> None:
    model = TypedModel(ScriptedModel([TWO], name="scripted:x"))
    reply = await model.complete(ask(Pairs.model_json_schema()))
    assert reply.value == TWO
    assert model.name == "scripted:x"


@pytest.mark.parametrize(
    "raw",
    [
        '"x"' + "[1," * 80_000,
        "[1," * 80_000,
        "x {[" + '{"a": [1], ' * 20_000,
        "x " + '{"a": "b", ' * 20 + "1, " * 80_000,
        "x" + "[" * 150 + "1, " * 80_000,
        "```" + " " * 240_000,
        "```json\n" * 30_000,
        "\n".join(['{"a":' * 3_000] * 9),
        "x " + "{}" * 120_000,
        'x [ "' * 60_000,
        "<think>" * 40_000,
        '{"pairs": ' + "[" * 900 + "]" * 900 + "}",
    ],
    ids=lambda raw: raw[:12],
)
def test_a_hostile_reply_costs_little(raw: str) -> None:
    began = time.process_time()
    for schema in (Pairs, Pairs.model_json_schema()):
        with pytest.raises(ReplyError):
            read_reply(raw, schema)
    assert time.process_time() - began < 4


def test_of_brackets_left_open_one_is_repaired_and_closed_ones_are_still_read() -> None:
    cut = 'Using [these: {"pairs": [{"q": "One?", "a": "1"}, {"q": "Two?", "a": "2"}]} as asked'
    assert read_reply(cut, Pairs).model_dump() == TWO
