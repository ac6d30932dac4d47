"""What a text says otherwise than a claim: it counts the same things otherwise, or it denies what is claimed.

Overlap of words cannot see either: "4 weekends" is all there in a text of three weekends from 4 May on, and "cards can
be returned within 45 days" where goods can and cards cannot. Both rules speak only where the text itself names what is
claimed, and read English only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations

from ragset.kit.hard_facts import is_counting
from ragset.kit.languages import after_yes_or_no
from ragset.kit.measures import NEGATIONS, STOPWORDS, Text, words
from ragset.kit.question_form_words import word_set

SENTENCES = 100
"""Sentences of a claim that are looked at; one of more is no answer."""
ROUNDED = 0.2
"""Share of a number by which one that ends in a zero may miss it ("over 130" of 131)."""
DIGITS = 12
"""Digits up to which a number counts something."""
MANY = 40
"""Counts of one thing among which a sum or a difference is looked for."""
SUBJECT_AND_VERB = 2
"""Content words that a denial has at least: one says too little of what it denies."""
AMONG = 2
"""Words that may stand among those of a denial in the claim that says it plainly."""

_TOKEN = re.compile(r"\d+(?:[.,:]\d+)*|[^\W\d_]+(?:'[^\W\d_]+)?|[^\w\s]")
_PARTED = re.compile(r"(?<=\d), (?=\d{3}\b)")
_NO_DENIAL = re.compile(
    r"\b(?:no|none|nobody|nothing|never|not|cannot|\w+n't)\b.*\b(?:than|until|till|before|unless)\b"
    r"|\b(?:no matter|or not|not only)\b|\bno\.?\s*\d",
    re.IGNORECASE | re.DOTALL,
)
"""A negation that compares, or says when or whether something is so, denies nothing."""
_LIMITS = word_set(
    "over under above below within between from about around nearly almost roughly approximately every each per than "
    "least most maximum minimum exceeding exceeds beyond"
)
"""Words before a number that is a limit, or so much of something else: other numbers may be as true."""
_RATES = word_set("a an per each every or")
"""Words behind what is counted, where the count is a rate or a limit ("9 hours a day", "9 hours or more")."""
_LINKS = word_set("to or and")
_RANGED = re.compile(r"\d[-–—]\Z")
"""What stands before the end of a range ("1979–80"), which may be written in full or be either end."""
_YEAR = re.compile(r"1\d{3}|20\d\d")
_SIGNS = frozenset("$€£¥₹#")
_LABELS = word_set(
    "number no item step stage phase part chapter section page figure fig table line row column level grade class type "
    "version appendix article rule clause paragraph question answer example option room gate platform"
)
"""Words that a number behind them names, and does not count."""
_SHAPES = word_set("square cubic degree degrees nautical fluid")
"""Words before a unit that say less than the unit."""
_LIGHT = word_set(
    "a an the am is are was were be been being do does did have has had can could may might must shall should will "
    "would also"
)
"""Words that a denial may have and its claim lack without a difference."""
_PRONOUNS = word_set("it they them he she his her its their this that these those we you i such one ones which who")
_EXCEPTS = re.compile(
    r"\b(?:except\w*|exclu\w+|unless|only|forbid\w*|prohibit\w*|avoid\w*|prevent\w*|banned|impossible|false|wrong"
    r"|un(?!der|i|til)\w{4,})\b",
    re.IGNORECASE,
)
"""A claim with one of these may deny in its own way."""


def contradiction(context: str, claim: str, question: str = "") -> str | None:
    """Say what a context says otherwise than a claim that answers the ``question``; none when nothing is found."""
    source = _source(context)
    for sentence in (Text(claim).sentences or (Text(claim),))[:SENTENCES]:
        if sentence.words and (found := _miscounted(sentence, source) or _denied(sentence, source, question)):
            return found
    return None


@dataclass(frozen=True, slots=True)
class _Count:
    """A number and the stem of what it counts; ``left_out`` where a text does not say that ("of the eight, three")."""

    value: str
    noun: str
    plain: str
    left_out: bool


@dataclass(frozen=True, slots=True)
class _Denial:
    """A sentence that denies: its content words, and the little ones that say when or where."""

    text: Text
    stems: frozenset[str]
    function_words: frozenset[str]


class _Source:
    """A context taken apart once, for any number of claims."""

    def __init__(self, context: str) -> None:
        self.text = Text(context)

    @cached_property
    def counts(self) -> frozenset[_Count]:
        return frozenset(_counts(self.text))

    @cached_property
    def denials(self) -> tuple[_Denial, ...]:
        found: list[_Denial] = []
        for one in self.text.sentences:
            stems = frozenset(word.stem for word in one.content)
            whole = len(stems) >= SUBJECT_AND_VERB and not one.plain & _PRONOUNS and not one.text.endswith("?")
            if whole and one.negations % 2 and not _NO_DENIAL.search(one.text):
                found.append(_Denial(one, stems, (one.plain & STOPWORDS) - _LIGHT))
        return tuple(found)

    def follows(self, sentence: Text) -> Text | None:
        """Give the sentence that holds most of another one's words, half of them at least; the first among equals."""
        wanted = {word.stem for word in sentence.content if not word.number}
        best = max(self.text.sentences, key=lambda one: len(wanted & one.stems), default=None)
        return best if best and 2 * len(wanted & best.stems) >= len(wanted) else None

    def says(self, wanted: set[str]) -> bool:
        """Tell whether a sentence that denies nothing holds all of some stems."""
        return any(wanted <= one.stems for one in self.text.sentences if not one.negations)


@lru_cache(maxsize=64)
def _source(context: str) -> _Source:
    return _Source(context)


