"""Cut documents into chunks that an embedding model can hold whole.

Blocks (paragraphs, lists, tables, code) are packed section by section up to the size, measured with the model's own
tokenizer; only what is too long for a chunk is cut, by rows, lines or sentences (llama-index). Every chunk is a slice:
``document.text[chunk.start:chunk.end] == chunk.text``. Heading lines are metadata, not text, unless they stand alone
or lie between two small sections that share a chunk. A per-file :class:`Strategy` cuts by words instead.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeVar

from pydantic import Field

from ragset.adapters.word_splitting import WordLimits, split_words
from ragset.errors import DocumentError
from ragset.schema.documents import Chunk, Document, Noun
from ragset.schema.ids import digest

ALGORITHM = 1
CHARS_PER_TOKEN = 8
"""A token is rarely longer; it bounds runs without blanks, which some tokenizers count as one unknown token."""

MOST_CHUNKS = 50_000
"""More blocks or chunks than this make a document a failure: cutting them would take minutes."""

Count = Callable[[str], int]
Span = tuple[int, int]
_T = TypeVar("_T")


class Strategy(Noun):
    """How one file is cut: at most ``max_words`` a chunk, ``overlap`` words shared, cut where ``separator`` matches."""

    max_words: int = Field(default=500, ge=1)
    overlap: int = Field(default=0, ge=0)
    separator: str = r"(?<=[.!?])\s+"


@dataclass(frozen=True, slots=True)
class SplitOptions:
    """Longest chunk in tokens, and the strategy of this file if it has one."""

    max_tokens: int = 254
    strategy: Strategy | None = None

    @property
    def fingerprint(self) -> str:
        """Hash of all that decides where a text is cut."""
        strategy = self.strategy.model_dump() if self.strategy else None
        return digest("split", ALGORITHM, self.max_tokens, strategy)


@dataclass(frozen=True, slots=True)
class Unit:
    """A block, or a run of blocks that stay together; ``level`` is that of the section's heading."""

    kind: str
    start: int
    end: int
    level: int = 0
    section: int = 0


def split_document(document: Document, options: SplitOptions, count_tokens: Count) -> list[Chunk]:
    """Cut a document into chunks of at most ``options.max_tokens`` tokens, in order, with exact offsets.

    Raises ``DocumentError`` for more than ``MOST_CHUNKS`` blocks or chunks.
    """
    ruler = _Ruler(document.text, options.max_tokens, count_tokens)
    if options.strategy:
        limits = WordLimits(options.strategy.max_words, options.strategy.overlap, options.strategy.separator)
        spans = split_words(document.text, limits, ruler.fits, where=document.id)
    else:
        glued = _glue(_units(document), ruler)
        units = _bounded(piece for unit in glued for piece in _pieces(unit, ruler))
        spans = [(u.start, u.end) for u in _merge_small(_pack(units, ruler), ruler)]
    return _chunks(document, [s for s in _bounded(spans) if re.search(r"\w", document.text[s[0] : s[1]])])


def _bounded(items: Iterable[_T]) -> list[_T]:
    found = list(islice(items, MOST_CHUNKS + 1))
    if len(found) > MOST_CHUNKS:
        raise DocumentError(f"makes more than {MOST_CHUNKS:,} chunks", hint="split the file")
    return found


def _chunks(document: Document, spans: list[Span]) -> list[Chunk]:
    seen: Counter[str] = Counter()
    chunks: list[Chunk] = []
    for ordinal, (start, end) in enumerate(spans):
        text = document.text[start:end]
        chunks.append(
            Chunk(
                id=Chunk.make_id(document.id, text, seen[text]),
                document_id=document.id,
                version=document.version,
                title=document.title,
                text=text,
                start=start,
                end=end,
                ordinal=ordinal,
                page=document.page_at(start),
                headings=document.headings_at(start),
            )
        )
        seen[text] += 1
    return chunks


class _Ruler:
    """Measures spans of one text in tokens."""

    def __init__(self, text: str, max_tokens: int, count: Count) -> None:
        self.text, self.max_tokens, self.count = text, max_tokens, count
        self.max_chars = max_tokens * CHARS_PER_TOKEN

    def tokens(self, start: int, end: int) -> int:
        return self.count(self.text[start:end])

    def fits(self, start: int, end: int) -> bool:
        return end - start <= self.max_chars and self.tokens(start, end) <= self.max_tokens

    def trim(self, start: int, end: int) -> Span | None:
        while start < end and self.text[start].isspace():
            start += 1
        while start < end and self.text[end - 1].isspace():
            end -= 1
        return (start, end) if start < end else None


