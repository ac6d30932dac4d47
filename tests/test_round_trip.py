"""Round-trip retrieval: the gold chunk, every one of a multi-hop pair, and what a follow-up is searched with."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest

from memory_store import MemoryStore
from ragset.adapters.hash_embedder import HashEmbedder
from ragset.adapters.lexical_index import LexicalIndex
from ragset.judges.round_trip import FoundBy, RoundTrip
from ragset.kit import retrieving
from ragset.schema.ports import Hit
from ragset.schema.samples import Context, Draw, Evidence, Message, QAPair, Sample
from ragset.schema.step import Tools

TEXTS = {
    "bay.txt": "The tides of the bay rise by twelve metres.",
    "pier.txt": "The pier of the harbour is 300 metres long.",
    "ferry.txt": "The ferry ticket costs four euros.",
    "cow.txt": "A cow gives thirty litres of milk every day.",
}


async def judged(
    question: str, names: tuple[str, ...], top: int = 2, found_by: FoundBy = "either", **more: Any
) -> Sample:
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
    draw = await RoundTrip(max_rank=top, found_by=found_by).apply(
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


@pytest.mark.parametrize(
    ("found_by", "status", "reason"),
    [
        ("either", "open", "its chunk is no hit by vectors, hit 1 by words"),
        ("lexical", "open", "its chunk is no hit by vectors, hit 1 by words"),
        ("dense", "rejected", "its chunk is not among the first 1 hits by vectors"),
        ("both", "rejected", "its chunk is not among the first 1 hits by vectors"),
    ],
)
async def test_words_find_what_vectors_do_not(
    monkeypatch: pytest.MonkeyPatch, found_by: str, status: str, reason: str
) -> None:
    other = (await MemoryStore.of(TEXTS, HashEmbedder())).chunks("cow.txt")[0]

    async def lost(self: MemoryStore, vectors: Any, k: int) -> list[list[Hit]]:
        return [[Hit(other, 0.9)][:k] for _ in vectors]

    monkeypatch.setattr(MemoryStore, "search", lost)
    sample = await judged("How long is the pier?", ("pier.txt",), 1, found_by=found_by)
    assert (sample.status, sample.verdicts[0].reason) == (status, reason)
    assert (sample.measures.get("gold_rank"), sample.measures["gold_rank_lexical"]) == (None, 1)
    assert sample.measures.get("difficulty") == ("medium" if status == "open" else None)


async def test_the_difficulty_comes_from_both_ranks() -> None:
    sample = await judged("How long is the pier of the harbour?", ("pier.txt",))
    ranks = (sample.measures["gold_rank"], sample.measures["gold_rank_lexical"])
    assert (ranks, sample.measures["difficulty"]) == ((1, 1), "easy")


async def test_lexical_search_is_built_once_and_again_when_the_store_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[int] = []
    make = retrieving.LexicalIndex
    monkeypatch.setattr(retrieving, "LexicalIndex", lambda rows: built.append(1) or make(rows))
    store = await MemoryStore.of(TEXTS, HashEmbedder())
    tools = Tools(_store=store, _embedder=HashEmbedder())
    hits = await asyncio.gather(*(retrieving.retrieve_lexical(["piers in harbours"], 3, tools) for _ in range(5)))
    assert [[hit.chunk.document_id for hit in found] for (found,) in hits] == [["pier.txt"]] * 5
    assert built == [1]
    more = await MemoryStore.of({**TEXTS, "new.txt": "A harbour has piers."}, HashEmbedder())
    tools._store = more
    (found,) = await retrieving.retrieve_lexical(["piers in harbours"], 3, tools)
    assert {hit.chunk.document_id for hit in found} == {"pier.txt", "new.txt"}
    assert built == [1, 1]


def test_terms_are_stemmed_and_scripts_without_blanks_are_cut_in_pairs() -> None:
    assert retrieving.terms("The piers of Größe, 12") == ["pier", "grösse", "12"]
    assert retrieving.terms("证据跨度") == ["证据", "据跨", "跨度"]
    assert retrieving.terms("the of") == []


def test_equal_scores_are_ranked_by_order_and_nothing_in_common_is_no_hit() -> None:
    index = LexicalIndex([["a"], ["b"], ["a"], ["c"]])
    assert [row for row, _ in index.best(["a"], 2)] == [0, 2]
    assert [row for row, _ in index.best(["a"], 1)] == [0]
    assert index.best(["z"], 3) == []
    assert LexicalIndex([]).best(["a"], 3) == []


async def test_a_hop_that_the_question_does_not_name_is_found_through_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bridge = {
        "lamp.txt": "The Nordlys lamp is made by Brevik Works.",
        "works.txt": "Brevik Works was founded by Ada Lorne.",
        "other.txt": "Rosk Mills was founded by Jan Roos.",
        "more.txt": "A lamp by a founder is made of glass: who founded the company that makes it, nobody knows.",
    }
    monkeypatch.setattr(sys.modules[__name__], "TEXTS", bridge)
    question = "Who founded the company that makes the Nordlys lamp?"
    sample = await judged(question, ("lamp.txt", "works.txt"), 2, question_type="multi_hop_across")
    assert sample.status == "open", sample.verdicts
    assert sample.verdicts[0].reason.endswith("1 found through the others")
    assert sample.measures["difficulty"] == "hard"
    wrong = await judged(question, ("lamp.txt", "other.txt"), 2, question_type="multi_hop_across")
    assert wrong.verdicts[0].reason == "1 of its 2 chunks are not among the first 2 hits"


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