def _miscounted(sentence: Text, source: _Source) -> str | None:
    """Name what a sentence counts otherwise than the sentence of its source that it follows.

    A number that counts the same elsewhere, that may do so, or that may be worked out or rounded is let pass.
    """
    said = [count for count in dict.fromkeys(_counts(sentence)) if count.noun]
    if not said or (best := source.follows(sentence)) is None:
        return None
    there = set(_counts(best))
    for count in said:
        other = {one.value for one in there if one.noun == count.noun}
        told = any(_told(count, one) for one in source.counts)
        if not other or told or _worked_out(count, source.counts, there):
            continue
        return f"the text counts {', '.join(sorted(other))} {count.plain}, not {count.value}"
    return None


def _told(count: _Count, one: _Count) -> bool:
    """Tell whether one number of the source may be that count: of the same thing, or of one left out."""
    return (one.noun == count.noun or one.left_out) and (one.value == count.value or _rounded(count.value, one.value))


def _rounded(value: str, exact: str) -> bool:
    return value.endswith("0") and abs(int(value) - int(exact)) <= ROUNDED * int(exact)


def _worked_out(count: _Count, theirs: Iterable[_Count], there: Iterable[_Count]) -> bool:
    """Tell whether other counts give this one: those of its noun as sum or difference, those ``there`` as product.

    A number ``there`` whose noun is left out may be of this one.
    """
    value, beside = int(count.value), list(there)
    own = {int(one.value) for one in theirs if one.noun == count.noun}
    same = sorted(own | {int(one.value) for one in beside if one.left_out})[:MANY]
    near = sorted({int(one.value) for one in beside})[:MANY]
    added = any(value in (one + other, other - one) for one, other in combinations(same, 2))
    return added or value == sum(own) or any(value == one * other for one, other in combinations(near, 2))


def _counts(text: Text) -> Iterator[_Count]:
    """Give the whole numbers of a text, each with the word that it counts; a date and a label count nothing."""
    tokens: list[str] = _TOKEN.findall(_PARTED.sub(",", text.text))
    for at, token in enumerate(tokens):
        behind = _behind(tokens, at)
        noun = behind if _countable(behind) and _exact(tokens, at, behind) else ""
        value = "1" if noun and token.lower() == "one" else _value(token)
        if value is not None:
            stem = words(noun)[0].stem if noun else ""
            yield _Count(value, stem, noun, not noun and not _is_of(token, behind) and not _named(tokens, at))


def _exact(tokens: Sequence[str], at: int, noun: str) -> bool:
    """Tell a count from the end of a range, a limit, a rate and a label."""
    before = [token.lower() for token in tokens[max(0, at - 2) : at]]
    if not before:
        return True
    first = before[0] if _YEAR.fullmatch(before[0]) is None else ""
    linked = before[-1] in _LINKS and (first == "up" or _value(first) is not None)
    if linked or _RANGED.search("".join(before)) or before[-1] in _LIMITS | _LABELS:
        return False
    after = tokens[tokens.index(noun, at) + 1 :][:1]
    return not after or after[0].lower() not in _RATES


def _behind(tokens: Sequence[str], at: int) -> str:
    """Give what stands behind a number, or behind its hyphen: of "square miles" the miles."""
    after = [one for one in tokens[at + 1 : at + 4] if one != "-"]
    shaped = len(after) > 1 and after[0].lower() in _SHAPES and _countable(after[1])
    return after[shaped] if after else ""


def _is_of(token: str, behind: str) -> bool:
    """Tell whether a number is a year, or has a unit, a month or a scale behind it."""
    return _YEAR.fullmatch(token) is not None or behind == "%" or (behind.isalpha() and behind.lower() not in STOPWORDS)


def _named(tokens: Sequence[str], at: int) -> bool:
    """Tell whether what stands before a number says what it is: a label, a name or a sign."""
    before = tokens[at - 1] if at else ""
    return before.lower() in _LABELS or before in _SIGNS or (before[:1].isupper() and at > 1)


def _value(token: str) -> str | None:
    found = words(token) if len(token) <= DIGITS else ()
    return found[0].plain if len(found) == 1 and found[0].number and found[0].plain.isdecimal() else None


def _countable(token: str) -> bool:
    plain = token.lower()
    return plain.isalpha() and len(plain) > 2 and plain not in STOPWORDS | NEGATIONS and not is_counting(plain)


def _denied(sentence: Text, source: _Source, question: str) -> str | None:
    """Name a sentence of the source, all of whose words a claim says plainly in one place, but for its denial.

    A yes says its question. What the source says elsewhere without a denial, and a claim that denies or excepts
    something itself, is let pass.
    """
    if not source.denials:
        return None
    rest = after_yes_or_no(sentence.text, "en")
    if rest is not None and sentence.words[0].plain != "yes":
        return None
    said = [sentence] if rest is None else [text for text in (Text(rest), Text(question)) if text.words]
    if any(text.negations or _EXCEPTS.search(text.text) for text in said):
        return None
    told = next((one for one in source.denials if any(_repeats(text, one) for text in said)), None)
    if told is None or source.says({word.stem for text in said for word in text.content}):
        return None
    return f"the text says: {' '.join(told.text.text.split())}"


def _repeats(text: Text, denial: _Denial) -> bool:
    """Tell whether a text has the content words of a denial close together, and its prepositions and conditions."""
    if not denial.stems <= text.stems or not denial.function_words <= text.plain:
        return False
    return _together(denial.stems, [word.stem for word in text.words], len(denial.text.words) + AMONG)


def _together(wanted: frozenset[str], stems: Sequence[str], size: int) -> bool:
    return any(wanted <= set(stems[at : at + size]) for at in range(max(1, len(stems) - size + 1)))
