"""The cheap tier before a model: a built-in judge decides alone where its scores are sure, the rest is sent on.

Which scores are sure says a calibration: a band of scores, set from human labels at a stated error. Nothing else
decides alone, a number or name at odds included: it lowers the score, and what the error of low scores is was measured
with it. A language that the built-in judges do not read is always sent on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from ragset.errors import FlowError, ModelError, UsageError
from ragset.kit.answering import Answer
from ragset.kit.builtin_judge import BuiltinJudge, judge_fingerprint, judge_model, named, not_readable
from ragset.kit.calibration_file import Calibration, read_calibration, shipped_calibration
from ragset.kit.judging import SiblingJudge, rounded
from ragset.kit.rubrics import Item, Rubric, judge_each
from ragset.kit.statements import PlainStatements
from ragset.schema.ids import digest
from ragset.schema.ports import LanguageModel
from ragset.schema.samples import Sample, Usage, Verdict
from ragset.schema.step import Tools

REHEARSED = "ragset.rehearsed"
"""Set in ``Tools.extras`` by a rehearsal that wants to see the model asked: all is sent on then."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a built-in judge found: a score from 0 to 1, and why."""

    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class Case:
    """A sample on its way through the tiers, with the answer to be judged where that is not the sample's own."""

    sample: Sample
    given: Answer | None = None

    @property
    def usage(self) -> Usage:
        """What the answer cost."""
        return self.given.usage if self.given else Usage()


