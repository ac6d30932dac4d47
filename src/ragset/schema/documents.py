"""What is read: documents, their structure, and the chunks cut from them."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ragset.schema.ids import digest

BlockKind = Literal["heading", "paragraph", "list", "table", "code"]


class Noun(BaseModel):
    """A frozen value object; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Heading(Noun):
    """A heading and where its line starts in the canonical text; level 1 is the highest."""

    start: int
    level: int
    text: str


class Page(Noun):
    """The offset at which a page (or slide, or sheet) begins, and its number from 1."""

    start: int
    number: int


class Block(Noun):
    """A run of canonical text that should stay whole: ``text[start:end]``."""

    kind: BlockKind
    start: int
    end: int


class Document(Noun):
    """The canonical text of one source file with its page, heading and block maps.

    ``id`` is ``<corpus>/<relative posix path>`` in NFC. All offsets count Unicode code points of ``text``.
    ``source_hash`` is the hash of (file bytes, parser fingerprint) by which a sync skips the file.
    """

    id: str
    corpus: str
    path: str
    title: str
    mime: str
    text: str
    source_hash: str
    headings: tuple[Heading, ...] = ()
    pages: tuple[Page, ...] = ()
    blocks: tuple[Block, ...] = ()
    metadata: dict[str, Any] = Field(default_factory=dict)

    @cached_property
    def version(self) -> str:
        """Hash of the canonical text."""
        return digest(self.text)

    @cached_property
    def _page_starts(self) -> list[int]:
        return [page.start for page in self.pages]

    def page_at(self, offset: int) -> int | None:
        """Give the number of the page that holds the character at ``offset``, or none."""
        at = bisect_right(self._page_starts, offset)
        return self.pages[at - 1].number if at else None

    def headings_at(self, offset: int) -> tuple[str, ...]:
        """Give the chain of headings, outermost first, that is open at ``offset``."""
        chain: list[Heading] = []
        for heading in self.headings:
            if heading.start > offset:
                break
            chain = [h for h in chain if h.level < heading.level] + [heading]
        return tuple(h.text for h in chain)


class Chunk(Noun):
    """A slice of a document: ``document.text[start:end] == text``.

    ``id`` hashes (document id, text, how often that text came before in the document), so an edit
    elsewhere neither renames nor re-embeds it; offsets and version are attributes.
    """

    id: str
    document_id: str
    version: str
    title: str
    text: str
    start: int
    end: int
    ordinal: int
    page: int | None = None
    headings: tuple[str, ...] = ()

    @staticmethod
    def make_id(document_id: str, text: str, occurrence: int) -> str:
        """Hash the identity of a chunk."""
        return digest("chunk", document_id, text, occurrence)


class EmbeddedChunk(Chunk):
    """A chunk whose vector travels with it; what an index takes."""


class SourceFile(Noun):
    """A file that ingest met: its corpus, absolute path, and path within the corpus."""

    corpus: str
    root: str
    path: str
    absolute: str
    size: int

    @property
    def document_id(self) -> str:
        """The id its document has."""
        return f"{self.corpus}/{self.path}"