def _units(document: Document) -> list[Unit]:
    """Give the blocks in order with what lies between them, headings dropped unless they stand alone."""
    found: list[Unit] = []
    levels = {h.start: h.level for h in document.headings}
    level = section = 0
    raw = _bounded(_raw_units(document))
    for at, unit in enumerate(raw):
        if unit.kind != "heading":
            found.append(replace(unit, level=level, section=section))
            continue
        level = next((levels[s] for s in range(unit.start, unit.end) if s in levels), 1)
        section += 1
        following = raw[at + 1] if at + 1 < len(raw) else None
        alone = following is None or (following.kind == "heading" and levels.get(following.start, 1) <= level)
        if alone:
            found.append(replace(unit, level=level, section=section))
    return found


def _raw_units(document: Document) -> Iterator[Unit]:
    text, at = document.text, 0
    marks = [Unit(b.kind, b.start, b.end) for b in document.blocks]
    if not marks:
        marks = [Unit("heading", h.start, _line_end(text, h.start)) for h in document.headings]
    for mark in sorted(marks, key=lambda u: (u.start, u.end)):
        if mark.start < at:  # overlapping marks: the first one holds
            mark = replace(mark, start=at)
        if mark.start >= mark.end or not text[mark.start : mark.end].strip():
            continue
        yield from _paragraphs(text, at, mark.start)
        yield _trimmed(text, mark)
        at = mark.end
    yield from _paragraphs(text, at, len(text))


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def _trimmed(text: str, unit: Unit) -> Unit:
    slice_ = text[unit.start : unit.end]
    start = unit.start + len(slice_) - len(slice_.lstrip())
    return replace(unit, start=start, end=unit.start + len(slice_.rstrip()))


def _paragraphs(text: str, start: int, end: int) -> Iterator[Unit]:
    at = start
    for gap in re.finditer(r"\n[^\S\n]*\n\s*", text[start:end]):
        if text[at : start + gap.start()].strip():
            yield _trimmed(text, Unit("paragraph", at, start + gap.start()))
        at = start + gap.end()
    if text[at:end].strip():
        yield _trimmed(text, Unit("paragraph", at, end))


def _glue(units: list[Unit], ruler: _Ruler) -> list[Unit]:
    """Keep a lead-in that ends with a colon in one unit with the list, table or code it announces."""
    glued: list[Unit] = []
    for unit in units:
        last = glued[-1] if glued else None
        if (
            last is not None
            and unit.kind in ("list", "table", "code")
            and last.kind == "paragraph"
            and last.section == unit.section
            and ruler.text[last.start : last.end].endswith((":", "："))
            and ruler.fits(last.start, last.end)
        ):
            glued[-1] = replace(unit, start=last.start)
        else:
            glued.append(unit)
    return glued


def _pieces(unit: Unit, ruler: _Ruler) -> Iterator[Unit]:
    """Cut a unit that is too long: tables, lists and code by lines, text by sentences."""
    if ruler.fits(unit.start, unit.end):
        yield unit
        return
    spans = [(unit.start, unit.end)] if unit.kind in ("paragraph", "heading") else _line_runs(unit, ruler)
    for start, end in spans:
        for piece in _cut(start, end, ruler):
            yield replace(unit, start=piece[0], end=piece[1])


def _line_runs(unit: Unit, ruler: _Ruler) -> list[Span]:
    """Fill runs of whole lines up to the size; a line that is too long alone is a run of its own."""
    runs: list[Span] = []
    at = unit.start
    while at < unit.end:
        end = min(_line_end(ruler.text, at), unit.end)
        if runs and ruler.fits(runs[-1][0], end):
            runs[-1] = (runs[-1][0], end)
        elif ruler.trim(at, end):
            runs.append((at, end))
        at = end + 1
    return runs


