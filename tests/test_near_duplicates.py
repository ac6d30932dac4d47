"""The near-duplicate gate: exact, in draw order, bounded; its reason names the twin."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from conftest import make_chunk, make_sample
from ragset.adapters.hash_embedder import HashEmbedder
from ragset.judges import near_duplicates
from ragset.judges.near_duplicates import PLACE, NearDuplicates, _Places, _Seen
from ragset.kit import nearest
from ragset.kit.nearest import TwinSearch
from ragset.schema.samples import Draw, Evidence, Message, QAPair, Sample
from ragset.schema.step import Tools


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("flat", [True, False])
def test_the_pruned_search_gives_what_a_plain_scan_gives(monkeypatch: pytest.MonkeyPatch, flat: bool):
    monkeypatch.setattr(nearest, "BLOCK", 256)
    monkeypatch.setattr(nearest, "SAMPLE", 200)
    random = np.random.default_rng(3)
    rows = random.normal(size=(1500, 160)) * (1.0 if flat else 1 / np.arange(1, 161) ** 0.7)
    copies = rows[random.integers(0, 1500, 500)] + random.normal(size=(500, 160)) * rows.std() * 0.3
    vectors = unit(np.vstack([rows, copies]))[random.permutation(2000)]
    search, kept, twins = TwinSearch(0.9), [], 0
    for vector in vectors:
        cosines = np.array([np.dot(vectors[k].astype(float), vector.astype(float)) for k in kept])
        twin = search.find(vector)
        if len(kept) and cosines.max() >= 0.9:
            assert twin is not None
            assert twin.cosine == pytest.approx(cosines.max(), abs=1e-6)
            twins += 1
        else:
            assert twin is None
            search.add(vector)
            kept.append(int(np.flatnonzero((vectors == vector).all(axis=1))[0]))
    assert twins > 100


def test_the_gate_keeps_the_first_and_names_it():
    gate = NearDuplicates(threshold=0.9).begin(Tools())
    first, same, other = unit(np.array([[1.0, 0, 0], [1, 0.1, 0], [0, 1, 0]]))
    samples = [make_sample(at, question) for at, question in enumerate(["What is A?", "What is an A?", "What is B?"])]
    judged = [
        gate.feed(Draw(number=at, samples=(sample,)), vector.tobytes()).samples[0]
        for at, (sample, vector) in enumerate(zip(samples, (first, same, other), strict=True))
    ]
    assert [s.status for s in judged] == ["open", "rejected", "open"]
    verdict = judged[1].rejected_by
    assert verdict is not None
    assert verdict.score == pytest.approx(0.995, abs=1e-3)
    assert "s0" in verdict.reason
    assert "What is A?" in verdict.reason


def test_a_rejected_sample_is_neither_judged_nor_remembered():
    gate = NearDuplicates(threshold=0.9).begin(Tools())
    rejected = make_sample(1).model_copy(update={"status": "rejected"})
    draw = Draw(number=0, samples=(rejected,))
    assert gate.feed(draw, None) == draw
    vector = unit(np.array([[1.0, 0]]))[0]
    assert gate.feed(Draw(number=1, samples=(make_sample(2),)), vector.tobytes()).samples[0].status == "open"


def test_siblings_of_one_draw_are_compared_too():
    gate = NearDuplicates(threshold=0.9).begin(Tools())
    vector = unit(np.array([[1.0, 0]]))[0].tobytes()
    judged = gate.feed(
        Draw(number=0, samples=(make_sample(1, "What is A?"), make_sample(2, "What is an A?"))), vector + vector
    )
    assert [s.status for s in judged.samples] == ["open", "rejected"]


async def test_follow_ups_are_compared_with_what_came_before_them():
    question = "And in winter?"
    tides, prices = (
        make_sample(at, question).model_copy(
            update={
                "payload": QAPair(
                    question=question,
                    answer="More.",
                    history=(Message(role="user", content=before), Message(role="assistant", content="Twelve.")),
                )
            }
        )
        for at, before in enumerate(("How high do the tides of the bay rise?", "What does the ferry ticket cost?"))
    )
    step, tools = NearDuplicates(), Tools(_embedder=HashEmbedder())
    draw = Draw(number=0, samples=(tides, prices, tides.model_copy(update={"id": "again"})))
    judged = step.begin(tools).feed(draw, await step.look(draw, tools))
    assert [sample.status for sample in judged.samples] == ["open", "open", "rejected"]


QUOTE = "The pier of Nordhaven was built in 1902 of oak."


@pytest.mark.parametrize(
    ("one", "other", "cosine", "answers", "same"),
    [
        ("When was the pier built?", "In which year was the pier made?", 0.8, ("1902", "in 1902"), True),
        ("When was the pier built?", "Of what was the pier made?", 0.8, ("1902", "of oak"), False),
        ("When was the pier built?", "In which year was the pier made?", 0.6, ("1902", "1902"), False),
        ("What was the revenue in 2019?", "What was the revenue in 2020?", 0.99, ("40", "41"), False),
        ("What was the revenue in 2019?", "What was the revenue of 2019?", 0.96, ("40", "40"), True),
        ("What does `--seed` do?", "What does `--window` do?", 0.99, ("x", "x"), False),
        ("What is the capital of France?", "What is the capital of Spain?", 0.95, ("a", "b"), False),
        ("When did the fair of Aber begin?", "Where did the fair of Aber begin?", 0.985, ("a", "b"), False),
        ("Which is the longest pier?", "Which is the shortest pier?", 0.97, ("a", "b"), False),
        ("Which piers are lit?", "Which piers are not lit?", 0.97, ("a", "b"), False),
        (
            "In which month is the fair of Aber held?",
            "In which town is the fair of Aber held?",
            0.95,
            ("May", "Ur"),
            False,
        ),
        (
            "In which month is the fair of Aber held?",
            "In what month is the fair of Aber held?",
            0.99,
            ("May", "Ur"),
            True,
        ),
        (
            "Was kostet der Versand nach Wien?",
            "Wie hoch sind die Lieferkosten nach Wien?",
            0.95,
            ("drei Euro", "drei Euro"),
            True,
        ),
        (
            "Was kostet der Versand nach Wien?",
            "Was kostet der Versand nach Graz?",
            0.95,
            ("drei Euro", "drei Euro"),
            False,
        ),
        ("Wie hoch ist die Gebühr der BASF?", "Wie hoch ist die Gebühr der RWE?", 0.95, ("3 Euro", "3 Euro"), False),
        ("Who is Barack Obama?", "Who is Obama?", 0.97, ("a man", "a man"), True),
        ("How heavy is 192.9 lbs?", "How heavy is about 193 lbs?", 0.97, ("very", "very"), True),
    ],
)
def test_look_alikes_and_pairs_in_other_words(
    one: str, other: str, cosine: float, answers: tuple[str, str], same: bool
):
    vectors = np.array([[1.0, 0.0], [cosine, (1 - cosine**2) ** 0.5]], np.float32)
    gate = NearDuplicates().begin(Tools())
    samples = [
        make_sample(at, question, make_chunk(text=QUOTE)).model_copy(
            update={"payload": QAPair(question=question, answer=answer)}
        )
        for at, (question, answer) in enumerate(zip((one, other), answers, strict=True))
    ]
    draws = [Draw(number=at, samples=(sample,)) for at, sample in enumerate(samples)]
    judged = [gate.feed(draw, vectors[at].tobytes()).samples[0] for at, draw in enumerate(draws)]
    assert (judged[1].status == "rejected") is same


@pytest.mark.parametrize(
    ("one", "other", "cosine", "same"),
    [
        ("What year did Tesla die?", "Where did Tesla live for much of his life?", 0.7571, False),
        ("In which room did Tesla die?", "In which year did Tesla die?", 0.95, False),
        ("How old was Manning in Super Bowl 50?", "How old was Peyton Manning in Super Bowl 50?", 0.9739, True),
        ("What year did Tesla die?", "What year did Tesla die? ", 1.0, True),
        ("What was the revenue in 2019?", "What was the revenue in 2020?", 0.99, False),
    ],
)
@pytest.mark.parametrize("answers", [(None, None), ("1943", None), (None, "1943")])
def test_a_missing_answer_says_nothing_about_sameness(
    one: str, other: str, cosine: float, same: bool, answers: tuple[str | None, str | None]
):
    assert _duplicates((one, other), answers, cosine) is same


def test_without_answers_the_threshold_still_leads():
    questions = ("What year did Tesla die?", "In what year did Tesla die?")
    assert not _duplicates(questions, (None, None), 0.94)
    assert _duplicates(questions, (None, None), 0.94, threshold=0.88)
    assert _duplicates(questions, ("1943", "1943"), 0.94)


LIMIT = "how do you request {} of LWOP?"
SUPERVISOR = "The supervisor and the Business Unit Director must approve it before the leave begins."


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("over 80 hours", "80 hours or less", False),
        ("at least 80 hours", "fewer than 80 hours", False),
        ("more than 80 hours", "over 80 hours", True),
        ("80 hours or less", "no more than 80 hours", True),
        ("at most 80 hours", "up to 80 hours", True),
    ],
)
def test_limits_are_contraries(one: str, other: str, same: bool):
    questions = (LIMIT.format(one), LIMIT.format(other))
    assert _duplicates(questions, (SUPERVISOR, SUPERVISOR), 0.9879) is same


def _duplicates(
    questions: tuple[str, str], answers: tuple[str | None, str | None], cosine: float, threshold: float = 0.92
) -> bool:
    vectors = np.array([[1.0, 0.0], [cosine, (1 - cosine**2) ** 0.5]], np.float32)
    gate = NearDuplicates(threshold=threshold).begin(Tools())
    status = ""
    for at, (question, answer) in enumerate(zip(questions, answers, strict=True)):
        sample = make_sample(at, question, make_chunk(text=QUOTE))
        sample = sample.model_copy(update={"payload": QAPair(question=question, answer=answer)})
        status = gate.feed(Draw(number=at, samples=(sample,)), vectors[at].tobytes()).samples[0].status
    return status == "rejected"


def test_other_evidence_makes_another_pair():
    vectors = np.array([[1.0, 0.0], [0.8, 0.6]], np.float32)
    gate = NearDuplicates().begin(Tools())
    for at, name in enumerate(("a.md", "b.md")):
        sample = make_sample(at, "When was it built?" if at else "When was it made?", make_chunk(0, name, QUOTE))
        judged = gate.feed(Draw(number=at, samples=(sample,)), vectors[at].tobytes()).samples[0]
        assert judged.status == "open"


def test_a_question_over_hops_is_no_duplicate_of_one_of_them():
    vectors = np.array([[1.0, 0.0], [0.95, (1 - 0.95**2) ** 0.5]], np.float32)
    for kind, status in (("multi_hop_across", "open"), ("fact", "rejected")):
        gate, one = NearDuplicates().begin(Tools()), make_sample(0, "Which firm makes the Nordlys lamp?")
        two = make_sample(1, "Who founded the firm that makes the Nordlys lamp?", make_chunk(0))
        two = two.model_copy(update={"question_type": kind})
        gate.feed(Draw(number=0, samples=(one,)), vectors[0].tobytes())
        assert gate.feed(Draw(number=1, samples=(two,)), vectors[1].tobytes()).samples[0].status == status


def pair_at(at: int, start: int, end: int, answer: str) -> Sample:
    spot = Evidence(document_id="c/d.md", version="v", start=start, end=end, quote="x" * (end - start))
    payload = QAPair(question=f"What is the value of parameter {at}?", answer=answer)
    return make_sample(at).model_copy(update={"payload": payload, "evidence": (spot,)})


def test_evidence_that_overlaps_is_found_wherever_places_end():
    random = np.random.default_rng(5)
    starts = random.choice([0, 1, PLACE - 1, PLACE, PLACE + 1, 2 * PLACE, *range(40)], 400)
    lengths = random.choice([1, 2, PLACE - 1, PLACE, PLACE + 1, 3 * PLACE], 400)
    seen = [
        _Seen.of(pair_at(at, int(s), int(s + n), "a")) for at, (s, n) in enumerate(zip(starts, lengths, strict=True))
    ]
    places = _Places()
    for row, one in enumerate(seen):
        places.add(row, one.spans)
    for one in seen:
        near = places.near(one.spans)
        assert near == sorted(set(near))
        assert {row for row, other in enumerate(seen) if one.overlaps(other)} <= set(near)


@pytest.mark.parametrize(("apart", "cosines"), [(1, 200 * 199 // 2), (PLACE, 0)])
def test_only_near_vectors_of_one_place_are_compared_in_full(monkeypatch: pytest.MonkeyPatch, apart: int, cosines: int):
    calls = {"cosine": 0, "answer": 0}

    def counted(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            calls[name] += 1
            return work(*given)

        return call

    monkeypatch.setattr(near_duplicates, "same_answer", counted("answer", near_duplicates.same_answer))
    monkeypatch.setattr(TwinSearch, "cosine", counted("cosine", TwinSearch.cosine))
    gate = NearDuplicates().begin(Tools())
    vectors = unit(np.random.default_rng(0).normal(size=(200, 64)))
    for at, vector in enumerate(vectors):
        sample = pair_at(at, at * apart, at * apart + PLACE if apart == 1 else at * apart + 40, "One answer for all.")
        assert gate.feed(Draw(number=at, samples=(sample,)), vector.tobytes()).samples[0].status == "open"
    assert calls["answer"] == 0
    assert calls["cosine"] == cosines
