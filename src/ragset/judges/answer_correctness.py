"""Answer correctness by ragas: whether an answer given from the retrieved chunks agrees with the reference.

The reference is never compared with itself: the answerer sees the retrieved chunks and the question only.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from ragset.adapters.ragas_bridge import answer_correctness
from ragset.kit.answering import BEST_SENTENCE, PROMPT, RULES, answer, answerer_name
from ragset.kit.builtin_judge import judge_fingerprint, judge_model, named
from ragset.kit.judging import Judge
from ragset.kit.prompting import Prompt
from ragset.kit.retrieving import retrieve
from ragset.schema.ids import digest
from ragset.schema.samples import Sample
from ragset.schema.step import Tools, Uses


class AnswerCorrectness(Judge):
    """Pass a reference answer that agrees with what an answerer finds in the ``top_k`` retrieved chunks.

    The score is ragas ``AnswerCorrectness``: F1 over the shared statements; with ``similarity`` a quarter of it is the
    cosine of both answers, which cannot see an altered number and so is off by default. At the shipped threshold no
    statement of a short reference may be missing: one of two gives .67, three of four .86.
    """

    name: ClassVar[str] = "answer_correctness"
    uses: ClassVar[frozenset[Uses]] = frozenset({"store", "embedder", "answerer", "judge"})

    threshold: float = Field(default=0.9, ge=0, le=1)
    top_k: int = Field(default=5, ge=1, le=50)
    similarity: bool = False

    def fingerprint(self, tools: Tools) -> str:
        """Hash of the step, of whoever judges, and of the rule and the prompt that answer."""
        rules = (BEST_SENTENCE, RULES, Prompt.load(PROMPT).hash)
        return digest(super().fingerprint(tools), judge_fingerprint(tools), *rules)

    async def judge(self, sample: Sample, tools: Tools) -> Sample:
        """Retrieve, answer, compare."""
        pair, model = sample.payload, judge_model(tools)
        name = f"ragas-answer-correctness[{model.name}; answerer={answerer_name(tools)}]"
        if pair.answer is None or not pair.answerable:
            return sample.judged(named(self.verdict(None, reason="unanswerable: there is no reference answer"), name))
        hits = await retrieve(pair.question, self.top_k, tools)
        given = await answer(pair.question, hits, tools)
        if given.text is None:
            nothing = self.verdict(
                False, 0.0, "the answerer found no answer in the retrieved chunks", usage=given.usage
            )
            return sample.judged(named(nothing, name))
        embedder = tools.embedder if self.similarity else None
        result = await answer_correctness(model, embedder, pair.question, given.text, pair.answer)
        passed = result.score >= self.threshold
        verdict = self.verdict(passed, result.score, result.detail, usage=given.usage + result.usage)
        return sample.judged(named(verdict, name))
