"""Evidence must stand in the stored document, word for word, within the contexts."""

from __future__ import annotations

import asyncio
import math

import pytest

from extractive_support import chunk_of, document_of, store_of
from memory_store import MemoryStore
from ragset.judges.evidence import EvidenceHolds
from ragset.kit.judging import Judge, rounded
from ragset.schema.documents import Chunk, Document
from ragset.schema.samples import Context, Draw, Evidence, QAPair, Sample, Verdict
from ragset.schema.step import Tools

TEXT = "Slack is a chat tool for teams.\n\nTrello is a board for tasks."


@pytest.fixture
def document() -> Document:
    return document_of("Tools", TEXT)


def _sample(document: Document, chunk: Chunk, quote: str, answer: str, start: int | None = None) -> Sample:
    at = document.text.index(quote) if start is None else start
    evidence = Evidence(document_id=document.id, version=document.version, start=at, end=at + len(quote), quote=quote)
    return Sample(
        id="s",
        scenario_id="c",
        payload=QAPair(question="What is Slack?", answer=answer),
        contexts=(Context.of(chunk),),
        evidence=(evidence,),
        provenance={"writer": "extractive"},
    )


async def _verdict(sample: Sample, store: MemoryStore, sufficient: bool = True) -> Verdict:
    draw = await EvidenceHolds(sufficient=sufficient).apply(Draw(number=0, samples=(sample,)), Tools(_store=store))
    return draw.samples[0].verdicts[-1]


async def test_a_span_that_holds_passes(document: Document) -> None:
    chunk = chunk_of(document)
    verdict = await _verdict(
        _sample(document, chunk, "a chat tool for teams", "a chat tool"), store_of((document, chunk))
    )
    assert (verdict.passed, verdict.score) == (True, 1.0)


@pytest.mark.parametrize(
    ("quote", "answer", "start", "reason"),
    [
        ("a chat tool", "a chat tool", 3, "moved"),
        ("a spoon", "a spoon", 0, "gone"),
        ("a chat tool", "a rival", None, "no quote"),
        ("a board for tasks", "a board", None, "evidence lies outside the contexts"),
    ],
)
async def test_what_does_not_hold_is_named(
    document: Document, quote: str, answer: str, start: int | None, reason: str
) -> None:
    chunk = chunk_of(document, 0, 31)
    verdict = await _verdict(_sample(document, chunk, quote, answer, start), store_of((document, chunk)))
    assert verdict.passed is False
    assert reason in verdict.reason


async def test_a_removed_and_an_edited_document(document: Document) -> None:
    chunk = chunk_of(document)
    sample = _sample(document, chunk, "a chat tool", "a chat tool")
    edited = document_of("Tools", TEXT.replace("chat", "message"))
    assert "gone" in (await _verdict(sample, store_of())).reason
    assert "document changed" in (await _verdict(sample, store_of((edited, chunk)))).reason


ALTERED = "a context is not the text of its chunk or document: context 1 of c/d.md"


@pytest.mark.parametrize(
    "change",
    [
        {"text": TEXT[:31] + " FORGED tail."},
        {"text": TEXT[:31] + " FORGED tail.", "chunk_id": "cut-otherwise"},
        {"text": "", "chunk_id": "cut-otherwise"},
        {"document_id": "c/other.md"},
    ],
)
@pytest.mark.parametrize("answerable", [True, False])
async def test_an_altered_context_is_rejected(document: Document, change: dict[str, str], answerable: bool) -> None:
    chunk = chunk_of(document, 0, 31)
    sample = _sample(document, chunk, "a chat tool", "a chat tool")
    contexts = (sample.contexts[0].model_copy(update=change),)
    payload = sample.payload if answerable else QAPair(question="What is Teams?", answer=None, answerable=False)
    forged = sample.model_copy(update={"contexts": contexts, "payload": payload})
    verdict = await _verdict(forged, store_of((document, chunk)))
    assert verdict.passed is False
    assert ALTERED.replace("c/d.md", contexts[0].document_id) in verdict.reason


