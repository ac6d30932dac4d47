"""Put a pair that came from elsewhere into the documents: where its contexts stand, and what there proves its answer.

A context is found word for word, else but for white space and typography, else as the part of a document that holds
most of its words. What proves an answer is the place where each of its statements stands, or the sentence (or two) that
holds most of the statement's words; of several, the one that has more of the question.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ragset.kit.languages import says_yes_or_no
from ragset.kit.locating import folded_text, locate
from ragset.kit.measures import Text, sentences
from ragset.schema.documents import Chunk, Document
from ragset.schema.samples import Evidence

ASKED = 0.4
"""Weight of the question's words in a sentence, beside those of the answer's statement."""
AROUND = 0.5
"""What a word of the question counts that stands in the sentence's chunk or its headings only."""
ENOUGH = 0.6
"""Share of a statement's words from which one sentence is enough."""
GAIN = 0.2
"""Share that a second sentence must add."""
MOST_STATEMENTS = 12
"""Statements of an answer that are looked for."""
OWN_PART = 0.5
"""Share of its words that a chunk beside the best one must have in common with a context to be a part of it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a given context stands: ``text[start:end]`` of a document, and how it was found."""

    document_id: str
    start: int
    end: int
    how: str


@dataclass(frozen=True, slots=True)
class Found:
    """A chunk that may hold the proof, which part of it counts (offsets in the document), and how near it is."""

    chunk: Chunk
    start: int
    end: int
    nearness: float = 0.0


@dataclass(frozen=True, slots=True)
class _Sentence:
    text: Text
    start: int
    end: int
    found: Found


def exact_place(text: str, document: Document) -> Place | None:
    """Find a context word for word."""
    wanted = text.strip()
    at = document.text.find(wanted) if wanted else -1
    return Place(document.id, at, at + len(wanted), "exact") if at >= 0 else None


def near_place(text: str, document: Document, chunk: Chunk) -> Place | None:
    """Find a context but for white space and typography, around a chunk that resembles it."""
    start = max(0, chunk.start - 2 * len(text))
    window = document.text[start : chunk.end + 2 * len(text)]
    wanted = folded_text(text.strip())[0].strip()
    plain, offsets = folded_text(window)
    at = plain.find(wanted) if wanted else -1
    if at < 0:
        return None
    return Place(document.id, start + offsets[at], start + offsets[at + len(wanted) - 1] + 1, "typography")


def similar_place(text: str, chunk: Chunk, chunks: Sequence[Chunk], least: float) -> Place | None:
    """Find the part of a document, a chunk and its neighbours, that holds at least ``least`` of a context's words."""
    wanted = _stems(text)
    if not wanted:
        return None
    at = next((number for number, other in enumerate(chunks) if other.id == chunk.id), None)
    if at is None:
        return None
    first, last = _grown(chunks, at, wanted, len(text))
    held = frozenset[str]().union(*(_stems(other.text) for other in chunks[first : last + 1]))
    if len(wanted & held) < least * len(wanted):
        return None
    return Place(chunk.document_id, chunks[first].start, chunks[last].end, "similar")


def _grown(chunks: Sequence[Chunk], at: int, wanted: frozenset[str], length: int) -> tuple[int, int]:
    """Add neighbours that are mostly made of the context's words, for as long as the context is longer."""
    first = last = at
    while chunks[last].end - chunks[first].start < length:
        before = _common(chunks, first - 1, wanted)
        after = _common(chunks, last + 1, wanted)
        if max(before, after) < OWN_PART:
            break
        first, last = (first - 1, last) if before > after else (first, last + 1)
    return first, last


def _common(chunks: Sequence[Chunk], at: int, wanted: frozenset[str]) -> float:
    if not 0 <= at < len(chunks):
        return 0.0
    own = _stems(chunks[at].text)
    return len(own & wanted) / len(own) if own else 0.0


@lru_cache(maxsize=2048)
def _stems(text: str) -> frozenset[str]:
    said = Text(text)
    return frozenset(word.stem for word in said.content) or said.stems


def chunks_in(place: Place, chunks: Iterable[Chunk]) -> list[Found]:
    """Give the chunks that a place touches, with the part of each that lies in it."""
    parts = (Found(c, max(c.start, place.start), min(c.end, place.end)) for c in chunks)
    return [part for part in parts if part.start < part.end]


def cut(start: int, end: int, found: Sequence[Found]) -> list[tuple[Evidence, Chunk]]:
    """Cut a span at the chunks, so that every piece lies whole in one; what lies in none is left out."""
    pieces: list[tuple[Evidence, Chunk]] = []
    at = start
    for part in found:
        first, last = max(at, part.chunk.start), min(end, part.chunk.end)
        if first < last and (quote := part.chunk.text[first - part.chunk.start : last - part.chunk.start]).strip():
            lead = len(quote) - len(quote.lstrip())
            pieces.append((_evidence(part.chunk, first + lead, first + lead + len(quote.strip())), part.chunk))
            at = last
    return pieces


