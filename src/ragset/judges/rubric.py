"""Rubric: a free judge by a language model, made of a criterion, a scale and a threshold.

Rubrics ship for faithfulness (yes or no), relevancy (0 to 2), the question itself (yes or no), groundedness (1 to 5),
and the aspects of UltraFeedback (Cui et al. 2023: helpfulness, honesty, truthfulness, instruction following; 1 to 5).
Any prompt file of one's own is a rubric too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field, field_validator

from ragset.errors import FlowError, ModelError
from ragset.kit.judging import SiblingJudge
from ragset.kit.rubrics import Item, Rubric, Scored, Sees, judge_each, load_rubric, prompt_name
from ragset.schema.ids import digest
from ragset.schema.ports import LanguageModel
from ragset.schema.samples import Sample, Usage, Verdict
from ragset.schema.step import Tools, Uses

USUAL = "relevancy"
"""Rubric of a step that names none."""


class RubricJudge(SiblingJudge):
    """Pass a pair whose score by a rubric reaches its threshold.

    ``prompt`` is a shipped rubric or the path of a prompt file; ``aspects`` names several, which are judged in one call
    and each give a verdict. ``scale`` and ``threshold`` belong to a file of one's own, and may replace those that ship;
    ``sees`` is what the judge is shown. ``together`` judges the siblings of a draw in one call. ``called`` names the
    verdicts, so that one rubric can stand in a flow twice. Without a model the judge abstains.
    """

    name: ClassVar[str] = "rubric"
    uses: ClassVar[frozenset[Uses]] = frozenset({"judge"})

    prompt: str | None = None
    aspects: tuple[str, ...] = ()
    scale: tuple[float, float] | None = None
    threshold: float | None = Field(default=None, allow_inf_nan=False)
    sees: Sees | None = None
    together: bool = True
    called: str | None = Field(default=None, min_length=1, max_length=60)

    @field_validator("prompt", "aspects", mode="after")
    @classmethod
    def _with_version(cls, given: Any) -> Any:
        """Write shipped rubrics as the prompts that they are, version and all: a newer one is another step."""
        return prompt_name(given) if isinstance(given, str) else given and tuple(map(prompt_name, given))

    def check(self) -> None:
        """Refuse rubrics that do not exist or have no scale, and several that cannot be judged in one call."""
        if self.prompt and self.aspects:
            raise FlowError("names a prompt and aspects", hint="leave one of them out")
        rubrics = self.rubrics()
        names = [rubric.name for rubric in rubrics]
        if len(set(names)) != len(names):
            raise FlowError("two aspects have one name", hint="name each rubric once, and give files different names")
        if len(rubrics) > 1 and (whole := [rubric.name for rubric in rubrics if rubric.whole]):
            what = (
                f"'{whole[0]}' uses the variable 'pairs', so it is a whole prompt and cannot be one of several aspects"
            )
            raise FlowError(what, hint="leave the pairs out of it, or give it a step of its own")

    def rubrics(self) -> tuple[Rubric, ...]:
        """Load the rubrics, in the order in which they were named."""
        names = self.aspects or (self.prompt or USUAL,)
        return tuple(load_rubric(name, self.scale, self.threshold, self.sees) for name in names)

    def gave(self, verdict: Verdict) -> bool:
        """Tell whether a verdict is of this step: of one of its rubrics."""
        return verdict.judge.partition("[")[0] in {f"rubric-{self._title(rubric)}" for rubric in self.rubrics()}

    def prompts(self) -> tuple[str, ...]:
        """Name the prompts by which it asks."""
        return tuple(dict.fromkeys(name for rubric in self.rubrics() for name in rubric.prompts))

    def fingerprint(self, tools: Tools) -> str:
        """Hash of the step and of every word of its prompts."""
        return digest(super().fingerprint(tools), *(rubric.hash for rubric in self.rubrics()))

    async def judge_siblings(self, samples: Sequence[Sample], tools: Tools) -> Sequence[Sample]:
        """Score all samples by all rubrics, in one call where ``together``."""
        model, rubrics = tools.models.get("judge"), self.rubrics()
        if model is None:
            return [self._silent(sample, rubrics, "no model to judge by a rubric", "no model") for sample in samples]
        if self.together:
            return await self._judged(samples, model, rubrics)
        return await self.each(samples, lambda one: self._alone(one, model, rubrics))

    async def _alone(self, sample: Sample, model: LanguageModel, rubrics: Sequence[Rubric]) -> Sample:
        return (await self._judged([sample], model, rubrics))[0]

    async def _judged(
        self, samples: Sequence[Sample], model: LanguageModel, rubrics: Sequence[Rubric]
    ) -> Sequence[Sample]:
        """Judge in one call; pairs without an answer in another, by the rubrics that look at the question alone."""
        found: dict[str, Sample] = {}
        for answered in (True, False):
            some = [sample for sample in samples if (sample.payload.answer is not None) is answered]
            fitting = [rubric for rubric in rubrics if answered or rubric.sees == "question"]
            unfit = [rubric for rubric in rubrics if rubric not in fitting]
            silent = [
                self._silent(sample, unfit, "unanswerable: there is no answer to score", model.name) for sample in some
            ]
            if some and fitting:
                silent = await self._scored(silent, model, fitting)
            found |= {sample.id: sample for sample in silent}
        return [found[sample.id] for sample in samples]

    async def _scored(self, samples: Sequence[Sample], model: LanguageModel, rubrics: Sequence[Rubric]) -> list[Sample]:
        sees = _WIDTH[max(_WIDTH.index(rubric.sees) for rubric in rubrics)]
        items = [Item.of(sample, sees) for sample in samples]
        found = await judge_each(model, items, rubrics, purpose=self.name)
        return [
            self.broken(sample, one)
            if isinstance(one, ModelError)
            else self._with_scores(sample, list(zip(rubrics, one.scores, strict=True)), model.name, one.usage)
            for sample, one in zip(samples, found, strict=True)
        ]

    def _with_scores(self, sample: Sample, scores: Sequence[tuple[Rubric, Scored]], model: str, usage: Usage) -> Sample:
        for at, (rubric, scored) in enumerate(scores):
            verdict = self.verdict(*scored.opinion(rubric), usage=usage if at == 0 else Usage())
            raw = {} if scored.score is None else {f"rubric_{self._title(rubric)}": scored.score}
            sample = sample.judged(self._signed(verdict, rubric, model), **raw)
        return sample

    def _silent(self, sample: Sample, rubrics: Sequence[Rubric], reason: str, by: str) -> Sample:
        for rubric in rubrics:
            sample = sample.judged(self._signed(self.verdict(None, reason=reason), rubric, by))
        return sample

    def _signed(self, verdict: Verdict, rubric: Rubric, model: str) -> Verdict:
        """Write the rubric and the model into the verdict's name, and the hash of the prompts into its version."""
        name = f"rubric-{self._title(rubric)}[{model}]"
        return verdict.model_copy(update={"judge": name, "version": f"{self.version}.{rubric.hash[:8]}"})

    def _title(self, rubric: Rubric) -> str:
        return f"{self.called}-{rubric.name}" if self.called and self.aspects else self.called or rubric.name


_WIDTH: tuple[Sees, ...] = ("question", "pair", "passages")
"""What a rubric may see, from little to much."""
