from __future__ import annotations

import re
from typing import Any

import pytest

from ragset.adapters.scripted_model import ScriptedModel
from ragset.errors import ContextError, ModelError
from ragset.kit.answering import Answer
from ragset.kit.answering_together import answers, recall
from ragset.kit.rehearsal import Rehearsal
from ragset.kit.siblings import apart, check_numbers, gives_away, pooled
from ragset.schema.documents import Chunk
from ragset.schema.ports import Ask, Hit, Reply
from ragset.schema.samples import Message, QAPair
from ragset.schema.step import Tools

PAIRS = (
    QAPair(question="How far do the tides rise?", answer="By twelve metres."),
    QAPair(question="How long is the pier?", answer="300 metres."),
    QAPair(question="Who keeps the light?", answer="The harbour master."),
)


def hit(name: str, text: str, start: int = 0, score: float = 0.6) -> Hit:
    chunk = Chunk(
        id=name, document_id="d", version="v", title="T", text=text, start=start, end=start + len(text), ordinal=start
    )
    return Hit(chunk, score)


TIDES, PIER, LIGHT, BREAD = (
    hit("c4", "The tides rise by twelve metres.", 400),
    hit("c2", "The pier is 300 metres long.", 200),
    hit("c3", "The harbour master keeps the light.", 300),
    hit("c1", "Bread needs an oven.", 100),
)
HITS = ([TIDES, BREAD], [PIER, TIDES], [LIGHT, BREAD])


def said(*entries: tuple[Any, Any], passages: tuple[int, ...] = ()) -> dict[str, Any]:
    return {"answers": [{"question": n, "answer": text, "passages": list(passages)} for n, text in entries]}


def alone(text: str | None, *passages: int) -> dict[str, Any]:
    return {"answer": text, "passages": list(passages)}


def tools(*replies: Any) -> tuple[Tools, ScriptedModel]:
    model = ScriptedModel(replies)
    return Tools(models={"answerer": model}), model


def texts(given: list[Any]) -> list[Any]:
    return [one.text if isinstance(one, Answer) else type(one).__name__ for one in given]


async def test_siblings_are_answered_in_one_call_each_from_its_own_passages() -> None:
    kit, model = tools(said((2, "300 m"), (1, "twelve"), (3, " N/A "), passages=(4, 2, 9)))
    given = await answers(PAIRS, HITS, kit)
    assert texts(given) == ["twelve", "300 m", None]
    shown = model.asks[0].messages[-1].content
    assert re.findall(r"Question (\d), to be answered from passages ([\d, ]+), marked", shown) == [
        ("1", "1, 4"),
        ("2", "2, 4"),
        ("3", "1, 3"),
    ]
    assert [one.chunk_ids for one in given if isinstance(one, Answer)] == [("c4",), ("c4", "c2"), ()]
    assert [one.usage.calls for one in given if isinstance(one, Answer)].count(1) == 1


async def test_neither_rank_nor_place_tells_which_passage_a_question_comes_from() -> None:
    kit, model = tools(said((1, "a"), (2, "b"), (3, "c")))
    await answers(PAIRS, HITS, kit)
    kit, other = tools(said((1, "a"), (2, "b"), (3, "c")))
    await answers(PAIRS, [list(reversed(own)) for own in HITS], kit)
    assert model.asks[0].messages == other.asks[0].messages
    blocks = re.findall(r"Passage \d, marked \w+:\n<data \w+>\n(.*)\n", model.asks[0].messages[-1].content)
    assert blocks == [one.chunk.text for one in (BREAD, PIER, LIGHT, TIDES)]
    assert not any((pair.answer or "") in m.content for pair in PAIRS for m in model.asks[0].messages)


async def test_one_question_is_asked_as_before() -> None:
    kit, model = tools(alone("twelve", 1))
    (given,) = await answers(PAIRS[:1], HITS[:1], kit)
    assert (texts([given]), "The question, marked" in model.asks[0].messages[-1].content) == (["twelve"], True)


async def test_a_question_that_is_left_out_is_asked_alone_once() -> None:
    kit, model = tools(said((1, "twelve"), (3, "the master")), alone("300 m"))
    assert texts(await answers(PAIRS, HITS, kit)) == ["twelve", "300 m", "the master"]
    kit, model = tools(said((1, "twelve"), (3, "the master")), *["?"] * 3)
    assert texts(await answers(PAIRS, HITS, kit)) == ["twelve", "ReplyError", "the master"]
    assert len(model.asks) == 4


@pytest.mark.parametrize(
    "reply",
    [
        said((0, "a"), (1, "b"), (2, "c")),
        said((1, "a"), (2, "b"), (2, "c")),
        said((1, "a"), (2, "b"), (3, "c"), (4, "d")),
        said(),
        "prose",
        said((None, "a"), (2, "b"), (3, "c")),
    ],
    ids=["from zero", "twice", "too many", "none", "prose", "no number"],
)
async def test_a_reply_that_cannot_be_told_apart_is_asked_again_then_one_by_one(reply: Any) -> None:
    kit, model = tools(reply, said((1, "a"), (2, "b"), (3, "c")))
    assert texts(await answers(PAIRS, HITS, kit)) == ["a", "b", "c"]
    kit, model = tools(*[reply] * 3, alone("a"), alone("b"), alone(None))
    assert texts(await answers(PAIRS, HITS, kit)) == ["a", "b", None]
    assert len(model.asks) == 6