async def test_a_context_that_was_cut_otherwise_holds_where_its_text_stands(document: Document) -> None:
    old, new = chunk_of(document, 0, 31), chunk_of(document)
    store = store_of((document, new))
    inside = _sample(document, old, "a chat tool", "a chat tool")
    assert (await _verdict(inside, store)).passed is True
    outside = await _verdict(_sample(document, old, "a board", "a board"), store)
    assert outside.reason == "evidence lies outside the contexts: c/d.md [43:50]"


async def test_every_span_must_lie_in_a_context(document: Document) -> None:
    chunk = chunk_of(document, 0, 31)
    sample = _sample(document, chunk, "a chat tool", "a chat tool")
    other = _sample(document, chunk, "a board", "a board").evidence
    verdict = await _verdict(
        sample.model_copy(update={"evidence": sample.evidence + other}), store_of((document, chunk))
    )
    assert (verdict.passed, verdict.score) == (False, 1.0)
    assert verdict.reason == "evidence lies outside the contexts: c/d.md [43:50]"


@pytest.mark.parametrize(
    ("start", "end", "quote", "state"),
    [
        (0, 5, "Slack", "same"),
        (0, 0, "", "gone"),
        (3, 8, "Slack", "moved"),
        (-6, -1, "tasks", "moved"),
        (len(TEXT) - 6, len(TEXT) + 9, "tasks.", "moved"),
    ],
)
def test_only_exact_spans_are_the_same(document: Document, start: int, end: int, quote: str, state: str) -> None:
    evidence = Evidence(document_id=document.id, version=document.version, start=start, end=end, quote=quote)
    assert evidence.verify(document) == state
    assert evidence.verify(None) == "gone"


async def test_no_evidence_and_no_answer(document: Document) -> None:
    chunk = chunk_of(document)
    sample = _sample(document, chunk, "a chat tool", "a chat tool")
    store = store_of((document, chunk))
    assert (await _verdict(sample.model_copy(update={"evidence": ()}), store)).reason == "no evidence"
    nothing = QAPair(question="What is Teams?", answer=None, answerable=False)
    verdict = await _verdict(sample.model_copy(update={"payload": nothing, "evidence": ()}), store)
    assert (verdict.passed, verdict.reason) == (True, "an unanswerable question carries no evidence")
    cited = await _verdict(sample.model_copy(update={"payload": nothing}), store)
    assert (cited.passed, cited.reason) == (False, "an unanswerable question carries evidence")
    knows = nothing.model_copy(update={"answer": "a rival"})
    told = await _verdict(sample.model_copy(update={"payload": knows, "evidence": ()}), store)
    assert (told.passed, told.reason) == (False, "an unanswerable question has an answer")
    called = await _verdict(sample.model_copy(update={"question_type": "unanswerable"}), store)
    assert (called.passed, called.reason) == (False, "it is called unanswerable, and has an answer")


@pytest.mark.parametrize(
    ("kind", "cited", "reason"),
    [
        ("multi_hop", ("a1", "a2"), ""),
        ("multi_hop", ("a1",), "multi-hop, and one context holds all the evidence"),
        ("multi_hop", ("a1", "a1b"), "multi-hop, and one context holds all the evidence"),
        ("multi_hop_across", ("a1", "b"), ""),
        ("multi_hop_across", ("a1", "a2"), "multi-hop across documents, and one document holds all the evidence"),
        ("fact", ("a1",), ""),
        ("comparison", ("a1", "b"), ""),
    ],
)
async def test_multi_hop_evidence_lies_in_two_chunks(kind: str, cited: tuple[str, ...], reason: str) -> None:
    one, two = document_of("Tools", TEXT, path="one.md"), document_of("More", "Jira tracks bugs.", path="two.md")
    chunks = (chunk_of(one, 0, 31), chunk_of(one, 33), chunk_of(two))
    store = store_of((one, chunks[0]), (two, chunks[2]))
    store._chunks[one.id].append(chunks[1])
    store._all.append(chunks[1])
    places = {"a1": (one, 0, 5), "a1b": (one, 11, 20), "a2": (one, 33, 39), "b": (two, 0, 4)}
    evidence = tuple(
        Evidence(document_id=d.id, version=d.version, start=start, end=end, quote=d.text[start:end])
        for d, start, end in (places[name] for name in cited)
    )
    sample = Sample(
        id="s",
        scenario_id="c",
        payload=QAPair(question="Which tools chat and plan?", answer="Slack and Trello"),
        contexts=tuple(Context.of(chunk) for chunk in chunks),
        evidence=evidence,
        question_type=kind,
    )
    verdict = await _verdict(sample, store, sufficient=False)
    assert (verdict.passed, verdict.reason) == (not reason, reason)


