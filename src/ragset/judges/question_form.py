"""A question must be well-formed, stand alone, be in its language, and not give its answer away.

Neither may hold an instruction to a model, or our own prompt: a passage that talks to the writer must gain nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import ClassVar

from pydantic import Field

from ragset.kit.judging import Judge
from ragset.kit.languages import expected_language, language_name, load_identifier, other_language
from ragset.kit.prompting import Prompt, shipped
from ragset.kit.question_form import MAX_GIVEN_AWAY, MAX_WORDS, Wording, question_problems
from ragset.kit.steering import repeats_prompt, talks_to_a_model
from ragset.schema.samples import Sample
from ragset.schema.step import Tools

_INFORMAL = frozenset({"conversational", "misspelt"})
_CHOICES = frozenset({"comparison", "yes_no"})
_IMAGE = re.compile(r"!\[[^\]\n]*\]\(|<img\b", re.IGNORECASE)


class QuestionForm(Judge):
    """Reject a question whose wording is wrong, by rules on its texts; the reason names every failing check.

    Rules of English wording apply to English questions only, and those of a sentence to questions that must be one.
    The language must be that of the language axis, or else of the documents, unless ``language: false``; a question
    that is too short to tell has it.
    """

    name: ClassVar[str] = "question_form"
    version: ClassVar[str] = "5"

    min_words: int = Field(default=3, ge=1)
    max_words: int = Field(default=MAX_WORDS, ge=1)
    max_given_away: float = Field(default=MAX_GIVEN_AWAY, ge=0, le=1)
    language: bool = True

    async def warm(self, tools: Tools) -> None:
        """Load the identifier of languages."""
        if self.language:
            await load_identifier()

    async def judge(self, sample: Sample, tools: Tools) -> Sample:
        """Check the question, and whether it gives its answer away."""
        pair = sample.payload
        found = question_problems(
            pair.question,
            pair.answer,
            words=(self.min_words, self.max_words),
            max_given_away=self.max_given_away,
            wording=_wording(sample),
        )
        found += [f"language: {detail}" for detail in _foreign(sample) if self.language]
        found += [f"steered: {detail}" for detail in _steered(sample)]
        return sample.judged(self.verdict(not found, reason="; ".join(found)))


def _wording(sample: Sample) -> Wording:
    """Tell what the question may look like, by its labels and by the language it should be in."""
    style = sample.axes.get("style")
    return Wording(
        english=None if expected_language(sample) in (None, "en") else False,
        keyword=style == "keyword",
        informal=style in _INFORMAL,
        follow_up=bool(sample.payload.history),
        choice=sample.question_type in _CHOICES,
        typed=style is None,
    )


def _foreign(sample: Sample) -> Iterator[str]:
    """Tell a question that is clearly in another language than it should be."""
    wanted = expected_language(sample)
    other = other_language(sample.payload.question, wanted) if wanted else None
    if other:
        yield f"it is in {language_name(other)}, not in {language_name(wanted or '')}"


def _steered(sample: Sample) -> Iterator[str]:
    """Tell what in the pair, or in its evidence, is addressed to a model or comes from a prompt."""
    pair = sample.payload
    told = (pair.question, pair.answer or "", *(turn.content for turn in pair.history))
    for text in (*told, *(span.quote for span in sample.evidence)):
        piece = talks_to_a_model(text)
        if piece:
            yield f"it talks to a model: '{piece}'"
            return
    for text in told:
        words = next((found for prompt in _prompts() if (found := repeats_prompt(text, prompt))), "")
        if words:
            yield f"it repeats a prompt: '{words}'"
            return
    if _IMAGE.search(pair.answer or ""):
        yield "the answer loads an image"


@lru_cache(maxsize=1)
def _prompts() -> tuple[str, ...]:
    """Give the texts of the shipped prompts that write."""
    return tuple(Prompt.load(name).text for name in shipped() if name.startswith("write_"))
