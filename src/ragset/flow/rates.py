"""The pass rates of a run, step by step: what an estimate of the next one goes by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import exp, lgamma, prod
from typing import Annotated

from pydantic import Field

from ragset.flow.keep import Keep, values_of
from ragset.kit.judging import Judge
from ragset.schema.documents import Noun
from ragset.schema.samples import Draw, Sample
from ragset.schema.step import Step

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Factor = Annotated[float, Field(ge=0, allow_inf_nan=False)]

KEEP = Keep.name
LEAST = 0.02
"""Pass rate of a step that passed nothing: an estimate must come to an end."""
PRIOR = 3.0
"""Wanted pairs that the rate of all counts for in the rate of one value."""
ALIKE = 0.15
"""Correlation of the fates of two pairs of one draw, where it was not counted: a good passage gives several good pairs,
a poor one none. A model whose pairs fail by chance alone has 0.
"""
USUALLY = 20
"""Draws that ``ALIKE`` counts for where it was counted."""


class Rates(Noun):
    """Which share of the samples that reach a step pass it, and which share its cheap tier sends on to the model.

    ``passes`` of the step that writes is the share of the wanted pairs that it gives; ``counts`` says how many pairs
    each share was counted over (a step without a count is known, not counted). ``values`` says of each value of
    an axis how often its pairs pass all steps, over how often all pairs do. ``alike`` is the correlation of the fates
    of two pairs of one draw.
    """

    passes: dict[str, Share] = Field(default_factory=dict)
    sent_on: dict[str, Share] = Field(default_factory=dict)
    counts: dict[str, int] = Field(default_factory=dict)
    values: dict[str, dict[str, Factor]] = Field(default_factory=dict)
    alike: Share | None = None

    def of(self, want: Mapping[str, str]) -> float:
        """Give the factor of a wanted pair: the product of those of its values."""
        return prod(self.values.get(axis, {}).get(value, 1.0) for axis, value in want.items())

    @property
    def strength(self) -> float:
        """Sum of the two parameters of the beta distribution that the chances of draws have, by how alike fates are."""
        alike = ALIKE if self.alike is None else self.alike
        return 1 / min(1 - LEAST, max(LEAST, alike)) - 1

    def none_of(self, pairs: float, share: float) -> float:
        """Give the chance that of the pairs of a draw, of which ``share`` do on the whole, none passes (beta-binomial).

        It is B(a, b + pairs) / B(a, b), which need not be whole pairs.
        """
        if not 0 < share < 1:
            return float(not share)
        a, b = share * self.strength, (1 - share) * self.strength
        return exp(lgamma(b + pairs) + lgamma(a + b) - lgamma(b) - lgamma(a + b + pairs))

    def over(self, other: Rates) -> Rates:
        """Give these, and what they do not know from another."""
        return Rates(
            passes={**other.passes, **self.passes},
            sent_on={**other.sent_on, **self.sent_on},
            counts={step: n for step, n in other.counts.items() if step not in self.passes} | self.counts,
            values={**other.values, **self.values},
            alike=other.alike if self.alike is None else self.alike,
        )

    def passing(self, step: str, usual: float) -> float:
        """Give the pass rate of a step, drawn towards what is usual where it was counted over few pairs."""
        count = self.counts.get(step)
        if count is None:
            return max(LEAST, self.passes[step])
        return max(LEAST, (PRIOR * usual + self.passes[step] * count) / (PRIOR + count))

    def variance(self, passes: Mapping[str, float]) -> float:
        """Give the relative variance that a product of pass rates has when they were counted over few pairs."""
        return sum((1 - passes[step]) / (passes[step] * n) for step, n in self.counts.items() if n and step in passes)

    def sending(self, share: float, *, unless: Rates) -> Rates:
        """Give these with another share sent on by every tier, except where ``unless`` knows it."""
        return self.model_copy(update={"sent_on": {step: unless.sent_on.get(step, share) for step in self.sent_on}})


class Passing:
    """Takes the draws of a run one by one, and counts what reached each step and what passed it."""

    def __init__(self, steps: Sequence[Step]) -> None:
        """Count for these steps."""
        self._writer = next((step.name for step in steps if step.gives is Sample and step.takes is not Sample), "")
        self._judges = [step for step in steps if step.takes is Sample and step.kind in ("map", "fold")]
        self._arrived: Counter[str] = Counter()
        self._passed: Counter[str] = Counter()
        self._cheap: Counter[str] = Counter()
        self._sent: Counter[str] = Counter()
        self._wanted: Counter[tuple[str, str]] = Counter()
        self._good: Counter[tuple[str, str]] = Counter()
        self._pairs = self._all_good = 0
        self._draws = self._siblings = self._both_good = 0

    def add(self, draw: Draw) -> None:
        """Take one draw."""
        if draw.empty:
            return
        if self._writer:
            self._arrived[self._writer] += pairs_asked(draw)
            self._passed[self._writer] += sum(self._is_usable(sample) for sample in draw.samples)
        self._pairs += pairs_asked(draw)
        self._wanted.update(item for want in (draw.scenario.wants if draw.scenario else ()) for item in want.items())
        for sample in draw.samples:
            for judge in self._judges:
                self._add(sample, judge)
            if _is_good(sample):
                self._all_good += 1
                self._good.update(item for item in values_of(sample).items() if item in self._wanted)
        self._add_siblings(pairs_asked(draw), sum(map(_is_good, draw.samples)))

    def _add_siblings(self, asked: int, good: int) -> None:
        self._draws += asked > 1
        self._siblings += asked * (asked - 1)
        self._both_good += good * (good - 1)

    def _is_usable(self, sample: Sample) -> bool:
        """Tell whether the writer gave something that can be judged."""
        broke = sample.failure is not None and sample.failure.step == self._writer
        return not broke and not any(v.judge == self._writer and v.passed is False for v in sample.verdicts)

    def _add(self, sample: Sample, judge: Step) -> None:
        own = [v for v in sample.verdicts if (judge.gave(v) if isinstance(judge, Judge) else v.judge == judge.name)]
        broke = sample.failure is not None and sample.failure.step == judge.name
        if own or broke:
            self._arrived[judge.name] += 1
            self._passed[judge.name] += not broke and all(verdict.passed is not False for verdict in own)
        sent = sample.measures.get(f"{judge.name}_sent_on")
        if sent is not None:
            self._cheap[judge.name] += 1
            self._sent[judge.name] += bool(sent)

    def rates(self) -> Rates:
        """Give what was counted."""
        return Rates(
            passes={step: _share(self._passed[step], n) for step, n in self._arrived.items() if n and step != KEEP},
            sent_on={step: _share(self._sent[step], n) for step, n in self._cheap.items()},
            counts={step: n for step, n in self._arrived.items() if n and step != KEEP},
            values=self._values(),
            alike=self._alike(),
        )

    def _alike(self) -> float | None:
        """Give the correlation that the share of siblings who are both good shows: p² + ρ p (1 - p)."""
        chance = self.share * (1 - self.share)
        if not self._siblings or not chance:
            return None
        found = (self._both_good / self._siblings - self.share**2) / chance
        return round(min(1.0, max(0.0, (USUALLY * ALIKE + self._draws * found) / (USUALLY + self._draws))), 4)

    @property
    def share(self) -> float:
        """Share of the wanted pairs that passed all."""
        return self._all_good / self._pairs if self._pairs else 0.0

    def _values(self) -> dict[str, dict[str, float]]:
        """Give the rate of each value over that of all; a value that was seldom wanted is near 1."""
        found: dict[str, dict[str, float]] = {}
        for (axis, value), wanted in sorted(self._wanted.items()):
            if self.share:
                own = (PRIOR * self.share + self._good[axis, value]) / (PRIOR + wanted)
                found.setdefault(axis, {})[value] = round(own / self.share, 4)
        return {axis: factors for axis, factors in found.items() if len(factors) > 1}


def _is_good(sample: Sample) -> bool:
    """Tell whether all judges let a sample pass, whatever became of it then."""
    return sample.status == "kept" or ((by := sample.rejected_by) is not None and by.judge == KEEP)


def pairs_asked(draw: Draw) -> int:
    """Give how many pairs a draw asks for; without wants it is left to the rules, which take one or more at a time."""
    wants = len(draw.scenario.wants) if draw.scenario else 0
    return max(1, wants, len(draw.samples))


def _share(some: int, every: int) -> float:
    return round(min(1.0, some / every), 4)
