"""How long the figures of a large set and a large choice take, and what a choice does to a real set.

Usage: ``python tests/benchmarks/bench_diversity.py [FOLDER of indexes that hold 'guide' and 'almanac']``: with it, the
candidates of a real run are drawn from each, and the chosen ones are compared with the first ones.
"""

import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ragset import api
from ragset.adapters.embedding import open_embedder
from ragset.kit.coverage import Gold, coverage
from ragset.kit.diversity import mean_nearest_cosine, self_bleu, set_vectors, tokens, vendi_score, wording
from ragset.kit.selection import most_diverse, shares_of
from ragset.schema.documents import Chunk
from ragset.schema.samples import Context, QAPair, Sample
from ragset.schema.step import Tools

SUBJECTS = [
    "tide",
    "knot",
    "hive",
    "loaf",
    "bean",
    "valve",
    "crater",
    "river",
    "ledger",
    "anchor",
    "prism",
    "fern",
    "comet",
    "dynamo",
]
PARTS = [
    "length",
    "weight",
    "history",
    "price",
    "maker",
    "colour",
    "shape",
    "season",
    "limit",
    "cause",
    "owner",
    "name",
]


def timed(what: str, work: Callable[[], Any]) -> Any:
    began = time.perf_counter(), time.process_time()
    found = work()
    wall, cpu = time.perf_counter() - began[0], time.process_time() - began[1]
    print(f"{what}: {wall:.1f} s ({cpu:.1f} s of processor)")
    return found


def unit(rows: int) -> np.ndarray:
    """Vectors whose variance falls off along the axes, as that of texts does."""
    random = np.random.default_rng(0)
    found = (random.standard_normal((rows, 384)) / np.arange(1, 385) ** 0.5).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def questions(count: int) -> list[str]:
    dice = np.random.default_rng(0)
    pick = [[words[at] for at in dice.integers(len(words), size=count)] for words in (PARTS, SUBJECTS, SUBJECTS)]
    return [f"What is the {a} of the {b} beside {c} {at}?" for at, (a, b, c) in enumerate(zip(*pick, strict=True))]


class Store:
    """An index of ``chunks`` chunks in documents of 100, in memory."""

    def __init__(self, chunks: int) -> None:
        self.matrix, self.count = unit(chunks), chunks // 100

    def vectors(self, name: str) -> np.ndarray:
        return self.matrix[int(name) * 100 : int(name) * 100 + 100]

    def chunks(self, name: str) -> list[Chunk]:
        text = f"The {SUBJECTS[int(name) % len(SUBJECTS)]} and its {PARTS[int(name) % len(PARTS)]}. " * 12
        kept = {"document_id": name, "version": "1", "title": name, "text": text, "start": 0, "end": len(text)}
        return [Chunk(id=f"{name}/{at}", ordinal=at, **kept) for at in range(100)]


def sample(store: Store, at: int) -> Sample:
    where = at * 37 % (store.count * 100)
    context = Context(chunk_id=f"{where // 100}/{where % 100}", document_id=str(where // 100), text="")
    payload = QAPair(question=str(at), answer="")
    return Sample(id=str(at), scenario_id="", payload=payload, contexts=(context,), evidence=())


def large() -> None:
    asked = questions(10_000)
    vectors = unit(10_000)
    timed("10,000 questions, wording", lambda: wording(asked, asked))
    timed(
        "10,000 questions, Vendi score and nearest cosine", lambda: (vendi_score(vectors), mean_nearest_cosine(vectors))
    )
    tools = Tools(_embedder=open_embedder())
    asyncio.run(set_vectors(["ready"], tools))
    timed("1,000 questions, embedding by MiniLM", lambda: asyncio.run(set_vectors(asked[:1000], tools)))
    store, gold = Store(100_000), Gold()
    for at in range(10_000):
        gold.add(sample(store, at))
    names = [str(at) for at in range(store.count)]
    timed("100,000 chunks, 10,000 pairs, coverage", lambda: coverage(store, names, gold))  # type: ignore[arg-type]
    for m in (1000, 5000, 10_000):
        cells = [(("fact", "numeric", "yes_no")[at % 3], ("en", "de")[at % 7 == 0]) for at in range(m)]
        limits = [{"fact": m // 6, "numeric": m // 6, "yes_no": m // 6}, {"en": m * 3 // 7, "de": m // 14 + 1}]
        shares = timed(f"{m // 2:,} of {m:,}, shares of quotas", lambda c=cells, a=limits, n=m // 2: shares_of(c, a, n))
        timed(f"{m // 2:,} of {m:,}, choice", lambda v=vectors[:m], c=cells, s=shares: most_diverse(v, c, s, 0))
    print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


async def compare(indexes: str, name: str, n: int, of: float) -> None:
    """Print the first n of m candidates beside the n that are chosen of them."""
    with tempfile.TemporaryDirectory() as folder:
        run = await asyncio.to_thread(
            api.run_flow, _flow(round(n * of)), Path(folder) / "run", index=name, indexes=indexes
        )
        asked = [pair.payload.question for pair in run.kept]
    if len(asked) <= n:
        n = len(asked) // 2
    vectors = await set_vectors(asked, Tools(_embedder=open_embedder()))
    chosen = most_diverse(vectors, [()] * len(asked), {(): n}, 0)
    random = np.random.default_rng(0)
    lots = [sorted(random.permutation(len(asked))[:n]) for _ in range(50)]
    print(f"{name}: {n} of {len(asked)} candidates")
    for what, rows in (("first", [list(range(n))]), ("at random (mean of 50)", lots), ("chosen", [chosen])):
        vendi = np.mean([vendi_score(vectors[one]) for one in rows])
        near = np.mean([mean_nearest_cosine(vectors[one]) for one in rows])
        bleu = np.mean([self_bleu([tokens(asked[row]) for row in one]) for one in rows])
        print(f"  {what}: Vendi {vendi:.2f}, nearest cosine {near:.4f}, Self-BLEU {bleu:.4f}")


def _flow(n: int) -> Any:
    from ragset.flow.compile import load_flow

    return load_flow("rag_qa").asking(n)


large()
for index, n, of in (("almanac", 40, 2.5), ("guide", 30, 2.5)) if len(sys.argv) > 1 else ():
    asyncio.run(compare(sys.argv[1], index, n, of))
