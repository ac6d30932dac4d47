from __future__ import annotations

import json
import time
from typing import Any

import pytest
from pydantic import BaseModel

from ragset.adapters.scripted_model import ScriptedModel
from ragset.errors import ContextError, ModelError, ReplyError
from ragset.kit.replies import ATTEMPTS, TypedModel, complete_typed, read_reply
from ragset.kit.shapes import ShapeError, fit
from ragset.schema.ports import Ask, Reply
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
    "prose and trailing commas": 'Here: {"pairs": [{"q": "One?", "a": "1",}, {"q": "Two?", "a": "2",},],} Done.',
    "smart quotes in a fence": "```json\n{“pairs”: [{“q”: “One?”, “a”: “1”}, {“q”: “Two?”, “a”: “2”}]}\n```",
    "thinking, its opening tag in the prompt": 'I try {"pairs": []}.</think>' + json.dumps(TWO),
    "a bare list": '[{"q": "One?", "a": "1"}, {"q": "Two?", "a": "2"}]',
    "a bare list, cut": '[{"q": "One?", "a": "1"}, {"q": "Two?", "a": "2"}, {"q": "Th',
    "encoded twice": json.dumps(json.dumps(TWO)),
    "encoded three times": json.dumps(json.dumps(json.dumps(TWO))),
    "encoded twice, fenced": f"```json\n{json.dumps(json.dumps(TWO))}\n```",
    "one field encoded twice": json.dumps({"pairs": json.dumps(TWO["pairs"])}),
    "wrapped": json.dumps({"result": TWO}),
    "wrapped, with news": json.dumps({"status": "ok", "result": TWO, "used": {"tokens": 9}}),
    "wrapped twice": json.dumps({"data": {"reply": TWO}}),
    "wrapped and encoded twice": json.dumps({"result": json.dumps(TWO)}),
    "the list under another name": json.dumps({"data": TWO["pairs"]}),
    "the list under another name, with news": json.dumps({"data": TWO["pairs"], "count": 2}),
    "in a list of one": json.dumps([TWO]),
}


@pytest.mark.parametrize("raw", DIRTY.values(), ids=DIRTY.keys())
def test_a_dirty_reply_is_read(raw: str) -> None:
    assert read_reply(raw, Pairs).model_dump() == TWO
    assert read_reply(raw, Pairs.model_json_schema()) == TWO


@pytest.mark.parametrize(
    "raw",
    [
        '{"data": []}',
        "[]",
        '{"questions": ["One?", "Two?"]}',
        json.dumps({"first": TWO, "second": TWO}),
        json.dumps({"a": TWO["pairs"], "b": TWO["pairs"]}),
        json.dumps([TWO, TWO]),
        json.dumps({"a": {"b": {"c": {"d": TWO}}}}),
        '{"error": "too long"}',
        "{}",
    ],
)
def test_a_wrongly_keyed_reply_without_one_reading_is_refused(raw: str) -> None:
    for schema in (Pairs, Pairs.model_json_schema()):
        with pytest.raises(ReplyError):
            read_reply(raw, schema)


class Loose(BaseModel):
    pairs: list[Any] = []


def test_fields_left_at_their_defaults_by_wrong_keys_are_no_reply() -> None:
    shape = Pairs.model_json_schema()
    assert read_reply(json.dumps({"result": TWO}), Loose, shape).model_dump() == TWO
    assert read_reply('{"pairs": []}', Loose, shape).pairs == []
    for raw in ('{"result": {"other": 1}}', '{"items": ["x"]}', "{}", '["x"]'):
        with pytest.raises(ReplyError):
            read_reply(raw, Loose, shape)


def test_one_item_stands_for_a_list_of_one() -> None:
    for raw in ('{"q": "One?"}', '{"pairs": {"q": "One?"}}', '{"result": {"q": "One?"}}'):
        assert read_reply(raw, Pairs).model_dump() == {"pairs": [{"q": "One?", "a": ""}]}


