"""An index: the truth in Parquet, Chroma as its query engine, one writer at a time.

Open one with :func:`open_index`. To write, enter :meth:`Index.writing`, commit documents one by one, publish.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ragset.adapters.chroma_engine import ChromaEngine, Rows
from ragset.adapters.embedding import MINILM, open_embedder
from ragset.adapters.index_pointer import FILE, Pointer, Say, check_name, create_pointer, discard, list_indexes, locked
from ragset.adapters.parquet_truth import Data, Known, Pending, Stored, content_of, write_data
from ragset.adapters.turns import Worker
from ragset.errors import (
    IndexDamagedError,
    IndexLockedError,
    IndexMissingError,
    UsageError,
    did_you_mean,
)
from ragset.schema.documents import Chunk, Document
from ragset.schema.ids import digest
from ragset.schema.ports import Embedder, Hit

if TYPE_CHECKING:
    from ragset.schema.ports import FloatArray

EXACT_ROWS = 20_000
"""Up to this many chunks, Chroma's candidates are scored again with the stored vectors."""


def open_index(
    root: Path,
    name: str,
    *,
    embedder: Embedder | str | None = None,
    create: bool = False,
    server: str | None = None,
    say: Say = lambda line: None,
) -> Index:
    """Open the index ``root/name``; with ``create``, one that does not exist yet too.

    ``server`` is the URL of a Chroma server in place of a folder. ``embedder`` is an object, a name, or none: the one
    the index was made with, ``minilm`` for a new one, looked for when it is needed. ``say`` hears of recoveries and
    rebuilds. Raises ``IndexMissingError``, ``EmbedderMismatchError``, ``IndexDamagedError``.
    """
    folder = root / check_name(name)
    if not (folder / FILE).is_file():
        if not create:
            known = list_indexes(root)
            hint = did_you_mean(name, known) if known else "make one: ragset ingest SOURCE --index NAME"
            raise IndexMissingError(f"there is no index '{name}' in {root}", hint=hint)
        create_pointer(folder, name)
    return Index(folder, name, open_embedder(embedder) if isinstance(embedder, str) else embedder, server, say)


def delete_index(root: Path, name: str, *, server: str | None = None) -> None:
    """Delete an index with all it holds; raises ``IndexMissingError`` or ``IndexLockedError``."""
    folder = root / check_name(name)
    if not (folder / FILE).is_file():
        raise IndexMissingError(f"there is no index '{name}' in {root}", hint=did_you_mean(name, list_indexes(root)))
    with locked(folder, name):
        if server:
            # Whose pointer cannot be read, nobody knows its collection; the rest of it can go.
            with suppress(IndexDamagedError):
                ChromaEngine(folder, name, Pointer.read(folder).uid, server, lambda line: None).forget()
        # Out of sight in one step, so that a kill leaves no half of an index.
        gone = folder.with_name(f".{name}.deleted")
        shutil.rmtree(gone, ignore_errors=True)
        folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


