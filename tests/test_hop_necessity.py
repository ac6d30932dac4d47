"""Hop necessity: each context is left out in turn; what fewer answer is relabelled, with its contexts and evidence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from memory_store import MemoryStore
from ragset.adapters.hash_embedder import HashEmbedder
from ragset.adapters.scripted_model import ScriptedModel
from ragset.errors import ReplyError
from ragset.flow.keep import Keep, values_of
from ragset.judges.evidence import EvidenceHolds
from ragset.judges.hop_necessity import HopNecessity
from ragset.schema.ports import Ask, LanguageModel
from ragset.schema.samples import Context, Draw, Evidence, QAPair, Sample
from ragset.schema.step import Tally, Tools

TEXTS = {
    "tower.txt": "The Needle tower is 90 metres high. Olga Berg designed it.",
    "berg.txt": "Olga Berg was born in Oslo. She designed the Needle tower.",
    "ferry.txt": "The ferry to Aber costs four euros. It leaves every hour.",
    "bus.txt": "The bus to Aber costs two euros. It leaves every day.",
    "train.txt": "The train to Aber costs nine euros.",
}
BORN = ("Where was the designer of the tower that is 90 metres high born?", "In Oslo")
CHEAPER = ("Which way to Aber is the cheaper one, ferry or bus?", "the bus")
FASTER = ("What is the price of the fare over water to Aber?", "four euros")


async def tools(**models: LanguageModel) -> Tools:
    embedder = HashEmbedder(512)
    return Tools(_store=await MemoryStore.of(TEXTS, embedder), _embedder=embedder, models=models)  # type: ignore[arg-type]


def sample(
    kit: Tools,
    asked: tuple[str, str],
    *names: str,
    kind: str = "multi_hop_across",
    axes: Mapping[str, str] | None = None,
) -> Sample:
    chunks = [kit.store.chunks(name)[0] for name in names]
    quotes = [(chunk, chunk.text.split(". ")[0]) for chunk in chunks]
    evidence = tuple(
        Evidence(document_id=c.document_id, version=c.version, start=0, end=len(quote), quote=quote)
        for c, quote in quotes
    )
    return Sample(
        id=asked[0],
        scenario_id="x",
        payload=QAPair(question=asked[0], answer=asked[1]),
        contexts=tuple(Context.of(chunk) for chunk in chunks),
        evidence=evidence,
        question_type=kind,
        axes=dict(axes or {}),
    )


async def judged(kit: Tools, *samples: Sample, **fields: Any) -> list[Sample]:
    return list((await HopNecessity(**fields).apply(Draw(number=0, samples=samples), kit)).samples)


def answerer(known: Mapping[str, tuple[tuple[str, ...], str]]) -> ScriptedModel:
    """Answers a question (told by a part of it) when its passages hold all the parts, else not at all."""

    def one(question: str, passages: str) -> str | None:
        held = [text for part, (parts, text) in known.items() if part in question and all(p in passages for p in parts)]
        return held[0] if held else None

    def reply(ask: Ask) -> dict[str, Any]:
        prompt = ask.messages[-1].content
        bodies = dict(
            re.findall(r"^([A-Z][a-z ]+\d*)[^\n]*:\n<data \w+>\n(.*?)\n</data", prompt, re.DOTALL | re.MULTILINE)
        )
        passages = "\n".join(text for name, text in bodies.items() if name.startswith("Passage"))
        asked = {name: text for name, text in bodies.items() if "uestion" in name}
        if "answers" in (ask.reply_schema or {})["properties"]:
            numbered = enumerate(asked.values(), 1)
            return {"answers": [{"question": n, "answer": one(text, passages), "passages": []} for n, text in numbered]}
        return {"answer": one(next(iter(asked.values())), passages), "passages": [1]}

    return ScriptedModel(reply, name="scripted:answerer")


async def test_a_question_that_needs_both_stays_as_it_is() -> None:
    model = answerer({"born": (("Oslo", "is 90 metres high. O"), "She was born in Oslo.")})
    kit = await tools(answerer=model)
    (done,) = await judged(kit, sample(kit, BORN, "tower.txt", "berg.txt"))
    assert (done.question_type, len(done.contexts), done.status, done.labels) == ("multi_hop_across", 2, "open", ())
    assert (done.verdicts[0].passed, done.verdicts[0].score, done.measures["hops"]) == (True, 1.0, 2)
    assert len(model.asks) == 1  # Oslo stands in one chunk alone, so that one is not left out
    assert "born in Oslo" in model.asks[0].messages[-1].content
    assert "The Needle tower is 90" not in model.asks[0].messages[-1].content
    assert done.verdicts[0].usage.calls == 1


async def test_what_one_context_answers_is_relabelled_and_counts_as_what_it_is() -> None:
    kit = await tools(answerer=answerer({"born": (("Oslo",), "In Oslo.")}))
    (done,) = await judged(kit, sample(kit, BORN, "tower.txt", "berg.txt"))
    assert (done.question_type, done.labels, done.status) == ("fact", ("single_hop",), "open")
    assert [c.document_id for c in done.contexts] == ["berg.txt"]
    assert [e.document_id for e in done.evidence] == ["berg.txt"]
    assert (done.verdicts[0].score, done.measures["hops"]) == (0.5, 1)
    assert "relabelled fact" in done.verdicts[0].reason
    held = await EvidenceHolds().apply(Draw(number=0, samples=(done,)), kit)
    assert held.samples[0].status == "open"

    tally = Tally(lacking={"question_type": {"multi_hop_across": 1, "fact": 1}})
    kept = Keep(n=2).begin(Tools(tally=tally)).feed(Draw(number=0, samples=(done,)), None)
    assert (kept.samples[0].status, tally.lacking["question_type"]) == ("kept", {"multi_hop_across": 1, "fact": 0})
    assert values_of(done)["question_type"] == "fact"


async def test_drop_rejects_it() -> None:
    kit = await tools(answerer=answerer({"born": (("Oslo",), "In Oslo.")}))
    (done,) = await judged(kit, sample(kit, BORN, "tower.txt", "berg.txt"), drop=True)
    assert (done.status, done.question_type, len(done.contexts)) == ("rejected", "multi_hop_across", 2)


def judge(score: float | None) -> ScriptedModel:
    """Gives every pair that it compares the same score."""

    def compares(ask: Ask) -> dict[str, Any]:
        count = len(re.findall(r"^Pair \d", ask.messages[-1].content, re.MULTILINE))
        entry = {"criterion": "equivalence", "reason": "r", "score": score, "sure": True}
        return {"scores": [{"pair": n, **entry} for n in range(1, count + 1)]}

    return ScriptedModel(compares, name="scripted:judge")


async def test_another_answer_than_the_reference_proves_nothing() -> None:
    said = answerer({"born": (("Oslo",), "Bergen")})
    for models, passed in (({}, None), ({"judge": judge(0)}, True)):
        kit = await tools(answerer=said, **models)
        (done,) = await judged(kit, sample(kit, BORN, "tower.txt", "berg.txt"))
        assert (done.question_type, done.verdicts[0].passed) == ("multi_hop_across", passed)


OTHER_OPTION = [
    "The ferry.",
    "The passages say nothing about this.",
    "Only the price of the ferry is given, so it cannot be told.",
    "It cannot be told whether the bus is cheaper.",
    "Either the ferry or the bus; only the price of the bus is given.",
    "The ferry is cheaper than the bus.",
    "Both ferry and bus.",
    "Not the bus.",
]


@pytest.mark.parametrize("text", OTHER_OPTION)
async def test_an_option_that_the_question_names_is_no_answer_because_it_is_named(text: str) -> None:
    said = answerer({"cheaper": (("bus to",), text)})
    for models, passed in (({}, None), ({"judge": judge(0)}, True)):
        kit = await tools(answerer=said, **models)
        (done,) = await judged(kit, sample(kit, CHEAPER, "ferry.txt", "bus.txt"))
        assert (done.question_type, len(done.contexts), done.labels) == ("multi_hop_across", 2, ())
        assert done.verdicts[0].passed is passed


@pytest.mark.parametrize("text", ["the bus", "The bus.", "It is the bus."])
async def test_the_option_itself_needs_no_judge(text: str) -> None:
    compares = judge(0)
    kit = await tools(answerer=answerer({"cheaper": (("bus to",), text)}), judge=compares)
    (done,) = await judged(kit, sample(kit, CHEAPER, "ferry.txt", "bus.txt"))
    assert (done.question_type, done.labels, compares.asks) == ("fact", ("single_hop",), [])


HALF = ("What do ferry and bus to Aber cost?", "The ferry costs four euros. The bus costs two.")


async def test_half_an_answer_is_none() -> None:
    kit = await tools(answerer=answerer({"ferry and bus": (("bus to",), "The bus costs two.")}))
    (done,) = await judged(kit, sample(kit, HALF, "ferry.txt", "bus.txt", "train.txt"))
    assert (len(done.contexts), done.verdicts[0].passed) == (3, None)


async def test_siblings_without_the_same_context_share_a_call_and_see_no_other() -> None:
    known = {"cheaper": (("ferry", "bus"), "the bus"), "over water": (("four euros",), "four euros")}
    model = answerer(known)
    kit = await tools(answerer=model)
    pair = [sample(kit, asked, "ferry.txt", "bus.txt") for asked in (CHEAPER, FASTER)]
    done = await judged(kit, *pair)
    assert [s.question_type for s in done] == ["multi_hop_across", "fact"]
    prompts = [ask.messages[-1].content for ask in model.asks]
    assert len(prompts) == 2
    assert sorted("ferry to Aber costs" in prompt for prompt in prompts) == [False, True]
    assert all(("ferry to Aber costs" in p) != ("bus to Aber costs" in p) for p in prompts)
    alone = [await judged(kit, one) for one in pair]
    assert [s.question_type for (s,) in alone] == [s.question_type for s in done]


async def test_three_contexts_are_left_out_until_all_that_stay_are_needed() -> None:
    model = answerer({"cheaper": (("ferry to", "bus to"), "It is the bus.")})
    kit = await tools(answerer=model)
    (done,) = await judged(kit, sample(kit, CHEAPER, "ferry.txt", "train.txt", "bus.txt"))
    assert [c.document_id for c in done.contexts] == ["ferry.txt", "bus.txt"]
    assert (done.question_type, done.labels, done.measures["hops"]) == ("multi_hop_across", (), 2)
    assert done.verdicts[0].score == 0.6667


async def test_the_judge_compares_what_the_rules_cannot() -> None:
    said = answerer({"over water": (("four euros",), "It is four coins of a euro each for the crossing")})
    for score, kind in ((1, "fact"), (0, "multi_hop_across")):
        kit = await tools(answerer=said, judge=judge(score))
        (done,) = await judged(kit, sample(kit, FASTER, "ferry.txt", "bus.txt"))
        assert (done.question_type, done.verdicts[0].passed) == (kind, True)
    kit = await tools(answerer=said)
    (done,) = await judged(kit, sample(kit, FASTER, "ferry.txt", "bus.txt"))
    assert (done.question_type, done.verdicts[0].passed) == ("multi_hop_across", None)
    assert "it cannot be told" in done.verdicts[0].reason


async def test_what_the_judge_cannot_compare_fails_that_pair_alone() -> None:
    def compares(ask: Ask) -> Any:
        prompt = "".join(message.content for message in ask.messages)
        entry = {"pair": 1, "criterion": "equivalence", "reason": "r", "score": 1, "sure": True}
        return "?" if "over water" in prompt else {"scores": [entry]}

    crossing = "It is four coins of a euro each for the crossing"
    known = {"over water": (("four euros",), crossing), "cheaper": (("bus to",), "Take the bus there")}
    kit = await tools(answerer=answerer(known), judge=ScriptedModel(compares, name="scripted:judge"))
    pair = [sample(kit, asked, "ferry.txt", "bus.txt") for asked in (FASTER, CHEAPER)]
    broken, done = await judged(kit, *pair)
    assert (broken.status, broken.failure and broken.failure.error) == ("failed", "ReplyError")
    assert (done.status, done.question_type) == ("open", "fact")


@pytest.mark.parametrize(
    ("asked", "names", "kind", "passed"),
    [
        (BORN, ("tower.txt", "berg.txt"), "multi_hop_across", None),
        (
            ("Where was Olga Berg, who designed the Needle tower, born?", "In Oslo"),
            ("tower.txt", "berg.txt"),
            "fact",
            True,
        ),
        (
            ("How much do ferry and bus to Aber cost?", "four and two euros"),
            ("ferry.txt", "bus.txt"),
            "multi_hop_across",
            True,
        ),
    ],
)
async def test_without_a_model_rules_decide_what_is_plain(
    asked: tuple[str, str], names: tuple[str, ...], kind: str, passed: bool | None
) -> None:
    kit = await tools()
    (done,) = await judged(kit, sample(kit, asked, *names))
    assert (done.question_type, done.verdicts[0].passed, done.status) == (kind, passed, "open")


async def test_it_passes_others_by_and_leaves_languages_it_does_not_read() -> None:
    kit = await tools()
    plain = sample(kit, BORN, "berg.txt", kind="fact")
    german = sample(kit, (BORN[0] + " ?", "In Oslo"), "tower.txt", "berg.txt", axes={"language": "de"})
    done = await judged(kit, plain, german)
    assert [s.verdicts[0].passed for s in done] == [None, None]
    assert [s.status for s in done] == ["open", "open"]


async def test_one_context_without_evidence_is_no_pair() -> None:
    kit = await tools(answerer=answerer({"born": (("Oslo",), "In Oslo.")}))
    one = sample(kit, BORN, "tower.txt", "berg.txt")
    (done,) = await judged(kit, one.model_copy(update={"evidence": one.evidence[:1]}))
    assert (done.status, done.verdicts[0].passed) == ("rejected", False)
    assert done.verdicts[0].reason.endswith("no evidence lies there")


@pytest.mark.parametrize(
    ("role", "error", "told"),
    [
        ("answerer", TimeoutError(), "TimeoutError"),
        ("answerer", ReplyError("unreadable"), "ReplyError"),
        ("judge", ReplyError("one score for two"), "ReplyError"),
        ("judge", ZeroDivisionError("x"), "ZeroDivisionError"),
    ],
)
async def test_a_crash_is_a_failure_and_relabels_nothing(role: str, error: Exception, told: str) -> None:
    class Broken:
        name = fingerprint = "broken"

        async def complete(self, ask: Ask) -> Any:
            raise error

    said = answerer({"over water": (("four euros",), "It is four coins of a euro each for the crossing")})
    kit = await tools(**{"answerer": said, role: Broken()})
    (done,) = await judged(kit, sample(kit, FASTER, "ferry.txt", "bus.txt"))
    assert (done.status, done.question_type, done.verdicts) == ("failed", "multi_hop_across", ())
    assert done.failure is not None
    assert done.failure.error == told


@pytest.mark.parametrize("score", [float("nan"), 7, None])
async def test_a_score_that_is_none_is_a_failure(score: float | None) -> None:
    entry = {"pair": 1, "criterion": "equivalence", "reason": "r", "score": score, "sure": True}
    said = answerer({"over water": (("four euros",), "It is four coins of a euro each for the crossing")})
    kit = await tools(answerer=said, judge=ScriptedModel(lambda ask: {"scores": [entry]}, name="scripted:judge"))
    (done,) = await judged(kit, sample(kit, FASTER, "ferry.txt", "bus.txt"))
    assert (done.status, done.failure and done.failure.error) == ("failed", "ReplyError")
