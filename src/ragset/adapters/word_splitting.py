"""Cut a text by words: at most so many a chunk, some shared with the next, preferably where a pattern matches."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ragset.errors import DocumentError, UsageError

LONGEST_WORD = 200
PATTERN_SECONDS = 10.0

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class WordLimits:
    """Words a chunk, words shared with the next one, and the pattern between two segments."""

    max_words: int
    overlap: int
    separator: str


def compile_separator(pattern: str, *, where: str = "chunk strategy") -> Any:
    """Compile a separator; raises ``UsageError`` for one that is no regular expression."""
    import regex

    try:
        return regex.compile(pattern)
    except regex.error as error:
        raise UsageError(
            f"separator {pattern!r} is no regular expression ({error})", where=where, hint="correct the pattern"
        ) from error


def split_words(text: str, limits: WordLimits, fits: Callable[[int, int], bool], *, where: str) -> list[Span]:
    """Give spans of at most ``max_words`` words that ``fits`` accepts, each starting with the last words before it.

    A segment that is too long alone is cut between words. ``where`` names the document in errors.
    """
    if limits.overlap >= limits.max_words:
        raise UsageError("overlap must be smaller than max_words", where=where, hint="correct the chunk strategy")
    words = [m.span() for m in re.finditer(rf"\S{{1,{LONGEST_WORD}}}", text)]
    ends = _segment_ends(text, words, limits.separator, where)

    def fit(first: int, last: int) -> bool:
        return last - first <= limits.max_words and fits(words[first][0], words[last - 1][1])

    spans: list[Span] = []
    at = 0
    while at < len(words):
        first, last = _next_chunk(at, ends, limits.overlap if spans else 0, fit)
        spans.append((words[first][0], words[last - 1][1]))
        at = last
    return spans


def _segment_ends(text: str, words: list[Span], separator: str, where: str) -> list[int]:
    """Give the word numbers after which a segment ends, the last one included."""
    starts = [start for start, _ in words]
    try:
        cuts = [m.end() for m in compile_separator(separator, where=where).finditer(text, timeout=PATTERN_SECONDS)]
    except TimeoutError as error:
        raise DocumentError(
            f"the separator {separator!r} takes too long on this text", where=where, hint="simplify the pattern"
        ) from error
    return sorted({bisect_left(starts, cut) for cut in cuts} - {0} | {len(words)})


def _next_chunk(at: int, ends: list[int], overlap: int, fit: Callable[[int, int], bool]) -> Span:
    """Choose words ``first`` to ``last`` (exclusive): new words from ``at`` on, up to ``overlap`` old ones before."""
    following = ends[bisect_left(ends, at + 1)]
    first = max(0, at - overlap)
    if not fit(at, following):  # the segment is too long alone: fill up with its words
        while first < at and not fit(first, at + 1):
            first += 1
        return first, _longest(first, at + 1, following, fit)
    while not fit(first, following):  # a whole segment is worth more than a full overlap
        first += 1
    for end in ends[bisect_left(ends, following) :]:
        if not fit(first, end):
            break
        following = end
    return first, following


def _longest(first: int, low: int, high: int, fit: Callable[[int, int], bool]) -> int:
    """Find by halving the largest ``last`` in [low, high] that fits; ``low`` is taken in any case."""
    while low < high:
        middle = (low + high + 1) // 2
        if fit(first, middle):
            low = middle
        else:
            high = middle - 1
    return low
