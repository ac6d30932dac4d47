"""The report: what was drawn, what came of it, why the rest did not pass, and what it cost."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ragset.kit.prices import CURRENCY
from ragset.schema.samples import Draw, Sample, Spent, Usage

Costing = Callable[[str, Usage], float | None]
"""From a role and what it used to USD; none when the price of its model is not known."""

GAVE_NONE = "draws that gave no pair: nothing in the text to ask well"
"""Why a draw gave no pair, and did not fail."""
BUILTIN_GAVE_NONE = (
    "draws that gave no pair: the built-in writer found nothing (more) that it can ask well; it asks in English about "
    "titled prose and tables of named things, a language model (--model) about other text too"
)
"""The same where rules write: the text may be good, and the rules too narrow for it."""


@dataclass
class Report:
    """Counts over the draws of one run, up to the one that filled the order.

    ``ended`` says why a run ended early (none: it did not), ``paid`` what it really sent (a row a role and purpose),
    ``lacking`` which quotas are short (axis, value, how many), ``given_up`` lines that say why, ``costing`` what usage
    costs, ``why_none`` why a draw gave no pair.
    """

    asked: int | None
    ahead: int = 0
    ended: str | None = None
    paid: Sequence[Mapping[str, Any]] = ()
    lacking: Mapping[str, Mapping[str, int]] = field(default_factory=dict[str, dict[str, int]])
    given_up: Sequence[str] = ()
    costing: Costing | None = None
    why_none: str = GAVE_NONE
    draws: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(_DRAWS, 0)))
    samples: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(_SAMPLES, 0)))
    gates: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    reasons: Counter[str] = field(default_factory=Counter[str])
    failures: Counter[str] = field(default_factory=Counter[str])
    spread: dict[str, Counter[str]] = field(default_factory=lambda: {axis: Counter() for axis in _SPREAD})
    spent: dict[tuple[str, str], Usage] = field(default_factory=dict[tuple[str, str], Usage])

    def add(self, draw: Draw) -> None:
        """Count one draw."""
        self.draws["total"] += 1
        self.draws[came := _came_of(draw)] += 1
        if came == "gave_none":
            self.reasons[self.why_none] += 1
        if draw.failure:
            self.failures[f"{draw.failure.step}: {draw.failure.message}"] += 1
        add_spent(self.spent, draw.spent)
        for sample in draw.samples:
            self._add(sample)

    def _add(self, sample: Sample) -> None:
        self.samples["total"] += 1
        self.samples[sample.status] += 1
        for verdict in sample.verdicts:
            gate = self.gates.setdefault(verdict.judge, Counter(passed=0, rejected=0, abstained=0))
            gate["abstained" if verdict.passed is None else "passed" if verdict.passed else "rejected"] += 1
        if sample.status == "rejected" and (by := sample.rejected_by):
            self.reasons[f"{by.judge}: {_kind(by.reason)}"] += 1
        if sample.failure:
            self.failures[f"{sample.failure.step}: {sample.failure.message}"] += 1
        if sample.status == "kept":
            for axis, value in _placed(sample):
                self.spread.setdefault(axis, Counter())[value] += 1

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
        return {
            "asked": self.asked,
            "kept": self.samples["kept"],
            "shortfall": self.shortfall,
            "ended": self.ended,
            "draws": {**self.draws, "ahead": self.ahead},
            "samples": dict(self.samples),
            "gates": {judge: dict(counts) for judge, counts in self.gates.items()},
            "reasons": dict(self.reasons.most_common()),
            "failures": dict(self.failures.most_common()),
            "kept_by": {axis: dict(sorted(counts.items())) for axis, counts in self.spread.items()},
            "lacking": _short(self.lacking),
            "given_up": list(self.given_up),
            "usage": self.usage(),
            "paid": [dict(row) for row in self.paid],
        }

    def usage(self) -> dict[str, Any]:
        """Give what the counted draws used, as first billed: by step, by role, in all, and per kept sample."""
        steps = dict.fromkeys(step for step, _ in self.spent)
        roles = sorted({role for _, role in self.spent}, key=lambda role: (_ROLES.get(role, len(_ROLES)), role))
        everything = self._sum(self.spent)
        kept = self.samples["kept"]
        each = {
            "calls": everything["calls"] / kept,
            "tokens": (everything["prompt_tokens"] + everything["completion_tokens"]) / kept,
        } if kept else {"calls": None, "tokens": None}  # fmt: skip
        return {
            "by_step": {name: self._sum(key for key in self.spent if key[0] == name) for name in steps},
            "by_role": {name: self._sum(key for key in self.spent if key[1] == name) for name in roles},
            "total": everything,
            "per_kept": {what: None if value is None else round(value, 2) for what, value in each.items()},
            "cost": everything["cost"],
            "currency": CURRENCY,
        }

    def _sum(self, keys: Iterable[tuple[str, str]]) -> dict[str, Any]:
        total, cost = Usage(), 0.0
        known = True
        for key in keys:
            usage = self.spent[key]
            total += usage
            priced = self.costing(key[1], usage) if self.costing else None
            known, cost = known and priced is not None, cost + (priced or 0.0)
        return {**total.model_dump(), "cost": round(cost, 6) if known else None}


_DRAWS = ("total", "empty", "gave_samples", "gave_none", "failed")
_SAMPLES = ("total", "kept", "rejected", "failed")
_SPREAD = ("document", "question_type", "difficulty", "answerable")
_ROLES = {"writer": 0, "answerer": 1, "judge": 2}


def add_spent(account: dict[tuple[str, str], Usage], spent: Iterable[Spent]) -> None:
    """Add what a draw cost to an account by (step, role)."""
    for entry in spent:
        key = (entry.step, entry.role)
        account[key] = account.get(key, Usage()) + entry.usage


def _short(lacking: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    short = {axis: {value: n for value, n in values.items() if n > 0} for axis, values in lacking.items()}
    return {axis: values for axis, values in short.items() if values}


def _placed(sample: Sample) -> Iterable[tuple[str, str]]:
    """Give the value of a kept sample on each axis that is counted; persona and free axes only where it has one."""
    yield "document", sample.contexts[0].document_id if sample.contexts else "none"
    yield "question_type", sample.question_type or "none"
    yield "difficulty", str(sample.measures.get("difficulty", "not measured"))
    yield "answerable", "yes" if sample.payload.answerable else "no"
    if sample.persona:
        yield "persona", sample.persona
    yield from ((axis, value) for axis, value in sample.axes.items() if axis not in _SPREAD)


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
