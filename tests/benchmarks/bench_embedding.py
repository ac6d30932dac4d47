"""Measures: chunks a second of the embedder against the bare library, Chroma's insert, open and query costs.

Run from the repository root: ``python tests/benchmarks/bench_embedding.py [CHUNKS] [ROWS]``.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from ragset.adapters.chroma_engine import ChromaEngine, Rows
from ragset.adapters.embedding import open_embedder
from ragset.adapters.splitting import SplitOptions, split_document
from ragset.schema.documents import Document

GUIDE = Path(__file__).parents[2] / "corpora" / "guide"


def chunks_of_the_guide(wanted: int) -> list[str]:
    model, texts = open_embedder(), list[str]()
    for path in sorted(GUIDE.glob("*.md")):
        text = path.read_text("utf-8")
        values = {"id": f"guide/{path.name}", "corpus": "guide", "path": path.name, "title": path.stem}
        document = Document(**values, mime="text/markdown", text=text, source_hash="")
        texts += [c.text for c in split_document(document, SplitOptions(model.max_tokens), model.count_tokens)]
    if not texts:
        raise SystemExit("corpora/guide holds no documents to measure with")
    return (texts * (wanted // len(texts) + 1))[:wanted]


def peak() -> str:
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB"


def embedding(texts: list[str]) -> None:
    model = open_embedder()
    asyncio.run(model.embed(texts[:2]))
    begun = time.perf_counter()
    mine = asyncio.run(model.embed(texts))
    ours = time.perf_counter() - begun
    from sentence_transformers import SentenceTransformer

    plain = SentenceTransformer(str(model.folder), device="cpu")  # type: ignore[attr-defined]
    begun = time.perf_counter()
    theirs = plain.encode(texts, batch_size=32, normalize_embeddings=True, show_progress_bar=False)
    bare = time.perf_counter() - begun
    print(f"embed    {len(texts)} chunks: {len(texts) / ours:.1f}/s; bare library {len(texts) / bare:.1f}/s", end="; ")
    print(f"ratio {ours / bare:.2f}; least cosine {(mine * theirs).sum(axis=1).min():.6f}; peak {peak()}")


def chroma(count: int) -> None:
    random = np.random.default_rng(0)
    matrix = random.normal(size=(count, 384)).astype(np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    text = "The quick brown fox jumps over the lazy dog. " * 25
    rows = Rows("x", [f"{n:020x}" for n in range(count)], matrix, lambda at: ([text] * len(at), ["c/d"] * len(at)))
    with tempfile.TemporaryDirectory() as folder:
        engine = ChromaEngine(Path(folder), "bench", None, print)
        for label, work in (
            ("insert", lambda: engine.ensure(rows)),
            ("check ", lambda: engine.clean(rows)),
            ("open  ", lambda: engine.query(matrix[:1], 60)),
            ("query ", lambda: [engine.query(vector[None], 60) for vector in matrix[:100]]),
        ):
            begun = time.perf_counter()
            work()
            print(f"chroma   {label} {count} rows: {time.perf_counter() - begun:.3f} s")
        engine.close()
    print(f"peak {peak()}")


if __name__ == "__main__":
    embedding(chunks_of_the_guide(int(sys.argv[1]) if len(sys.argv) > 1 else 128))
    chroma(int(sys.argv[2]) if len(sys.argv) > 2 else 10_000)