def most_asked(question: str, found: Sequence[Found], most: int) -> list[Found]:
    """Give at most so many chunks, those with most of the question's words, in their own order."""
    asked = _stems(question)
    best = sorted(range(len(found)), key=lambda at: (-len(asked & _stems(found[at].chunk.text)), at))[:most]
    return [found[at] for at in sorted(best)]


def proofs(answer: str, question: str, found: Sequence[Found]) -> tuple[list[tuple[Evidence, Chunk]], float]:
    """Give what proves an answer best, statement by statement, and which share of its statements stands verbatim."""
    said = (sentences(answer) or [answer])[:MOST_STATEMENTS]
    asked = Text(question)
    pool = [sentence for part in found for sentence in _sentences(part)]
    proved: dict[Evidence, Chunk] = {}
    verbatim = 0
    for statement in said:
        spans, whole = _proof(statement, asked, pool)
        verbatim += whole
        proved.update(spans)
    return list(proved.items()), round(verbatim / len(said), 4)


def _proof(statement: str, asked: Text, pool: Sequence[_Sentence]) -> tuple[list[tuple[Evidence, Chunk]], bool]:
    wanted = Text(statement)
    stems = frozenset(word.stem for word in wanted.content) or wanted.stems
    bare = not wanted.content or (says_yes_or_no(statement, "en") and len(wanted.words) == 1)
    scores = [_score(sentence, stems, asked, bare=bare) for sentence in pool]
    order = sorted(range(len(pool)), key=lambda at: (-scores[at], at))
    if not bare:
        for at in order:
            if stems <= pool[at].text.stems and (span := _verbatim(statement, pool[at])):
                return [span], True
    if not order:
        return [], False
    best = pool[order[0]]
    chosen = [best]
    if not bare and len(stems & best.text.stems) < ENOUGH * len(stems):
        chosen += _second(best, stems, [pool[at] for at in order[1:]])
    return [(_evidence(s.found.chunk, s.start, s.end), s.found.chunk) for s in chosen], False


def _score(sentence: _Sentence, stems: frozenset[str], asked: Text, *, bare: bool) -> float:
    held = 0.0 if bare else len(stems & sentence.text.stems) / len(stems)
    question = frozenset(word.stem for word in asked.content)
    chunk = sentence.found.chunk
    around = _stems(" ".join((chunk.title, *chunk.headings, chunk.text)))
    near = len(question & sentence.text.stems) + AROUND * len((question & around) - sentence.text.stems)
    return held + ASKED * near / max(1, len(question)) + sentence.found.nearness


def _second(best: _Sentence, stems: frozenset[str], others: Iterable[_Sentence]) -> list[_Sentence]:
    lacking = stems - best.text.stems
    gains = [(len(lacking & other.text.stems), other) for other in others]
    gain, other = max(gains, key=lambda pair: pair[0], default=(0, best))
    return [other] if gain >= max(1.0, GAIN * len(stems)) else []


def _verbatim(statement: str, sentence: _Sentence) -> tuple[Evidence, Chunk] | None:
    """Find a statement as whole words in a sentence; its full stop may be missing there."""
    chunk = sentence.found.chunk
    piece = chunk.model_copy(update={"text": sentence.text.text, "start": sentence.start, "end": sentence.end})
    for wanted in dict.fromkeys((statement, statement.rstrip(".。!?"))):
        span = locate(wanted, [piece])
        if span and _whole(chunk.text, span.start - chunk.start, span.end - chunk.start):
            return span, chunk
    return None


def _whole(text: str, start: int, end: int) -> bool:
    """Tell whether a span begins and ends at the edge of a word, in scripts that have blanks between words."""
    return not _joined(text[start - 1 : start], text[start]) and not _joined(text[end - 1], text[end : end + 1])


def _joined(one: str, other: str) -> bool:
    letters = one.isalnum() and other.isalnum()
    return letters and not {unicodedata.category(one), unicodedata.category(other)} & {"Lo"}


def _sentences(part: Found) -> Iterator[_Sentence]:
    """Give the sentences of the part of a chunk that counts; one that is cut by its edge counts whole."""
    chunk, at = part.chunk, 0
    for text in sentences(chunk.text):
        at = chunk.text.find(text, at)
        start, at = chunk.start + at, at + len(text)
        if start < part.end and start + len(text) > part.start:
            yield _Sentence(_text(text), start, start + len(text), part)


@lru_cache(maxsize=8192)
def _text(text: str) -> Text:
    return Text(text)


def _evidence(chunk: Chunk, start: int, end: int) -> Evidence:
    quote = chunk.text[start - chunk.start : end - chunk.start]
    return Evidence(document_id=chunk.document_id, version=chunk.version, start=start, end=end, quote=quote)
