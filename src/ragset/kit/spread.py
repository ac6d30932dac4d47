"""The order in which a document's chunks are drawn: spread over clusters of their embeddings."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from ragset.kit.axes import uniform

if TYPE_CHECKING:
    from ragset.schema.ports import FloatArray

ROUNDS = 8


def spread_order(vectors: FloatArray, seed: int, document_id: str) -> list[int]:
    """Order rows so that every prefix touches as many clusters as it can.

    ``vectors`` has shape (n, dimension). Spherical k-means with k = ceil(sqrt(n)), started from farthest points; then
    one row of each cluster in turn, larger clusters first, a cluster's rows in a seeded order. Depends on this
    document alone.
    """
    rows = len(vectors)
    if rows < 3:
        return sorted(range(rows), key=lambda row: uniform(seed, document_id, row))
    labels = _cluster(vectors, seed, document_id)
    clusters: dict[int, list[int]] = {}
    for row in sorted(range(rows), key=lambda row: uniform(seed, document_id, row)):
        clusters.setdefault(labels[row], []).append(row)
    turns = sorted(clusters.values(), key=lambda cluster: (-len(cluster), cluster[0]))
    return [row for turn in zip_longest(*turns) for row in turn if row is not None]


def _cluster(vectors: FloatArray, seed: int, document_id: str) -> list[int]:
    import numpy as np

    rows = len(vectors)
    count = int(np.ceil(np.sqrt(rows)))
    first = int(uniform(seed, document_id, "first") * rows)
    chosen, nearest = [first], vectors @ vectors[first]
    while len(chosen) < count:  # the next centre is the row farthest from all centres so far
        chosen.append(int(nearest.argmin()))
        nearest = np.maximum(nearest, vectors @ vectors[chosen[-1]])
    centres = vectors[chosen]
    labels = (vectors @ centres.T).argmax(axis=1)
    for _ in range(ROUNDS):
        sums = np.zeros_like(centres)
        np.add.at(sums, labels, vectors)
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(norms > 0, sums / np.maximum(norms, 1e-12), centres)
        labels = (vectors @ centres.T).argmax(axis=1)
    return [int(label) for label in labels]
