"""Exact search for the first near twin among many vectors, in bounded memory and without a model.

A plain scan of 100,000 vectors of 384 numbers reads 150 MB a query. Here each vector is rotated onto the principal
axes of the first ones seen, and only the leading part is scanned: by Cauchy and Schwarz,
x·y <= head(x)·head(y) + |tail(x)| |tail(y)|, so what stays below the threshold is no twin, and the few that are left
are compared in full. The result is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ragset.schema.ports import FloatArray

BLOCK = 16384
"""Rows that are stored together; memory grows by one block at a time and nothing is ever copied."""
HEADS = (16, 24, 32, 48, 64, 96, 128)
"""Leading dimensions that may be scanned; the cheapest for the data at hand is taken."""
PROBES = 128
"""Vectors of the first block on which that is measured."""
GATHER = 30.0
"""Cost of comparing one left-over number, in units of scanning one: it is gathered, not streamed."""
SLACK = 1e-4
"""Room for rounding in the bound; the full comparison decides."""


@dataclass(frozen=True, slots=True)
class Twin:
    """A stored vector near to the query: its row in order of arrival, and the cosine."""

    row: int
    cosine: float


class TwinSearch:
    """Vectors that arrived so far; ``find`` gives the nearest of them at or above the threshold."""

    def __init__(self, threshold: float) -> None:
        """Set the cosine from which two vectors count as twins."""
        self.threshold = threshold
        self.rows = 0
        self._full: list[Any] = []
        self._head: list[Any] = []
        self._tail: list[Any] = []
        self._axes: Any = None

    def add(self, vector: FloatArray) -> None:
        """Store an L2-normalised vector of shape (dimension,)."""
        import numpy as np

        at = self.rows % BLOCK
        if at == 0:
            self._full.append(np.empty((BLOCK, len(vector)), np.float32))
            if self._axes is None and self.rows:
                self._rotate()
            if self._axes is not None:
                self._head.append(np.empty((BLOCK, len(self._axes)), np.float32))
                self._tail.append(np.empty(BLOCK, np.float32))
        self._full[-1][at] = vector
        if self._axes is not None:
            self._head[-1][at], self._tail[-1][at] = self._parts(vector)
        self.rows += 1

    def find(self, vector: FloatArray) -> Twin | None:
        """Give the nearest stored vector with a cosine of at least the threshold, the earliest among equals."""
        best: Twin | None = None
        head, tail = self._parts(vector) if self._axes is not None else (None, None)
        for block in range(len(self._full)):
            size = min(BLOCK, self.rows - block * BLOCK)
            for row in self._candidates(block, size, vector, (head, tail)):
                cosine = self._cosine(self._full[block][row], vector)
                if cosine >= self.threshold and (best is None or cosine > best.cosine):
                    best = Twin(block * BLOCK + int(row), cosine)
        return best

    def _candidates(self, block: int, size: int, vector: FloatArray, parts: tuple[Any, Any]) -> Any:
        if self._axes is None:
            return (self._full[block][:size] @ vector >= self.threshold - SLACK).nonzero()[0]
        bound = self._head[block][:size] @ parts[0] + self._tail[block][:size] * parts[1]
        left = (bound >= self.threshold - SLACK).nonzero()[0]
        return left[self._full[block][left] @ vector >= self.threshold - SLACK]

    @staticmethod
    def _cosine(one: FloatArray, other: FloatArray) -> float:
        import numpy as np

        # float64 and one pair at a time: the same cosine whatever else is stored
        return round(float(np.dot(one.astype(np.float64), other.astype(np.float64))), 6)

    def _parts(self, vector: FloatArray) -> tuple[Any, float]:
        turned = self._axes @ vector
        rest = max(0.0, float(vector @ vector) - float(turned @ turned))
        return turned, rest**0.5

    def _rotate(self) -> None:
        """Take the principal axes of the first block, and give that block its heads and tails."""
        import numpy as np

        first = self._full[0]
        _, axes = np.linalg.eigh(first.T @ first)
        turned = first @ axes[:, ::-1].astype(np.float32)
        tails = {size: np.sqrt((turned[:, size:] ** 2).sum(axis=1)) for size in HEADS if size < first.shape[1]}
        size = min(tails or {first.shape[1]: None}, key=lambda size: self._cost(turned[:, :size], tails.get(size)))
        self._axes = np.ascontiguousarray(axes[:, ::-1][:, :size].T.astype(np.float32))
        self._head.append(np.ascontiguousarray(first @ self._axes.T))
        tail = (first * first).sum(axis=1) - (self._head[0] ** 2).sum(axis=1)
        self._tail.append(np.sqrt(np.maximum(0.0, tail)).astype(np.float32))

    def _cost(self, head: Any, tail: Any) -> float:
        """Numbers read for one query and one stored vector, when this much of it is scanned."""
        if tail is None:
            return float(head.shape[1])
        bound = head @ head[:PROBES].T + tail[:, None] * tail[:PROBES]
        left = float((bound >= self.threshold - SLACK).mean()) - 1 / len(head)
        return head.shape[1] + left * GATHER * self._full[0].shape[1]
