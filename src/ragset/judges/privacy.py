"""Secrets and personal data do not leave unnoticed: flagged by kind and place, and rejected as the flow says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from ragset.kit.judging import Judge
from ragset.kit.privacy import told
from ragset.schema.samples import Sample
from ragset.schema.step import Tools


class Privacy(Judge):
    """Label a pair ``secret`` or ``personal_data`` when its texts or contexts hold such; reject what ``reject`` says.

    ``secrets`` (default) rejects keys, tokens and passwords: one that leaves with a set is leaked, and no question
    needs it. Personal data is only labelled, because a support address or a published phone number is often the very
    answer; ``all`` rejects it too, ``none`` rejects nothing. Verdict and measures say what kind and where, never the
    value.
    """

    name: ClassVar[str] = "privacy"
    version: ClassVar[str] = "1"

    reject: Literal["none", "secrets", "all"] = "secrets"

    async def judge(self, sample: Sample, tools: Tools) -> Sample:
        """Look through question, answer, conversation and contexts."""
        secrets, personal = told(_texts(sample), "secret"), told(_texts(sample), "personal_data")
        refused = (secrets if self.reject != "none" else "") or (personal if self.reject == "all" else "")
        reason = "; ".join(text for text in (secrets, personal) if text)
        found = {"secret": secrets, "personal_data": personal}
        marks = {name: text for name, text in found.items() if text}
        return sample.unlabelled(*found).labelled(*marks).judged(self.verdict(not refused, reason=reason), **marks)


def _texts(sample: Sample) -> Iterator[tuple[str, str]]:
    """Name every text of a sample that leaves with it."""
    pair = sample.payload
    yield "the question", pair.question
    yield "the answer", pair.answer or ""
    yield from (("the conversation", turn.content) for turn in pair.history)
    yield from ((f"context {at}", context.text) for at, context in enumerate(sample.contexts, 1))
