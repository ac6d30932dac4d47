"""Exact search for near twins among many vectors, in bounded memory and without a model.

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

BLOCK = 32768
"""Rows that are stored together; memory grows by one block at a time and nothing is ever copied."""
SAMPLE = 4096
"""Rows from which the principal axes are taken; up to there the scan is a plain one."""
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
    """Vectors that arrived so far; ``near`` gives those at or above the threshold, ``find`` the nearest of them."""

    def __init__(self, threshold: float) -> None:
        """Set the cosine from which two vectors count as twins."""
        self.threshold = threshold
        self.rows = 0
        self._full: list[Any] = []
        self._heads: list[Any] = []  # (size + 1, BLOCK): the leading part, and the length of the rest, in columns
        self._axes: Any = None

    def add(self, vector: FloatArray) -> None:
        """Store an L2-normalised vector of shape (dimension,)."""
        import numpy as np

        if self.rows == SAMPLE:
            self._rotate()
        block, at = divmod(self.rows, BLOCK)
        if at == 0:
            self._full.append(np.empty((BLOCK, len(vector)), np.float32))
            if self._axes is not None:
                self._heads.append(np.empty((len(self._axes) + 1, BLOCK), np.float32))
        self._full[block][at] = vector
        if self._axes is not None:
            self._heads[block][:, at] = self._parts(vector)
        self.rows += 1

    def find(self, vector: FloatArray) -> Twin | None:
        """Give the nearest stored vector with a cosine of at least the threshold, the earliest among equals."""
        return next(iter(self.near(vector)), None)

    def near(self, vector: FloatArray) -> list[Twin]:
        """Give every stored vector with a cosine of at least the threshold, nearest first, the earlier among equals."""
        found: list[Twin] = []
        parts = self._parts(vector) if self._axes is not None else None
        for block in range(len(self._full)):
            size = min(BLOCK, self.rows - block * BLOCK)
            for row in self._candidates(block, size, vector, parts):
                cosine = self._cosine(self._full[block][row], vector)
                if cosine >= self.threshold:
                    found.append(Twin(block * BLOCK + int(row), cosine))
        return sorted(found, key=lambda twin: (-twin.cosine, twin.row))

    def cosine(self, row: int, vector: FloatArray) -> float:
        """Give the cosine of one stored vector with another one."""
        block, at = divmod(row, BLOCK)
        return self._cosine(self._full[block][at], vector)

    def _candidates(self, block: int, size: int, vector: FloatArray, parts: Any) -> Any:
        floor = self.threshold - SLACK
        if parts is None:
            return (self._full[block][:size] @ vector >= floor).nonzero()[0]
        left = (parts @ self._heads[block][:, :size] >= floor).nonzero()[0]
        return left[self._full[block][left] @ vector >= floor] if len(left) else left

    @staticmethod
    def _cosine(one: FloatArray, other: FloatArray) -> float:
        import numpy as np

        # float64 and one pair at a time: the same cosine whatever else is stored
        return round(float(np.dot(one.astype(np.float64), other.astype(np.float64))), 6)

    def _parts(self, vector: FloatArray) -> FloatArray:
        import numpy as np

        parts = np.empty(len(self._axes) + 1, np.float32)
        np.dot(self._axes, vector, out=parts[:-1])
        parts[-1] = max(0.0, float(vector @ vector) - float(parts[:-1] @ parts[:-1])) ** 0.5
        return parts

    def _rotate(self) -> None:
        """Take the principal axes of the first rows, and give those their heads."""
        import numpy as np

        first = self._full[0][:SAMPLE]
        half = first[: SAMPLE // 2]  # the other half tells what the axes are worth to vectors they do not know
        _, axes = np.linalg.eigh(half.T @ half)
        axes = np.ascontiguousarray(axes[:, ::-1].T, np.float32)
        sizes = [size for size in HEADS if size < len(axes)] or [len(axes)]
        size = min(sizes, key=lambda size: self._cost(first[len(half) :] @ axes[:size].T, first[len(half) :]))
        self._axes = axes[:size]
        self._heads.append(np.empty((size + 1, BLOCK), np.float32))
        for at, vector in enumerate(first):
            self._heads[0][:, at] = self._parts(vector)

    def _cost(self, head: Any, full: Any) -> float:
        """Numbers read for one query and one stored vector, when this much of it is scanned."""
        import numpy as np

        tail = np.sqrt(np.maximum(0.0, (full * full).sum(axis=1) - (head * head).sum(axis=1)))
        bound = head @ head[:PROBES].T + tail[:, None] * tail[:PROBES]
        left = float((bound >= self.threshold - SLACK).mean()) - 1 / len(head)
        return head.shape[1] + left * GATHER * full.shape[1]
