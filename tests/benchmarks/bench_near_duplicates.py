"""100,000 vectors through the near-duplicate fold as the engine calls it, against bare numpy scans of them."""

import resource
import sys
import time

import numpy as np

from ragset.judges.near_duplicates import NearDuplicates
from ragset.schema.samples import Draw, QAPair, Sample
from ragset.schema.step import Tools

ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
SHAPES = {"text-like": 1 / np.arange(1, 385) ** 0.5, "uniform": np.ones(384)}


def vectors(scale: np.ndarray) -> np.ndarray:
    random = np.random.default_rng(0)
    rows = (random.standard_normal((ROWS, 384)) * scale).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def draw(at: int) -> Draw:
    payload = QAPair(question=f"What is {at}?", answer="It.")
    sample = Sample(id=f"{at}", scenario_id="", payload=payload, contexts=(), evidence=())
    return Draw(number=at, samples=(sample,))


for name, scale in SHAPES.items():
    rows = vectors(scale)
    gate = NearDuplicates().begin(Tools())
    began = time.perf_counter()
    kept = sum(gate.feed(draw(at), row.tobytes()).samples[0].status == "open" for at, row in enumerate(rows))
    seconds = time.perf_counter() - began
    began = time.perf_counter()
    for row in rows[:200]:  # a bare scan, at the mean number of vectors stored
        rows[: ROWS // 2] @ row
    bare = (time.perf_counter() - began) / 200 * ROWS
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{name}: {ROWS} vectors, {kept} kept, {seconds:.1f} s; peak {peak:.0f} MB")
    print(f"  bare scans of all 384 dimensions {bare:.1f} s: {seconds / bare:.2f} times that")
