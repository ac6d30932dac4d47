"""What an embedding model says of a claim: how near its sentences are to those of the context.

Which texts are to be embedded is known from the words alone, so that whoever owns the model embeds them beforehand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ragset.kit.groundedness_evidence import Source, Weighed

if TYPE_CHECKING:
    from ragset.schema.ports import FloatArray

MOST = 12
"""Sentences of a context that are embedded: in a longer one those with most of the claim's words."""
LONGEST = 500
"""Characters of a sentence that are embedded; the packaged model reads little more."""
VECTOR_NAMES = ("nearest", "weakest_nearest", "nearest_two", "weakest_nearest_two")
"""Cosine of a claim's sentence with the nearest sentence, and with the better of that one and the middle of the two
nearest: the mean over the claim, weighted by words, and the least. More figures were tried; they did worse on kinds of
text left out."""


def texts_to_embed(weighed: Sequence[Weighed], source: Source) -> tuple[list[str], list[str]]:
    """Give the sentences of the claim and those of the context that are compared."""
    sentences = source.sentences
    chosen = list(range(len(sentences)))
    if len(sentences) > MOST:
        held = [sum(_held(one, at, source) for one in weighed) for at in chosen]
        chosen = sorted(sorted(chosen, key=lambda at: (-held[at], at))[:MOST])
    return [_cut(one.sentence.text) for one in weighed], [_cut(sentences[at].text) for at in chosen]


def _held(one: Weighed, at: int, source: Source) -> float:
    total = sum(word.weight for word in one.found)
    return sum(word.weight for word in one.found if word.stem in source.sentences[at].stems) / total


def _cut(text: str) -> str:
    return text[:LONGEST]


def near(weighed: Sequence[Weighed], source: Source, vectors: Mapping[str, FloatArray]) -> dict[str, float]:
    """Measure the figures named in ``VECTOR_NAMES`` from unit vectors by text; ``KeyError`` for a text without one."""
    import numpy as np

    mine, theirs = texts_to_embed(weighed, source)
    if not mine:
        return dict.fromkeys(VECTOR_NAMES, 0.0)
    said, context = np.stack([vectors[text] for text in mine]), np.stack([vectors[text] for text in theirs])
    weights = np.array([max(1, len(text.split())) for text in mine], dtype=np.float64)
    weights /= weights.sum()
    cosines = said @ context.T
    nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :2]
    best = cosines.max(axis=1)
    two = np.maximum(best, (_unit(context[nearest].sum(axis=1)) * said).sum(axis=1))
    found = (weights @ best, best.min(), weights @ two, two.min())
    return {name: float(value) for name, value in zip(VECTOR_NAMES, found, strict=True)}


def _unit(vectors: FloatArray) -> FloatArray:
    import numpy as np

    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
