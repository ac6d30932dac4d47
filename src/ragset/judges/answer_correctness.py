"""Answer correctness by ragas: whether an answer given from the retrieved chunks agrees with the reference.

The reference is never compared with itself: the answerer sees the retrieved chunks and the question only.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from ragset.adapters import ragas_bridge
from ragset.kit.answering import BEST_SENTENCE, PROMPT, RULES, answer, answerer_name
from ragset.kit.builtin_judge import judge_fingerprint, judge_model, named, not_readable
from ragset.kit.judging import Judge
from ragset.kit.prompting import Prompt
from ragset.kit.retrieving import retrieve
from ragset.schema.ids import digest
from ragset.schema.samples import Sample
from ragset.schema.step import Tools, Uses

RULES_THRESHOLD, MODEL_THRESHOLD = 0.9, 0.7
"""Lowest score that passes when the flow names none: with the built-in judge, and with a language model."""


class AnswerCorrectness(Judge):
    """Pass a reference answer that agrees with what an answerer finds in the ``top_k`` retrieved chunks.

    The score is ragas ``AnswerCorrectness``: F1 over the shared statements; with ``similarity`` a quarter of it is the
    cosine of both answers, which cannot see an altered number and so is off by default.

    Without a ``threshold`` it is 0.9 with the built-in judge and 0.7 with a language model. The built-in judge splits
    at sentences, so that no statement of a short reference may be missing (one of two gives .67, three of four .86). A
    language model splits finer, and not twice in the same way: an answer that says one thing more than the reference
    must still pass.
    """

    name: ClassVar[str] = "answer_correctness"
    version: ClassVar[str] = "2"
    uses: ClassVar[frozenset[Uses]] = frozenset({"store", "embedder", "answerer", "judge"})

    threshold: float | None = Field(default=None, ge=0, le=1)
    top_k: int = Field(default=5, ge=1, le=50)
    similarity: bool = False

    def fingerprint(self, tools: Tools) -> str:
        """Hash of the step, of whoever judges, and of the rule and the prompt that answer."""
        rules = (BEST_SENTENCE, RULES, Prompt.load(PROMPT).hash, self._least(tools)[0])
        return digest(super().fingerprint(tools), judge_fingerprint(tools), *rules)

    async def warm(self, tools: Tools) -> None:
        """Import ragas."""
        await ragas_bridge.load()

    async def judge(self, sample: Sample, tools: Tools) -> Sample:
        """Retrieve, answer, compare."""
        pair, model = sample.payload, judge_model(tools)
        name = f"ragas-answer-correctness[{model.name}; answerer={answerer_name(tools)}]"
        if pair.answer is None or not pair.answerable:
            return sample.judged(named(self.verdict(None, reason="unanswerable: there is no reference answer"), name))
        if (reason := not_readable(sample, tools)) is not None:
            return sample.judged(named(self.verdict(None, reason=reason), name))
        hits = await retrieve(pair.question, self.top_k, tools)
        given = await answer(pair.question, hits, tools)
        if given.text is None:
            nothing = self.verdict(
                False, 0.0, "the answerer found no answer in the retrieved chunks", usage=given.usage
            )
            return sample.judged(named(nothing, name))
        embedder = tools.embedder if self.similarity else None
        result = await ragas_bridge.answer_correctness(model, embedder, pair.question, given.text, pair.answer)
        least, whose = self._least(tools)
        reason = f"{result.detail}; {whose}threshold {least:g}"
        verdict = self.verdict(result.score >= least, result.score, reason, usage=given.usage + result.usage)
        return sample.judged(named(verdict, name))

    def _least(self, tools: Tools) -> tuple[float, str]:
        """Give the lowest score that passes, and whose threshold that is."""
        if self.threshold is not None:
            return self.threshold, ""
        return (MODEL_THRESHOLD, "a model's ") if tools.models.get("judge") else (RULES_THRESHOLD, "the rules' ")