@pytest.mark.parametrize(
    ("quote", "answer", "reason"),
    [
        ("a chat tool for teams", "Slack is for 12 teams.", "the evidence does not hold the number 12"),
        ("a chat tool for teams", "Slack is a chat tool by Trello.", "the evidence does not hold the name trello"),
        ("Trello is a board", "a chat tool", "the evidence does not hold what is answered"),
        ("a chat tool for teams", "Slack is not a chat tool.", "the evidence does not hold its 'not'"),
        ("a chat tool for teams", "a chat program that teams use", ""),
        ("a chat tool for teams", "Yes.", ""),
        ("a chat tool for teams", "Yes, for 12 teams.", "the evidence does not hold the number 12"),
    ],
)
async def test_the_evidence_holds_the_hard_facts_of_the_answer(
    document: Document, quote: str, answer: str, reason: str
) -> None:
    chunk = chunk_of(document)
    sample = _sample(document, chunk, quote, answer).model_copy(update={"provenance": {"writer": "a model"}})
    store = store_of((document, chunk))
    verdict = await _verdict(sample, store)
    assert (verdict.passed, verdict.reason) == (not reason, reason)
    assert (await _verdict(sample, store, sufficient=False)).passed is True


class _Crashes(Judge):
    name = "crashes"

    async def judge(self, sample: Sample, tools: Tools) -> Sample:
        raise ValueError("first line\nsecond line")


class _Scores(Judge):
    name = "scores"
    value: float = 0.5

    async def judge(self, sample: Sample, tools: Tools) -> Sample:
        return sample.judged(self.verdict(True, self.value), measure=self.value)


class _Stops(Judge):
    name = "stops"

    async def judge(self, sample: Sample, tools: Tools) -> Sample:
        raise asyncio.CancelledError


async def test_a_crash_and_a_nan_are_failures_and_never_scores(document: Document) -> None:
    draw = Draw(number=0, samples=(_sample(document, chunk_of(document), "a chat tool", "a chat tool"),))
    crashed = (await _Crashes().apply(draw, Tools())).samples[0]
    assert crashed.status == "failed"
    assert crashed.failure is not None
    assert crashed.failure.message == "first line second line"
    broken = (await _Scores(value=math.nan).apply(draw, Tools())).samples[0]
    assert (broken.status, broken.verdicts) == ("failed", ())
    again = (await _Scores().apply(Draw(number=0, samples=(crashed,)), Tools())).samples[0]
    assert again == crashed
    with pytest.raises(asyncio.CancelledError):
        await _Stops().apply(draw, Tools())


async def test_scores_have_four_decimals(document: Document) -> None:
    draw = Draw(number=0, samples=(_sample(document, chunk_of(document), "a chat tool", "a chat tool"),))
    sample = (await _Scores(value=1 / 3).apply(draw, Tools())).samples[0]
    assert (sample.verdicts[0].score, sample.measures["measure"]) == (0.3333, 0.3333)
    assert str(rounded(-0.00001)) == "0.0"
