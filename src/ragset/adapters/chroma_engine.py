"""Chroma as the query engine of an index: a folder beside the truth, or a collection on a server.

A marker written after every completed sync holds the content it stands for and a hash of each Chroma file. Opening a
broken store can end the process (its native code trusts its files), so nothing is opened whose files are not the ones
that were marked. Only ``chroma.sqlite3`` changes on reading (a lock table); then its other tables are compared, with
Python's own sqlite3, which survives damage.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ragset.adapters.index_pointer import sync, write_atomically
from ragset.errors import IndexDamagedError, RagsetError, UsageError

if TYPE_CHECKING:
    from ragset.schema.ports import FloatArray

COLLECTION = "chunks"
_DATABASE = "chroma.sqlite3"
_HNSW = {"space": "cosine", "ef_search": 200, "ef_construction": 100, "max_neighbors": 24}
_SCRATCH = ("data_level0.bin", "length.bin", "link_lists.bin")
_KEY = "ragset_content"
_EMBEDDER, _DIMENSION = "ragset_embedder", "ragset_dimension"
_PROBES = 16


@dataclass(frozen=True, slots=True)
class Rows:
    """What Chroma must hold: chunk ids, vectors row by row, and a way to fetch (texts, document ids) of rows.

    ``content`` is a hash of it all, ``embedder`` the fingerprint of the model that made the vectors.
    """

    content: str
    ids: Sequence[str]
    vectors: FloatArray
    texts: Callable[[Sequence[int]], tuple[list[str], list[str]]]
    embedder: str = ""


class ChromaEngine:
    """One collection, kept equal to the truth by :meth:`ensure`."""

    def __init__(self, folder: Path, name: str, uid: str, server: str | None, say: Callable[[str], None]) -> None:
        """Name the index folder, the index, and the server if the collection is not in the folder.

        Raises ``UsageError`` for what is no address of a server.
        """
        if server:
            _check_address(server)
        self._index, self._name, self._server, self._say = folder, name, server, say
        # On a server the prefix keeps other people's collections safe, and the uid those of other installations.
        self._stored_as = "-".join(filter(None, ("ragset", name, uid[:8]))) if server else COLLECTION
        self._folder, self._marker = folder / "chroma", folder / "chroma.json"
        self._client: Any = None
        self._collection: Any = None

    def clean(self, rows: Rows) -> bool:
        """Tell whether Chroma holds exactly these rows, undamaged."""
        if self._server:
            return self._server_clean(rows)
        marker = self._read_marker()
        return bool(marker) and marker["content"] == rows.content and self._intact(marker)

    def ensure(self, rows: Rows) -> None:
        """Make Chroma hold these rows; embeds nothing. The caller holds the writer lock."""
        if self.clean(rows):
            return
        if self._server:
            self._sync_server(rows)
            return
        marker = self._read_marker()
        intact = bool(marker) and self._intact(marker)
        self._marker.unlink(missing_ok=True)
        if not (intact and self._update(rows)):
            if marker or self._folder.exists():
                self._say(f"index '{self._name}': rebuilding Chroma from the stored vectors")
            self.rebuild(rows)
        self._write_marker(rows.content)

    def rebuild(self, rows: Rows) -> None:
        """Fill a fresh folder and swap it in."""
        self.close()
        self._marker.unlink(missing_ok=True)
        fresh = self._index / f".chroma.{os.getpid()}.tmp"
        shutil.rmtree(fresh, ignore_errors=True)
        client = _folder_client(fresh)
        try:
            collection = _collection(client, COLLECTION)
            _add(collection, rows, range(len(rows.ids)))
            fault = _fault(collection, rows)
        finally:
            client.close()
        if fault:
            raise IndexDamagedError(f"Chroma does not hold what was written ({fault})", where=self._name)
        shutil.rmtree(self._folder, ignore_errors=True)
        fresh.replace(self._folder)
        sync(self._index)

    def remake(self, rows: Rows) -> None:
        """Rebuild whatever its state. The caller holds the writer lock."""
        if self._server:
            client = self._connect()
            _forget(client, self._stored_as)
            self.close()
            self._sync_server(rows)
            return
        self.rebuild(rows)
        self._write_marker(rows.content)

    def query(self, vectors: FloatArray, n: int) -> list[list[tuple[str, float]]]:
        """Give up to n (chunk id, cosine) pairs near each of the vectors, shape (queries, dimension)."""
        found = self._open().query(query_embeddings=list(vectors), n_results=n, include=["distances"])
        rows = zip(found["ids"], found["distances"], strict=True)
        return [[(key, 1.0 - float(gap)) for key, gap in zip(*row, strict=True)] for row in rows]

    def close(self) -> None:
        """Let go of the store's files."""
        client, self._client, self._collection = self._client, None, None
        if client is None:
            return
        # chromadb 1.5 leaves the connections of a server's client open when it is closed.
        owners = (client, getattr(client, "_admin_client", None))
        sessions = [getattr(getattr(owner, "_server", None), "_session", None) for owner in owners]
        client.close()
        for session in sessions:
            if session is not None:
                session.close()

    def forget(self) -> None:
        """Delete the collection on the server, if there is one."""
        if self._server:
            _forget(self._connect(), self._stored_as)
        self.close()

    def _connect(self) -> Any:
        if self._client is None:
            self._client = _server_client(self._server) if self._server else _folder_client(self._folder)
        return self._client

    def _open(self) -> Any:
        if self._collection is None:
            self._collection = _collection(self._connect(), self._stored_as)
        return self._collection

    def _update(self, rows: Rows) -> bool:
        """Bring an intact older store up to date in place; false when a fresh one is better."""
        try:
            done = _update(self._open(), rows)
        except Exception as error:  # whatever breaks in the store, the truth can make a new one
            self._say(f"index '{self._name}': Chroma failed ({type(error).__name__})")
            done = False
        self.close()
        return done

    def _server_clean(self, rows: Rows) -> bool:
        collection = self._open()
        return collection.metadata == _about(rows, rows.content) and collection.count() == len(rows.ids)

    def _sync_server(self, rows: Rows) -> None:
        if not self._update_server(rows):
            self._say(f"index '{self._name}': rebuilding the collection on {self._server}")
            _forget(self._connect(), self._stored_as)
            self._collection = None
            collection = self._open()
            collection.modify(metadata=_about(rows, "being written"))
            _add(collection, rows, range(len(rows.ids)))
        self._open().modify(metadata=_about(rows, rows.content))
        self._collection = None

    def _update_server(self, rows: Rows) -> bool:
        """Bring the collection up to date in place; false when its vectors are another model's or it breaks."""
        collection = self._open()
        about, wanted = collection.metadata or {}, _about(rows, "being written")
        try:
            if any(about.get(key) != wanted[key] for key in (_EMBEDDER, _DIMENSION)) and collection.count():
                return False
            collection.modify(metadata=wanted)
            return _update(collection, rows)
        except Exception as error:  # whatever breaks in the collection, the truth can make a new one
            self._say(f"index '{self._name}': Chroma failed ({type(error).__name__})")
            return False

    def _read_marker(self) -> dict[str, Any]:
        try:
            marker = json.loads(self._marker.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        keys = ("content", "chroma", "files", "tables")
        fits = isinstance(marker, dict) and all(key in marker for key in keys) and marker["chroma"] == _version()
        return marker if fits else {}

    def _write_marker(self, content: str) -> None:
        self.close()
        marker = {"content": content, "chroma": _version(), "files": _files(self._folder)}
        marker["tables"] = _tables(self._folder / _DATABASE)
        text = json.dumps(marker, indent=1, sort_keys=True)
        write_atomically(self._marker, lambda path: path.write_text(text, "utf-8"))

    def _intact(self, marker: dict[str, Any]) -> bool:
        files = _files(self._folder)
        changed = {
            name for name in files.keys() | marker["files"].keys() if files.get(name) != marker["files"].get(name)
        }
        if not changed:
            return True
        return changed == {_DATABASE} and _tables(self._folder / _DATABASE) == marker["tables"] != ""


def _version() -> str:
    return version("chromadb")


def _settings() -> Any:
    os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
    from chromadb.config import Settings

    return Settings(anonymized_telemetry=False)


def _folder_client(folder: Path) -> Any:
    import chromadb

    return chromadb.PersistentClient(str(folder), settings=_settings())


def _about(rows: Rows, content: str) -> dict[str, Any]:
    """Describe a collection: what it holds, and whose vectors."""
    return {_KEY: content, _EMBEDDER: rows.embedder, _DIMENSION: int(rows.vectors.shape[1])}


def _check_address(url: str) -> None:
    hint = "write it as http://host:port"
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, whole = None, False
    if "@" in url:  # not shown: a password may be in it
        raise UsageError("the address of a Chroma server takes no user and no password", hint=hint)
    if not parts or not whole:
        raise UsageError(f"'{url}' is no address of a Chroma server", hint=hint)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise UsageError(f"the address of a Chroma server takes no path: '{url}'", hint=hint)


def _server_client(url: str) -> Any:
    import chromadb

    parts = urlsplit(url)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 8000)
    try:
        return chromadb.HttpClient(str(parts.hostname), port, ssl=secure, settings=_settings())
    except Exception as error:  # the client has no error type of its own for this
        raise RagsetError(f"no Chroma server answers at {url}", hint="start it: chroma run --path FOLDER") from error


