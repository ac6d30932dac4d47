"""Ingest against embedding the same chunks alone, in one run; then ingest again, when nothing has changed."""

import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared/data/corpus"
CORPUS = SHARED if SHARED.is_dir() else ROOT / "corpora/almanac"


def ingest(indexes: str) -> float:
    began = time.perf_counter()
    given = ["ingest", str(CORPUS), "--index", "bench", "--indexes", indexes, "--quiet"]
    subprocess.run([sys.executable, "-m", "ragset", *given], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def embed_alone(indexes: str) -> tuple[float, int]:
    from ragset.adapters.chroma_store import open_index
    from ragset.adapters.embedding import open_embedder

    with open_index(Path(indexes), "bench") as index:
        texts = [[chunk.text for chunk in index.chunks(name)] for name in index.document_ids()]
    began = time.perf_counter()

    async def work() -> None:
        embedder = open_embedder()
        for document in texts:
            await embedder.embed(document)

    asyncio.run(work())
    return time.perf_counter() - began, sum(map(len, texts))


with tempfile.TemporaryDirectory() as indexes:
    first = ingest(indexes)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    alone, chunks = embed_alone(indexes)
    again = ingest(indexes)
    print(
        f"ingest of {CORPUS.name}: {chunks} chunks in {first:.1f} s; embedding alone, loading included, {alone:.1f} s"
    )
    print(f"ratio {first / alone:.2f}; unchanged again {again:.1f} s; peak of the largest process {peak:.0f} MB")
