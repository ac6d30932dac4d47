"""How varied a set of texts is: by its wording, and by the vectors of what it means.

Every measure is exact, needs no model of its own and gives the same for the same texts in the same order. Measures of
wording follow Shaib et al. 2024 (Standardizing the Measurement of Text Diversity, arXiv:2403.00553).
"""

from __future__ import annotations

import gzip
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from math import exp, log
from statistics import fmean, median
from typing import TYPE_CHECKING, TypeVar, cast

from ragset.kit.axes import uniform

if TYPE_CHECKING:
    from ragset.schema.ports import FloatArray
    from ragset.schema.step import Tools

Tokens = Sequence[str]
T = TypeVar("T")

DECIMALS = 4
REPEATED = 4
"""Words of the n-grams whose repetition counts (Salkar et al. 2022)."""
BLEU_ORDER = 4
EPSILON = 0.1
"""What stands for no match at all (Chen and Cherry 2014, method 1)."""
BLEU_TEXTS = 1000
"""Texts that Self-BLEU compares at most: it rises with the number of references, so larger sets are sampled."""
QUERIES = 10_000
"""Texts whose nearest neighbour is looked for at most, among all."""
ROWS = 1024
"""Rows that are compared at once."""
BLOCK = 64
"""Questions that are embedded together."""

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_TOKEN = re.compile(rf"[{_CJK}]|(?:(?![{_CJK}])\w)+|[^\w\s]")


def tokens(text: str) -> list[str]:
    """Cut a text into lower-case words and marks; a Chinese or Japanese character is a word of its own."""
    return _TOKEN.findall(text.lower())


def compression_ratio(texts: Sequence[str]) -> float | None:
    """Give the size of the texts joined, over their size after gzip; the higher, the more they repeat one another.

    It rises with the length of what is joined: compare sets of like size only.
    """
    raw = " ".join(texts).encode("utf-8", "surrogatepass")
    return _rounded(len(raw) / len(gzip.compress(raw, mtime=0))) if raw else None


def self_repetition(texts: Sequence[Tokens], n: int = REPEATED) -> float | None:
    """Give the mean over texts of log(1 + sum over its distinct n-grams of how many other texts have it).

    0 says that no text shares n words in a row with another.
    """
    own = [set(_grams(text, n)) for text in texts]
    having = Counter(gram for grams in own for gram in grams)
    return _rounded(fmean(log(1 + sum(having[gram] - 1 for gram in grams)) for grams in own)) if own else None


def distinct(texts: Sequence[Tokens], n: int) -> float | None:
    """Give the share of the n-grams of all texts that are different ones (Li et al. 2016)."""
    counts = Counter(gram for text in texts for gram in _grams(text, n))
    return _rounded(len(counts) / counts.total()) if counts else None


def self_bleu(texts: Sequence[Tokens], seed: int = 0) -> float | None:
    """Give the mean BLEU-4 of each text against all the others (Zhu et al. 2018), smoothed by ``EPSILON``.

    1 says that every text is a copy. Of more than ``BLEU_TEXTS`` texts a seeded sample is taken. None for fewer than 2.
    """
    texts = [text for text in _sampled(texts, BLEU_TEXTS, seed) if text]
    if len(texts) < 2:
        return None
    lengths = sorted(map(len, texts))
    scores = [_brevity(len(text), lengths) for text in texts]
    for n in range(1, BLEU_ORDER + 1):
        counts = [Counter(_grams(text, n)) for text in texts]
        most = _most_two(counts)
        for at, own in enumerate(counts):
            found = sum(min(count, _of_others(most[gram], at)) for gram, count in own.items())
            total = max(1, own.total())
            scores[at] *= (found / total if found else EPSILON / total if n > 1 else 0.0) ** (1 / BLEU_ORDER)
    return _rounded(fmean(scores))


def vendi_score(vectors: FloatArray) -> float | None:
    """Give the effective number of different texts (Friedman and Dieng 2023).

    It is exp of the entropy of the eigenvalues of K / n, where K are the cosines; ``vectors`` has shape (n, dimension),
    rows L2-normalised. K / n and the covariance X^T X / n have the same eigenvalues but zeros, so the smaller of the
    two is decomposed: exact for any n.
    """
    import numpy as np

    if not len(vectors):
        return None
    rows = vectors.astype(np.float64)
    square = rows @ rows.T if len(rows) <= rows.shape[1] else rows.T @ rows
    values = np.linalg.eigvalsh(square / len(rows))
    values = values[values > 1e-12]
    return _rounded(float(np.exp(-(values * np.log(values)).sum())))


