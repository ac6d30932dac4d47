"""Contraries that embeddings take for one another: limits ("over 80 hours", "80 hours or less"), scales, un- and dis-.

A bound is what it limits (a number, or the word that follows) and the side of it that is meant, in whatever words. A
negation before it turns it round: "no more than 80" is "up to 80". "Over 3 years" and "within 3 years" may both mean
throughout. English only.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache

from ragset.kit.measures import NEGATIONS, STOPWORDS, Text, words

LEAST = 5
"""Letters of a word from which on a prefix makes its contrary."""
BESIDES = 2
"""Content words in which two questions may differ besides a contrary."""

_MORE = "(?:more|greater|larger|bigger|longer|higher|older|later|heavier|taller|wider|deeper|farther|further|faster)"
_LESS = "(?:less|fewer|smaller|shorter|lower|younger|earlier|sooner|lighter|narrower|shallower|nearer|slower|cheaper)"
_ABOVE = "over|above|beyond|after|since|at least|in excess of|upwards of|(?:a )?minimum(?: of)?|exceed(?:s|ed|ing)?"
_BELOW = "under|below|beneath|before|until|till|up to|at most|within|short of|(?:a )?max(?:imum)?(?: of)?"
_NUMBER = r"[$€£¥₹]?\d+(?:[.,:]\d+)*"
_BEFORE = re.compile(
    r"(?P<not>(?:\b(?:no|not|never|cannot)|n['’]t)\s+(?:(?:be|go|last|take|cost)\s+)?)?"
    rf"\b(?:(?P<above>{_ABOVE}|{_MORE} than)|(?P<below>{_BELOW}|{_LESS} than))\s+"
    rf"(?:(?:an?|the|its|your|this|that|about|of)\s+){{0,2}}(?P<anchor>{_NUMBER}|[^\W\d_]+)(?P<unit>[ -][^\W\d_]+)?",
    re.IGNORECASE,
)
_BEHIND = re.compile(
    rf"(?P<not>)(?<![\w.,:])(?P<anchor>{_NUMBER})(?P<unit>[ -][^\W\d_]+)?(?:[ -][^\W\d_]+)?,?\s+(?:"
    rf"(?P<above>(?:or|and) (?:{_MORE}|over|above|up|upwards?|beyond|after)|at (?:the )?least|minimum)"
    rf"|(?P<below>(?:or|and) (?:{_LESS}|under|below|before)|at (?:the )?most|max(?:imum)?))\b",
    re.IGNORECASE,
)
_SIGNS = ((r"(?:>=?|≥)\s*(?=\d)", " over "), (r"(?:<=?|≤)\s*(?=\d)", " under "), (r"(?<=\d)\+(?!\w)", " or more"))
_OF_NUMBERS = re.compile(r"after|since|before|until|till|within|(?:a )?m(?:in|ax)", re.IGNORECASE)
"""Words that limit a number; before another word they say other things, or are contraries of their own."""
_TIME = re.compile(r"\W?(?:second|minute|hour|day|week|month|quarter|year|decade|centur)", re.IGNORECASE)
_LETTERS = re.compile(r"[^\W\d_]+")
_THROUGHOUT = frozenset({"over", "within"})
_CONTRARIES = (
    "older younger,oldest youngest,taller shorter,tallest shortest,heavier lighter,heaviest lightest,wider narrower,"
    "widest narrowest,deeper shallower,deepest shallowest,bigger smaller,biggest smallest,greater smaller,greater less,"
    "greatest smallest,greatest least,nearest farthest,closest farthest,most fewest,cheaper dearer,warmer colder,"
    "warmest coldest,hottest coldest,gain loss,gains losses,arrive depart,arrives departs,entry exit,entrance exit,"
    "deposit withdraw,easier harder,easiest hardest,lend borrow,pros cons"
)
_PAIRS = frozenset(frozenset(pair.split()) for pair in _CONTRARIES.split(","))
_PREFIXES = ("un", "dis", "in", "im", "ir", "il", "non", "non-")


@dataclass(frozen=True, slots=True)
class Bound:
    """What is limited, the sides of it that may be meant, as it is written, and where its words stand."""

    anchor: str
    sides: frozenset[str]
    written: str
    spans: tuple[tuple[int, int], ...]


def contrary(one: str, other: str) -> str:
    """Say in which contrary two questions differ ("over 80, not 80 hours or less"); empty when in none."""
    return _opposed(one, other) or _other_word(Text(one), Text(other))


def unbounded(text: str) -> str:
    """Take out the words that set bounds, and leave what they limit; number words become digits."""
    text = _spelt(text)
    for start, end in sorted((span for bound in _bounds(text) for span in bound.spans), reverse=True):
        text = f"{text[:start]} {text[end:]}"
    return text


def same_bounds(one: str, other: str) -> bool:
    """Tell whether two questions set bounds, and the same ones."""
    mine, theirs = _sides(one), _sides(other)
    return bool(mine) and mine.keys() == theirs.keys() and all(mine[anchor] & theirs[anchor] for anchor in mine)


def _opposed(one: str, other: str) -> str:
    """Name two bounds of one thing on different sides; what else is denied on one side only leaves it open."""
    if Text(unbounded(one)).negations % 2 != Text(unbounded(other)).negations % 2:
        return ""
    mine, theirs = _sides(one), _sides(other)
    for anchor in mine.keys() & theirs.keys():
        if not mine[anchor] & theirs[anchor]:
            return f"{_written(one, anchor)}, not {_written(other, anchor)}"
    return ""


def _sides(text: str) -> dict[str, frozenset[str]]:
    found: defaultdict[str, frozenset[str]] = defaultdict(frozenset)
    for bound in _bounds(_spelt(text)):
        found[bound.anchor] |= bound.sides
    return found


def _written(text: str, anchor: str) -> str:
    return next(bound.written for bound in _bounds(_spelt(text)) if bound.anchor == anchor)


@lru_cache(maxsize=2048)
def _spelt(text: str) -> str:
    for sign, said in _SIGNS:
        text = re.sub(sign, said, text)
    return _LETTERS.sub(lambda found: next((w.plain for w in words(found[0]) if w.number), found[0]), text)


@lru_cache(maxsize=2048)
def _bounds(text: str) -> tuple[Bound, ...]:
    found = (*_BEFORE.finditer(text), *_BEHIND.finditer(text))
    return tuple(bound for match in found if (bound := _bound(match)))


def _bound(match: re.Match[str]) -> Bound | None:
    how = match["above"] or match["below"]
    anchor = next(iter(words(match["anchor"])), None)
    if anchor is None or anchor.plain in STOPWORDS | NEGATIONS:
        return None
    if not anchor.number and _OF_NUMBERS.match(how):
        return None
    side = "above" if bool(match["above"]) != bool(match["not"]) else "below"
    throughout = how.lower() in _THROUGHOUT and match["unit"] and _TIME.match(match["unit"])
    sides = frozenset({side, "throughout"} if throughout else {side})
    spans = tuple(match.span(name) for name in ("not", "above", "below") if match[name])
    return Bound(anchor.stem, sides, " ".join(match.group().split()), spans)


def _other_word(one: Text, other: Text) -> str:
    """Name a word and its contrary in two questions that are else nearly the same."""
    mine, theirs = ({word.stem for word in text.content} for text in (one, other))
    if len(mine ^ theirs) > 2 + BESIDES:
        return ""
    for word in sorted(one.plain - other.plain):
        for against in sorted(other.plain - one.plain):
            if frozenset((word, against)) in _PAIRS or _prefixed(word, against) or _prefixed(against, word):
                return f"{word}, not {against}"
    return ""


def _prefixed(word: str, plain: str) -> bool:
    return len(plain) >= LEAST and any(word == prefix + plain for prefix in _PREFIXES)