def _collection(client: Any, name: str) -> Any:
    return client.get_or_create_collection(name, embedding_function=None, configuration={"hnsw": _HNSW})


def _forget(client: Any, name: str) -> None:
    if name in {collection.name for collection in client.list_collections()}:
        client.delete_collection(name)


def _update(collection: Any, rows: Rows) -> bool:
    """Add what is missing, delete what is gone; false when most would change or the result is faulty."""
    held = set(collection.get(include=[])["ids"])
    wanted = set(rows.ids)
    missing = [at for at, key in enumerate(rows.ids) if key not in held]
    gone = sorted(held - wanted)
    if held and len(missing) + len(gone) > max(100, len(held) // 2):
        return False
    for at in range(0, len(gone), 5000):
        collection.delete(ids=gone[at : at + 5000])
    _add(collection, rows, missing)
    return not _fault(collection, rows)


def _add(collection: Any, rows: Rows, wanted: Sequence[int]) -> None:
    step = 2000  # well under the 5461 rows that one call may have
    for at in range(0, len(wanted), step):
        batch = list(wanted[at : at + step])
        texts, documents = rows.texts(batch)
        collection.add(
            ids=[rows.ids[row] for row in batch],
            embeddings=rows.vectors[batch],
            documents=texts,
            metadatas=[{"document_id": key} for key in documents],
        )


def _fault(collection: Any, rows: Rows) -> str:
    """Take a census: every id is there, a sample of them with its vector, and a search finds something.

    Chroma gives vectors out of the graph that it searches, and fails for an id that the graph has lost. That a vector
    finds itself is no test: among many near ones a search is allowed to miss it.
    """
    import numpy as np
    from chromadb.errors import ChromaError

    held = collection.get(include=[])["ids"]
    if len(held) != len(rows.ids) or set(held) != set(rows.ids):
        return f"{len(held)} ids for {len(rows.ids)} chunks"
    if not held:
        return ""
    probes = range(0, len(rows.ids), max(1, len(rows.ids) // _PROBES))
    try:
        there = collection.get(ids=[rows.ids[at] for at in probes], include=["embeddings"])
        vectors = dict(zip(there["ids"], there["embeddings"], strict=True))
        for at in probes:
            if not np.allclose(vectors[rows.ids[at]], rows.vectors[at], atol=1e-3):
                return f"the vector of chunk {rows.ids[at]} is another one"
            if not collection.query(query_embeddings=[rows.vectors[at]], n_results=1, include=[])["ids"][0]:
                return f"a search near chunk {rows.ids[at]} finds nothing"
    except (KeyError, ChromaError) as error:
        return f"vectors are missing: {error}"
    return ""


def _files(folder: Path) -> dict[str, str]:
    """Hash every file of the store; of scratch files, which every opening writes anew, take the size."""
    found: dict[str, str] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        # Up to a thousand rows the graph lives in the database, and its files hold nothing that is read.
        if path.name in _SCRATCH and not path.with_name("index_metadata.pickle").exists():
            found[name] = f"{path.stat().st_size} bytes"
            continue
        with path.open("rb") as file:
            found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _tables(database: Path) -> str:
    """Hash what the database says, but for the table that changes when it is opened; empty when it is damaged."""
    total = hashlib.sha256()
    try:
        with closing(sqlite3.connect(f"file:{database.absolute().as_posix()}?mode=ro", uri=True)) as connection:
            if connection.execute("PRAGMA quick_check").fetchall() != [("ok",)]:
                return ""
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1").fetchall()
            for (name,) in names:
                # The full-text table itself is a view of its shadow tables, which are read.
                if name not in ("acquire_write", "embedding_fulltext_search"):
                    for row in connection.execute(f'SELECT * FROM "{name}"'):  # noqa: S608  (names from the schema)
                        total.update(repr(row).encode("utf-8", "surrogatepass"))
    except (sqlite3.Error, ValueError):  # ValueError: a damaged name is no UTF-8
        return ""
    return total.hexdigest()
