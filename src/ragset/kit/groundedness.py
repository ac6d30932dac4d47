"""The built-in groundedness judge: how far a context supports a claim, without a language model.

The score is that of a fitted model over lexical figures, with those of an embedding model when there are vectors
(:mod:`ragset.kit.groundedness_model`). Two rules stand above it. A claim whose sentences all stand in the context word
by word is supported. One that copies a sentence but for a number, name, unit, negation or the like is not
(:mod:`ragset.kit.groundedness_alterations`). Scores of 0.5 or more hold, in both configurations and for every kind of
text. How well that agrees with people is printed by ``tests/benchmarks/bench_builtin_judge.py``.

The judges use the lexical configuration: on the development sets vectors bring .004 of AUROC and .007 of balanced
accuracy (.806/.728 for .802/.721 on rows not seen), and on a CPU they cost a second a pair.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from ragset.kit.contradictions import contradiction
from ragset.kit.groundedness_alterations import alteration
from ragset.kit.groundedness_evidence import Source, Weighed, weigh, without_citations
from ragset.kit.groundedness_model import load_weights
from ragset.kit.groundedness_vectors import near, texts_to_embed
from ragset.kit.measures import Text

if TYPE_CHECKING:
    from ragset.schema.ports import Embedder, FloatArray

NAME = "builtin-groundedness"
VERSION = "2"
THRESHOLD = 0.5
"""A claim with this score or more is supported; the weights are fitted so that this is the place to cut."""
VERBATIM = 0.95
"""Least score of a claim whose sentences stand in the context word by word."""
ALTERED = 0.98
"""Share of the threshold that an altered copy reaches at most: it never holds, and the order is kept."""
NAMED = 5
"""Words not found that a reason names."""


@dataclass(frozen=True, slots=True)
class Groundedness:
    """How far a context supports a claim (0..1), whether that is enough, and the reason in a few words."""

    score: float
    holds: bool
    reason: str


def groundedness(
    context: str, claim: str, question: str | None = None, vectors: Mapping[str, FloatArray] | None = None
) -> Groundedness:
    """Score how far ``context`` supports ``claim``, a phrase, a sentence or a whole answer.

    ``vectors`` are unit vectors of the packaged model by text, one for each of :func:`sentences_to_embed`; with them
    the embedded configuration judges. A ``question`` tells what the claim repeats of it; both may be left out. Raises
    ``KeyError`` when a text has no vector.
    """
    source = _source(context)
    weighed, figures = weigh(claim, source, question)
    if not source.words or not any(word for one in Text(claim).sentences for word in one.words):
        return Groundedness(0.0, False, "there is nothing to compare")
    rule = ruled(claim, weighed, source, question)
    if rule is None and not weighed:
        return Groundedness(0.0, False, "there is nothing to compare")
    score = bounded(_modelled(weighed, figures, source, vectors), rule)
    return Groundedness(score, score >= THRESHOLD, rule.reason if rule else _reason(weighed, source))


@dataclass(frozen=True, slots=True)
class Rule:
    """What stands above the model's score: a claim that is there word by word, or one that is an altered copy."""

    supported: bool
    reason: str


def ruled(claim: str, weighed: Sequence[Weighed], source: Source, question: str | None = None) -> Rule | None:
    """Find the rule that applies to a claim; none when the model alone judges.

    A word of the ``question`` that an answer repeats is a rewording, and alters nothing.
    """
    if against := contradiction(source.text.text, claim, question or ""):
        return Rule(False, against)
    if _verbatim(claim, source):
        return Rule(True, "found word for word")
    alone, asked = len(weighed) == 1, Text(question).stems if question else frozenset[str]()
    found = (alteration(one, source, alone=alone, asked=asked) for one in weighed)
    altered = next((one for one in found if one), None)
    return Rule(False, altered) if altered else None


def altered_copy(context: str, claim: str, question: str = "") -> str | None:
    """Say what is altered where a claim is an altered copy of the context; none where it is none, or stands in it."""
    source = _source(context)
    rule = ruled(claim, weigh(claim, source, question)[0], source, question)
    return rule.reason if rule and not rule.supported else None


def bounded(score: float, rule: Rule | None) -> float:
    """Put a model's score where its rule wants it; the order among claims of one rule is kept."""
    if rule is None:
        return score
    return VERBATIM + (1 - VERBATIM) * score if rule.supported else ALTERED * THRESHOLD * score


async def embedded_groundedness(
    embedder: Embedder, context: str, claim: str, question: str | None = None
) -> Groundedness:
    """Score a claim with vectors of ``embedder``: the packaged model, on which the weights were fitted."""
    texts = sentences_to_embed(context, claim)
    vectors = dict(zip(texts, await embedder.embed(texts), strict=True)) if texts else {}
    return groundedness(context, claim, question, vectors)


def sentences_to_embed(context: str, claim: str) -> list[str]:
    """Give the texts whose vectors the embedded configuration needs, each once."""
    source = _source(context)
    mine, theirs = texts_to_embed(weigh(claim, source)[0], source)
    return list(dict.fromkeys([*mine, *theirs]))


@lru_cache(maxsize=64)
def _source(context: str) -> Source:
    """Take a context apart once: a chunk is read by several statements and several samples."""
    return Source(context)


def _modelled(
    weighed: Sequence[Weighed],
    figures: Mapping[str, float],
    source: Source,
    vectors: Mapping[str, FloatArray] | None,
) -> float:
    if vectors is None:
        return load_weights("lexical").score(figures)
    return load_weights("embedded").score({**figures, **near(weighed, source, vectors)})


def _verbatim(claim: str, source: Source) -> bool:
    """Tell whether every sentence stands in the context word by word, signs, currencies and units included."""
    said = Text(without_citations(claim)).sentences
    return bool(said) and all(
        one.words and one.line in source.text.line and _same_quantities(one, source.text) for one in said
    )


def _same_quantities(sentence: Text, context: Text) -> bool:
    return all(
        any(mine.value == theirs.value and mine.agrees(theirs) for theirs in context.quantities)
        for mine in sentence.quantities
    )


def _reason(weighed: Sequence[Weighed], source: Source) -> str:
    missing = list(dict.fromkeys(w.plain for one in weighed for w in one.found if w.stem not in source.stems))
    if missing:
        return f"not found: {', '.join(missing[:NAMED])}"
    share = min(one.figures["two_sentences"] for one in weighed)
    return f"found, {share:.0%} of it in two sentences"
