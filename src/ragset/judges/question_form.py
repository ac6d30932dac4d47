"""A question must be well-formed, stand alone, and not give its answer away; the answer must be whole."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from ragset.kit.judging import Judge
from ragset.kit.question_form import MAX_GIVEN_AWAY, problems
from ragset.schema.samples import Sample
from ragset.schema.step import Tools


class QuestionForm(Judge):
    """Reject a pair whose wording is wrong, by rules on its two texts; the reason names every failing check."""

    name: ClassVar[str] = "question_form"

    min_words: int = Field(default=3, ge=1)
    max_words: int = Field(default=40, ge=1)
    max_given_away: float = Field(default=MAX_GIVEN_AWAY, ge=0, le=1)

    async def judge(self, sample: Sample, tools: Tools) -> Sample:
        """Check the question, and the answer when there is one."""
        pair = sample.payload
        limits = (self.min_words, self.max_words)
        found = problems(pair.question, pair.answer, words=limits, max_given_away=self.max_given_away)
        return sample.judged(self.verdict(not found, reason="; ".join(found)))