class Index:
    """The reading side (a ``ChunkStore``) and, inside :meth:`writing`, the writing side."""

    def __init__(self, folder: Path, name: str, embedder: Embedder | None, server: str | None, say: Say) -> None:
        """Open an existing folder; use :func:`open_index`."""
        self.folder, self._name, self._embedder, self.say = folder, name, embedder, say
        self._pending: Pending | None = None
        self._named: frozenset[str] = frozenset()
        self._spared: frozenset[str] = frozenset()
        self._ready = False
        self._worker = Worker("index")
        self._load()
        self.engine = ChromaEngine(folder, name, self.pointer.uid, server, say)
        if embedder is not None:
            self.pointer.check_embedder(embedder)
        self._recover()

    def _load(self) -> None:
        while True:
            self.pointer = Pointer.read(self.folder)
            try:
                self.data = Data(self.folder / "data" / self.pointer.data if self.pointer.data else None)
                break
            except IndexDamagedError:
                # A writer that publishes removes the old data: between the two reads, it may have.
                if Pointer.read(self.folder) == self.pointer:
                    raise
        self._ready = False
        self.__dict__.pop("_version", None)

    @property
    def embedder(self) -> Embedder:
        """The embedding model, of which reading needs nothing; raises ``EmbedderMismatchError``."""
        if self._embedder is None:
            self._embedder = open_embedder(self.pointer.embedder.get("name") or MINILM)
        self.pointer.check_embedder(self._embedder)
        return self._embedder

    def _recover(self) -> None:
        """Publish what a killed ingest had committed, unless its writer is alive; needs no embedder."""
        if not any(self._pending_folder.glob("*.parquet")):
            return
        try:
            with self._as_writer():
                if self._writer.known:
                    self.say(f"index '{self.name}': recovered documents of an interrupted ingest")
                    self.publish(frozenset())
        except IndexLockedError:
            return

    @property
    def _pending_folder(self) -> Path:
        return self.folder / "pending" / str(self.pointer.sequence)

    @property
    def name(self) -> str:
        """Name of the index."""
        return self._name

    @property
    def version(self) -> str:
        """Hash of all document versions, chunk ids and the embedder."""
        return self._version

    @cached_property
    def _version(self) -> str:
        documents = [(key, self.data.version(key)) for key in self.data.known]
        return digest("index", documents, self.data.chunk_ids, self.pointer.embedder.get("fingerprint"))

    @property
    def chunk_count(self) -> int:
        """Number of chunks."""
        return sum(known.chunks for known in self.data.known.values())

    def document_ids(self) -> list[str]:
        """All document ids, sorted."""
        return list(self.data.known)

    def document(self, document_id: str) -> Document | None:
        """One canonical document, or none."""
        return self.data.document(document_id)

    def chunks(self, document_id: str) -> list[Chunk]:
        """Give a document's chunks in order."""
        return self.data.chunks(document_id)

    def chunk(self, chunk_id: str) -> Chunk | None:
        """One chunk, or none."""
        row = self.data.chunk_rows.get(chunk_id)
        return None if row is None else self.data.chunks_at([row])[0]

    def vectors(self, document_id: str) -> FloatArray:
        """Vectors of a document's chunks, rows in chunk order: float32, shape (len(chunks), dimension)."""
        return self.data.vectors(document_id)

    async def search(self, vectors: FloatArray, k: int) -> list[list[Hit]]:
        """Give, for each vector, the k chunks nearest to it, best first; ties by chunk id; shape (queries, dimension).

        One search at a time, the oldest draw's first.
        """
        if k < 1 or not self.data.chunk_ids or not len(vectors):
            return [[] for _ in vectors]
        found = await self._worker.run(self._search, vectors, k)
        return [
            [Hit(chunk, score) for chunk, (_, score) in zip(self.data.chunks_at(r for r, _ in rows), rows, strict=True)]
            for rows in found
        ]

    def _search(self, vectors: FloatArray, k: int) -> list[list[tuple[int, float]]]:
        import numpy as np

        queries = np.asarray(vectors, dtype=np.float32)
        wanted = min(len(self.data.chunk_ids), max(k + 50, 2 * k))
        try:
            found, exact = self._candidates(queries, wanted), len(self.data.chunk_ids) <= EXACT_ROWS
        except IndexLockedError:  # Chroma is another process's now: answer from what this one has mapped
            found, exact = [self.data.nearest(query, wanted) for query in queries], True
        return [self._best(query, near, k, exact=exact) for query, near in zip(queries, found, strict=True)]

    def _best(
        self, query: FloatArray, found: Sequence[tuple[str, float]], k: int, *, exact: bool
    ) -> list[tuple[int, float]]:
        """Give the k best as rows and scores, ties by chunk id; computed anew from the stored vectors when exact."""
        import numpy as np

        ids = self.data.chunk_ids
        rows = [self.data.chunk_rows[key] for key, _ in found if key in self.data.chunk_rows]
        scores = [score for key, score in found if key in self.data.chunk_rows]
        if exact and rows:
            norm = float(np.sqrt((query * query).sum())) or 1.0
            scores = ((self.data.matrix[rows] * query).sum(axis=1) / norm).tolist()
        pairs = zip(rows, (round(score, 6) for score in scores), strict=True)
        return sorted(pairs, key=lambda pair: (-pair[1], ids[pair[0]]))[:k]

    def _candidates(self, queries: FloatArray, n: int) -> list[list[tuple[str, float]]]:
        self.ensure()
        broken = ""
        try:
            found = self.engine.query(queries, n)
            if min(map(len, found)) >= n - n // 10:
                # A writer swaps the pointer before it touches Chroma: what it may have changed shows here.
                self.pointer.check_current(self.folder)
                return found
        except IndexLockedError:
            raise
        except Exception as error:  # the store broke after it was found clean: make it anew once
            broken = type(error).__name__
        self.pointer.check_current(self.folder)
        if broken:
            self.say(f"index '{self.name}': Chroma failed ({broken})")
        self.rebuild()
        return self.engine.query(queries, n)

    def ensure(self) -> None:
        """Make sure that Chroma holds what the truth says; rebuilds it if not, embeds nothing.

        Raises ``IndexLockedError`` when another process writes, or has published since this index was opened.
        """
        self.pointer.check_current(self.folder)
        if self._ready:
            return
        rows = self._rows()
        if not self.engine.clean(rows):
            with self._writer_lock():
                self.pointer.check_current(self.folder)
                self.engine.ensure(rows)
        self._ready = True

    def rebuild(self) -> None:
        """Make Chroma anew from the stored vectors; raises ``IndexLockedError`` as :meth:`ensure` does."""
        with self._writer_lock():
            self.pointer.check_current(self.folder)
            self.engine.remake(self._rows())
        self._ready = True

    def _rows(self) -> Rows:
        def texts(rows: Any) -> tuple[list[str], list[str]]:
            chunks = self.data.chunks_at(rows)
            return [chunk.text for chunk in chunks], [chunk.document_id for chunk in chunks]

        embedder = str(self.pointer.embedder.get("fingerprint", ""))
        return Rows(digest(self.data.chunk_ids, embedder), self.data.chunk_ids, self.data.matrix, texts, embedder)

    def summary(self) -> dict[str, Any]:
        """Tell what the index holds: counts, corpora with their roots, embedder."""
        per = Counter(key.split("/", 1)[0] for key in self.data.known)
        corpora = {name: {"root": root, "documents": per[name]} for name, root in sorted(self.pointer.corpora.items())}
        return {
            "name": self.name,
            "documents": len(self.data.known),
            "chunks": self.chunk_count,
            "corpora": corpora,
            "embedder": self.pointer.embedder,
        }

    def close(self) -> None:
        """Let go of Chroma's files."""
        self._worker.close()
        self.engine.close()
        self._ready = False

    def __enter__(self) -> Self:
        """Use as a context, closed at its end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    @contextmanager
    def _writer_lock(self) -> Generator[None]:
        if self._pending is not None:
            yield
        else:
            with locked(self.folder, self.name):
                yield

    @contextmanager
    def _as_writer(self) -> Generator[None]:
        with locked(self.folder, self.name):
            self._load()
            self._clear_leftovers()
            self._pending = self._open_pending()
            try:
                yield
            finally:
                self._pending = None

    def _open_pending(self) -> Pending:
        def drop(path: Path) -> None:
            self.say(f"index '{self.name}': {path.name} in pending cannot be read; its document is read again")
            discard(path)

        return Pending(self._pending_folder, drop)

    @contextmanager
    def writing(
        self,
        corpora: Mapping[str, str],
        *,
        complete: Collection[str] | None = None,
        spared: Collection[str] = frozenset(),
    ) -> Generator[Index]:
        """Hold the writer lock for an ingest of these corpora (name: root folder).

        ``complete`` names those whose files are all listed, so that documents without a file are removed; default
        all. ``spared`` are ids, and prefixes of ids that end with ``/``, of documents that stay though not met.
        Raises ``IndexLockedError``, ``CorpusMismatchError``, ``EmbedderMismatchError``.
        """
        with self._as_writer():
            self.pointer.note(self.folder, corpora, self.embedder)
            self._named = frozenset(corpora if complete is None else complete)
            self._spared = frozenset(spared)
            yield self

    def _clear_leftovers(self) -> None:
        """Remove what a kill left behind the pointer: void pending folders, data folders that do not hold."""
        for path in (*self.folder.glob("pending/*"), *self.folder.glob("data/*"), *self.folder.glob("*.tmp")):
            holds = path.name == (self.pointer.data if path.parent.name == "data" else str(self.pointer.sequence))
            if not holds or path.parent == self.folder:
                discard(path)

    @property
    def _writer(self) -> Pending:
        if self._pending is None:
            raise UsageError(f"index '{self.name}' is not open for writing", hint="enter Index.writing() first")
        return self._pending

    @property
    def _all_known(self) -> dict[str, Known]:
        return self.data.known | (self._pending.known if self._pending else {})

    def known(self, document_id: str) -> Known | None:
        """Tell what a sync compares, documents committed by this ingest included."""
        pending = self._pending.known.get(document_id) if self._pending else None
        return pending or self.data.known.get(document_id)

    def known_sources(self) -> dict[str, str]:
        """Source hash of every document, committed ones included."""
        return {key: known.source_hash for key, known in self._all_known.items()}

    def stored(self, document_id: str) -> Stored | None:
        """All of one document, as committed last."""
        pending = self._pending.stored(document_id) if self._pending else None
        return pending or self.data.stored(document_id)

    def commit(self, stored: Stored) -> None:
        """Commit a document with its vectors, durably; it shows to readers after :meth:`publish`."""
        if self.known(stored.document.id) != stored.known():
            self._writer.put(stored)

    def gone(self, seen: Collection[str]) -> frozenset[str]:
        """Give the documents of the completely listed corpora that were neither seen nor spared."""
        below = tuple(prefix for prefix in self._spared if prefix.endswith("/"))
        missing = (key for key in self._all_known if key not in seen and key not in self._spared)
        return frozenset(key for key in missing if key.split("/", 1)[0] in self._named and not key.startswith(below))

    def publish(self, gone: Collection[str]) -> None:
        """Make all committed documents visible, without those that are gone, and bring Chroma up to date."""
        pending = self._writer
        known = {key: value for key, value in sorted(self._all_known.items()) if key not in gone}
        content = content_of(known, self.pointer.embedder.get("fingerprint", "")) if known else ""
        if content != self.pointer.data or pending.known:
            if content and content != self.pointer.data:
                dimension = int(self.pointer.embedder.get("dimension", 1))
                write_data(self.folder / "data" / content, self._documents(known), dimension)
            self.engine.close()
            self.pointer.data, self.pointer.sequence = content, self.pointer.sequence + 1
            self.pointer.write(self.folder)
            self._load()
            self._clear_leftovers()
            self._pending = self._open_pending()
        self.ensure()

    def _documents(self, known: dict[str, Known]) -> Iterator[tuple[Stored, Known]]:
        for key, value in known.items():
            stored = self.stored(key)
            if stored is not None:
                yield stored, value
