"""A text that counts otherwise, or denies, what a claim says: no share of common words makes up for that."""

from __future__ import annotations

import time

import pytest

from extractive_support import chunk_of, document_of, store_of
from ragset.adapters.ragas_bridge import faithfulness
from ragset.judges.evidence import EvidenceHolds
from ragset.judges.faithfulness import Faithfulness
from ragset.kit.builtin_judge import BuiltinJudge, _told
from ragset.kit.contradictions import contradiction
from ragset.kit.equivalence import equivalence
from ragset.kit.groundedness import groundedness
from ragset.kit.tiers import Case
from ragset.schema.documents import Document
from ragset.schema.samples import Context, Draw, Evidence, QAPair, Sample
from ragset.schema.step import Tools

COURSE = "The beekeeping course begins on 4 May 2024 and takes three weekends."
CARDS = "Goods can be returned within 45 days of delivery. Gift cards cannot be returned."
LAMPS = "The harbour has 12 lamps and 3 cranes. Each of the 3 cranes lifts 40 tonnes. Of the 12, five are broken."
MAY_CARDS = "Can gift cards be returned?"

AT_ODDS = [
    (COURSE, "The beekeeping course begins on 4 May 2024 and takes four weekends.", ""),
    (COURSE, "It takes 4 weekends.", "How long is the course?"),
    (COURSE, "four weekends", "How long is the course?"),
    (COURSE, "It takes one weekend.", "How long is the course?"),
    (COURSE.replace("4 May 2024", "May 4, 2024"), "It takes four weekends.", "How long is the course?"),
    (LAMPS, "The harbour has 40 lamps.", ""),
    (LAMPS, "Each crane of the 7 cranes lifts 40 tonnes.", ""),
    (CARDS, "Gift cards can be returned within 45 days of delivery.", ""),
    (CARDS, "Yes, gift cards can be returned within 45 days.", "Can I return a gift card?"),
    (CARDS, "Yes, they can be returned within 45 days.", MAY_CARDS),
    (CARDS, "Yes.", MAY_CARDS),
    ("No pets are allowed in the cabins.", "Pets are allowed in the cabins.", ""),
]
AT_ONE = [
    (COURSE, "It takes three weekends.", ""),
    (COURSE, "It takes 3 weekends from 4 May on.", ""),
    ("The course has three or four weekends.", "It has three weekends.", ""),
    ("The course takes 3-4 weekends.", "It takes 3 weekends.", ""),
    ("The first part takes 2 weekends, the second 3 weekends.", "Both parts take 5 weekends.", ""),
    ("Some 131 people fell ill.", "Over 130 people fell ill.", ""),
    (LAMPS, "Five lamps of the harbour are broken.", ""),
    (LAMPS, "The harbour has 12 lamps.", ""),
    ("It is 1,078 miles (1,735 km) long and 9 square miles (23 square kilometres) wide.", "It has 23 square km.", ""),
    ("In 1962 there were 56, 000 dogs.", "There were 56,000 dogs.", ""),
    ("It was the 1979-80 season.", "It was the 1979-1980 season.", ""),
    (CARDS, "No, gift cards cannot be returned.", MAY_CARDS),
    (CARDS, "Gift cards cannot be returned.", MAY_CARDS),
    (CARDS, "Goods can be returned within 45 days.", ""),
    (CARDS, "Gift cards are excluded from what can be returned.", ""),
    ("Gift cards cannot be returned after 45 days.", "Gift cards can be returned within 45 days.", ""),
    ("Gift cards cannot be returned unless unopened.", "Yes, gift cards can be returned.", MAY_CARDS),
    (f"{CARDS} Gift cards bought in a shop can be returned within 45 days.", "Gift cards can be returned.", ""),
    ("They cannot be returned.", "Gift cards can be returned.", ""),
    ("Can't gift cards be returned?", "Gift cards can be returned.", ""),
    ("", "Gift cards can be returned in 45 days.", ""),
    ("No city has more bridges than Hamburg.", "Hamburg has more bridges than any city.", ""),
    ("Nobody knows the island better than Maria.", "Maria knows the island better than anybody.", ""),
    ("Bus No. 5 stops at the station.", "Bus 5 stops at the station.", ""),
    ("The fee applies whether or not members attend.", "The fee applies whether members attend or stay home.", ""),
    ("Winter hours do not apply until November.", "Winter hours apply from November until March.", ""),
    ("Delivery takes 3 to 5 days.", "Delivery takes 4 days.", ""),
    ("The van seats up to 12 passengers.", "The van can seat 8 passengers.", ""),
    ("The tool supports 10 languages.", "The tool supports at least 5 languages.", ""),
    ("It won 3 medals in 2012, 2 medals in 2016 and 4 medals in 2020.", "It won 9 medals.", ""),
    ("Each of the 4 teams has 5 players.", "The teams have 20 players.", ""),
    ("The hall seats 300 people, and the balcony 120.", "Hall and balcony seat 420 people.", ""),
    ("It is open 9 hours a day.", "It is open 63 hours a week.", ""),
    ("Chapter 3 shows 4 examples.", "Chapter 4 shows examples.", ""),
]


