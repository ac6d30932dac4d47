"""Coverage: documents, chunks and topics that a set asks about, counted against the index."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from conftest import make_sample
from memory_store import MemoryStore
from ragset.adapters.hash_embedder import HashEmbedder
from ragset.kit.coverage import Gold, Topics, coverage
from ragset.schema.documents import Chunk
from ragset.schema.samples import Context, Evidence, Sample

SUBJECTS = {
    "knots": "A bowline is a knot in a rope. The rope holds the loop, and the knot can be untied.",
    "bread": "Flour and water make dough. The dough is baked in an oven until the crust is brown.",
    "tides": "The moon raises the tide. At spring tide the sea is highest, and the moon is full.",
}


async def store_of(parts: int = 4) -> MemoryStore:
    texts = {f"c/{name}.md": "\n\n".join(f"{at}. {text}" for at in range(parts)) for name, text in SUBJECTS.items()}
    return await MemoryStore.of({**texts, "c/empty.md": ""}, HashEmbedder(), size=len(SUBJECTS["bread"]) + 6)


def made_of(*chunks: Chunk) -> Sample:
    contexts = tuple(Context.of(chunk) for chunk in chunks)
    return make_sample(0, chunk=chunks[0]).model_copy(update={"contexts": contexts, "evidence": ()})


def gold(*samples: Sample) -> Gold:
    found = Gold()
    for sample in samples:
        found.add(sample)
    return found


async def test_the_map_counts_pairs_by_document_and_chunk() -> None:
    store = await store_of()
    knots, bread = store.chunks("c/knots.md"), store.chunks("c/bread.md")
    samples = [made_of(knots[1]), made_of(knots[1]), made_of(knots[3], bread[0])]
    found = coverage(store, store.document_ids(), gold(*samples))
    rows = {row["document"]: row for row in found["map"]}
    assert list(rows) == ["c/bread.md", "c/knots.md", "c/tides.md"]  # a document without a chunk cannot be asked about
    assert rows["c/knots.md"] == {
        "document": "c/knots.md",
        "title": knots[0].title,
        "chunks": len(knots),
        "touched": 2,
        "kept": 3,
        "at": {"1": 2, "3": 1},
    }
    assert (rows["c/bread.md"]["kept"], rows["c/tides.md"]["kept"], rows["c/tides.md"]["at"]) == (1, 0, {})
    total = sum(row["chunks"] for row in found["map"])
    assert found["chunks"] == {"total": total, "touched": 3, "share": round(3 / total, 4)}
    assert found["documents"] == {"total": 3, "touched": 2, "share": 0.6667}


async def test_only_the_documents_that_may_be_asked_about_count() -> None:
    store = await store_of()
    found = coverage(store, ["c/knots.md"], gold(made_of(store.chunks("c/bread.md")[0])))
    assert found["documents"] == {"total": 1, "touched": 0, "share": 0.0}
    assert sum(row["chunks"] for row in found["clusters"]) == found["chunks"]["total"]


async def test_a_set_from_elsewhere_is_found_by_its_evidence() -> None:
    store = await store_of()
    chunk = store.chunks("c/tides.md")[2]
    span = {"document_id": chunk.document_id, "version": chunk.version, "quote": "tide"}
    start = chunk.start + chunk.text.index("tide")
    foreign = make_sample(0).model_copy(
        update={"evidence": (Evidence(start=start, end=start + 4, **span),)}  # its chunk id is not in the index
    )
    lost = make_sample(1).model_copy(update={"evidence": ()})
    found = coverage(store, store.document_ids(), gold(lost, foreign))
    assert [row["at"] for row in found["map"]] == [{}, {}, {"2": 1}]


async def test_the_topics_are_counted_and_named() -> None:
    store = await store_of(parts=12)
    found = coverage(store, store.document_ids(), gold(made_of(*store.chunks("c/knots.md"))))
    clusters = found["clusters"]
    assert sum(row["chunks"] for row in clusters) == found["chunks"]["total"] == 36
    assert sum(row["touched"] for row in clusters) == 12
    assert found["topics"]["touched"] == sum(row["touched"] > 0 for row in clusters) < found["topics"]["total"]
    assert all(row["kept"] <= 1 for row in clusters)  # one pair, however many chunks of it
    touched = {word for row in clusters if row["touched"] for word in row["terms"]}
    assert {"bowline", "knot"} <= touched
    assert not {"the", "and"} & touched
    assert [row["chunks"] for row in clusters] == sorted((row["chunks"] for row in clusters), reverse=True)
    assert coverage(store, store.document_ids(), gold(made_of(*store.chunks("c/knots.md")))) == found


def _rows(labels: Sequence[int], noise: float) -> np.ndarray:
    dice = np.random.default_rng(0)
    rows = np.eye(8, dtype=np.float32)[list(labels)] + noise * dice.standard_normal((len(labels), 8)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


async def test_clusters_that_lie_apart_are_told_apart() -> None:
    labels = [at % 5 for at in range(200)]
    vectors = _rows(labels, 0.05)
    topics = Topics([vectors[:77], vectors[77:]])
    chunk = (await store_of()).chunks("c/tides.md")[0]
    found = topics.place(vectors, [chunk] * 200)
    pairs = set(zip(found, labels, strict=True))
    assert len(pairs) == len(set(found))  # no cluster holds two of them
    assert {label for _, label in pairs} == set(range(5))


async def test_an_index_of_copies_or_of_nothing_has_its_topics() -> None:
    copies = Topics([np.repeat(_rows([1], 0), 30, axis=0)])
    assert len(copies.centres) == 1
    store = await MemoryStore.of({"c/empty.md": ""}, HashEmbedder())
    found = coverage(store, store.document_ids(), gold())
    assert found["documents"] == {"total": 0, "touched": 0, "share": None}
    assert (found["map"], found["clusters"]) == ([], [])
