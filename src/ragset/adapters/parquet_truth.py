"""The truth of an index: canonical documents, chunks and vectors as Parquet, replaced atomically.

::

    indexes/<name>/
      index.json                                  which data folder holds (see ``index_pointer``)
      data/<content>/documents.parquet, chunks.parquet   equal content: equal files, equal folder name
      pending/<sequence>/<document>.parquet       documents committed by an ingest that is not published yet

A document and its vectors are one pending file, written aside, synced and renamed, so that a kill leaves all of it or
nothing. Publishing writes a new data folder, then swaps the pointer; what is pending for an older pointer is void.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragset.adapters.index_pointer import make_folder, sync, write_atomically
from ragset.errors import IndexDamagedError
from ragset.schema.documents import Chunk, Document
from ragset.schema.ids import canonical_json, digest

if TYPE_CHECKING:
    import pyarrow as pa

    from ragset.schema.ports import FloatArray

_ROWS = 2048
REMEMBERED = 4096
"""Chunks that were looked up one by one and are kept in memory."""
KEPT, KEPT_TEXT = 64, 2_000_000
"""Documents that are kept as they were read, and their characters together; one is kept whatever its length."""
_PLAIN = ("id", "corpus", "path", "title", "mime", "text", "source_hash")
_SLICE = ("id", "document_id", "ordinal", "start", "end", "page", "headings", "text")


@dataclass(frozen=True, slots=True)
class Known:
    """What a sync compares: hash of the source, how it was cut, hash of everything stored, number of chunks."""

    source_hash: str
    split: str
    content: str
    chunks: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A document as the index holds it; ``vectors`` has one row a chunk, ``split`` says how it was cut."""

    document: Document
    chunks: tuple[Chunk, ...]
    vectors: FloatArray
    split: str

    def known(self) -> Known:
        """Summarise."""
        content = digest(
            self.document.model_dump(mode="json"),
            [chunk.model_dump(mode="json") for chunk in self.chunks],
            hashlib.sha256(self.vectors.tobytes()).hexdigest(),
            self.split,
        )
        return Known(self.document.source_hash, self.split, content, len(self.chunks))


def content_of(known: dict[str, Known], embedder: str) -> str:
    """Hash the content of a whole index."""
    return digest("truth", embedder, [(key, known[key].content) for key in sorted(known)])


