"""Round-trip retrieval: the gold chunk, every one of a multi-hop pair, and what a follow-up is searched with."""

from __future__ import annotations

from typing import Any

import pytest

from memory_store import MemoryStore
from ragset.adapters.hash_embedder import HashEmbedder
from ragset.judges.round_trip import RoundTrip
from ragset.schema.samples import Context, Draw, Evidence, Message, QAPair, Sample
from ragset.schema.step import Tools

TEXTS = {
    "bay.txt": "The tides of the bay rise by twelve metres.",
    "pier.txt": "The pier of the harbour is 300 metres long.",
    "ferry.txt": "The ferry ticket costs four euros.",
    "cow.txt": "A cow gives thirty litres of milk every day.",
}


async def judged(question: str, names: tuple[str, ...], top: int = 2, **more: Any) -> Sample:
    store = await MemoryStore.of(TEXTS, HashEmbedder())
    chunks = [store.chunks(name)[0] for name in names]
    payload = QAPair(question=question, answer="x", **{k: more.pop(k) for k in ("history",) if k in more})
    if more.get("question_type") == "unanswerable":
        payload = QAPair(question=question, answer=None, answerable=False)
    evidence = tuple(
        Evidence(document_id=c.document_id, version=c.version, start=0, end=len(c.text), quote=c.text) for c in chunks
    )
    contexts = tuple(Context.of(chunk) for chunk in chunks)
    sample = Sample(id="s", scenario_id="c", payload=payload, contexts=contexts, evidence=evidence, **more)
    draw = await RoundTrip(max_rank=top).apply(
        Draw(number=0, samples=(sample,)), Tools(_store=store, _embedder=HashEmbedder())
    )
    return draw.samples[0]


BOTH = "How high do the tides of the bay rise, and how long is the pier of the harbour?"


@pytest.mark.parametrize(
    ("names", "kind", "top", "reason", "rank"),
    [
        (("bay.txt", "pier.txt"), "multi_hop_across", 2, "its last chunk is hit 2", 2),
        (("bay.txt", "cow.txt"), "multi_hop_across", 2, "1 of its 2 chunks are not among the first 2 hits", None),
        (("bay.txt", "cow.txt"), "comparison", 2, "its chunk is hit", 1),
        (("cow.txt",), "fact", 2, "its chunk is not among the first 2 hits", None),
    ],
)
async def test_every_gold_chunk_of_a_multi_hop_pair_is_found(
    names: tuple[str, ...], kind: str, top: int, reason: str, rank: int | None
) -> None:
    sample = await judged(BOTH, names, top, question_type=kind)
    assert sample.verdicts[0].reason.startswith(reason)
    assert sample.verdicts[0].passed is (rank is not None)
    if rank is None or kind == "multi_hop_across":
        assert sample.measures.get("gold_rank") == rank


async def test_a_follow_up_is_searched_with_what_was_asked_before() -> None:
    question = "And in euros?"
    turns = (
        Message(role="user", content="How many litres of milk does a cow give?"),
        Message(role="assistant", content="The ferry ticket costs four euros."),
    )
    assert (await judged(question, ("cow.txt",), 1)).status == "rejected"
    sample = await judged(question, ("cow.txt",), 1, history=turns, question_type="follow_up")
    assert (sample.status, sample.measures["gold_rank"]) == ("open", 1)


async def test_an_unanswerable_question_is_not_judged_but_its_near_miss_is_ranked() -> None:
    sample = await judged("How old is the pier of the harbour?", ("pier.txt",), question_type="unanswerable")
    assert (sample.status, sample.verdicts[0].passed, sample.measures["near_rank"]) == ("open", None, 1)
    far = await judged("How old is the pier of the harbour?", ("cow.txt",), 1, question_type="unanswerable")
    assert "near_rank" not in far.measures
