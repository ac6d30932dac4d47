"""The source ``contexts``: the passages that a set brings with it become the documents of an index."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from ragset.errors import FlowError, UsageError
from ragset.kit.foreign import format_named
from ragset.kit.foreign.columns import check_columns
from ragset.kit.foreign.pairs import Passage
from ragset.kit.foreign.reading import passages_in
from ragset.kit.judging import one_line
from ragset.schema.documents import Document, Noun, SourceFile
from ragset.schema.ids import digest
from ragset.schema.samples import Intake
from ragset.schema.step import Source, Tools

VERSION = "1"
"""Raise it when the same passage becomes another document."""

TITLE = 80
"""Characters of a title that is taken from the text."""


class Contexts(Source):
    """Give each passage of a set as a document, as it stands; equal ones once.

    A set that names its passages (BEIR, AutoRAG) has its whole corpus in the index, any other the contexts of its
    pairs. A passage that the index has already passes as unchanged.
    """

    name: ClassVar[str] = "contexts"
    gives: ClassVar[type[Noun] | None] = Document

    path: str
    format: str
    corpus: str = Field(description="Name of the corpus that the documents are of.")
    columns: dict[str, str] = Field(default_factory=dict, description="Columns of plain JSON lines and CSV, by part.")

    def check(self) -> None:
        """Refuse an unknown format, and columns for one that has its own."""
        try:
            format_named(self.format)
            check_columns(self.columns, self.format)
        except UsageError as error:
            raise FlowError(error.what, hint=error.hint) from error

    async def draws(self, tools: Tools) -> AsyncIterator[Intake]:
        """Yield one intake a passage."""
        known: Mapping[str, str] = tools.extras.get("known_sources") or {}
        for number, passage in enumerate(passages_in(Path(self.path), self.format, self.columns)):
            file, document = self._file(passage), self._document(passage)
            before = known.get(document.id)
            if before == document.source_hash:
                yield Intake(number=number, file=file, state="unchanged")
            else:
                yield Intake(number=number, file=file, document=document, state="changed" if before else "new")

    def _file(self, passage: Passage) -> SourceFile:
        size = len(passage.text.encode("utf-8"))
        return SourceFile(corpus=self.corpus, root=self.path, path=passage.path, absolute=self.path, size=size)

    def _document(self, passage: Passage) -> Document:
        text = f"{passage.title}\n\n{passage.text}" if passage.headed and passage.title else passage.text
        return Document(
            id=f"{self.corpus}/{passage.path}",
            corpus=self.corpus,
            path=passage.path,
            title=one_line(passage.title or passage.text, TITLE),
            mime="text/plain",
            text=text,
            source_hash=digest("context", VERSION, passage.title, text),
        )
