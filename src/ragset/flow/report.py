"""The report: what was drawn, what came of it, and why the rest did not pass."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ragset.schema.samples import Draw, Sample, Usage


@dataclass
class Report:
    """Counts over the draws of one run, up to the one that filled the order."""

    asked: int | None
    ahead: int = 0
    draws: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(_DRAWS, 0)))
    samples: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(_SAMPLES, 0)))
    gates: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    reasons: Counter[str] = field(default_factory=Counter[str])
    failures: Counter[str] = field(default_factory=Counter[str])
    spread: dict[str, Counter[str]] = field(default_factory=lambda: {axis: Counter() for axis in _SPREAD})
    usage: dict[str, Usage] = field(default_factory=dict[str, Usage])

    def add(self, draw: Draw) -> None:
        """Count one draw."""
        self.draws["total"] += 1
        self.draws[_came_of(draw)] += 1
        if draw.failure:
            self.failures[f"{draw.failure.step}: {draw.failure.message}"] += 1
        for sample in draw.samples:
            self._add(sample)

    def _add(self, sample: Sample) -> None:
        self.samples["total"] += 1
        self.samples[sample.status] += 1
        for verdict in sample.verdicts:
            gate = self.gates.setdefault(verdict.judge, Counter(passed=0, rejected=0, abstained=0))
            gate["abstained" if verdict.passed is None else "passed" if verdict.passed else "rejected"] += 1
            self.usage[verdict.judge] = self.usage.get(verdict.judge, Usage()) + verdict.usage
        if sample.status == "rejected" and (by := sample.rejected_by):
            self.reasons[f"{by.judge}: {_kind(by.reason)}"] += 1
        if sample.failure:
            self.failures[f"{sample.failure.step}: {sample.failure.message}"] += 1
        if sample.status == "kept":
            self.spread["document"][sample.contexts[0].document_id if sample.contexts else "none"] += 1
            self.spread["question_type"][sample.question_type or "none"] += 1
            self.spread["difficulty"][str(sample.measures.get("difficulty", "not measured"))] += 1

    def check(self) -> None:
        """Assert the two sums: nothing is dropped in the middle."""
        parts = sum(self.draws[kind] for kind in _DRAWS if kind != "total")
        if parts != self.draws["total"]:
            raise AssertionError(f"draws do not add up: {dict(self.draws)}")
        if self.samples["kept"] + self.samples["rejected"] + self.samples["failed"] != self.samples["total"]:
            raise AssertionError(f"samples do not add up: {dict(self.samples)}")

    @property
    def shortfall(self) -> int:
        """How many fewer were kept than asked for."""
        return max(0, (self.asked or 0) - self.samples["kept"])

    def as_dict(self) -> dict[str, Any]:
        """Give plain data; keys in a fixed order, larger counts first."""
        self.check()
        calls = {judge: usage.model_dump() for judge, usage in self.usage.items() if usage.calls}
        return {
            "asked": self.asked,
            "kept": self.samples["kept"],
            "shortfall": self.shortfall,
            "draws": {**self.draws, "ahead": self.ahead},
            "samples": dict(self.samples),
            "gates": {judge: dict(counts) for judge, counts in self.gates.items()},
            "reasons": dict(self.reasons.most_common()),
            "failures": dict(self.failures.most_common()),
            "kept_by": {axis: dict(sorted(counts.items())) for axis, counts in self.spread.items()},
            "usage": calls,
        }


_DRAWS = ("total", "empty", "gave_samples", "gave_none", "failed")
_SAMPLES = ("total", "kept", "rejected", "failed")
_SPREAD = ("document", "question_type", "difficulty")


def _came_of(draw: Draw) -> str:
    if draw.failure:
        return "failed"
    if draw.empty:
        return "empty"
    return "gave_samples" if draw.samples else "gave_none"


def _kind(reason: str) -> str:
    """Fold reasons that differ in their details only: what comes before the first colon, semicolon or quote."""
    head = re.split('[:;“"]', reason, maxsplit=1)[0]
    return " ".join(word for word in head.split() if not any(char.isdigit() for char in word))[:80]