@pytest.mark.parametrize(("context", "claim", "question"), AT_ODDS)
def test_what_a_text_counts_or_denies_is_no_groundedness(context: str, claim: str, question: str) -> None:
    assert contradiction(context, claim, question)
    assert not groundedness(context, claim, question).holds


@pytest.mark.parametrize(("context", "claim", "question"), AT_ONE)
def test_what_a_text_says_or_may_say_is_let_pass(context: str, claim: str, question: str) -> None:
    assert contradiction(context, claim, question) is None


def test_support_is_groundedness_where_nothing_contradicts() -> None:
    assert groundedness(COURSE, "It takes three weekends.").holds
    least, usual = groundedness(COURSE, "It takes four weekends."), groundedness(COURSE, "It takes three weekends.")
    assert least.score < 0.5 < usual.score


@pytest.mark.parametrize(
    ("context", "answer", "question"),
    [
        (COURSE, "The beekeeping course begins on 4 May 2024 and takes four weekends.", "When is the course held?"),
        (CARDS, "Yes, gift cards can be returned within 45 days.", "Can I return a gift card?"),
    ],
)
async def test_no_gate_without_a_model_lets_a_contradiction_pass(context: str, answer: str, question: str) -> None:
    assert (await faithfulness(BuiltinJudge(question), question, answer, [context])).score < 1
    sample, document = _sample(context, answer, question)
    judged = await EvidenceHolds().apply(Draw(number=0, samples=(sample,)), Tools(_store=store_of(document)))
    verdict = judged.samples[0].verdicts[-1]
    assert verdict.passed is False
    assert verdict.reason.startswith("the evidence says otherwise: the text ")
    assert Faithfulness().opinion(Case(sample)).score < 0.5
    assert not _told(question, answer, context)[0]


def test_two_answers_that_count_otherwise_are_not_the_same() -> None:
    question, reference = "When is the course held?", COURSE.replace("three", "four")
    assert not equivalence(question, (reference,), COURSE).holds
    assert equivalence(question, (COURSE,), COURSE).holds


async def test_sufficient_off_looks_at_spans_only() -> None:
    sample, document = _sample(COURSE, COURSE.replace("three", "four"), "When is the course held?")
    step = EvidenceHolds(sufficient=False)
    judged = await step.apply(Draw(number=0, samples=(sample,)), Tools(_store=store_of(document)))
    assert judged.samples[0].verdicts[-1].passed


def test_a_runaway_answer_is_read_in_time() -> None:
    long = " ".join(f"It takes {at} weekends and no cards can be returned in {at} days." for at in range(1500))
    began = time.perf_counter()
    contradiction(long, long.replace("cards", "toys"))
    contradiction("4 May " * 20_000, f"3 weekends {'9' * 9000} rooms " + "1," * 20_000)
    assert time.perf_counter() - began < 20


def _sample(context: str, answer: str, question: str) -> tuple[Sample, tuple[Document, object]]:
    document = document_of("Rules", context)
    chunk = chunk_of(document)
    span = Evidence(
        document_id=document.id, version=document.version, start=0, end=len(document.text), quote=document.text
    )
    sample = Sample(
        id="s", scenario_id="c", payload=QAPair(question=question, answer=answer), contexts=(Context.of(chunk),),
        evidence=(span,),
    )  # fmt: skip
    return sample, (document, chunk)
