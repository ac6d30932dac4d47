"""Planted defects: how many of each a set-up of judges finds, and how many good pairs it loses on the way.

Documents are made of known facts, good pairs of the facts, and twelve defects are planted among them, so that the
truth is known by construction (the way of RAGEval, Zhu et al. 2024). Printed for the built-in judges, and for a
scripted model that plays a judge of known error rates, with the calls that a kept pair costs.

    python tests/benchmarks/bench_defects.py [--pairs 2000] [--dirty 0.3] [--seed 1] [--flow NAME]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "tests")]

from defects.bind import SIBLINGS, drawn, ingest, outcomes, write_samples  # noqa: E402
from defects.pairs import DEFECTS, GOOD, NEEDS_A_MODEL, Pair, plant  # noqa: E402
from defects.world import make_world  # noqa: E402


@dataclass(frozen=True)
class Pool:
    """A pool of pairs bound to an index."""

    folder: Path
    truth: Mapping[str, Pair]
    draws: int

    @classmethod
    def make(cls, folder: Path, pairs: int, dirty: float, seed: int) -> Pool:
        """Make the world, its documents, the pool, the index and the samples."""
        world = make_world(seed, max(60, round(0.5 * pairs)))
        world.write(folder / "documents")
        ingest(folder / "documents", "planted", folder / "indexes")
        groups = drawn(plant(world, round(1.6 * pairs), dirty, seed))[: round(pairs / SIBLINGS)]
        truth = write_samples(groups, "planted", folder / "indexes", folder / "samples.jsonl")
        return cls(folder, truth, len(groups))

    def validate(self, name: str, **options: Any) -> Any:
        """Judge the pool; gives the run."""
        from ragset import api

        options = {"indexes": str(self.folder / "indexes"), **options}
        return api.validate(str(self.folder / "samples.jsonl"), "planted", str(self.folder / name), **options)


@dataclass(frozen=True)
class Found:
    """What a set-up of judges did with a pool."""

    total: Counter[str]
    rejected: Counter[str]
    failed: int
    by: Mapping[str, Counter[str]]

    @classmethod
    def of(cls, run: Path, truth: Mapping[str, Pair]) -> Found:
        """Count by defect, and who rejected."""
        total, rejected, by, failed = Counter[str](), Counter[str](), defaultdict[str, Counter[str]](Counter), 0
        for sample, status, judge in outcomes(run):
            defect = truth[sample].defect
            total[defect] += 1
            failed += status == "failed"
            if status != "kept":
                rejected[defect] += 1
                by[defect][judge.split("[")[0] or status] += 1
        return cls(total, rejected, failed, by)

    def recall(self, defects: tuple[str, ...]) -> float:
        """Give the share of the planted defects that was found, over all of ``defects``."""
        return sum(self.rejected[d] for d in defects) / max(1, sum(self.total[d] for d in defects))

    @property
    def lost(self) -> float:
        """Share of good pairs that were rejected."""
        return self.rejected[GOOD] / max(1, self.total[GOOD])

    @property
    def delivered(self) -> float:
        """Share of defects in what was kept."""
        kept = {d: self.total[d] - self.rejected[d] for d in (GOOD, *DEFECTS)}
        return 1 - kept[GOOD] / max(1, sum(kept.values()))

    def show(self) -> None:
        """Print a line a defect, and the sums."""
        for defect in (GOOD, *DEFECTS):
            share = self.rejected[defect] / max(1, self.total[defect])
            who = ", ".join(f"{judge} {n}" for judge, n in self.by.get(defect, Counter()).most_common(4))
            note = " (needs a model)" if defect in NEEDS_A_MODEL else ""
            print(f"  {defect:26} {self.rejected[defect]:5d} of {self.total[defect]:5d}  {share:7.1%}  {who}{note}")
        ruled = tuple(d for d in DEFECTS if d not in NEEDS_A_MODEL)
        print(f"  recall over the {len(ruled)} that need no model {self.recall(ruled):.1%}, over all {len(DEFECTS)} "
              f"{self.recall(DEFECTS):.1%}; good pairs lost {self.lost:.1%}; defects in what is kept "
              f"{self.delivered:.1%}; failed {self.failed}")  # fmt: skip


def main() -> None:
    """Make a pool, judge it without a model and with a scripted one."""
    options = argparse.ArgumentParser()
    options.add_argument("--pairs", type=int, default=2000)
    options.add_argument("--dirty", type=float, default=0.3)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--flow", default="rag_qa")
    options.add_argument("--strict", default="rag_qa_strict", help="flow with every judge on")
    options.add_argument("--misses", type=float, default=0.05, help="chance that the scripted judge misses a defect")
    options.add_argument("--alarms", type=float, default=0.02, help="chance that it calls a good pair bad")
    options.add_argument("--keep", type=Path, help="folder to leave everything in")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        pool = Pool.make(given.keep or Path(scratch), given.pairs, given.dirty, given.seed)
        print(f"{len(pool.truth)} pairs in {pool.draws} draws, {given.dirty:.0%} dirty")
        start = time.perf_counter()
        pool.validate("builtin", flow=given.flow, force=True)
        print(f"\nbuilt-in judges, flow {given.flow}: {time.perf_counter() - start:.0f} s")
        Found.of(pool.folder / "builtin", pool.truth).show()
        for tier in (True, False):
            scripted(pool, given, tier)


def scripted(pool: Pool, given: argparse.Namespace, tier: bool) -> None:
    """Judge the pool with every judge on, the model played by one who knows the truth, and print what came of it."""
    start = time.perf_counter()
    run, calls = scripted_run(pool, given.strict, tier, given.misses, given.alarms, given.seed)
    seconds = time.perf_counter() - start
    print(f"\nevery judge on (flow {given.strict}), {'with' if tier else 'without'} the cheap tier; the model misses "
          f"{given.misses:.0%} and raises {given.alarms:.0%} false alarms: {seconds:.0f} s")  # fmt: skip
    Found.of(run.folder, pool.truth).show()
    kept, written = run.report["kept"], pool.draws
    print(f"  calls: {calls} of judges and answerer, {written} of a writer (three pairs a call): "
          f"{(calls + written) / max(1, kept):.2f} a kept pair; sent on by the cheap tier: {sent_on(run)}")  # fmt: skip


def scripted_run(pool: Pool, strict: str, tier: bool, misses: float, alarms: float, seed: int) -> tuple[Any, int]:
    """Judge the pool by a model who knows the truth and errs now and then; gives the run, and the calls it took."""
    from defects.knowing import Knowing

    from ragset.flow.compile import load_flow
    from support.scripted_server import ModelServer

    flow = load_flow(strict)
    if not tier:
        flow = without_cheap_tier(flow)
    name = f"scripted-{'tier' if tier else 'bare'}"
    path = pool.folder / f"{name}.yaml"
    path.write_text(flow.to_yaml(), "utf-8")
    os.environ.setdefault("LLM_API_KEY", "none")
    with ModelServer(answerer=Knowing(pool.truth.values(), misses, alarms, seed)) as server:
        cache = str(pool.folder / f"{name}.sqlite")
        asked = {"model": "compatible:scripted", "base_url": server.url, "cache": cache}
        run = pool.validate(name, flow=str(path), force=True, **asked)
        return run, server.stats()["count"]


def without_cheap_tier(flow: Any) -> Any:
    """Give the flow with every tiered judge asking its model at once."""
    for step in flow.steps:
        if "cheap_tier" in type(step).model_fields:
            flow = flow.replace(step.name, cheap_tier=False)
    return flow


def sent_on(run: Any) -> str:
    """Give, by judge, the share of its cases that the cheap tier sent on."""
    asked, sent = Counter[str](), Counter[str]()
    for sample in (*run.kept, *run.rejected):
        for key, value in sample.measures.items():
            if key.endswith("_sent_on"):
                asked[key.removesuffix("_sent_on")] += 1
                sent[key.removesuffix("_sent_on")] += int(value)
    return ", ".join(f"{judge} {sent[judge] / n:.0%} of {n}" for judge, n in asked.items()) or "nothing"


if __name__ == "__main__":
    main()
