"""How much of a corpus a set asks about: documents, chunks, and topics, which are clusters of chunk vectors."""

from __future__ import annotations

import re
from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import ceil, log, sqrt
from typing import TYPE_CHECKING, Any

from ragset.kit.axes import uniform
from ragset.kit.measures import STOPWORDS, stem

if TYPE_CHECKING:
    from ragset.schema.documents import Chunk
    from ragset.schema.ports import ChunkStore, FloatArray
    from ragset.schema.samples import Sample

TOPICS = 40
"""Clusters at most: as many as one can look through."""
FITTED = 20_000
"""Vectors that the clusters are fitted on at most; the others are assigned."""
ROUNDS = 30
"""Rounds of k-means at most; it ends when nothing changes."""
TYPICAL = 40
"""Chunks of a cluster, those nearest to its centre, whose words name it."""
TERMS = 5
"""Words that name a cluster."""

_WORD = re.compile(r"[^\W\d_]{3,30}")

Place = tuple[str, int]
"""A document's id, and the position of a chunk in it, from 0."""


class Gold:
    """What the kept samples were made from; looked up in the index at the end."""

    def __init__(self) -> None:
        """Start with no sample."""
        self.samples = 0
        self.of_chunk: defaultdict[str, list[int]] = defaultdict(list)
        self.spans: list[tuple[tuple[str, int, int], ...]] = []

    def add(self, sample: Sample) -> None:
        """Take the gold chunks and the evidence of a sample."""
        for chunk_id in dict.fromkeys(context.chunk_id for context in sample.contexts):
            self.of_chunk[chunk_id].append(self.samples)
        self.spans.append(tuple((e.document_id, e.start, e.end) for e in sample.evidence))
        self.samples += 1

    def by_evidence(self, samples: Iterable[int], store: ChunkStore) -> Iterator[tuple[Place, int]]:
        """Find the chunks of samples whose gold chunks the index does not know: those their evidence lies in."""
        for sample in samples:
            for name, start, end in self.spans[sample]:
                for at, chunk in enumerate(store.chunks(name)):
                    if chunk.start < end and start < chunk.end:
                        yield (name, at), sample


class Topics:
    """Clusters of chunk vectors, and the words that name them.

    Spherical k-means with k = ceil(sqrt(chunks)) up to ``TOPICS``, started by k-means++ (Arthur and Vassilvitskii
    2007) from a seeded number; words by class-based tf-idf (Grootendorst 2022) over each cluster's typical chunks.
    """

    def __init__(self, vectors: Sequence[FloatArray], seed: int = 0) -> None:
        """Fit them on vectors of shape (chunks, dimension), one array a document."""
        total = sum(map(len, vectors))
        rows = _spread(vectors, max(1, ceil(total / FITTED)))
        self.centres = _fitted(rows, min(TOPICS, ceil(sqrt(total))), seed)
        self._typical: list[list[tuple[float, int, str]]] = [[] for _ in self.centres]
        self._seen = 0

    def place(self, vectors: FloatArray, chunks: Sequence[Chunk]) -> list[int]:
        """Give the cluster of each chunk of a document, and remember those that are typical of one."""
        cosines = vectors @ self.centres.T
        labels = [int(label) for label in cosines.argmax(axis=1)]
        for at, (label, chunk) in enumerate(zip(labels, chunks, strict=True)):
            self._seen += 1
            typical = self._typical[label]
            insort(typical, (-round(float(cosines[at, label]), 6), self._seen, chunk.text))
            del typical[TYPICAL:]
        return labels

    def terms(self) -> list[list[str]]:
        """Name each cluster by the words that are frequent in it and rare in the others."""
        counts = [Counter(word for *_, text in typical for word in _words(text)) for typical in self._typical]
        everywhere = sum(counts, Counter[str]())
        mean = everywhere.total() / max(1, len(counts))
        return [_best({w: sqrt(n) * log(1 + mean / everywhere[w]) for w, n in count.items()}) for count in counts]


