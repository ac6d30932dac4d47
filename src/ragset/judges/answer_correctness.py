"""Answer correctness: whether an answer given from the retrieved chunks agrees with the reference.

The reference is never compared with itself: the answerer sees the retrieved chunks and the questions only, those of all
siblings in one call. So a pair that passes is answerable from what retrieval brings back, too. The judge is ragas
``AnswerCorrectness``; with a language model the built-in equivalence decides first what it is sure of.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from ragset.adapters import ragas_bridge
from ragset.kit.answering import BEST_SENTENCE, PROMPT, RULES, Answer, answerer_name
from ragset.kit.answering_passages import passages
from ragset.kit.answering_together import SEVERAL, answers
from ragset.kit.builtin_judge import judge_model, named, not_readable
from ragset.kit.equivalence import NAME, VERSION, equivalence
from ragset.kit.prompting import Prompt
from ragset.kit.retrieving import load_lexical
from ragset.kit.rubrics import EQUIVALENCE, Item, Rubric, compared, equivalence_rubric
from ragset.kit.same_answer import is_plain
from ragset.kit.tiers import Case, Opinion, TieredJudge
from ragset.schema.ids import digest
from ragset.schema.samples import Sample
from ragset.schema.step import Tools, Uses

RULES_THRESHOLD, MODEL_THRESHOLD = 0.9, 0.7
"""Lowest score that passes when the flow names none: with the built-in judge, and with a language model."""

SURE = 0.2
"""Lead over the evidence's own sentence from which the rule that answers is taken to be sure of another one."""


class AnswerCorrectness(TieredJudge):
    """Pass a reference answer that agrees with what an answerer finds in the ``top_k`` retrieved chunks.

    They are the first of a search by vectors and of one by words, together, as round trip searches.

    The score is ragas ``AnswerCorrectness``: F1 over the shared statements; with ``similarity`` a quarter of it is the
    cosine of both answers, which cannot see an altered number and so is off by default.

    Without a ``threshold`` it is 0.9 with the built-in judge and 0.7 with a language model. The built-in judge splits
    at sentences, so that no statement of a short reference may be missing (one of two gives .67, three of four .86). A
    language model splits finer, and not twice in the same way: an answer that says one thing more than the reference
    must still pass.
    """

    name: ClassVar[str] = "answer_correctness"
    version: ClassVar[str] = "6"
    uses: ClassVar[frozenset[Uses]] = frozenset({"store", "embedder", "answerer", "judge"})
    cheap: ClassVar[str] = NAME
    cheap_version: ClassVar[str] = VERSION

    top_k: int = Field(default=5, ge=1, le=50)
    similarity: bool = False

    def prompts(self) -> tuple[str, ...]:
        """Name the prompts by which it asks."""
        return (PROMPT, SEVERAL, *(EQUIVALENCE if self.together else ()))

    def fingerprint(self, tools: Tools) -> str:
        """Hash of the step, of whoever judges, and of the rule and the prompts that answer."""
        prompts = (Prompt.load(name).hash for name in (PROMPT, SEVERAL))
        return digest(super().fingerprint(tools), BEST_SENTENCE, RULES, *prompts, self._least(tools)[0])

    async def warm(self, tools: Tools) -> None:
        """Check the calibration, index the store for the search by words, and import ragas."""
        await super().warm(tools)
        await load_lexical(tools)
        await ragas_bridge.load()

    def called(self, how: str, by: str, tools: Tools) -> str:
        """Name the verdict: by which method, which judge and which answerer."""
        return super().called(how, f"{by}; answerer={answerer_name(tools)}", tools)

    def abstains(self, sample: Sample, tools: Tools) -> str | None:
        """Say nothing about a question without an answer, and about a language that nobody here reads."""
        if sample.payload.answer is None or not sample.payload.answerable:
            return "unanswerable: there is no reference answer"
        return not_readable(sample, tools)

    async def cases(self, samples: Sequence[Sample], tools: Tools) -> Sequence[Case | Sample]:
        """Retrieve for each question and have them answered; no answer found is a verdict already."""
        pairs = [sample.payload for sample in samples]
        hits = await passages(pairs, self.top_k, tools)
        given = await answers(pairs, hits, tools)
        return [self._case(sample, found, tools) for sample, found in zip(samples, given, strict=True)]

    def _case(self, sample: Sample, given: Answer | Exception, tools: Tools) -> Case | Sample:
        if isinstance(given, Exception):
            return self.broken(sample, given)
        if given.text is not None:
            return Case(sample, given)
        reason = "the answerer found no answer in the retrieved chunks"
        verdict = self.verdict(False, 0.0, reason, usage=given.usage)
        return sample.judged(named(verdict, self.called("ragas-", judge_model(tools).name, tools)))

    def opinion(self, case: Case) -> Opinion:
        """Measure how far the answer given and the reference say the same."""
        pair = case.sample.payload
        score = equivalence(pair.question, (pair.answer or "",), _text(case)).score
        return Opinion(score, f"the answer given is “{_text(case)}”")

    def is_plain(self, case: Case) -> bool:
        """Send on an answer that chooses, and says more than its choice."""
        return is_plain(case.sample.payload, _text(case))

    async def ask(self, case: Case, tools: Tools) -> Sample:
        """Compare by ragas."""
        pair, model = case.sample.payload, self.judge_of(case.sample, tools)
        embedder = tools.embedder if self.similarity else None
        result = await ragas_bridge.answer_correctness(model, embedder, pair.question, _text(case), pair.answer or "")
        least, whose = self._least(tools)
        reason = f"{result.detail}; {whose}threshold {least:g}"
        passed: bool | None = result.score >= least
        reason = f"the answers {'agree' if passed else 'differ'}: {reason}"
        if not passed and self._unsure(case):
            passed, reason = None, f"the rules are not sure which sentence answers: {reason}"
        verdict = self.verdict(passed, result.score, reason, usage=case.usage + result.usage)
        return case.sample.judged(named(verdict, self.called("ragas-", model.name, tools)))

    def _unsure(self, case: Case) -> bool:
        """Tell whether the rule that answers chose another sentence than the evidence, and only just."""
        quotes = [evidence.quote for evidence in case.sample.evidence]
        lead = case.given.lead_over(quotes) if case.given else None
        return lead is not None and lead < SURE

    def rubric(self) -> Rubric:
        """Give the rubric that compares two answers."""
        return equivalence_rubric()

    def item(self, case: Case) -> Item:
        """Show the pair beside the answer given."""
        return compared(case.sample.payload, _text(case))

    def _least(self, tools: Tools) -> tuple[float, str]:
        """Give the lowest score that passes, and whose threshold that is."""
        usual, whose = (
            (MODEL_THRESHOLD, "a model's ") if tools.models.get("judge") else (RULES_THRESHOLD, "the rules' ")
        )
        least = self.least(tools, usual)
        return least, whose if self.threshold is None and self.calibration is None else ""


def _text(case: Case) -> str:
    return (case.given.text if case.given else None) or ""