class TieredJudge(SiblingJudge):
    """A judge by a language model with a built-in judge before it.

    ``cheap_tier`` lets the built-in judge decide what it is sure of; without a model there is no tier. ``calibration``
    is a file made by ``ragset calibrate``: one of the built-in judge replaces the band that ships, one of this step
    sets its threshold. A ``threshold`` that the flow names comes first. ``together`` has the model judge all siblings
    that are sent on in one call by a rubric, instead of each alone.
    """

    cheap: ClassVar[str]
    cheap_version: ClassVar[str]

    threshold: float | None = Field(default=None, ge=0, le=1)
    cheap_tier: bool = True
    calibration: str | None = None
    together: bool = False

    def check(self) -> None:
        """Refuse a calibration that cannot be read, or that is of another judge."""
        if self.calibration is None:
            return
        try:
            named = read_calibration(self.calibration)
        except UsageError as error:
            raise FlowError(error.what, where=error.where, hint=error.hint) from error
        if named.judge not in (self.name, self.cheap):
            what = f"is of the judge '{named.judge}'"
            raise FlowError(what, where=self.calibration, hint=f"name one of '{self.name}' or '{self.cheap}'")

    def fingerprint(self, tools: Tools) -> str:
        """Hash of the step, of whoever judges, and of the calibrations in force."""
        named, band = self._named(), self.band(tools)
        texts = [found.to_yaml() if found else "" for found in (named, band)]
        rubric = self.rubric().hash if self.together else ""
        return digest(super().fingerprint(tools), judge_fingerprint(tools), BuiltinJudge().fingerprint, rubric, *texts)

    def abstains(self, sample: Sample, tools: Tools) -> str | None:
        """Say why a sample cannot be judged; none when it can."""
        return None

    async def cases(self, samples: Sequence[Sample], tools: Tools) -> Sequence[Case | Sample]:
        """Prepare the samples of a draw; one that is settled by that alone comes back as a judged sample."""
        return [Case(sample) for sample in samples]

    def opinion(self, case: Case) -> Opinion:
        """Ask the built-in judge."""
        raise TypeError(f"{type(self).__name__} defines no opinion()")

    def is_plain(self, case: Case) -> bool:
        """Tell whether words alone can show that a case passes; else it is sent on, whatever its score."""
        return True

    async def ask(self, case: Case, tools: Tools) -> Sample:
        """Ask whoever judges what is sent on about one sample."""
        raise TypeError(f"{type(self).__name__} defines no ask()")

    def rubric(self) -> Rubric:
        """Give the rubric by which siblings are judged together."""
        raise TypeError(f"{type(self).__name__} defines no rubric()")

    def item(self, case: Case) -> Item:
        """Show a sample to the judge of siblings."""
        raise TypeError(f"{type(self).__name__} defines no item()")

    def called(self, how: str, by: str, tools: Tools) -> str:
        """Name the verdict: by which method and which judge."""
        return f"{how}{self.name.replace('_', '-')}[{by}]"

    def gave(self, verdict: Verdict) -> bool:
        """Tell whether a verdict is of this judge: by ragas, by a rubric or by the cheap tier."""
        stem, own = verdict.judge.partition("[")[0], self.name.replace("_", "-")
        return stem in (own, f"ragas-{own}", f"rubric-{own}")

    def concluded(self, sample: Sample, verdict: Verdict) -> Sample:
        """Write a verdict into its sample, whoever gave it."""
        return sample.judged(verdict)

    async def judge_siblings(self, samples: Sequence[Sample], tools: Tools) -> Sequence[Sample]:
        """Settle what needs no judge, let the built-in judge decide what it is sure of, and send the rest on."""
        reasons = {sample.id: self.abstains(sample, tools) for sample in samples}
        silent = [self._silent(sample, reason, tools) for sample in samples if (reason := reasons[sample.id])]
        prepared = await self.cases([sample for sample in samples if not reasons[sample.id]], tools)
        settled = [one for one in prepared if isinstance(one, Sample)]
        cases = {one.sample.id: one for one in prepared if isinstance(one, Case)}
        tried = await self.each(
            [case.sample for case in cases.values()], lambda one: self._cheaply(cases[one.id], tools)
        )
        sent = [one for one in tried if one.status != "failed" and one.verdicts == cases[one.id].sample.verdicts]
        cases |= {sample.id: replace(cases[sample.id], sample=sample) for sample in sent}
        judged = await self._send(sent, cases, tools)
        return in_order(samples, silent, settled, tried, judged)

    def _silent(self, sample: Sample, reason: str, tools: Tools) -> Sample:
        name = self.called("ragas-", judge_model(tools).name, tools)
        return sample.judged(named(self.verdict(None, reason=reason), name))

    async def _cheaply(self, case: Case, tools: Tools) -> Sample:
        """Let the built-in judge decide; a sample that is sent on comes back without a verdict."""
        if self.band(tools) is None:
            return case.sample
        if not self.readable(case.sample):
            return self._noted(case.sample, True)
        found = self.opinion(case)
        decision = self._decided(case.sample, found, tools)
        if decision is None or (decision[0] and not self.is_plain(case)):
            return self._noted(case.sample, True)
        verdict = named(self.verdict(*decision, usage=case.usage), self.called("", self.cheap, tools))
        return self._noted(self.concluded(case.sample, verdict), False)

    async def _send(self, samples: Sequence[Sample], cases: Mapping[str, Case], tools: Tools) -> Sequence[Sample]:
        """Ask the model: about each alone, or about all of them by the rubric."""
        model = tools.models.get("judge")
        if not self.together or model is None or not samples:
            return await self.each(samples, lambda one: self.ask(cases[one.id], tools))
        rubric = self.rubric()
        rubric = replace(rubric, threshold=self.least(tools, rubric.threshold))
        shown = [self.item(cases[sample.id]) for sample in samples]
        name = self.called("rubric-", model.name, tools)
        judged: list[Sample] = []
        for sample, one in zip(samples, await judge_each(model, shown, [rubric], purpose=self.name), strict=True):
            if isinstance(one, ModelError):
                judged.append(self.broken(sample, one))
                continue
            opinion = one.scores[0].opinion(rubric)
            verdict = self.verdict(*opinion, usage=cases[sample.id].usage + one.usage)
            judged.append(self.concluded(sample, named(verdict, name)))
        return judged

    async def warm(self, tools: Tools) -> None:
        """Refuse a calibration that was made with another judge than the one that judges here, before any call."""
        self.least(tools, 0.0)
        band = self.band(tools)
        if band is not None and band is not shipped_calibration(self.cheap):
            band.check(self.cheap, self.cheap_version, where=str(self.calibration))

    def judge_of(self, sample: Sample, tools: Tools) -> LanguageModel:
        """Give whoever judges what is sent on; of the cheap tier is also that plain answers need not be split."""
        model = judge_model(tools, sample.payload.question)
        plain = self.cheap_tier and tools.models.get("judge") and self.readable(sample)
        return PlainStatements(model) if plain else model

    def band(self, tools: Tools) -> Calibration | None:
        """Give the calibration by which the built-in judge decides; none when all is left to the judge itself."""
        if not self.cheap_tier or not tools.models.get("judge"):
            return None
        named = self._named()
        return named if named and named.judge == self.cheap else shipped_calibration(self.cheap)

    def sent_on(self, tools: Tools) -> float:
        """Give the share that the cheap tier leaves to the model, as far as labelled pairs tell; 1 without a tier."""
        band = self.band(tools)
        return 1 - band.band.share_decided if band and band.band else 1.0

    def in_force(self, tools: Tools) -> list[Calibration]:
        """Give the calibrations that speak of this judge: the one it names, and that of the built-in judge it uses.

        Without a model the built-in judge judges all, so no band of it is in force.
        """
        alone = shipped_calibration(self.cheap).model_copy(update={"band": None})
        found = [found for found in (self._named(), self.band(tools) if tools.models.get("judge") else alone) if found]
        return found[:1] if found[1:] == found[:1] else found

    def least(self, tools: Tools, usual: float) -> float:
        """Give the lowest score that passes: the flow's, that of a calibration of this step, else ``usual``."""
        if self.threshold is not None:
            return self.threshold
        named = self._named()
        if named is None or named.judge != self.name:
            return usual
        return named.check_step(self, tools, where=str(self.calibration)).threshold

    def _decided(self, sample: Sample, found: Opinion, tools: Tools) -> tuple[bool, float, str] | None:
        """Tell what the built-in judge's opinion decides alone; none when the sample is sent on."""
        band = self.band(tools)
        if band is None or band.band is None:
            return None
        if tools.extras.get(REHEARSED):
            return None
        score = rounded(found.score)
        passed = band.decide(score)
        if passed is None:
            return None
        cut, error = (
            (f"≥ {band.band.high:g}", band.band.error_high) if passed else (f"< {band.band.low:g}", band.band.error_low)
        )
        wrong = "" if error is None else f"; of such scores at most {error:.1%} of the labelled ones were wrong"
        return (passed, score, f"decided by {self.cheap} {score:g} {cut}{wrong}; {found.reason}")

    def readable(self, sample: Sample) -> bool:
        """Tell whether the built-in judges read the sample's language, whoever else may judge it."""
        return not_readable(sample, Tools()) is None

    @property
    def measure(self) -> str:
        """Name of the measure that counts what was sent on: 1, or 0 for what was decided before the model."""
        return f"{self.name}_sent_on"

    def _noted(self, sample: Sample, sent_on: bool) -> Sample:
        """Write down whether a sample is sent on."""
        return sample.model_copy(update={"measures": {**sample.measures, self.measure: int(sent_on)}})

    def _named(self) -> Calibration | None:
        if self.calibration is None:
            return None
        file = Path(self.calibration)
        return _read(self.calibration, file.stat().st_mtime_ns if file.is_file() else 0)


@lru_cache(maxsize=16)
def _read(path: str, changed: int) -> Calibration:
    """Read a calibration once, and again when its file has changed."""
    return read_calibration(path)


def in_order(samples: Sequence[Sample], *judged: Sequence[Sample]) -> list[Sample]:
    """Give the samples in their order, each as it was judged."""
    found = {sample.id: sample for some in judged for sample in some}
    return [found.get(sample.id, sample) for sample in samples]