class Data:
    """A published data folder, read column by column when asked."""

    def __init__(self, folder: Path | None) -> None:
        """Open a folder, or nothing for an index without documents; raises ``IndexDamagedError``."""
        self.folder = folder
        self._lock = threading.Lock()
        self._parsed: dict[str, Document] = {}
        self._read: dict[int, Chunk] = {}
        try:
            self._documents = _open(folder / "documents.parquet") if folder else None
            self._chunks = _open(folder / "chunks.parquet") if folder else None
            self.known = self._read_known()
        except (OSError, ValueError, KeyError) as error:
            raise IndexDamagedError(
                f"the stored documents cannot be read ({type(error).__name__})",
                where=str(folder),
                hint="delete the index and ingest again",
            ) from error

    def _read_known(self) -> dict[str, Known]:
        if self._documents is None:
            return {}
        rows = self._documents.read(columns=["id", "source_hash", "split", "content", "chunks"]).to_pylist()
        known = {r["id"]: Known(r["source_hash"], r["split"], r["content"], r["chunks"]) for r in rows}
        if self._chunks is None or self._chunks.metadata.num_rows != sum(k.chunks for k in known.values()):
            raise ValueError("chunk count")
        return known

    @cached_property
    def _rows(self) -> dict[str, tuple[int, int]]:
        """Give each document's first and last (exclusive) row in the chunk table."""
        bounds = accumulate((k.chunks for k in self.known.values()), initial=0)
        return dict(zip(self.known, pairwise(bounds), strict=True))

    @cached_property
    def _place(self) -> dict[str, int]:
        return {key: at for at, key in enumerate(self.known)}

    @cached_property
    def _document_table(self) -> pa.Table:
        return _required(self._documents).read()

    @cached_property
    def _chunk_table(self) -> pa.Table:
        return _required(self._chunks).read(columns=list(_SLICE))

    @cached_property
    def chunk_ids(self) -> list[str]:
        """All chunk ids, in the order of the documents."""
        if self._chunks is None:
            return []
        return self._chunks.read(columns=["id"]).column("id").to_pylist()

    @cached_property
    def chunk_rows(self) -> dict[str, int]:
        """Row of each chunk id."""
        return {key: at for at, key in enumerate(self.chunk_ids)}

    @cached_property
    def matrix(self) -> FloatArray:
        """All vectors: float32, shape (chunks, dimension)."""
        import numpy as np

        if self._chunks is None or not self.chunk_ids:
            return np.zeros((0, 0), dtype=np.float32)
        column = self._chunks.read(columns=["vector"]).column("vector").combine_chunks()
        return column.flatten().to_numpy(zero_copy_only=False).reshape(len(self.chunk_ids), -1)

    def document(self, document_id: str) -> Document | None:
        """One document, or none; the last ones read are remembered, for every gate looks at the same one."""
        if document_id not in self._place:
            return None
        with self._lock:  # writers ask from threads of their own
            found = self._parsed.pop(document_id, None)
            if found is None:
                row = self._document_table.slice(self._place[document_id], 1).to_pylist()[0]
                found = Document.model_validate({key: row[key] for key in _PLAIN} | json.loads(row["structure"]))
            self._parsed[document_id] = found
            texts = [len(one.text) for one in self._parsed.values()]
            while len(texts) > 1 and (len(texts) > KEPT or sum(texts) > KEPT_TEXT):
                del self._parsed[next(iter(self._parsed))], texts[0]
        return found

    def version(self, document_id: str) -> str:
        """Version of a document."""
        return self._document_table.column("version")[self._place[document_id]].as_py()

    def chunks(self, document_id: str) -> list[Chunk]:
        """Chunks of a document, in order."""
        if not self._rows.get(document_id):
            return []
        first, last = self._rows[document_id]
        return [self._chunk(row) for row in self._chunk_table.slice(first, last - first).to_pylist()]

    def chunks_at(self, rows: Iterable[int]) -> list[Chunk]:
        """Chunks by row; those read lately are remembered, for questions of one document find the same ones."""
        return [self._chunk_at(row) for row in rows]

    def _chunk_at(self, row: int) -> Chunk:
        with self._lock:
            found = self._read.get(row)
            if found is None:
                found = self._read[row] = self._chunk(self._chunk_table.slice(row, 1).to_pylist()[0])
                if len(self._read) > REMEMBERED:
                    del self._read[next(iter(self._read))]
        return found

    def _chunk(self, row: dict[str, Any]) -> Chunk:
        at = self._place[row["document_id"]]
        table = self._document_table
        version, title = table.column("version")[at].as_py(), table.column("title")[at].as_py()
        return Chunk.model_validate({"version": version, "title": title} | row)

    def vectors(self, document_id: str) -> FloatArray:
        """Vectors of a document's chunks."""
        first, last = self._rows.get(document_id, (0, 0))
        return self.matrix[first:last]

    def nearest(self, query: FloatArray, n: int) -> list[tuple[str, float]]:
        """Compare a vector with every stored one: the n best (chunk id, product) pairs, in no order."""
        import numpy as np

        scores = self.matrix @ query
        return [(self.chunk_ids[row], float(scores[row])) for row in np.argpartition(-scores, n - 1)[:n]]

    def stored(self, document_id: str) -> Stored | None:
        """All of one document, or none."""
        document = self.document(document_id)
        if document is None:
            return None
        chunks = tuple(self.chunks(document_id))
        return Stored(document, chunks, self.vectors(document_id), self.known[document_id].split)


