"""Parts of a parsed file become one canonical text with its heading, page and block maps."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from ragset.errors import DocumentError
from ragset.schema.documents import Block, BlockKind, Heading, Page

_NEWLINES = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028]")
_PARAGRAPH = "\u2029"
# C0/C1 controls but tab and newline, soft hyphen, zero-width and bidi marks, surrogates, tags, non-characters.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U000e0000-\U000e0fff]"
)
# The joiners shape Persian, Indic scripts and emoji; anywhere else they only hide.
_STRAY_JOINER = re.compile("(?<![^\x00-\u05ff\u2000-\u2bff])[\u200c\u200d]|[\u200c\u200d](?=[\x00-\u05ff]|$)")
_BLANKS = re.compile("[ \t\u00a0\u1680\u2000-\u200a\u202f\u205f]+")
_SPACE_AT_LINE_END = re.compile(r"[ \t]+(?=\n)|(?<=\n)[ \t]+")
_WIDE = re.compile("[\u2e80-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]")

# Headings that name a part of a document, not the document.
_SECTION = re.compile(
    r"(?:chapter|part|section|appendix|kapitel|teil|contents?|table of contents|introduction|abstract|overview)\b|"
    r"\d+[.)]|[A-Z]\.\s",
    re.I,
)

RATIO_FROM_CHARS = 1_000_000
MAX_RATIO = 100


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a file in reading order; ``level`` is a heading's rank or a list item's depth (from 1)."""

    kind: BlockKind
    text: str
    level: int = 1
    page: int | None = None
    marker: str = "- "


@dataclass(slots=True)
class Parsed:
    """What a format's reader gives: the parts, the title the file claims, its real mime type."""

    parts: list[Part]
    mime: str
    title: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])


def clean(text: str) -> str:
    """Unify newlines and drop what no reader sees; what is visible stays as it is."""
    text = _NEWLINES.sub("\n", text).replace(_PARAGRAPH, "\n\n")
    text = _INVISIBLE.sub("", text)
    return _STRAY_JOINER.sub("", text) if "\u200c" in text or "\u200d" in text else text


def prose(text: str) -> str:
    """Clean running text: runs of blanks become one space, lines are trimmed, blank lines vanish."""
    text = _BLANKS.sub(" ", clean(text))
    text = _SPACE_AT_LINE_END.sub("", text)
    return re.sub(r"\n{2,}", "\n", text).strip()


def one_line(text: str) -> str:
    """Clean text and put it on one line."""
    return unwrap(prose(text).split("\n"))


def unwrap(lines: Iterable[str]) -> str:
    """Join the lines of a wrapped paragraph: with a blank, or without one between wide (CJK) characters."""
    joined = ""
    for line in lines:
        stripped = line.strip()
        if not stripped:
            continue
        glue = "" if not joined or (_WIDE.match(joined[-1]) and _WIDE.match(stripped[0])) else " "
        joined += glue + stripped
    return joined


def table_text(rows: Iterable[Sequence[str]]) -> str:
    """Write rows as ``a | b | c`` lines of equal width; empty rows and columns are left out."""
    cells = [[one_line(cell) for cell in row] for row in rows]
    cells = [row for row in cells if any(row)]
    width = max((len(row) for row in cells), default=0)
    cells = [row + [""] * (width - len(row)) for row in cells]
    used = [i for i in range(width) if any(row[i] for row in cells)]
    return "\n".join(" | ".join(row[i] for i in used).strip() for row in cells)


def pretty_stem(path: str) -> str:
    """Make a title of a file name: ``leave_policy-2024.md`` becomes ``Leave policy 2024``."""
    stem = one_line(re.sub(r"[_\-\s]+", " ", PurePosixPath(path).stem))
    return stem[:1].upper() + stem[1:] or path


class Canon:
    """Builds the canonical text: blocks apart by a blank line, list items and table rows on lines of their own."""

    def __init__(self, max_chars: int) -> None:
        """Start empty; more than ``max_chars`` characters are refused."""
        self.max_chars = max_chars
        self.pieces: list[str] = []
        self.length = 0
        self.blocks: list[Block] = []
        self.headings: list[Heading] = []
        self.pages: list[Page] = []

    def add(self, part: Part) -> None:
        """Append one part; consecutive list items of a page make one block."""
        text = self._written(part)
        if not text:
            return
        page = part.page is not None and (not self.pages or part.page > self.pages[-1].number)
        joins = part.kind == "list" and not page and bool(self.blocks) and self.blocks[-1].kind == "list"
        glue = "" if not self.pieces else "\n" if joins else "\n\n"
        start = self.length + len(glue)
        self.pieces += [glue, text]
        self.length = start + len(text)
        if self.length > self.max_chars:
            raise DocumentError(f"its text is longer than {self.max_chars:,} characters", hint="split the file")
        if page:
            self.pages.append(Page(start=start, number=part.page or 1))
        if part.kind == "heading":
            self.headings.append(Heading(start=start, level=part.level, text=text))
        first = self.blocks.pop().start if joins else start
        self.blocks.append(Block(kind=part.kind, start=first, end=self.length))

    def _written(self, part: Part) -> str:
        if part.kind == "code":
            lines = clean(part.text).strip("\n").split("\n")
            return "\n".join(line.rstrip() for line in lines).strip("\n")
        if part.kind == "heading":
            return one_line(part.text)
        if part.kind == "table":
            return clean(part.text).strip("\n")
        text = prose(part.text)
        if part.kind == "list" and text:
            indent = "  " * max(0, part.level - 1)
            return f"{indent}{part.marker}" + text.replace("\n", f"\n{indent}  ")
        return text

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self.pieces)


def best_title(parsed: Parsed, canon: Canon, path: str) -> str:
    """Choose a title: what the file claims (front matter), its top heading near the start, or its name."""
    claimed = one_line(parsed.title or "")[:200]
    if claimed and parsed.metadata.pop("title_is_certain", False):
        return claimed
    near = [h for h in canon.headings if h.start < 1500 and not _SECTION.match(h.text)]
    top = min(near, key=lambda h: (h.level, h.start), default=None)
    if top and (top.level == 1 or not claimed) and readable(top.text):
        return top.text[:200]
    return claimed or pretty_stem(path)


def readable(text: str) -> bool:
    """Tell whether a line has at least two letters, as a title must."""
    return sum(unicodedata.category(c)[0] == "L" for c in text) >= 2


def check_ratio(chars: int, size: int) -> None:
    """Refuse text above a million characters that is more than a hundred times the size of its file."""
    if chars > RATIO_FROM_CHARS and chars > MAX_RATIO * max(size, 1):
        raise DocumentError(
            f"{size:,} bytes expand to {chars:,} characters, as a decompression bomb does", hint="leave the file out"
        )
