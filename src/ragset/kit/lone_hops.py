"""Which of a pair's contexts its answer can come from, told by its hard facts: numbers, names and code."""

from __future__ import annotations

from collections.abc import Sequence

from ragset.kit.measures import Text
from ragset.kit.passage_rules import WHOLE, asked_words, topic
from ragset.kit.siblings import asked_text
from ragset.schema.documents import Chunk
from ragset.schema.samples import QAPair

RULES = ("1", WHOLE)
"""Version of the rules; raise it when they may decide otherwise."""


def facts_of(pair: QAPair) -> frozenset[str]:
    """Give the stems of the numbers and names that the answer adds to its question."""
    known = Text(asked_text(pair)).stems
    return frozenset(w.stem for w in Text(pair.answer or "").content if (w.number or w.name) and w.stem not in known)


def may_answer(pair: QAPair, chunks: Sequence[Chunk], rest: Sequence[Chunk]) -> bool:
    """Tell whether the rest of a pair's chunks may answer: not when a fact of the answer stands in the others alone.

    What stands in no chunk was worked out, and rules nothing out.
    """
    everywhere = frozenset[str]().union(*map(_stems, chunks))
    there = frozenset[str]().union(*map(_stems, rest))
    return not (facts_of(pair) & everywhere) - there


def holds_all(pair: QAPair, chunk: Chunk) -> bool:
    """Tell whether one chunk holds each fact of the answer, at least one, and every word of the question."""
    facts = facts_of(pair)
    return bool(facts) and facts <= _stems(chunk) and topic(asked_words(asked_text(pair), degree=True), chunk) > WHOLE


def _stems(chunk: Chunk) -> frozenset[str]:
    return Text(" . ".join((chunk.title, *chunk.headings))).stems | Text(chunk.text).stems