def _cut(start: int, end: int, ruler: _Ruler) -> Iterator[Span]:
    """Cut a span into pieces that fit, at sentence ends where there are any."""
    span = ruler.trim(start, end)
    if span is None:
        return
    start, end = span
    if ruler.fits(start, end):
        yield span
    elif (
        end - start > 8 * ruler.max_chars
        or re.search(rf"\S{{{ruler.max_chars // 4}}}", ruler.text[start:end])
        or len(re.findall(r"[.!?。！？]\s", ruler.text[start:end])) * 8 > end - start
    ):
        # Far too long, blanks are missing, or hardly a word a sentence: halve it first, so that time stays linear.
        middle = _middle(start, end, ruler)
        yield from _cut(start, middle, ruler)
        yield from _cut(middle, end, ruler)
    else:
        yield from _sentences(start, end, ruler)


def _sentences(start: int, end: int, ruler: _Ruler) -> Iterator[Span]:
    at = start
    for piece in _splitter(ruler).split_text(ruler.text[start:end]):
        found = ruler.text.find(piece, at, end)
        if found < 0:  # the splitter changed the text: cut plainly from here on
            break
        yield from _halves(found, found + len(piece), ruler)
        at = found + len(piece)
    if ruler.trim(at, end):
        yield from _halves(at, end, ruler)


def _halves(start: int, end: int, ruler: _Ruler) -> Iterator[Span]:
    span = ruler.trim(start, end)
    if span is None:
        return
    if ruler.fits(*span) or span[1] - span[0] == 1:
        yield span
        return
    middle = _middle(*span, ruler)
    yield from _halves(span[0], middle, ruler)
    yield from _halves(middle, span[1], ruler)


def _middle(start: int, end: int, ruler: _Ruler) -> int:
    """Find a place to cut near the middle: a sentence end, else a blank, else the middle itself."""
    middle, reach = (start + end) // 2, min((end - start) // 4, ruler.max_chars)
    window = ruler.text[middle - reach : middle + reach]
    for pattern in (r"\n\s*|(?<=[.!?。！？])\s+", r"\s+"):
        ends = [middle - reach + m.end() for m in re.finditer(pattern, window)]
        if ends:
            return min(ends, key=lambda at: abs(at - middle))
    return middle


def _splitter(ruler: _Ruler) -> Any:
    from llama_index.core.node_parser import SentenceSplitter

    return SentenceSplitter(
        chunk_size=ruler.max_tokens, chunk_overlap=0, tokenizer=lambda text: range(ruler.count(text))
    )


def _pack(units: list[Unit], ruler: _Ruler) -> list[Unit]:
    """Fill chunks with neighbouring units of the same section."""
    packed: list[Unit] = []
    for unit in units:
        last = packed[-1] if packed else None
        if last and last.section == unit.section and ruler.fits(last.start, unit.end):
            packed[-1] = replace(last, end=unit.end, kind="paragraph")
        else:
            packed.append(unit)
    return packed


def _merge_small(units: list[Unit], ruler: _Ruler) -> list[Unit]:
    """Join a chunk too small to stand alone with its neighbour: the next one of its own or a deeper level, or the last.

    A section never flows into the next one of a higher level, unless it would be a few words alone.
    """
    small = max(1, ruler.max_tokens // 6)
    merged: list[Unit] = []
    sizes: list[int] = []
    for unit in units:
        size = ruler.tokens(unit.start, unit.end)
        if merged and _joins(merged[-1], unit, (sizes[-1], size), small) and ruler.fits(merged[-1].start, unit.end):
            # The chunk takes the level of the higher of its sections.
            level = min(merged[-1].level, unit.level)
            merged[-1] = Unit("paragraph", merged[-1].start, unit.end, level, unit.section)
            sizes[-1] = ruler.tokens(merged[-1].start, merged[-1].end)
        else:
            merged.append(unit)
            sizes.append(size)
    return merged


def _joins(last: Unit, unit: Unit, sizes: tuple[int, int], small: int) -> bool:
    if last.section == unit.section:
        return min(sizes) < small
    if unit.level >= last.level:
        return min(sizes) < small
    return max(sizes) < small


def strategy_for(document: Document, strategies: dict[str, Strategy]) -> Strategy | None:
    """Find the strategy of a file by its document id, its path in the corpus, or ``<folder>/<file>``."""
    tail = "/".join(document.id.split("/")[-2:])
    return next((strategies[key] for key in (document.id, document.path, tail) if key in strategies), None)
