"""A deterministic stand-in for an embedding model: no weights, no import cost, equal texts give equal vectors."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from ragset.schema.ids import digest

if TYPE_CHECKING:
    from ragset.schema.ports import FloatArray

_TOKEN = re.compile(r"\w+|[^\w\s]")


class HashEmbedder:
    """Feature hashing of words and their character trigrams, so that texts which share words lie near each other."""

    name = "hash"
    precision = "float32"
    max_tokens = 254

    def __init__(self, dimension: int = 256) -> None:
        """Make an embedder of the given vector length."""
        self.dimension = dimension
        self.embedded = 0
        """Number of texts embedded so far: tests show with it what was not embedded again."""

    @property
    def fingerprint(self) -> str:
        """Hash of the method and the dimension."""
        return digest("hash-embedder", 1, self.dimension)

    def count_tokens(self, text: str) -> int:
        """Count words and punctuation marks."""
        return sum(1 for _ in _TOKEN.finditer(text))

    async def embed(self, texts: Sequence[str]) -> FloatArray:
        """Embed each text on its own: float32, shape (len(texts), dimension), L2-normalised."""
        self.embedded += len(texts)
        return await asyncio.to_thread(self._embed, list(texts))

    def _embed(self, texts: list[str]) -> FloatArray:
        import numpy as np

        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for feature, weight in _features(text.lower()):
                at, sign = _bucket(feature)
                row[at % self.dimension] += sign * weight
            if not row.any():
                row[0] = 1.0
            row /= np.sqrt(np.dot(row, row))
        return vectors


def _features(text: str) -> Iterator[tuple[str, float]]:
    for match in _TOKEN.finditer(text):
        word = match.group()[:64]
        yield word, 1.0
        for at in range(len(word) - 2):
            yield f"#{word[at : at + 3]}", 0.25


@lru_cache(maxsize=100_000)
def _bucket(feature: str) -> tuple[int, float]:
    number = int.from_bytes(hashlib.blake2b(feature.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
    return number >> 1, 1.0 if number & 1 else -1.0