async def test_a_model_that_cannot_be_asked_is_each_ones_error() -> None:
    kit, model = tools(ModelError("offline"))
    assert texts(await answers(PAIRS, HITS, kit)) == ["ModelError"] * 3
    assert len(model.asks) == 1


class Narrow(ScriptedModel):
    """A model whose context holds two passages."""

    async def complete(self, ask: Ask) -> Reply:
        if len(re.findall(r"^Passage", ask.messages[-1].content, re.MULTILINE)) > 2:
            raise ContextError("the prompt is too long")
        return await super().complete(ask)


async def test_what_does_not_fit_is_asked_one_by_one() -> None:
    model = Narrow([alone("a"), alone("b"), alone("c")])
    assert texts(await answers(PAIRS, HITS, Tools(models={"answerer": model}))) == ["a", "b", "c"]


async def test_long_passages_are_split_over_calls() -> None:
    long = [[hit(f"c{at}", f"{at} " * 8_000)] for at in range(3)]
    kit, model = tools(said((1, "a"), (2, "b")), alone("c"))
    assert texts(await answers(PAIRS, long, kit)) == ["a", "b", "c"]
    assert len(model.asks) == 2


def test_a_question_that_tells_another_ones_answer_is_asked_apart() -> None:
    when = QAPair(question="When did Mario Palazzetti build it?", answer="In 1971.")
    who = QAPair(question="Who built the anti-lock system?", answer="Mario Palazzetti")
    far = QAPair(question="How far do the tides rise?", answer="By twelve metres.")
    assert gives_away(when, who)
    assert not gives_away(who, when)
    assert not gives_away(far, who)
    assert apart([when, who, far], [[], [], []]) == [[0, 2], [1]]
    assert apart([when, far], [["x" * 20], ["y" * 20]], most=30) == [[0], [1]]
    assert apart([when, far], [["x" * 20], ["x" * 20]], most=30) == [[0, 1]]
    assert apart([far, far], [["x" * 50], ["x" * 50]], most=30) == [[0], [1]]


def test_pooled_items_keep_their_order() -> None:
    assert pooled([["b", "a"], [], ["c", "a"]], str) == (["b", "a", "c"], [[1, 2], [], [2, 3]])


@pytest.mark.parametrize(
    ("found", "every", "message"),
    [
        ([1, 3], True, "2 entries for 3: number 2 is missing"),
        ([1, 2, 2], True, "number 2 comes 2 times"),
        ([1, 2, 4], False, "there is no number 4; the numbers are 1 to 3"),
        ([], False, "0 entries for 3: number 1 is missing"),
    ],
)
def test_numbers_are_checked(found: list[int], every: bool, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_numbers(found, 3, every=every)


async def test_recall_shows_no_passage_and_no_answer() -> None:
    model = ScriptedModel([{"recalled": [{"question": n, "answer": t} for n, t in ((1, "x"), (3, "I don't know."))]},
                           {"recalled": [{"question": 1, "answer": "y"}]}])  # fmt: skip
    assert texts(await recall(PAIRS, model)) == ["x", "y", None]
    shown = "\n".join(m.content for ask in model.asks for m in ask.messages)
    assert not re.search("passage|twelve|300|harbour master", shown, re.IGNORECASE)
    model = ScriptedModel(["?"] * 6)
    assert texts(await recall(PAIRS[:1], model)) == ["ReplyError"]
    assert len(model.asks) == 3


async def test_a_follow_up_is_asked_with_the_turns_before_it() -> None:
    turns = (Message(role="user", content="What is at the bay?"), Message(role="assistant", content="A pier."))
    pair = PAIRS[1].model_copy(update={"question": "How long is it?", "history": turns})
    kit, model = tools(alone("300 m"))
    await answers([pair], [[PIER]], kit)
    assert "User: What is at the bay?\nAssistant: A pier.\nUser: How long is it?" in model.asks[0].messages[-1].content


async def test_the_stand_in_answers_several_as_it_does_each_alone() -> None:
    kit = Tools(models={"answerer": Rehearsal()})
    together = await answers(PAIRS, HITS, kit)
    each = [(await answers([pair], [own], kit))[0] for pair, own in zip(PAIRS, HITS, strict=True)]
    assert texts(together) == texts(each) == [one.chunk.text for one in (TIDES, PIER, LIGHT)]
    assert texts(await recall(PAIRS, Rehearsal())) == [None] * 3


async def test_without_a_model_the_best_sentence_answers() -> None:
    assert texts(await answers(PAIRS, HITS, Tools())) == [one.chunk.text for one in (TIDES, PIER, LIGHT)]
