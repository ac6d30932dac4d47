"""``index``: commit documents to the index, and at the end remove what is gone and bring Chroma up to date."""

from __future__ import annotations

import asyncio
from typing import Any

from ragset.adapters.parquet_truth import Stored
from ragset.errors import UsageError
from ragset.schema.documents import Chunk
from ragset.schema.samples import Intake
from ragset.schema.step import Fold, Folding, Tools


class IndexStep(Fold):
    """Write to the open index, ``tools.extras["index"]``; the summary is put in ``tools.extras["ingest"]``."""

    name = "index"
    takes = Chunk
    gives = Chunk

    def begin(self, tools: Tools) -> Folding:
        """Start the counts."""
        return Indexing(tools)


class Indexing:
    """A running ingest: counts every file once, commits document by document."""

    def __init__(self, tools: Tools) -> None:
        """Take the index from the tools; raises ``UsageError`` if none is open."""
        self.tools = tools
        if (index := tools.extras.get("index")) is None:
            raise UsageError("step 'index' has no index", hint="name one with --index")
        self.index: Any = index
        self.counts = {"added": 0, "unchanged": 0, "changed": 0, "removed": 0}
        self.failed: list[dict[str, str]] = []
        self.seen: set[str] = set()
        self.embedded = 0
        self._before = set(index.document_ids())

    def feed(self, item: Intake, seen: bytes | None) -> Intake:
        """Commit the document; a file that failed keeps its old version."""
        if item.file is None:
            return item
        self.seen.add(item.file.document_id)
        if item.failure is not None:
            self.failed.append({"path": item.file.path, "reason": item.failure.message})
        elif item.document is None:
            self.counts["unchanged"] += 1
        else:
            self._commit(item, item.file.path)
        # Vectors and text are on disk now: what travels on is light.
        return item.model_copy(update={"document": None, "vectors": None})

    def _commit(self, item: Intake, path: str) -> None:
        assert item.document is not None
        try:
            self.index.commit(Stored(item.document, item.chunks, item.vectors, item.split))
        except UnicodeEncodeError:
            reason = "its text holds characters that are no Unicode; save the file as UTF-8"
            self.failed.append({"path": path, "reason": reason})
            return
        # Counted against what readers saw before: a run that was killed and repeated still says what it changed.
        self.counts["changed" if item.document.id in self._before else "added"] += 1
        self.embedded += item.embedded

    async def finish(self) -> None:
        """Remove the documents whose files are gone, publish, sync Chroma, and sum up."""
        gone = self.index.gone(self.seen)
        self.counts["removed"] = len(gone & self._before)
        await asyncio.to_thread(self.index.publish, gone)
        self.tools.extras["ingest"] = {
            "index": self.index.name,
            "documents": {**self.counts, "failed": self.failed},
            "chunks": {"total": self.index.chunk_count, "embedded": self.embedded},
        }