class Score(BaseModel):
    score: float | None
    why: str = ""


@pytest.mark.parametrize("raw", ["NaN", "Infinity", "-Infinity", "1e999", '"NaN"'])
def test_what_is_no_number_is_no_score(raw: str) -> None:
    schema = {"type": "object", "properties": {"score": {"type": "number"}}, "required": ["score"]}
    with pytest.raises(ReplyError):
        read_reply(f'{{"score": {raw}}}', schema)


async def test_a_reply_that_its_check_refuses_is_asked_for_again() -> None:
    def check(reply: Reply) -> None:
        if len(reply.value["pairs"]) < 2:
            raise ReplyError("one pair of two")

    model = ScriptedModel([{"pairs": TWO["pairs"][:1]}, TWO])
    asked = ask(Pairs.model_json_schema()).model_copy(update={"check": check})
    assert (await complete_typed(model, asked)).value == TWO
    assert "one pair of two" in model.asks[1].messages[-1].content
    with pytest.raises(ReplyError, match="one pair of two; tried 3 times"):
        await complete_typed(ScriptedModel([{"pairs": []}] * 3), asked)


@pytest.mark.parametrize("raw", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_nan_is_not_read_as_nothing_either(raw: str) -> None:
    for text in (f'{{"score": {raw}, "why": "x"}}', f'```json\n{{"score": 1, "why": "x", "more": [{raw}],}}\n```'):
        with pytest.raises(ReplyError, match="which is no number"):
            read_reply(text, Score)


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
    model = ScriptedModel(["bad", "worse", "worst", TWO])
    with pytest.raises(ReplyError) as caught:
        await complete_typed(model, ask(), Pairs)
    assert caught.value.head == "worst"
    assert f"tried {ATTEMPTS} times" in str(caught.value)
    assert len(model.asks) == len({a.id for a in model.asks}) == ATTEMPTS == 3


async def test_an_empty_reply_is_asked_for_again() -> None:
    model = ScriptedModel(["", "  \n", TWO])
    reply = await complete_typed(model, ask(), Pairs)
    assert reply.value.model_dump() == TWO
    assert reply.usage.calls == 3
    assert "the reply is empty" in model.asks[1].messages[-1].content
    assert len({a.id for a in model.asks}) == 3


class Cut(ScriptedModel):
    """A model that stops at the longest reply allowed."""

    async def complete(self, ask: Ask) -> Reply:
        return (await super().complete(ask)).model_copy(update={"finish": "length"})


async def test_a_reply_cut_off_says_what_to_raise_and_a_list_keeps_its_whole_items() -> None:
    with pytest.raises(ReplyError, match=r"cut off.*raise max_tokens"):
        await complete_typed(Cut(["thinking about"] * 3), ask(), Pairs)
    reply = await complete_typed(Cut([json.dumps(TWO)[:-9]]), ask(), Pairs)
    assert reply.value.model_dump() == {"pairs": TWO["pairs"][:1]}


async def test_a_draft_in_thoughts_that_were_cut_off_is_no_reply() -> None:
    drafts = '<think>I could write {"pairs": [{"q": "Draft?", "a": "1"}]} but'
    with pytest.raises(ReplyError, match=r"cut off.*raise max_tokens"):
        await complete_typed(Cut([drafts] * 3), ask(), Pairs)


async def test_a_runaway_reply_is_shown_to_the_model_in_part() -> None:
    model = ScriptedModel(["word " * 20_000, TWO])
    await complete_typed(model, ask(), Pairs)
    assert len(model.asks[1].messages[1].content) < 5_000


async def test_an_error_that_does_not_fit_the_context_leaves_the_first_one_to_be_told() -> None:
    with pytest.raises(ReplyError, match="no JSON in it; tried once"):
        await complete_typed(ScriptedModel(["bad", ContextError("too long")]), ask(), Pairs)
    with pytest.raises(ContextError):
        await complete_typed(ScriptedModel([ContextError("too long")]), ask(), Pairs)


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