class Pending:
    """Documents committed one by one, each a file that survives a kill."""

    def __init__(self, folder: Path, drop: Callable[[Path], None]) -> None:
        """Look at what an interrupted ingest left; what cannot be read whole is handed to ``drop``."""
        self.folder = folder
        self.known: dict[str, Known] = {}
        for path in sorted(folder.glob("*.parquet")):
            try:
                stored, known = _pending_file(path)
                if stored.known() != known or path != self._path(stored.document.id):
                    raise ValueError("content")
            # The disk may say anything here: whichever way a file is broken, its document is only read again.
            except Exception:
                drop(path)
            else:
                self.known[stored.document.id] = known

    def _path(self, document_id: str) -> Path:
        return self.folder / f"{digest('pending', document_id)}.parquet"

    def put(self, stored: Stored) -> None:
        """Commit a document with its vectors, durably."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        known = stored.known()
        row = {
            "id": stored.document.id,
            "source_hash": known.source_hash,
            "split": known.split,
            "content": known.content,
            "chunk_count": known.chunks,
            "document": canonical_json(stored.document.model_dump(mode="json")),
            "chunks": canonical_json([chunk.model_dump(mode="json") for chunk in stored.chunks]),
            "vectors": stored.vectors.astype("<f4").tobytes(),
        }
        table = pa.Table.from_pylist([row])
        write_atomically(self._path(stored.document.id), lambda path: pq.write_table(table, path, use_dictionary=False))
        self.known[stored.document.id] = known

    def stored(self, document_id: str) -> Stored | None:
        """Read a committed document, or none."""
        return _pending_file(self._path(document_id))[0] if document_id in self.known else None


def _pending_file(path: Path) -> tuple[Stored, Known]:
    import numpy as np

    row = _open(path).read().to_pylist()[0]
    chunks = tuple(Chunk.model_validate(chunk) for chunk in json.loads(row["chunks"]))
    vectors = np.frombuffer(row["vectors"], dtype="<f4").reshape(len(chunks), -1) if chunks else _no_vectors()
    stored = Stored(Document.model_validate(json.loads(row["document"])), chunks, vectors, row["split"])
    return stored, Known(row["source_hash"], row["split"], row["content"], row["chunk_count"])


def write_data(folder: Path, documents: Iterator[tuple[Stored, Known]], dimension: int) -> None:
    """Write documents, given in the order of their ids, to a new data folder; equal documents give equal files."""
    import pyarrow.parquet as pq

    aside = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(aside, ignore_errors=True)
    make_folder(aside)
    schemas = _schemas(dimension)
    with (
        pq.ParquetWriter(aside / "documents.parquet", schemas[0], compression="zstd") as document_file,
        pq.ParquetWriter(aside / "chunks.parquet", schemas[1], compression="zstd") as chunk_file,
    ):
        for block in _blocks(documents):
            document_file.write_table(_document_table(block, schemas[0]))
            if any(stored.chunks for stored, _ in block):
                chunk_file.write_table(_chunk_table(block, schemas[1]))
    for file in aside.iterdir():
        sync(file)
    sync(aside)
    shutil.rmtree(folder, ignore_errors=True)
    aside.replace(folder)
    sync(folder.parent)


def _blocks(documents: Iterator[tuple[Stored, Known]]) -> Iterator[list[tuple[Stored, Known]]]:
    """Group documents to row groups of a bounded number of chunks and characters."""
    block: list[tuple[Stored, Known]] = []
    rows = characters = 0
    for stored, known in documents:
        block.append((stored, known))
        rows, characters = rows + len(stored.chunks), characters + len(stored.document.text)
        if rows >= _ROWS or characters >= 4_000_000:
            yield block
            block, rows, characters = [], 0, 0
    if block:
        yield block


def _document_table(block: list[tuple[Stored, Known]], schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    rows: list[dict[str, Any]] = []
    for stored, known in block:
        values = stored.document.model_dump(mode="json")
        row = {key: values.pop(key) for key in _PLAIN}
        row |= {"structure": canonical_json(values), "version": stored.document.version, "split": stored.split}
        rows.append(row | {"content": known.content, "chunks": known.chunks})
    return pa.Table.from_pylist(rows, schema=schema)


def _chunk_table(block: list[tuple[Stored, Known]], schema: pa.Schema) -> pa.Table:
    import numpy as np
    import pyarrow as pa

    rows = [chunk.model_dump(include=set(_SLICE)) for stored, _ in block for chunk in stored.chunks]
    columns: list[Any] = [pa.array([row[key] for row in rows], type=schema.field(key).type) for key in _SLICE]
    flat = np.concatenate([stored.vectors.ravel() for stored, _ in block if stored.chunks]).astype(np.float32)
    columns.append(pa.FixedSizeListArray.from_arrays(pa.array(flat), type=schema.field("vector").type))
    return pa.Table.from_arrays(columns, schema=schema)


def _schemas(dimension: int) -> tuple[pa.Schema, pa.Schema]:
    import pyarrow as pa

    text, long, whole = pa.string(), pa.large_string(), pa.int64()
    documents = [(key, long if key == "text" else text) for key in _PLAIN]
    documents += [("structure", long), ("version", text), ("split", text), ("content", text), ("chunks", whole)]
    types = {"ordinal": whole, "start": whole, "end": whole, "page": whole, "headings": pa.list_(text)}
    chunks = [(key, types.get(key, text)) for key in _SLICE]
    return pa.schema(documents), pa.schema([*chunks, ("vector", pa.list_(pa.float32(), max(1, dimension)))])


def _open(path: Path) -> Any:
    import pyarrow.parquet as pq

    # Mapped, so that a reader keeps its files when a writer publishes and clears the folder.
    return pq.ParquetFile(path, memory_map=True)


def _required(file: Any) -> Any:
    if file is None:
        raise IndexDamagedError("the index holds no documents", hint="ingest first")
    return file


def _no_vectors() -> FloatArray:
    import numpy as np

    return np.zeros((0, 0), dtype=np.float32)
