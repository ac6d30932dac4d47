"""The figures of a whole set: how varied it is, what it covers, how it is made up, and how its judges scored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, floor
from typing import Any

from ragset.errors import RagsetError
from ragset.flow.report import Report
from ragset.kit.coverage import Gold, coverage
from ragset.kit.diversity import mean_nearest_cosine, set_vectors, vendi_score, wording
from ragset.kit.prompting import Prompt
from ragset.kit.quotas import largest_remainder
from ragset.kit.retrieving import query_of
from ragset.kit.tiers import TieredJudge
from ragset.schema.models import BUILTIN
from ragset.schema.samples import Draw, Sample
from ragset.schema.step import Step, Tally, Tools

BINS = 10
"""Bins of a histogram of scores."""
LEVELS = ("easy", "medium", "hard", "not measured")
RANKS = ("gold_rank", "gold_rank_lexical")
"""Measures that hold the rank of the gold chunk: by vectors, and by words."""


@dataclass
class _Scores:
    """The scores of one judge."""

    versions: list[str] = field(default_factory=list[str])
    kept: Counter[float] = field(default_factory=Counter[float])
    others: Counter[float] = field(default_factory=Counter[float])

    def as_dict(self) -> dict[str, Any]:
        """Give histograms of equal bins over 0 to 1, or over what the scores need."""
        both = self.kept + self.others
        low, high = min(0, floor(min(both))), max(1, ceil(max(both)))
        mean = sum(score * n for score, n in both.items()) / both.total()
        return {
            "versions": self.versions,
            "low": float(low),
            "high": float(high),
            "scored": both.total(),
            "mean": round(mean, 4),
            "kept": _histogram(self.kept, low, high),
            "others": _histogram(self.others, low, high),
        }


class Profile:
    """Takes the draws of a run one by one, and keeps of each sample what the figures need."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._queries: list[str] = []
        self._questions: list[str] = []
        self._answers: list[str] = []
        self._gold = Gold()
        self._ranks: dict[str, Counter[int]] = {name: Counter() for name in RANKS}
        self._scores: dict[str, _Scores] = {}
        self._writers: set[str] = set()
        self._prompts: dict[str, str] = {}

    def add(self, draw: Draw) -> None:
        """Take the samples of a draw, as they were decided on."""
        for sample in draw.samples:
            self._heard(sample)
            if sample.status == "kept":
                self._kept(sample)

    def _kept(self, sample: Sample) -> None:
        self._queries.append(query_of(sample.payload))
        self._questions.append(sample.payload.question)
        if sample.payload.answer is not None:
            self._answers.append(sample.payload.answer)
        self._gold.add(sample)
        for name, ranks in self._ranks.items():
            if isinstance(rank := sample.measures.get(name), int):
                ranks[rank] += 1

    def _heard(self, sample: Sample) -> None:
        made = sample.provenance
        if "writer" in made:
            self._writers.add(str(made["writer"]))
        if "prompt_hash" in made:
            self._prompted(str(made.get("prompt")), str(made["prompt_hash"]))
        for verdict in sample.verdicts:
            if verdict.score is None:
                continue
            scores = self._scores.setdefault(verdict.judge, _Scores())
            if verdict.version not in scores.versions:
                scores.versions.append(verdict.version)
            (scores.kept if sample.status == "kept" else scores.others)[verdict.score] += 1

    def _prompted(self, name: str, found: str) -> None:
        """Remember a prompt; another text under the same name gets its hash behind it."""
        self._prompts[name if self._prompts.get(name, found) == found else f"{name} ({found[:8]})"] = found

    async def figures(self, report: Report, steps: Sequence[Step], tools: Tools, *, embed: bool) -> dict[str, Any]:
        """Give the sections of the report that speak of the set as a whole; ``embed`` says whether vectors are made."""
        for step in {step: None for step, _ in report.spent}:
            self._prompts_of(next((s for s in steps if s.name == step), None))
        return {
            "diversity": await self._diversity(steps, tools, embed=embed),
            "coverage": self._coverage(steps[0], tools),
            "axes": axes_of(report.spread, tools.tally, report.asked, report.samples["kept"]),
            "verdicts": {judge: scores.as_dict() for judge, scores in self._scores.items()},
            "difficulty": {
                "levels": {level: report.spread["difficulty"][level] for level in LEVELS},
                **{name: {str(rank): n for rank, n in sorted(ranks.items())} for name, ranks in self._ranks.items()},
            },
            "calibrations": _calibrations(steps, tools),
            "prompts": self._prompts,
            "writers": sorted(self._writers),
            "same_judge_as_writer": self._same(steps, tools),
        }

    def _prompts_of(self, step: Step | None) -> None:
        """Remember the prompts of a step that asked a model; a writer's stands in its samples already."""
        for name in step.prompts() if step else ():
            prompt = Prompt.load(name)
            self._prompted(prompt.name, prompt.hash)

    async def _diversity(self, steps: Sequence[Step], tools: Tools, *, embed: bool) -> dict[str, Any]:
        vectors = None
        if embed and any("embedder" in step.uses for step in steps):  # else the model would be loaded for this alone
            try:
                vectors = await set_vectors(self._queries, tools)
            except RagsetError as error:
                tools.say(f"the diversity of meaning is not measured: {error}")
        return {
            "questions": len(self._questions),
            **wording(self._questions, self._answers),
            "vendi_score": None if vectors is None else vendi_score(vectors),
            "mean_nearest_cosine": None if vectors is None else mean_nearest_cosine(vectors),
        }

    def _coverage(self, source: Step, tools: Tools) -> dict[str, Any] | None:
        if not tools.has_store:
            return None
        wants = getattr(source, "wants", lambda name: True)
        return coverage(tools.store, [name for name in tools.store.document_ids() if wants(name)], self._gold)

    def _same(self, steps: Sequence[Step], tools: Tools) -> bool:
        """Tell whether a language model judged what it wrote itself."""
        judge = tools.models.get("judge")
        judges = any("judge" in step.uses for step in steps)
        return judges and judge is not None and judge.name != BUILTIN and judge.name in self._writers


