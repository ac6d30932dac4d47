"""False negatives: what answers as well becomes gold, copies do not count, an ambiguous question is dropped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from memory_store import MemoryStore
from ragset.adapters.hash_embedder import HashEmbedder
from ragset.adapters.scripted_model import ScriptedModel
from ragset.errors import ContextError
from ragset.exports.llama_rag import LlamaRag
from ragset.flow.compile import compile_flow
from ragset.judges.evidence import EvidenceHolds
from ragset.judges.false_negatives import FalseNegatives
from ragset.judges.round_trip import RoundTrip
from ragset.kit.asking_passages import Check, Checked, which_answer
from ragset.kit.gold_passages import alike
from ragset.kit.passage_rules import answers_as_well, pieces_of, places
from ragset.kit.rehearsal import Rehearsal
from ragset.schema.documents import Chunk
from ragset.schema.ports import Ask, LanguageModel
from ragset.schema.samples import Context, Draw, Evidence, QAPair, Sample
from ragset.schema.step import Tools

TEXTS = {
    "bay.txt": "The tides of the bay rise by twelve metres. They turn every six hours.",
    "guide.txt": "Visitors ask about the water. In the bay the tides rise by “twelve metres” in spring.",
    "poster.txt": "Low and high water differ: at the bay the sea climbs 12 m between the tides.",
    "other.txt": "The tides of the sound rise by two metres. The bay has a pier of twelve metres.",
    "cow.txt": "A cow gives thirty litres of milk every day.",
}
QUESTION = "How far do the tides of the bay rise?"


async def tools(texts: Mapping[str, str] = TEXTS, judge: LanguageModel | None = None) -> Tools:
    embedder = HashEmbedder(512)
    store = await MemoryStore.of(texts, embedder)
    return Tools(_store=store, _embedder=embedder, models={"judge": judge} if judge else {})


def sample(kit: Tools, name: str = "bay.txt", *, question: str = QUESTION, answer: str = "twelve metres") -> Sample:
    chunk = kit.store.chunks(name)[0]
    start, end = places(answer, chunk.text)[0]
    quote = Evidence(
        document_id=name, version=chunk.version, start=chunk.start + start, end=chunk.start + end,
        quote=chunk.text[start:end],
    )  # fmt: skip
    payload = QAPair(question=question, answer=answer)
    return Sample(id="s", scenario_id="x", payload=payload, contexts=(Context.of(chunk),), evidence=(quote,))


async def judged(kit: Tools, *samples: Sample, **fields: Any) -> list[Sample]:
    step = FalseNegatives(**fields)
    return list((await step.apply(Draw(number=0, samples=samples), kit)).samples)


def says(found: Mapping[str, tuple[str, str]]) -> Callable[[Ask], dict[str, Any]]:
    """A judge that says (same, quote) of the passages that hold a text, and no of all others."""
    import re

    def reply(ask: Ask) -> dict[str, Any]:
        prompt = ask.messages[-1].content
        bodies = re.findall(
            r"^Passage \d+, marked (\w+):\n<data \1>\n(.*?)\n</data \1>", prompt, re.DOTALL | re.MULTILINE
        )
        entries: list[dict[str, Any]] = []
        for number, named in re.findall(
            r"^Question (\d+), to be checked against passages? ([\d, ]+), marked", prompt, re.M
        ):
            for at in map(int, re.findall(r"\d+", named)):
                what = next((told for part, told in found.items() if part in bodies[at - 1][1]), ("no", None))
                entries.append({"question": int(number), "passage": at, "answers": what[0], "quote": what[1]})
        return {"found": entries}

    return reply


async def test_the_rules_add_what_answers_for_certain_and_prove_it() -> None:
    kit = await tools()
    (done,) = await judged(kit, sample(kit))
    assert [c.document_id for c in done.contexts] == ["bay.txt", "guide.txt"]
    assert done.evidence[1].quote == "twelve metres"
    assert done.evidence[1].verify(kit.store.document("guide.txt")) == "same"
    assert (done.labels, done.measures["false_negatives"], done.status) == (("several_gold",), 1, "open")
    assert "are for a model to judge" in done.verdicts[0].reason


async def test_more_contexts_leave_the_other_gates_and_the_export_right(tmp_path: Any) -> None:
    kit = await tools()
    (done,) = await judged(kit, sample(kit))
    draw = Draw(number=0, samples=(done,))
    for gate in (EvidenceHolds(), RoundTrip()):
        draw = await gate.apply(draw, kit)
    assert [v.passed for v in draw.samples[0].verdicts] == [True, True, True]
    assert draw.samples[0].measures["gold_rank"] == 1
    assert LlamaRag().write(draw.samples, tmp_path / "x.json") == 1
    assert (tmp_path / "x.json").read_text().count("twelve metres") == 3


async def test_a_gold_chunk_that_search_does_not_bring_first_counts_by_the_best_of_all() -> None:
    kit = await tools()
    first = sample(kit, "guide.txt")
    alone = (await RoundTrip().apply(Draw(number=0, samples=(first,)), kit)).samples[0]
    (more,) = await judged(kit, first)
    both = (await RoundTrip().apply(Draw(number=0, samples=(more,)), kit)).samples[0]
    assert int(alone.measures["gold_rank"]) > int(both.measures["gold_rank"]) == 1


@pytest.mark.parametrize(
    ("question", "answer", "text"),
    [
        (QUESTION, "twelve metres", TEXTS["other.txt"]),
        (QUESTION, "twelve metres", "The tides of the bay rise by 112 metres."),
        ("Is the bay deep?", "Yes", "Yes, the bay is deep."),
        (
            "What did the council pay for the old harbour pier?",
            "5 euros",
            "For the old boat the council did pay 5 euros.",
        ),
        ("What does `ragset build` print?", "one line", "To build a set, ragset does print one line."),
        ("Which is longer, the pier or the quay?", "the pier", "The pier and the quay: which is longer is not known."),
        ("What did the bay council pay in 2019?", "5 euros", "What the bay council did pay in 2018: 5 euros."),
        ("What did the bay council pay in 2019?", "5 euros", "What the bay council did pay in 2019: 3.5 euros."),
    ],
)
def test_the_rules_are_not_certain(question: str, answer: str, text: str) -> None:
    chunk = Chunk(id="c", document_id="d", version="v", title="", text=text, start=0, end=len(text), ordinal=0)
    assert answers_as_well(QAPair(question=question, answer=answer), chunk).sure is None


def test_title_headings_and_the_first_row_of_a_table_stand_beside_a_cell() -> None:
    text = "Intro of no use here.\n\nTown | Days of leave\nOslo | 25 days\nRome | 22 days"
    chunk = Chunk(id="c", document_id="d", version="v", title="Staff handbook", text=text, start=7, end=99, ordinal=0)
    pair = QAPair(question="How many days of leave does staff get in Rome?", answer="22 days")
    found = answers_as_well(pair, chunk).sure
    assert found is not None
    assert (found.quote, found.start) == ("22 days", 7 + text.index("22 days"))
    assert [p.text.text for p in pieces_of(text)][1:] == ["Town | Days of leave", "Oslo | 25 days", "Rome | 22 days"]


async def test_copies_are_added_and_not_counted_and_overlaps_are_the_same_passage() -> None:
    copies = {f"copy{at}.txt": TEXTS["bay.txt"] for at in range(5)} | {"bay.txt": TEXTS["bay.txt"]}
    kit = await tools(copies)
    (done,) = await judged(kit, sample(kit), max_extra=0)
    assert (done.status, done.measures["false_negatives"], done.verdicts[0].score) == ("open", 5, 1.0)
    assert alike(TEXTS["bay.txt"], TEXTS["bay.txt"].replace("turn", "change"))
    assert not alike("The fee is 5 euros for all of you.", "The fee is 7 euros for all of you.")

    text = TEXTS["bay.txt"]
    whole = Chunk(id="w", document_id="bay.txt", version="v", title="", text=text, start=0, end=len(text), ordinal=1)
    kit = await tools({"bay.txt": text, "cow.txt": TEXTS["cow.txt"]})
    kit.store._all.append(whole)  # type: ignore[attr-defined]
    kit.store._matrix = await kit.embedder.embed([c.text for c in kit.store._all])  # type: ignore[attr-defined]
    (done,) = await judged(kit, sample(kit))
    assert done.measures["false_negatives"] == 0


async def test_a_question_that_too_many_passages_answer_is_dropped() -> None:
    told = {"Aber": "say the fishers", "Bran": "as old maps and charts show", "Cors": "and so does the moon"}
    towns = {f"{t}.txt": f"In {t} the tides of the bay rise by twelve metres, {how}." for t, how in told.items()}
    kit = await tools({"bay.txt": TEXTS["bay.txt"], **towns})
    (done,) = await judged(kit, sample(kit), max_extra=2)
    assert done.status == "rejected"
    assert done.verdicts[0].reason.startswith("ambiguous: more than 2 other passages answer")
    assert (len(done.contexts), done.measures["false_negatives"]) == (1, 3)
    assert (await judged(kit, sample(kit), max_extra=3))[0].status == "open"


async def test_one_call_asks_about_the_unsure_passages_of_all_siblings() -> None:
    model = ScriptedModel(says({"climbs 12 m": ("same", "the sea climbs 12 m")}), name="scripted:judge")
    kit = await tools(judge=model)
    two = sample(kit).model_copy(update={"id": "t"})
    milk = sample(kit, "cow.txt", question="How much milk does a cow give?", answer="thirty litres")
    done = await judged(kit, sample(kit), two, milk.model_copy(update={"id": "m"}))
    assert len(model.asks) == 1
    assert [c.document_id for c in done[0].contexts] == ["bay.txt", "guide.txt", "poster.txt"]
    assert done[0].evidence[-1].quote == "the sea climbs 12 m"
    assert [s.verdicts[0].usage.calls for s in done] == [1, 0, 0]
    assert [s.measures["false_negatives_sent_on"] for s in done] == [1, 1, 0]
    assert "guide.txt" not in model.asks[0].messages[-1].content  # what the rules decide alone is not sent on
    assert "thirty litres" not in model.asks[0].messages[-1].content


@pytest.mark.parametrize(
    ("told", "field", "status", "labels"),
    [
        (("other", "rise by two metres"), {}, "rejected", ()),
        (("other", "rise by two metres"), {"other_answer": "label"}, "open", ("several_gold", "ambiguous")),
        (("other", "rise by nine metres"), {}, "open", ("several_gold",)),
        (("same", "rise by nine metres"), {}, "open", ("several_gold",)),
        (("no", None), {}, "open", ("several_gold",)),
    ],
)
async def test_another_answer_elsewhere_is_ambiguous_and_an_opinion_needs_a_quote(
    told: tuple[str, str], field: dict[str, str], status: str, labels: tuple[str, ...]
) -> None:
    kit = await tools(judge=ScriptedModel(says({"of the sound": told}), name="scripted:judge"))
    (done,) = await judged(kit, sample(kit), **field)
    assert (done.status, done.labels) == (status, labels)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"payload": QAPair(question=QUESTION, answer=None, answerable=False)}, "unanswerable"),
        ({"question_type": "multi_hop"}, "multi-hop"),
        ({"axes": {"language": "de"}}, "the built-in judge reads English only"),
    ],
)
async def test_it_abstains(change: dict[str, Any], reason: str) -> None:
    kit = await tools()
    (done,) = await judged(kit, sample(kit).model_copy(update=change))
    assert (done.verdicts[0].passed, done.status) == (None, "open")
    assert done.verdicts[0].reason.startswith(reason)


NO = {"question": 1, "passage": 1, "answers": "no", "quote": None}


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [NO],
        [NO, NO],
        [NO, NO | {"passage": 2}, NO | {"passage": 2}],
        [NO, NO | {"passage": 3}],
        [NO, NO | {"passage": 2}, NO | {"question": 2}],
        [NO, NO | {"passage": 2, "answers": float("nan")}],
        [NO, NO | {"passage": 2, "answers": "perhaps"}],
        [NO, {"passage": 2, "answers": "no"}],
    ],
)
async def test_a_wrong_count_is_asked_again_and_then_a_failure(entries: list[dict[str, Any]]) -> None:
    model = ScriptedModel(lambda ask: {"found": entries}, name="scripted:judge")
    kit = await tools({name: TEXTS[name] for name in ("bay.txt", "poster.txt", "other.txt")}, model)
    (done,) = await judged(kit, sample(kit))
    assert (done.status, done.verdicts) == ("failed", ())
    assert done.failure is not None
    assert (done.failure.step, done.failure.error) == ("false_negatives", "ReplyError")
    assert len(model.asks) > 1


class Slow:
    """A model that takes too long."""

    name = fingerprint = "slow"

    async def complete(self, ask: Ask) -> Any:
        raise TimeoutError


async def test_a_time_out_is_a_failure_of_those_that_were_asked_about() -> None:
    kit = await tools(judge=Slow())
    (done,) = await judged(kit, sample(kit))
    assert (done.status, done.failure and done.failure.error) == ("failed", "TimeoutError")


async def test_one_siblings_broken_reply_is_no_others_failure() -> None:
    right = says({})

    def reply(ask: Ask) -> dict[str, Any]:
        prompt = ask.messages[-1].content
        return {"found": []} if "\nWhere is" in prompt else right(ask)

    kit = await tools(judge=ScriptedModel(reply, name="scripted:judge"))
    odd = sample(kit, question="Where is it that the tides of the bay rise so far in water?", answer="the bay")
    done = await judged(kit, sample(kit), odd.model_copy(update={"id": "o"}))
    assert [s.status for s in done] == ["open", "failed"]


async def test_what_does_not_fit_is_halved() -> None:
    class Short(ScriptedModel):
        async def complete(self, ask: Ask) -> Any:
            if ask.messages[-1].content.count("\nPassage ") > 1 or "Passage 2" in ask.messages[-1].content:
                self.asks.append(ask)
                raise ContextError("too long")
            return await super().complete(ask)

    kit = await tools()
    chunks = tuple(kit.store.chunks(name)[0] for name in ("other.txt", "poster.txt", "cow.txt"))
    model = Short(says({"climbs": ("same", "the sea climbs")}), name="short")
    (told,) = await which_answer([Check(QAPair(question="q?", answer="a"), chunks)], model)
    assert isinstance(told, Checked)
    assert [a.chunk.document_id for a in told.answering] == ["poster.txt"]
    assert told.usage.calls == 3


def test_the_flow_takes_it_and_the_rehearsal_answers_it() -> None:
    flow = compile_flow({"name": "f", "steps": [
        {"scenarios": {}}, "rag_qa", "hop_necessity", "unanswerable", {"false_negatives": {"top_k": 5}}, "keep",
    ]})  # fmt: skip
    assert flow.find("false_negatives") == FalseNegatives(top_k=5)

    async def go() -> list[Sample]:
        kit = await tools(judge=Rehearsal())
        return await judged(kit, sample(kit))

    (done,) = asyncio.run(go())
    assert (done.status, done.failure) == ("open", None)
