"""Faithfulness by ragas: whether every statement of the reference answer follows from the sample's contexts."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from ragset.adapters import ragas_bridge
from ragset.kit.builtin_judge import judge_fingerprint, judge_model, named, not_readable
from ragset.kit.judging import Judge
from ragset.schema.ids import digest
from ragset.schema.samples import Sample
from ragset.schema.step import Tools, Uses


class Faithfulness(Judge):
    """Pass an answer whose share of supported statements reaches ``threshold`` (ragas ``Faithfulness``).

    The shipped threshold is 1: a reference answer with one unsupported statement is no reference.
    """

    name: ClassVar[str] = "faithfulness"
    version: ClassVar[str] = "2"
    uses: ClassVar[frozenset[Uses]] = frozenset({"judge"})

    threshold: float = Field(default=1.0, ge=0, le=1)

    def fingerprint(self, tools: Tools) -> str:
        """Hash of the step and of whoever judges."""
        return digest(super().fingerprint(tools), judge_fingerprint(tools))

    async def warm(self, tools: Tools) -> None:
        """Import ragas."""
        await ragas_bridge.load()

    async def judge(self, sample: Sample, tools: Tools) -> Sample:
        """Score the reference answer against the contexts it was made from."""
        pair, model = sample.payload, judge_model(tools)
        name = f"ragas-faithfulness[{model.name}]"
        if pair.answer is None or not pair.answerable:
            return sample.judged(named(self.verdict(None, reason="unanswerable: nothing to support"), name))
        if (reason := not_readable(sample, tools)) is not None:
            return sample.judged(named(self.verdict(None, reason=reason), name))
        texts = [context.text.strip() for context in sample.contexts]
        contexts = ["\n\n".join(texts)] if texts else []  # ragas itself would run the chunks' sentences together
        result = await ragas_bridge.faithfulness(model, pair.question, pair.answer, contexts)
        passed = result.score >= self.threshold
        verdict = self.verdict(passed, result.score, result.detail, usage=result.usage)
        return sample.judged(named(verdict, name))