def mean_nearest_cosine(vectors: FloatArray, seed: int = 0) -> float | None:
    """Give the mean over texts of the cosine to the nearest other one; 1 says that each has a copy.

    ``vectors`` as in :func:`vendi_score`. Of more than ``QUERIES`` texts a seeded sample is taken, each compared with
    all. None for fewer than 2.
    """
    if len(vectors) < 2:
        return None
    asked = _sampled(range(len(vectors)), QUERIES, seed)
    total = 0.0
    for at in range(0, len(asked), ROWS):
        block = asked[at : at + ROWS]
        cosines = vectors[block] @ vectors.T
        cosines[range(len(block)), block] = -2
        total += float(cosines.max(axis=1).sum(dtype=float))
    return _rounded(total / len(asked))


def lengths(texts: Sequence[Tokens]) -> dict[str, float] | None:
    """Give the least, median, mean and largest number of words; marks are not counted."""
    sizes = [sum(token[0].isalnum() for token in text) for text in texts]
    if not sizes:
        return None
    return {"least": min(sizes), "median": median(sizes), "mean": _rounded(fmean(sizes)), "most": max(sizes)}


async def set_vectors(questions: Sequence[str], tools: Tools) -> FloatArray:
    """Embed the questions of a set: float32, shape (len(questions), dimension), L2-normalised.

    A vector differs in its last bits with the company it is embedded in, so they go in blocks of ``BLOCK`` of the set's
    own: the same set has the same vectors, whatever was embedded, or was resumed, before. What a run has embedded for a
    larger set is taken from there.
    """
    import numpy as np

    known = cast("dict[str, FloatArray]", tools.extras.setdefault("ragset.set_vectors", {}))
    new = [question for question in dict.fromkeys(questions) if question not in known]
    for at in range(0, len(new), BLOCK):
        block = new[at : at + BLOCK]
        known.update(zip(block, await tools.embedder.embed(block), strict=True))
    rows = [known[question] for question in questions]
    return np.array(rows, np.float32) if rows else np.zeros((0, tools.embedder.dimension), np.float32)


def wording(questions: Sequence[str], answers: Sequence[str]) -> dict[str, object]:
    """Give every measure of wording, of the questions; of the answers their lengths."""
    cut = [tokens(question) for question in questions]
    return {
        "compression_ratio": compression_ratio(questions),
        "self_repetition": self_repetition(cut),
        "self_bleu": self_bleu(cut),
        **{f"distinct_{n}": distinct(cut, n) for n in (1, 2, 3)},
        "question_words": lengths(cut),
        "answer_words": lengths([tokens(answer) for answer in answers]),
    }


def _rounded(value: float) -> float:
    return round(value, DECIMALS)


def _grams(text: Tokens, n: int) -> list[tuple[str, ...]]:
    return list(zip(*(text[at:] for at in range(n)), strict=False))


def _sampled(items: Sequence[T], most: int, seed: int) -> Sequence[T]:
    """Take at most so many, in order, by a seeded number for each place."""
    if len(items) <= most:
        return items
    chosen = sorted(range(len(items)), key=lambda at: uniform(seed, "diversity", at))[:most]
    return [items[at] for at in sorted(chosen)]


def _most_two(counts: Sequence[Counter[tuple[str, ...]]]) -> dict[tuple[str, ...], tuple[int, int, int]]:
    """Give, for every n-gram, which text has it most often, how often, and how often the next one has it."""
    most: dict[tuple[str, ...], tuple[int, int, int]] = {}
    for at, own in enumerate(counts):
        for gram, count in own.items():
            owner, first, second = most.get(gram, (-1, 0, 0))
            most[gram] = (at, count, first) if count > first else (owner, first, max(second, count))
    return most


def _of_others(most: tuple[int, int, int], at: int) -> int:
    owner, first, second = most
    return second if owner == at else first


def _brevity(length: int, lengths: Sequence[int]) -> float:
    """Give BLEU's penalty for a text that is shorter than the closest of the others; ``lengths`` are sorted."""
    at = bisect_left(lengths, length)
    others = (*lengths[max(0, at - 1) : at], *lengths[at + 1 : at + 2])  # lengths[at] is its own
    closest = min(others, key=lambda other: (abs(other - length), other))
    return 1.0 if length >= closest else exp(1 - closest / length)
