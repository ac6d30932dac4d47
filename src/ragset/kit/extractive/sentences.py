"""Cut a chunk's text into units (paragraphs, list items, table rows) and sentences, every one with its offsets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ragset.kit.extractive.words import ABBREVIATED

UnitKind = Literal["paragraph", "item", "row", "heading", "code"]

_BULLET = re.compile(r"[ \t]*(?:[-*+•–▪◦]|\(?\d{1,2}[.)]|\(?[a-z][.)])[ \t]+")
_ROW = re.compile(r"[ \t]*\|.*\|[ \t]*$|.*\S[ \t]+\|(?:[ \t]|$)")
_STOP = re.compile(r"[.!?][\"”’')\]]*(?=\s+[\"“‘'(\[`]*[A-Z0-9`]|\s*$)")
_CODE_LINE = re.compile(
    r"^\s*(?:>>> |\$ |\.\.\. |import |from \w+ import|def |class |return |[{}<>;#@]|\w+\s*=\s*\S)|[;{}]\s*$"
)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the chunk's text: ``chunk.text[start:end] == text``."""

    text: str
    start: int
    end: int

    def part(self, start: int, end: int) -> Span:
        """Cut a part out by offsets within this span, blanks at both ends left out."""
        piece = self.text[start:end]
        lead = len(piece) - len(piece.lstrip())
        piece = piece.strip()
        return Span(piece, self.start + start + lead, self.start + start + lead + len(piece))


@dataclass(frozen=True, slots=True)
class Unit:
    """A paragraph, list item, table row, heading or code line of a chunk."""

    kind: UnitKind
    span: Span


def units(text: str, headings: Sequence[str] = ()) -> list[Unit]:
    """Cut text into units, in order; the bullet of a list item is not part of its span."""
    known = {h.strip().lower() for h in headings}
    found: list[Unit] = []
    open_start = open_end = -1
    fenced = False

    def close() -> None:
        nonlocal open_start
        if open_start >= 0:
            found.append(Unit("paragraph", _trimmed(text, open_start, open_end)))
        open_start = -1

    for start, end in _lines(text):
        line = text[start:end]
        fence = line.lstrip().startswith("```")
        kind = "code" if fence or fenced else _kind(line, known)
        fenced = fenced != fence
        if kind == "paragraph" and line.strip():
            if open_start >= 0 and _breaks(text[open_start:open_end], line):
                close()
            open_start, open_end = (start if open_start < 0 else open_start), end
            continue
        if kind == "paragraph" and found and open_start < 0:
            continue
        close()
        if line.strip():
            bullet = _BULLET.match(line) if kind == "item" else None
            found.append(Unit(kind, _trimmed(text, start + (bullet.end() if bullet else 0), end)))
    close()
    return [u for u in found if u.span.text]


def sentences(unit: Unit) -> Iterator[Span]:
    """Give the sentences of a unit; a piece without an end mark comes too (the filters refuse it)."""
    text, start = unit.span.text, 0
    for stop in _STOP.finditer(text):
        if text[stop.start()] == "." and _abbreviated(text, stop.start()):
            continue
        yield unit.span.part(start, stop.end())
        start = stop.end()
    if text[start:].strip():
        yield unit.span.part(start, len(text))


def cells(row: Span) -> list[Span]:
    """Cut a row, ``a | b`` or ``| a | b |``, into its cells."""
    text = row.text
    bordered = text.startswith("|") and text.endswith("|") and len(text) > 1
    first, last = (1, len(text) - 1) if bordered else (0, len(text))
    marks = [m.start() for m in re.finditer(r"(?<!\\)\|", text) if first <= m.start() < last]
    bounds = [first, *(m + 1 for m in marks)], [*marks, last]
    return [row.part(start, end) for start, end in zip(*bounds, strict=True)]


def _lines(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for mark in re.finditer("\n", text):
        yield start, mark.start()
        start = mark.end()
    yield start, len(text)


def _kind(line: str, headings: set[str]) -> UnitKind:
    stripped = line.strip()
    if stripped.lower() in headings or stripped.startswith("#"):
        return "heading"
    if _ROW.match(line):
        return "row"
    if _BULLET.match(line):
        return "item"
    return "code" if _CODE_LINE.search(line) or (line.startswith(("    ", "\t")) and stripped) else "paragraph"


def _breaks(before: str, line: str) -> bool:
    """Tell whether a line starts a paragraph of its own although no blank line precedes it."""
    last = before.rsplit("\n", 1)[-1].rstrip()
    return len(last) < 60 and last[-1:] not in ".,;:" and line.lstrip()[:1].isupper() and not last.endswith("-")


def _trimmed(text: str, start: int, end: int) -> Span:
    return Span(text[start:end], start, end).part(0, end - start)


def _abbreviated(text: str, at: int) -> bool:
    first = at
    while first and (text[first - 1].isalnum() or text[first - 1] in "._"):
        first -= 1
    name = text[first:at].lower()
    initial = bool(re.fullmatch(r"[a-z]|(?:[a-z]\.)+[a-z]", name)) and text[at - 1].isupper()
    numbered = (
        name[:1].isalpha()
        and len(name) <= 4
        and bool(re.match(r"\.\s+\d", text[at : at + 3]))
        and text[at - len(name)].isupper()
    )
    return name.strip(".") in ABBREVIATED or initial or numbered
