"""An answer must be one: whole, in words, understood with its question, in its language, and no copy of a text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from ragset.kit.answer_debris import debris
from ragset.kit.answer_form import copies, incomplete, leftovers, refuses
from ragset.kit.answer_opening import opening_problems
from ragset.kit.foreign.reading import NO_REFERENCE
from ragset.kit.judging import Judge
from ragset.kit.languages import expected_language, language_name, load_identifier, other_language
from ragset.kit.question_form_words import is_english
from ragset.schema.samples import Sample
from ragset.schema.step import Tools

LEAST = 6
"""Words, names left out, from which the language of an answer is looked at: a shorter one may be a name or a term."""


class AnswerForm(Judge):
    """Reject an answer that is cut, refuses, points elsewhere, or copies question or passage, by rules on its texts.

    The reason names every failing check. An unanswerable question has no answer to look at. With ``language: false``
    the answer may be in another language than its question; one that is too short to tell is in the right one.
    """

    name: ClassVar[str] = "answer_form"
    version: ClassVar[str] = "3"

    language: bool = True

    async def warm(self, tools: Tools) -> None:
        """Load the identifier of languages."""
        if self.language:
            await load_identifier()

    async def judge(self, sample: Sample, tools: Tools) -> Sample:
        """Check the answer, when the question has one."""
        pair = sample.payload
        if not pair.answerable:
            return sample.judged(self.verdict(None, reason="unanswerable: there is no answer"))
        if pair.answer is None and NO_REFERENCE in sample.labels:
            return sample.judged(self.verdict(None, reason="the set that it comes from gives no answers"))
        found = list(_problems(sample, pair.answer or ""))
        if self.language and not found:
            found += _foreign(sample, pair.answer or "")
        return sample.judged(self.verdict(not found, reason="; ".join(found)))


def _problems(sample: Sample, answer: str) -> Iterator[str]:
    quotes = [span.quote for span in sample.evidence]
    declines = refuses(answer, quotes)
    if declines:
        yield f"no_answer: it declines: '{declines}'"
        return
    pair = sample.payload
    english = None if expected_language(sample) in (None, "en") else False
    yield from (f"answer_complete: {detail}" for detail in incomplete(answer, english=english))
    if english is None and not pair.history and is_english(pair.question):
        yield from (f"answer_alone: {detail}" for detail in opening_problems(pair.question, answer))
    yield from (f"leftovers: {detail}" for detail in (*leftovers(answer), *debris(pair.question, answer)))
    copied = copies(pair.question, answer, [context.text for context in sample.contexts])
    if copied:
        yield f"trivial_copy: {copied}"


def _foreign(sample: Sample, answer: str) -> Iterator[str]:
    wanted = expected_language(sample)
    other = other_language(answer, wanted, LEAST) if wanted else None
    if other and other_language(sample.payload.question, other):
        yield f"language: it is in {language_name(other)}, its question is not"
