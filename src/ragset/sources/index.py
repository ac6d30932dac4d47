"""``index``: commit documents to the index, and at the end remove what is gone and bring Chroma up to date."""

from __future__ import annotations

from typing import Any

from ragset.adapters.parquet_truth import Stored
from ragset.errors import UsageError
from ragset.schema.documents import Chunk, EmbeddedChunk, SourceFile
from ragset.schema.samples import Intake
from ragset.schema.step import Fold, Folding, Tools
from ragset.sources.files import Survey


class IndexStep(Fold):
    """Commit documents to the index as they come; at the end remove what is gone and bring Chroma up to date."""

    name = "index"
    takes = EmbeddedChunk
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
        survey = tools.extras.get("survey")
        self._many = isinstance(survey, Survey) and len(survey.corpora) > 1
        self._before = set(index.document_ids())

    def feed(self, item: Intake, seen: bytes | None) -> Intake:
        """Commit the document; a file that failed keeps its old version."""
        if item.file is None:
            return item
        self.seen.add(item.file.document_id)
        if item.failure is not None:
            self._fail(item.file, item.failure.message)
        elif item.document is None:
            self.counts["unchanged"] += 1
        else:
            self._commit(item, item.file)
        # Vectors and text are on disk now: what travels on is light.
        return item.model_copy(update={"document": None, "vectors": None})

    def _fail(self, file: SourceFile, reason: str) -> None:
        # One path may lie in two corpora; with one corpus its name would say nothing.
        self.failed.append({"path": file.document_id if self._many else file.path, "reason": reason})

    def _commit(self, item: Intake, file: SourceFile) -> None:
        assert item.document is not None
        try:
            self.index.commit(Stored(item.document, item.chunks, item.vectors, item.split))
        except UnicodeEncodeError:
            self._fail(file, "its text holds characters that are no Unicode; save the file as UTF-8")
            return
        # Counted against what readers saw before: a run that was killed and repeated still says what it changed.
        self.counts["changed" if item.document.id in self._before else "added"] += 1
        self.embedded += item.embedded

    async def finish(self) -> None:
        """Remove the documents whose files are gone, publish, sync Chroma, and sum up."""
        gone = self.index.gone(self.seen)
        self.counts["removed"] = len(gone & self._before)
        # In this thread: a cancelled wait for another one would release the writer's lock while data is swapped.
        self.index.publish(gone)
        self.tools.extras["ingest"] = {
            "index": self.index.name,
            "documents": {**self.counts, "failed": self.failed},
            "chunks": {"total": self.index.chunk_count, "embedded": self.embedded},
        }
