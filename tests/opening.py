"""What tests of the scenario source share: a shelf of documents, a writer of random pairs, a run in virtual time."""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from conftest import make_chunk, make_sample
from ragset.flow.engine import run
from ragset.flow.keep import Keep
from ragset.kit.axes import uniform
from ragset.schema.ports import Hit
from ragset.schema.samples import Draw, Sample
from ragset.schema.step import Map, Tools
from ragset.sources.scenarios import Scenarios
from simulated_time import OldestFirst


class Shelf:
    """Documents of many chunks each; vectors in four well separated clusters."""

    name, version = "shelf", "1"

    def __init__(self, sizes: dict[str, int]) -> None:
        self.sizes = sizes

    def document_ids(self) -> list[str]:
        return sorted(self.sizes)

    def chunks(self, document_id: str):
        return [make_chunk(at, document_id, f"{document_id} chunk {at}") for at in range(self.sizes[document_id])]

    def vectors(self, document_id: str):
        rows = self.sizes[document_id]
        noise = np.random.default_rng(rows).normal(0, 0.1, (rows, 8))
        vectors = np.eye(8)[np.arange(rows) % 4] + noise
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)

    async def search(self, vectors: Any, k: int) -> list[list[Hit]]:
        return [self._nearest(vector, k) for vector in vectors]

    def _nearest(self, vector: Any, k: int) -> list[Hit]:
        hits = [
            Hit(chunk, float(score))
            for name in self.document_ids()
            for chunk, score in zip(self.chunks(name), self.vectors(name) @ vector, strict=True)
        ]
        return sorted(hits, key=lambda hit: (-hit.score, hit.chunk.id))[:k]


class Pairs(Map):
    """A writer and its judges: one call a draw, ``judges`` calls a pair, each of 0.2 seconds; pairs pass by chance.

    A pair is what was wanted, and has the wanted values. ``never`` are values of which no pair passes.
    """

    name = "pairs"
    rate: float
    judges: int = 2
    seed: int = 0
    never: tuple[str, ...] = ()

    async def apply(self, item: Draw, tools: Tools) -> Draw:
        server: OldestFirst | None = tools.extras.get("server")
        if server:
            await server.call(item.number, 0.2)
        scenario = item.scenario
        assert scenario is not None
        made = tuple(self.make(scenario, at, dict(want)) for at, want in enumerate(scenario.wants))
        for _ in range(self.judges if server else 0):
            await asyncio.gather(*(server.call(item.number, 0.2) for _ in made))  # type: ignore[union-attr]
        return item.with_samples(made)

    def make(self, scenario: Any, at: int, want: dict[str, str]) -> Sample:
        kind, persona = want.pop("question_type", None), want.pop("persona", None)
        good = uniform(self.seed, scenario.id, at) < self.rate and not {kind, persona, *want.values()} & {*self.never}
        sample = make_sample(0, chunk=scenario.chunks[0])
        return sample.model_copy(
            update={
                "id": f"{scenario.id}{at}",
                "question_type": kind,
                "persona": persona,
                "axes": want,
                "status": "open" if good else "rejected",
            }
        )


class Tiring(Pairs):
    """A writer whose pairs pass more seldom from draw ``after`` on: what is easy to ask was asked."""

    later: float
    after: int = 100

    async def apply(self, item: Draw, tools: Tools) -> Draw:
        rate = self.rate if item.number < self.after else self.later
        return await Pairs(rate=rate, judges=self.judges, seed=self.seed, never=self.never).apply(item, tools)


SIZES = {f"c/d{at}": 40 for at in range(30)}


async def run_pairs(
    pairs: Pairs,
    scenarios: Scenarios,
    keep: Keep,
    *,
    window: int = 256,
    sizes: dict[str, int] | None = None,
    server: OldestFirst | None = None,
) -> tuple[list[Draw], Tools]:
    tools = Tools(Shelf(sizes or SIZES), models={"writer": object()})  # type: ignore[dict-item, arg-type]
    if server:
        tools.extras["server"] = server
    async with aclosing(run([scenarios, pairs, keep], tools, window=window)) as stream:
        return [draw async for draw in stream], tools


def kept_of(draws: list[Draw]) -> list[Sample]:
    return [s for draw in draws for s in draw.samples if s.status == "kept"]
