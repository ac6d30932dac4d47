"""What every judge shares: which samples it sees, and what a crash or a NaN means."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar, cast

from ragset.adapters.turns import Turns
from ragset.errors import NOT_THE_DRAWS
from ragset.schema.documents import Noun
from ragset.schema.samples import Draw, Failure, Sample, Usage, Verdict
from ragset.schema.step import Map, Tools

SCORE_DECIMALS = 4
"""Scores are written with this many decimals: embeddings differ in their last bits between machines."""


class ScoreError(ValueError):
    """A judge computed something that is no score (NaN or infinite)."""


def rounded(score: float) -> float:
    """Round a score to the decimals in which scores are written; refuses NaN and infinities."""
    value = float(score)
    if not math.isfinite(value):
        raise ScoreError(f"the score is {value}, which says nothing about the sample")
    return round(value, SCORE_DECIMALS) + 0.0  # + 0.0 makes -0.0 a plain zero


class Judge(Map):
    """A map that appends one verdict to each open sample of a draw.

    Subclasses implement :meth:`judge`. Samples that an earlier gate rejected are passed by unless
    ``all_scores`` is set; failed ones always are. The field is configuration, so that it is part of the
    step's fingerprint and a run with it never reuses the memo of a run without it.
    """

    takes: ClassVar[type[Noun] | None] = Sample
    gives: ClassVar[type[Noun] | None] = Sample

    all_scores: bool = False

    @property
    def judge_name(self) -> str:
        """Name under which the verdicts are written; judges by a model add the model's name."""
        return self.name

    def gave(self, verdict: Verdict) -> bool:
        """Tell whether a verdict is of this judge, by whatever model."""
        return verdict.judge.partition("[")[0] == self.judge_name.partition("[")[0]

    async def apply(self, item: Draw, tools: Tools) -> Draw:
        """Judge the samples of one draw, each alone, side by side.

        Rules wait for nothing, so they are applied one after the other, the oldest draw first and one draw at a time:
        when many replies come at once, the first of them are soon through, and what comes after the rules is not idle.
        """
        if self.uses <= {"store"}:
            async with cast("Turns", tools.extras.setdefault("ragset.rules", Turns())):
                judged = [await self._safely(sample, tools) for sample in item.samples]
        else:
            judged = await asyncio.gather(*(self._safely(sample, tools) for sample in item.samples))
        return item.with_samples(tuple(judged))

    async def judge(self, sample: Sample, tools: Tools) -> Sample:
        """Give the sample back with a verdict: ``sample.judged(self.verdict(...), measure=...)``."""
        raise TypeError(f"{type(self).__name__} defines no judge()")

    def verdict(
        self, passed: bool | None, score: float | None = None, reason: str = "", *, usage: Usage | None = None
    ) -> Verdict:
        """Make this judge's verdict: its name and version, the score rounded, the reason on one line."""
        return Verdict(
            judge=self.judge_name,
            version=self.version,
            score=None if score is None else rounded(score),
            passed=passed,
            reason=one_line(reason),
            usage=usage or Usage(),
        )

    def _sees(self, sample: Sample) -> bool:
        return sample.status == "open" or (self.all_scores and sample.status == "rejected")

    async def _safely(self, sample: Sample, tools: Tools) -> Sample:
        if not self._sees(sample):
            return sample
        return await self._guarded(sample, lambda one: self.judge(one, tools))

    async def _guarded(self, sample: Sample, work: Callable[[Sample], Awaitable[Sample]]) -> Sample:
        """Do the work for one sample; what breaks is that sample's failure."""
        try:
            return _with_sound_numbers(await work(sample))
        except (asyncio.CancelledError, *NOT_THE_DRAWS):
            raise
        except Exception as error:
            return sample.failed(_failure(self.name, error))


class SiblingJudge(Judge):
    """A judge that sees all the samples of one draw that are still open at once, so that one call may judge them.

    Subclasses implement :meth:`judge_siblings`. A crash fails all of them: nothing is claimed about any.
    """

    async def apply(self, item: Draw, tools: Tools) -> Draw:
        """Judge the samples of one draw together."""
        seen = [sample for sample in item.samples if self._sees(sample)]
        if not seen:
            return item
        judged = {sample.id: sample for sample in await self._safely_all(seen, tools)}
        return item.with_samples(tuple(judged.get(sample.id, sample) for sample in item.samples))

    async def judge_siblings(self, samples: Sequence[Sample], tools: Tools) -> Sequence[Sample]:
        """Give each sample back with a verdict, in the same order."""
        raise TypeError(f"{type(self).__name__} defines no judge_siblings()")

    async def each(self, samples: Sequence[Sample], work: Callable[[Sample], Awaitable[Sample]]) -> list[Sample]:
        """Judge samples side by side, where each is judged alone: what breaks for one is no other's failure."""
        return list(await asyncio.gather(*(self._guarded(sample, work) for sample in samples)))

    def broken(self, sample: Sample, error: Exception) -> Sample:
        """Give a sample back as failed: this judge broke, so it claims nothing."""
        return sample.failed(_failure(self.name, error))

    async def _safely_all(self, samples: Sequence[Sample], tools: Tools) -> list[Sample]:
        try:
            judged = await self.judge_siblings(samples, tools)
            if [sample.id for sample in judged] != [sample.id for sample in samples]:
                raise ValueError(f"{self.name} gave {len(judged)} samples back for {len(samples)}, or others")
            return [_with_sound_numbers(sample) for sample in judged]
        except (asyncio.CancelledError, *NOT_THE_DRAWS):
            raise
        except Exception as error:
            return [self.broken(sample, error) for sample in samples]


def same_model(tools: Tools) -> str | None:
    """Name the model that judges what it wrote itself, which it likes better than others do; none when they differ."""
    writer, judge = tools.models.get("writer"), tools.models.get("judge")
    return judge.name if writer and judge and writer.name == judge.name else None


def _failure(step: str, error: Exception) -> Failure:
    """Say what broke; an error without a text (a time-out, say) is told by its kind."""
    kind = type(error).__name__
    return Failure(step=step, error=kind, message=one_line(str(error)) or kind)


def one_line(text: str, limit: int = 300) -> str:
    """Fold a message onto one line of at most ``limit`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _with_sound_numbers(sample: Sample) -> Sample:
    """Round every score and measure; a NaN raises, and so becomes a failure, never a score."""
    verdicts = tuple(
        v if v.score is None else v.model_copy(update={"score": rounded(v.score)}) for v in sample.verdicts
    )
    measures = {k: rounded(v) if isinstance(v, float) else v for k, v in sample.measures.items()}
    return sample.model_copy(update={"verdicts": verdicts, "measures": measures})
