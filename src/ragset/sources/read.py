"""The step ``read``: a file becomes a canonical document in a child process; unchanged files pass as they are."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from ragset.adapters.parse_pool import ParsePool
from ragset.adapters.reading import hash_file, parser_fingerprint
from ragset.errors import DocumentError
from ragset.schema.documents import Document, Noun, SourceFile
from ragset.schema.ids import digest
from ragset.schema.samples import Failure, Intake
from ragset.schema.step import Map, Tools


class Read(Map):
    """Parse one file under limits; what cannot be read becomes a failure with its reason.

    ``tools.extras["known_sources"]`` may hold the source hash of every document the index has: an equal hash means
    unchanged, and nothing is parsed. The pool of children is shared as ``tools.extras["parse_pool"]``; whoever runs
    the flow closes it.
    """

    name: ClassVar[str] = "read"
    takes: ClassVar[type[Noun] | None] = SourceFile
    gives: ClassVar[type[Noun] | None] = Document

    timeout_s: float = Field(default=60.0, gt=0, allow_inf_nan=False)
    memory_mb: int = Field(default=1024, ge=1)
    max_bytes: int = Field(default=100_000_000, ge=1)
    max_chars: int = Field(default=20_000_000, ge=1)
    children: int = Field(default=2, ge=1)

    def fingerprint(self, tools: Tools) -> str:
        """Hash of the configuration and the parsers behind it."""
        return digest(super().fingerprint(tools), parser_fingerprint())

    async def apply(self, item: Intake, tools: Tools) -> Intake:
        """Read one file, unless it failed before or the index knows its bytes already."""
        if item.failure or item.state == "unchanged" or item.file is None:
            return item
        file = item.file
        try:
            known: Mapping[str, str] = tools.extras.get("known_sources") or {}
            if before := known.get(file.document_id):
                same = await asyncio.to_thread(hash_file, file.absolute, self.max_bytes) == before
                if same:
                    return item.model_copy(update={"state": "unchanged"})
                item = item.model_copy(update={"state": "changed"})
            document = await self._pool(tools).parse(file, self.max_bytes, self.max_chars)
        except DocumentError as error:
            return item.model_copy(update={"failure": Failure(step="read", error="unreadable", message=str(error))})
        return item.model_copy(update={"document": document})

    def _pool(self, tools: Tools) -> ParsePool:
        pool: Any = tools.extras.get("parse_pool")
        if pool is None:
            pool = tools.extras["parse_pool"] = ParsePool(self.children, self.timeout_s, self.memory_mb)
        return pool