def axes_of(
    spread: Mapping[str, Mapping[str, int]], tally: Tally, asked: int | None, kept: int
) -> dict[str, dict[str, Any]]:
    """Give, for each axis, what was asked for of each value and what was kept.

    ``asked`` is the share by weight, ``wanted`` the count where there is a quota. ``distance`` is the total variation
    between the shares asked for and those kept: 0 is as asked, 1 is nothing of it.
    """
    found: dict[str, dict[str, Any]] = {}
    for axis in dict.fromkeys((*tally.axes, *spread)):
        weights, counts = tally.axes.get(axis, {}), dict(spread.get(axis, {}))
        if rest := kept - sum(counts.values()):
            counts["none"] = counts.get("none", 0) + rest
        if not weights and set(counts) <= {"none"}:
            continue
        total = sum(weights.values())
        quota = largest_remainder(weights, asked) if axis in tally.lacking and asked else {}
        values = {
            value: {
                "asked": round(weights.get(value, 0.0) / total, 4) if weights else None,
                "wanted": quota.get(value, 0) if quota else None,
                "kept": counts.get(value, 0),
                "share": round(counts.get(value, 0) / kept, 4) if kept else None,
            }
            for value in dict.fromkeys((*weights, *sorted(counts)))
        }
        gaps = (abs(weights.get(v, 0.0) / total - counts.get(v, 0) / kept) for v in values) if weights and kept else ()
        distance = round(sum(gaps) / 2, 4) if weights and kept else None
        found[axis] = {"quota": bool(quota), "distance": distance, "values": values}
    return found


def _calibrations(steps: Sequence[Step], tools: Tools) -> list[dict[str, Any]]:
    """Give every calibration that was in force, once, with the steps that it speaks of."""
    found: dict[str, dict[str, Any]] = {}
    for step in steps:
        for calibration in step.in_force(tools) if isinstance(step, TieredJudge) else ():
            row = found.setdefault(calibration.to_yaml(), {**calibration.summary(), "steps": []})
            row["steps"].append(step.name)
    return list(found.values())


def _histogram(scores: Mapping[float, int], low: int, high: int) -> list[int]:
    counts = [0] * BINS
    for score, n in scores.items():
        counts[min(BINS - 1, int(round((score - low) / (high - low) * BINS, 9)))] += n
    return counts
