"""Closed book: whether the answerer knows the answer without any context, so that retrieval is not needed for it.

Such a pair measures what a model has learnt, not what a RAG system finds. It is labelled; a flow may drop it. The label
says less of a yes-or-no question, which chance answers rightly half the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ragset.errors import ModelError
from ragset.kit import equivalence as answers_agree
from ragset.kit.answering import Answer
from ragset.kit.answering_together import FROM_MEMORY, recall
from ragset.kit.builtin_judge import NAME, judge_model, not_readable
from ragset.kit.calibration_file import Calibration
from ragset.kit.judging import rounded
from ragset.kit.prompting import Prompt
from ragset.kit.rubrics import EQUIVALENCE, Item, Rubric, compared, equivalence_rubric, judge_each
from ragset.kit.same_answer import is_plain
from ragset.kit.tiers import Case, Opinion, TieredJudge
from ragset.schema.ids import digest
from ragset.schema.samples import Sample, Verdict
from ragset.schema.step import Tools, Uses

LABEL = "closed_book"
"""Label of a pair that was answered rightly without its context."""
THRESHOLD = 0.9
"""Lowest score by which the built-in judge, where no model judges, takes two answers for the same."""


class ClosedBook(TieredJudge):
    """Label a pair whose question the answerer answers rightly without any context; ``drop`` rejects it instead.

    The questions of all siblings are one call. Whether an answer is right decides the built-in equivalence where it is
    sure, and the judge's model about the rest, all siblings in one call (``together``). The measure ``closed_book`` is
    1 for an answer that is right, 0 for one that is wrong or not given. Without an answerer model the judge abstains.
    """

    name: ClassVar[str] = "closed_book"
    version: ClassVar[str] = "2"
    uses: ClassVar[frozenset[Uses]] = frozenset({"answerer", "judge"})
    cheap: ClassVar[str] = answers_agree.NAME
    cheap_version: ClassVar[str] = answers_agree.VERSION

    drop: bool = False
    together: bool = True

    def prompts(self) -> tuple[str, ...]:
        """Name the prompts by which it asks."""
        return (FROM_MEMORY, *EQUIVALENCE)

    def fingerprint(self, tools: Tools) -> str:
        """Hash of the step, of whoever judges, and of the prompt that asks."""
        return digest(super().fingerprint(tools), Prompt.load(FROM_MEMORY).hash, equivalence_rubric().hash)

    def called(self, how: str, by: str, tools: Tools) -> str:
        """Name the verdict: who answered, and who compared."""
        model = tools.models.get("answerer")
        return super().called("", f"{model.name}; judge={by}" if model else "no model", tools)

    def in_force(self, tools: Tools) -> list[Calibration]:
        """Give none without an answerer: then nothing is judged."""
        return super().in_force(tools) if tools.models.get("answerer") else []

    def abstains(self, sample: Sample, tools: Tools) -> str | None:
        """Say nothing without a model to ask, about a question without an answer, or a language nobody reads."""
        if tools.models.get("answerer") is None:
            return "no model to ask"
        if sample.payload.answer is None or not sample.payload.answerable:
            return "unanswerable: there is no reference answer"
        return not_readable(sample, tools)

    async def cases(self, samples: Sequence[Sample], tools: Tools) -> Sequence[Case | Sample]:
        """Ask the answerer without any context."""
        model = tools.models.get("answerer")
        given = await recall([sample.payload for sample in samples], model) if model and samples else []
        return [self._case(sample, found, tools) for sample, found in zip(samples, given, strict=True)]

    def _case(self, sample: Sample, given: Answer | Exception, tools: Tools) -> Case | Sample:
        if isinstance(given, Exception):
            return self.broken(sample, given)
        if given.text is not None:
            return Case(sample, given)
        verdict = self.verdict(True, None, "not known without its context: no answer was given", usage=given.usage)
        named = verdict.model_copy(update={"judge": self.called("", judge_model(tools).name, tools)})
        judged = sample.unlabelled(LABEL).judged(named)
        return judged.model_copy(update={"measures": {**judged.measures, LABEL: 0}})

    def opinion(self, case: Case) -> Opinion:
        """Measure how far the answer given and the reference say the same."""
        pair = case.sample.payload
        score = answers_agree.equivalence(pair.question, (pair.answer or "",), _text(case)).score
        return Opinion(score, f"the answer given is “{_text(case)}”")

    def is_plain(self, case: Case) -> bool:
        """Send on an answer that chooses, and says more than its choice."""
        return is_plain(case.sample.payload, _text(case))

    async def ask(self, case: Case, tools: Tools) -> Sample:
        """Compare by the rubric with the judge's model, or else by the built-in judge."""
        model = tools.models.get("judge")
        if model is None:
            found, least = self.opinion(case), self.least(tools, THRESHOLD)
            score = rounded(found.score)
            verdict = self.verdict(score >= least, score, f"threshold {least:g}; {found.reason}", usage=case.usage)
            return self.concluded(case.sample, verdict.model_copy(update={"judge": self.called("", NAME, tools)}))
        rubric = self.rubric()
        (one,) = await judge_each(model, [self.item(case)], [rubric], purpose=self.name)
        if isinstance(one, ModelError):
            raise one
        verdict = self.verdict(*one.scores[0].opinion(rubric), usage=case.usage + one.usage)
        return self.concluded(case.sample, verdict.model_copy(update={"judge": self.called("", model.name, tools)}))

    def rubric(self) -> Rubric:
        """Give the rubric that compares two answers."""
        return equivalence_rubric()

    def item(self, case: Case) -> Item:
        """Show the pair beside the answer given."""
        return compared(case.sample.payload, _text(case))

    def concluded(self, sample: Sample, verdict: Verdict) -> Sample:
        """Turn 'says the same' into 'known without its context': a label, and a rejection only where pairs are dropped.

        The verdict has no score: how well a pair does here is no share of anything.
        """
        known = verdict.passed
        said = {True: "known without its context", False: "not known without its context", None: "cannot be told"}
        reason = f"{said[known]}; {verdict.reason}"
        passed = None if known is None else not (known and self.drop)
        changed = verdict.model_copy(update={"passed": passed, "score": None, "reason": reason})
        judged = sample.unlabelled(LABEL).judged(changed, **({} if known is None else {LABEL: int(known)}))
        return judged.labelled(LABEL) if known else judged


def _text(case: Case) -> str:
    return (case.given.text if case.given else None) or ""
