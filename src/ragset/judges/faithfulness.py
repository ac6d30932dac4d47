"""Faithfulness: whether every statement of the reference answer follows from the sample's contexts.

The judge is ragas ``Faithfulness``. Where a language model is configured, the built-in groundedness decides first what
it is sure of, and the model is asked about the rest.
"""

from __future__ import annotations

from typing import ClassVar

from ragset.adapters import ragas_bridge
from ragset.kit.builtin_judge import named, not_readable
from ragset.kit.groundedness import NAME, VERSION, groundedness
from ragset.kit.rubrics import FRAME, Item, Rubric, load_rubric, prompt_name
from ragset.kit.tiers import Case, Opinion, TieredJudge
from ragset.schema.samples import Sample
from ragset.schema.step import Tools, Uses

THRESHOLD = 1.0
"""Lowest share of supported statements that passes: a reference with one unsupported statement is no reference."""


class Faithfulness(TieredJudge):
    """Pass an answer whose share of supported statements reaches ``threshold`` (1 when the flow names none)."""

    name: ClassVar[str] = "faithfulness"
    version: ClassVar[str] = "6"
    uses: ClassVar[frozenset[Uses]] = frozenset({"judge"})
    cheap: ClassVar[str] = NAME
    cheap_version: ClassVar[str] = VERSION

    def prompts(self) -> tuple[str, ...]:
        """Name the prompts by which it asks."""
        return (FRAME, prompt_name(self.name)) if self.together else ()

    async def warm(self, tools: Tools) -> None:
        """Check the calibration, and import ragas."""
        await super().warm(tools)
        await ragas_bridge.load()

    def abstains(self, sample: Sample, tools: Tools) -> str | None:
        """Say nothing about a question without an answer, and about a language that nobody here reads."""
        if sample.payload.answer is None or not sample.payload.answerable:
            return "unanswerable: nothing to support"
        return not_readable(sample, tools)

    def opinion(self, case: Case) -> Opinion:
        """Measure how far the contexts support the answer."""
        pair = case.sample.payload
        found = groundedness(_context(case.sample), pair.answer or "", pair.question)
        return Opinion(found.score, found.reason)

    async def ask(self, case: Case, tools: Tools) -> Sample:
        """Score the reference answer against the contexts it was made from, by ragas."""
        sample, model = case.sample, self.judge_of(case.sample, tools)
        context = _context(sample)
        result = await ragas_bridge.faithfulness(
            model, sample.payload.question, sample.payload.answer or "", [context] if context else []
        )
        passed = result.score >= self.least(tools, THRESHOLD)
        verdict = self.verdict(passed, result.score, result.detail, usage=result.usage)
        return sample.judged(named(verdict, self.called("ragas-", model.name, tools)))

    def rubric(self) -> Rubric:
        """Give the shipped rubric of that name."""
        return load_rubric("faithfulness")

    def item(self, case: Case) -> Item:
        """Show the pair with its contexts."""
        return Item.of(case.sample, "passages")


def _context(sample: Sample) -> str:
    """Put the contexts apart by blank lines; ragas itself would run the chunks' sentences together."""
    return "\n\n".join(context.text.strip() for context in sample.contexts)
