"""BM25 over the chunks of an index, by the library bm25s: scores are precomputed, a query adds up a few columns.

The formula is Lucene's BM25 (k1 1.5, b .75), as in Kamphuis et al. 2020, "Which BM25 do you mean?".
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ragset.schema.ports import FloatArray

DECIMALS = 4
"""Scores are compared with this many decimals, so that the last bits of a sum decide no rank."""


def load() -> Any:
    """Import bm25s; slow enough to be done before the first query."""
    import bm25s

    return bm25s


class LexicalIndex:
    """Texts as bags of terms, and the BM25 score of each for a query."""

    def __init__(self, texts: Iterable[Sequence[str]]) -> None:
        """Index texts that are cut into terms already, in the order given; at 100,000 texts this takes a minute."""
        self.vocabulary: dict[str, int] = {}
        ids = self.vocabulary
        rows = [[ids.setdefault(term, len(ids)) for term in terms] for terms in texts]
        self.size = len(rows)
        self._engine: Any = None
        if ids:
            self._engine = load().BM25(method="lucene", backend="numpy")
            self._engine.index((rows, ids), create_empty_token=False, show_progress=False)

    def scores(self, query: Sequence[str]) -> FloatArray:
        """Give the score of every text: float32, shape (size,), 0 for one without a term of the query."""
        import numpy as np

        known = [self.vocabulary[term] for term in query if term in self.vocabulary]
        if self._engine is None or not known:
            return np.zeros(self.size, np.float32)
        return np.round(self._engine.get_scores_from_ids(known), DECIMALS)

    def best(self, query: Sequence[str], k: int) -> list[tuple[int, float]]:
        """Give the k texts with the highest scores above 0, best first, the earlier one among equals."""
        import numpy as np

        scores = self.scores(query)
        found = np.flatnonzero(scores > 0)
        if len(found) > k:
            least = np.partition(scores[found], len(found) - k)[len(found) - k]
            found = found[scores[found] >= least]
        order = found[np.lexsort((found, -scores[found]))][:k]
        return [(int(row), float(scores[row])) for row in order]

    async def search(self, queries: Sequence[Sequence[str]], k: int) -> list[list[tuple[int, float]]]:
        """Do :meth:`best` for each query, off the loop."""
        return await asyncio.to_thread(lambda: [self.best(query, k) for query in queries])
