"""Unanswerables: proved by reading what the whole store has to offer, rejected with the chunk that answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from memory_store import MemoryStore
from ragset.adapters.hash_embedder import HashEmbedder
from ragset.adapters.scripted_model import ScriptedModel
from ragset.judges.unanswerable import Unanswerable
from ragset.kit.passage_rules import evident_answer
from ragset.kit.rehearsal import Rehearsal
from ragset.schema.documents import Chunk
from ragset.schema.ports import Ask, LanguageModel
from ragset.schema.samples import Context, Draw, Message, QAPair, Sample
from ragset.schema.step import Tools

TEXTS = {
    "pier.txt": "The pier of the harbour is 300 metres long. It was built of oak.",
    "age.txt": "Old maps are on sale. The pier of the harbour was opened in 1905.",
    "ferry.txt": "The ferry ticket costs four euros.",
    "cow.txt": "A cow gives thirty litres of milk every day.",
}
OPENED = "When was the pier of the harbour opened?"
LONG = "The old wooden pier of the fishing harbour is 300 metres long."
PAINTED = "Who painted the pier of the harbour?"


async def tools(judge: LanguageModel | None = None, texts: Mapping[str, str] = TEXTS) -> Tools:
    embedder = HashEmbedder(512)
    store = await MemoryStore.of(texts, embedder)
    return Tools(_store=store, _embedder=embedder, models={"judge": judge} if judge else {})


def sample(kit: Tools, question: str, name: str = "pier.txt") -> Sample:
    payload = QAPair(question=question, answer=None, answerable=False)
    context = Context.of(kit.store.chunks(name)[0])
    return Sample(id=question, scenario_id="x", payload=payload, contexts=(context,), evidence=())


async def judged(kit: Tools, *samples: Sample, **fields: Any) -> list[Sample]:
    return list((await Unanswerable(**fields).apply(Draw(number=0, samples=samples), kit)).samples)


def pairs_in(ask: Ask) -> list[tuple[int, int]]:
    found = re.findall(
        r"^Question (\d+), to be checked against passages? ([\d, ]+), marked", ask.messages[-1].content, re.M
    )
    return [(int(question), int(at)) for question, named in found for at in re.findall(r"\d+", named)]


def nothing(ask: Ask) -> dict[str, Any]:
    """A judge that finds no answer anywhere."""
    return {"found": [{"question": q, "passage": p, "answers": "no", "quote": None} for q, p in pairs_in(ask)]}


def one_answers(ask: Ask) -> dict[str, Any]:
    """A judge that finds the first question answered by its second passage."""
    reply = nothing(ask)
    reply["found"][1] |= {"answers": "same", "quote": "built of oak"}
    return reply


async def test_the_rules_reject_what_is_evidently_answered_elsewhere() -> None:
    kit = await tools()
    (done,) = await judged(kit, sample(kit, OPENED))
    assert done.status == "rejected"
    assert "age.txt [0:65], says the rules: The pier of the harbour was opened in 1905." in done.verdicts[0].reason
    assert done.measures["answered_at"] == 1
    assert done.measures["passages_read"] == 4


async def test_without_a_model_nothing_is_proved() -> None:
    kit = await tools()
    (done,) = await judged(kit, sample(kit, PAINTED))
    assert (done.verdicts[0].passed, done.status) == (None, "open")
    assert "needs a model" in done.verdicts[0].reason


async def test_a_model_reads_what_was_found_for_all_siblings_in_one_call() -> None:
    model = ScriptedModel(nothing, name="scripted:judge")
    kit = await tools(model)
    asked = [PAINTED, "How deep is the harbour at the pier?", OPENED]
    done = await judged(kit, *(sample(kit, question) for question in asked), top_k=2)
    assert [s.status for s in done] == ["open", "open", "rejected"]
    assert [v.passed for s in done for v in s.verdicts] == [True, True, False]
    assert len(model.asks) == 1
    assert {question for question, _ in pairs_in(model.asks[0])} == {1, 2}  # the rules decided the third alone
    assert [s.measures["unanswerable_sent_on"] for s in done] == [1, 1, 0]
    assert [s.verdicts[0].usage.calls for s in done] == [1, 0, 0]
    assert all(2 <= s.measures["passages_read"] <= 4 for s in done)


async def test_its_own_context_is_read_wherever_it_ranks() -> None:
    model = ScriptedModel(nothing, name="scripted:judge")
    kit = await tools(model)
    (done,) = await judged(kit, sample(kit, PAINTED, "cow.txt"), top_k=1)
    assert "thirty litres" in model.asks[0].messages[-1].content
    assert done.verdicts[0].reason.startswith(f"none of the {done.measures['passages_read']} passages read answers")


async def test_a_model_finds_the_chunk_that_answers() -> None:
    kit = await tools(ScriptedModel(one_answers, name="scripted:judge"))
    (done,) = await judged(kit, sample(kit, "Which wood is the harbour pier made of?"))
    assert (done.status, done.verdicts[0].score) == ("rejected", 0.0)
    assert "says scripted:judge" in done.verdicts[0].reason
    assert isinstance(done.measures["answered_at"], int)


@pytest.mark.parametrize("with_model", [False, True])
async def test_where_nothing_was_read_nothing_is_proved(with_model: bool) -> None:
    model = ScriptedModel(nothing, name="scripted:judge")
    kit = await tools(model if with_model else None, texts={})
    payload = QAPair(question=PAINTED, answer=None, answerable=False)
    gone = Context(chunk_id="gone", document_id="pier.txt", text=TEXTS["pier.txt"])
    for contexts in ((), (gone,)):
        (done,) = await judged(kit, Sample(id="u", scenario_id="x", payload=payload, contexts=contexts, evidence=()))
        assert (done.verdicts[0].passed, done.verdicts[0].score, done.status) == (None, None, "open")
        assert done.verdicts[0].reason.startswith("nothing was read")
        assert (done.measures["passages_read"], model.asks) == (0, [])


async def test_answerable_pairs_are_passed_by() -> None:
    model = ScriptedModel(nothing, name="scripted:judge")
    kit = await tools(model)
    plain = sample(kit, OPENED).model_copy(update={"payload": QAPair(question=OPENED, answer="1905")})
    (done,) = await judged(kit, plain)
    assert (done.verdicts[0].passed, done.status, model.asks) == (None, "open", [])


@pytest.mark.parametrize(
    ("question", "text", "evident"),
    [
        (OPENED, TEXTS["age.txt"], True),
        ("How many litres of milk does a cow give every day?", TEXTS["cow.txt"], True),
        ("Who opened the pier of the harbour?", "The pier of the harbour was opened by Olga Berg.", True),
        ("Who opened the pier of the harbour?", "The pier of the harbour was opened in 1905.", False),
        ("When was the pier of the harbour painted?", TEXTS["age.txt"], False),
        ("How wide is the pier of the harbour?", TEXTS["pier.txt"], False),
        ("How wide is the old wooden pier of the fishing harbour?", LONG, False),
        ("How long is the old wooden pier of the fishing harbour?", LONG, True),
        ("When was the pier of the harbour not opened?", TEXTS["age.txt"], False),
        ("When was the pier of the harbour opened?", "In 1905 they asked: was the pier of the harbour opened?", False),
        ("Who am I?", "Who am I? sang Bob Dylan, and I am who I am.", False),
    ],
)
def test_what_is_evident_lacks_no_word_of_the_question(question: str, text: str, evident: bool) -> None:
    chunk = Chunk(id="c", document_id="d", version="v", title="", text=text, start=0, end=len(text), ordinal=0)
    found = evident_answer(QAPair(question=question, answer=None, answerable=False), chunk)
    assert (found is not None) is evident
    asked = (Message(role="user", content="Tell me more."), Message(role="assistant", content="Of what?"))
    later = QAPair(question=question, answer=None, answerable=False, history=asked)
    assert evident_answer(later, chunk) is None  # a follow-up leans on what was said before


@pytest.mark.parametrize("cut", [slice(0), slice(1), slice(1, None), slice(None, -1)])
async def test_a_wrong_count_is_a_failure_and_never_a_proof(cut: slice) -> None:
    def short(ask: Ask) -> dict[str, Any]:
        return {"found": nothing(ask)["found"][cut]}

    kit = await tools(ScriptedModel(short, name="scripted:judge"))
    (done,) = await judged(kit, sample(kit, PAINTED))
    assert (done.status, done.verdicts) == ("failed", ())
    assert done.failure is not None
    assert done.failure.error == "ReplyError"


@pytest.mark.parametrize("error", [TimeoutError(), ValueError("nan"), ZeroDivisionError("x")])
async def test_a_crash_is_a_failure(error: Exception) -> None:
    class Broken:
        name = fingerprint = "broken"

        async def complete(self, ask: Ask) -> Any:
            raise error

    kit = await tools(Broken())
    (done,) = await judged(kit, sample(kit, PAINTED))
    assert (done.status, done.failure and done.failure.error) == ("failed", type(error).__name__)


async def test_the_rehearsal_proves_near_misses() -> None:
    kit = await tools(Rehearsal())
    done = await judged(kit, sample(kit, PAINTED), sample(kit, "What did the ferry captain say of the pier?"))
    assert [(s.status, s.verdicts[0].passed) for s in done] == [("open", True), ("open", True)]