def coverage(store: ChunkStore, names: Sequence[str], gold: Gold, seed: int = 0) -> dict[str, Any]:
    """Give the shares of documents, chunks and topics that are touched, a map by document, and the topics.

    ``names`` are the documents that might have been asked about; those without a chunk are left out.
    """
    topics = Topics([store.vectors(name) for name in names], seed)
    labels: dict[str, list[int]] = {}
    titles: dict[str, str] = {}
    places: defaultdict[Place, set[int]] = defaultdict(set)
    for name in names:
        if chunks := store.chunks(name):
            labels[name], titles[name] = topics.place(store.vectors(name), chunks), chunks[0].title
            for at, chunk in enumerate(chunks):
                if chunk.id in gold.of_chunk:
                    places[name, at].update(gold.of_chunk[chunk.id])
    missing = set(range(gold.samples)).difference(*places.values())
    for place, sample in gold.by_evidence(sorted(missing), store):
        if place[0] in labels:
            places[place].add(sample)
    documents = [_of_document(name, titles[name], len(found), places) for name, found in labels.items()]
    clusters = _clusters(topics.terms(), labels, places)
    return {
        "documents": _share(sum(row["touched"] > 0 for row in documents), len(documents)),
        "chunks": _share(len(places), sum(map(len, labels.values()))),
        "topics": _share(sum(row["touched"] > 0 for row in clusters), len(clusters)),
        "map": documents,
        "clusters": clusters,
    }


def _of_document(name: str, title: str, chunks: int, places: Mapping[Place, set[int]]) -> dict[str, Any]:
    own = {at: places[name, at] for at in range(chunks) if (name, at) in places}
    return {
        "document": name,
        "title": title,
        "chunks": chunks,
        "touched": len(own),
        "kept": len(set[int]().union(*own.values())),
        "at": {str(at): len(samples) for at, samples in own.items()},
    }


def _clusters(
    terms: Sequence[list[str]], labels: Mapping[str, list[int]], places: Mapping[Place, set[int]]
) -> list[dict[str, Any]]:
    """Give a row a cluster, the largest first; one that no chunk belongs to is none."""
    sizes = Counter(label for found in labels.values() for label in found)
    touched = Counter(labels[name][at] for name, at in places)
    kept: defaultdict[int, set[int]] = defaultdict(set)
    for (name, at), samples in places.items():
        kept[labels[name][at]] |= samples
    order = sorted(sizes, key=lambda label: (-sizes[label], label))
    return [
        {"terms": terms[label], "chunks": sizes[label], "touched": touched[label], "kept": len(kept[label])}
        for label in order
    ]


def _share(touched: int, total: int) -> dict[str, Any]:
    return {"total": total, "touched": touched, "share": round(touched / total, 4) if total else None}


def _spread(vectors: Sequence[FloatArray], step: int) -> FloatArray:
    """Take every so manieth row of all."""
    import numpy as np

    taken, before = list["FloatArray"](), 0
    for found in vectors:
        taken.append(found[-before % step :: step])
        before += len(found)
    return np.concatenate(taken) if taken else np.zeros((0, 1), np.float32)


def _fitted(rows: FloatArray, count: int, seed: int) -> FloatArray:
    """Give the centres of up to ``count`` clusters, L2-normalised."""
    import numpy as np

    centres = _started(rows, count, seed)
    if not len(centres):
        return centres
    labels = None
    for _ in range(ROUNDS):
        before, labels = labels, (rows @ centres.T).argmax(axis=1)
        if before is not None and (before == labels).all():
            break
        sums = (np.arange(len(centres))[:, None] == labels).astype(np.float32) @ rows
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(norms > 0, sums / np.maximum(norms, 1e-12), centres)
    return centres


def _started(rows: FloatArray, count: int, seed: int) -> FloatArray:
    """Choose the first centres: each with a chance that grows with its distance from those before it (k-means++)."""
    import numpy as np

    chosen, nearest = list[int](), np.full(len(rows), -1.0)
    for turn in range(min(count, len(rows))):
        weights = np.cumsum(np.maximum(0.0, 1 - nearest))
        if weights[-1] < 1e-6:  # nothing but copies is left
            break
        row = int(np.searchsorted(weights, uniform(seed, "topic", turn) * weights[-1], side="right"))
        chosen.append(min(row, len(rows) - 1))
        nearest = np.maximum(nearest, rows @ rows[chosen[-1]])
    return rows[chosen]


def _words(text: str) -> Iterator[str]:
    return (word for word in _WORD.findall(text.lower()) if word not in STOPWORDS)


def _best(weights: Mapping[str, float]) -> list[str]:
    """Take the words of most weight, of those with one stem the first."""
    found: dict[str, str] = {}
    for word in sorted(weights, key=lambda word: (-round(weights[word], 6), word)):
        found.setdefault(stem(word), word)
        if len(found) == TERMS:
            break
    return list(found.values())
