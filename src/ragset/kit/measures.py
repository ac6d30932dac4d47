"""Measures of text against text: words, stems, sentences, coverage. Plain Python, deterministic, English-minded."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

_STOPWORDS = (
    "a about above after again all also am an and any are as at be because been before being below between "
    "both but by can could did do does doing down during each either else etc even ever every few for from "
    "further had has have having he her here hers herself him himself his how however i if in into is it its "
    "itself just let like me more most much must my myself of off on once one ones only or other our ours out "
    "over own per same shall she should since so some such than that the their theirs them themselves then "
    "there therefore these they this those though through thus to too under until up upon us very via was we "
    "were what whatever when where whereas whether which while who whom whose why will with within would yet "
    "you your yours yourself s t d ll m re ve"
)
STOPWORDS = frozenset(_STOPWORDS.split())
"""Words that carry no fact of their own. Negations are no stop words."""

_NEGATIONS = (
    "no not never none nothing nobody neither nor cannot without n't hardly barely lack lacks lacking fails "
    "fail failed unable refuse refuses refused denied denies deny"
)
NEGATIONS = frozenset(_NEGATIONS.split())
"""Words that turn a statement round."""

_OPPOSITES = (
    "increase decrease,increases decreases,increased decreased,rise fall,rises falls,rose fell,"
    "up down,above below,before after,first last,true false,enable disable,enables disables,"
    "enabled disabled,allow forbid,allows forbids,allowed forbidden,accept reject,accepts rejects,"
    "accepted rejected,include exclude,includes excludes,included excluded,add remove,adds removes,"
    "added removed,more less,more fewer,most least,maximum minimum,max min,high low,higher lower,"
    "highest lowest,large small,larger smaller,largest smallest,long short,longer shorter,"
    "longest shortest,fast slow,faster slower,always never,always sometimes,required optional,"
    "mandatory optional,start stop,starts stops,start end,begin end,begins ends,open close,"
    "opens closes,opened closed,win lose,won lost,good bad,better worse,best worst,early late,"
    "earlier later,left right,north south,east west,public private,positive negative,"
    "same different,internal external,input output,read write,import export,old new,older newer,"
    "strong weak,stronger weaker,safe unsafe,with without,all none,all some,many few,hot cold,"
    "warm cool,male female,man woman,men women,king queen,father mother,son daughter,"
    "brother sister,husband wife,buy sell,bought sold,send receive,sends receives,sent received,"
    "upper lower,outer inner,synchronous asynchronous,mutable immutable,ascending descending,"
    "encrypt decrypt,valid invalid,visible hidden,possible impossible,legal illegal,active inactive,"
    "local remote"
)

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty"
)
_TENS = "thirty forty fifty sixty seventy eighty ninety"
_NUMBER_WORDS = {word: str(at) for at, word in enumerate(_UNITS.split())} | {
    word: str(10 * at) for at, word in enumerate(_TENS.split(), start=3)
}

_MEASURES = (
    "millisecond ms,second sec,minute min,hour hr,day,week,month,quarter,year yr,decade,century,"
    "millimetre mm millimeter,centimetre cm centimeter,metre m meter,kilometre km kilometer,inch,foot ft feet,"
    "yard,mile mi,milligram mg,gram g,kilogram kg,tonne ton,ounce oz,pound lb £,millilitre ml milliliter,"
    "litre l liter,gallon,bar,psi,pascal pa,kpa,mpa,volt v,watt w,kilowatt kw,megawatt mw,ampere amp,hertz hz,"
    "khz,mhz,ghz,bit,byte,kb kilobyte,mb megabyte,gb gigabyte,tb terabyte,kib,mib,gib,joule,calorie,kcal,"
    "percent % pct,degree °,celsius °c,fahrenheit °f,kelvin,hundred,thousand,million,billion,trillion,"
    "dollar $ usd,euro € eur,yen ¥ jpy,rupee ₹ inr,cent,rpm,mph,kmh,dozen"
)
_QUANTITY = re.compile(
    r"(?:(?<![^\s(\[\"“'])(?P<sign>[-−–](?=[$€£¥₹]?\d)|minus\s))?(?:(?P<coin>[$€£¥₹])[ \u00a0]?)?"
    r"(?P<number>(?<![^\W_])\d+(?:[.,:]\d+)*(?![\d])|(?<![^\W_])(?:NUMBERS)(?![^\W_]))"
    r"(?P<sign_after>\s?(?:%|°\s?[CF]?(?![^\W_])))?(?P<rest>(?:[ \t-]?[^\W\d_]+){0,2})".replace(
        "NUMBERS", "|".join(sorted((w for w in _NUMBER_WORDS if w != "one"), key=len, reverse=True))
    ),
    re.IGNORECASE,
)

_WORD = re.compile(r"\d+(?:[.,:]\d+)*(?:st|nd|rd|th|s)?(?![^\W_])|[^\W_]+(?:[.+#_-][^\W_]+)*(?:'(?:s|t|re|ve|ll|d|m))?")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*(?:st|nd|rd|th|s)?\Z")
_NUMBER_END = re.compile(r"(?:st|nd|rd|th|s)\Z")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”’)\]]*\s+(?=[\"'“‘(\[]?[^\W_a-z])|\n\s*\n|\n(?=\s*(?:[-*•]|\d+[.)])\s)")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|cf|Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|No|Fig|Inc|Ltd|Co|approx|ca|U\.S|al)|\b[A-Z])\.\s*\Z"
)
_REACH = 20
"""Characters before the end of a sentence in which an abbreviation begins."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word: its plain form (lower case), its stem, and what kind of word it is.

    ``name`` is a capitalised word inside a sentence or one with capitals or digits inside; ``capital`` is any word
    that begins with a capital, so it may be a name even where it opens a sentence.
    """

    plain: str
    stem: str
    number: bool
    name: bool
    capital: bool

    @property
    def weight(self) -> float:
        """What the word counts in coverage, in place of an idf: numbers and names more, short words less."""
        kind = 2.0 if self.number else 1.6 if self.name else 1.0
        return kind * min(1.0, 0.4 + len(self.plain) / 10)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its sign, its currency or unit sign (``marks``), and the stems of the words right after it."""

    value: str
    negative: bool
    marks: frozenset[str]
    units: tuple[str, ...]

    @property
    def plain(self) -> str:
        """The quantity as one reads it in a reason."""
        return " ".join([("-" if self.negative else "") + self.value, *sorted(self.marks), *self.units[:1]])

    def agrees(self, other: Quantity) -> bool:
        """Tell whether two quantities of one value can be the same: sign, currency and unit do not differ."""
        if self.negative != other.negative:
            return False
        if self.marks or other.marks:
            return self._marked() >= other.marks and other._marked() >= self.marks
        if not self.units or not other.units or not measured(self.units[0], other.units[0]):
            return True
        both = known_unit(self.units[0]) and known_unit(other.units[0])
        return self.units[0] == other.units[0] if both else bool(set(self.units) & set(other.units))

    def _marked(self) -> frozenset[str]:
        degrees = {"degree"} if self.marks & {"celsius", "fahrenheit"} else set[str]()
        return self.marks | frozenset(self.units) | degrees


_NOT = Word("n't", "n't", False, False, False)


class Text:
    """A text taken apart once: sentences, words, stems."""

    def __init__(self, text: str) -> None:
        """Take a text apart (lazily)."""
        self.text = text

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """All words in order."""
        return words(self.text)

    @cached_property
    def content(self) -> tuple[Word, ...]:
        """The words that carry facts, in order."""
        return tuple(content(self.words))

    @cached_property
    def plain(self) -> frozenset[str]:
        """The plain forms that occur."""
        return frozenset(w.plain for w in self.words)

    @cached_property
    def negations(self) -> int:
        """How many of the words turn a statement round."""
        return sum(w.plain in NEGATIONS for w in self.words)

    @cached_property
    def polarity(self) -> tuple[frozenset[str], frozenset[str]]:
        """The stems said plainly, and those under a negation (the first content word within three after it)."""
        plainly, negated, reach = set[str](), set[str](), 0
        for word in self.words:
            if word.plain in NEGATIONS:
                reach = 4
            elif word.plain not in STOPWORDS:
                (negated if reach > 0 else plainly).add(word.stem)
                reach = 0
            reach -= 1
        return frozenset(plainly), frozenset(negated)

    @cached_property
    def stems(self) -> frozenset[str]:
        """The stems that occur."""
        return frozenset(w.stem for w in self.words)

    @cached_property
    def quantities(self) -> tuple[Quantity, ...]:
        """The numbers in order, each with its sign and unit."""
        return tuple(quantities(self.text))

    @cached_property
    def line(self) -> str:
        """The plain words in order, one space around each: a copy to the word is a part of it."""
        return f" {' '.join(w.plain for w in self.words)} "

    @cached_property
    def bigrams(self) -> frozenset[tuple[str, str]]:
        """Pairs of stems that follow one another, stop words left out."""
        return frozenset(bigrams(self.words))

    @cached_property
    def sentences(self) -> tuple[Text, ...]:
        """The sentences, each taken apart."""
        return tuple(Text(s) for s in sentences(self.text))


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """Cut an English word to a stem: plural, -ing, -ed, -ly and the commonest noun endings (a light Porter)."""
    if len(word) <= 3 or not word.isalpha():
        return word
    for ending, put, least in _SUFFIXES:
        if word.endswith(ending) and len(word) - len(ending) >= least:
            word = word[: -len(ending)] + put
            break
    for ending, put, least in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= least:
            word = word[: -len(ending)] + put
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word[-1] in "ey" else word


_SUFFIXES = (
    ("sses", "ss", 2), ("ies", "y", 2), ("ied", "y", 2), ("ss", "ss", 1), ("us", "us", 1), ("is", "is", 1),
    ("s", "", 3),
)  # fmt: skip
_ENDINGS = (
    ("ization", "ize", 2), ("isation", "ize", 2), ("ation", "ate", 3), ("ition", "ite", 3), ("ising", "ize", 2),
    ("izing", "ize", 2), ("ised", "ize", 2), ("ise", "ize", 3), ("fully", "ful", 2), ("ement", "e", 4), ("ment", "", 4),
    ("ness", "", 3), ("ingly", "", 3), ("edly", "", 3), ("ally", "al", 3), ("ly", "", 3), ("ing", "", 3), ("ed", "", 3),
    ("ance", "", 4), ("ence", "", 4), ("er", "", 4), ("or", "", 4), ("ity", "", 4), ("ive", "", 4), ("ion", "", 4),
)  # fmt: skip


def words(text: str) -> tuple[Word, ...]:
    """Take a text apart into words; number words up to ninety become digits."""
    text = unicodedata.normalize("NFKC", text).replace("’", "'")
    found: list[Word] = []
    for match in _WORD.finditer(text):
        raw = match[0]
        found += _word(raw, raw[0].isupper() and _opens(text, match.start()))
    return tuple(found)


def _opens(text: str, start: int) -> bool:
    """Tell whether a word opens a sentence (or a line), where a capital says nothing."""
    before = text[max(0, start - 4) : start].rstrip(" \t\"'“‘(*_[")
    return not before or before[-1] in ".!?:\n•-"


@lru_cache(maxsize=65536)
def _word(raw: str, opening: bool) -> tuple[Word, ...]:
    plain = raw.lower()
    if plain.endswith("n't"):
        return (*_word(raw[:-3], opening), _NOT) if len(plain) > 3 else ()
    if "'" in plain:
        head, _, tail = raw.partition("'")
        return _word(head, opening) if tail else ()
    if _NUMBER.match(plain):
        value = _NUMBER_END.sub("", plain).replace(",", "")
        return (Word(value, value, True, False, False),)
    if plain in _NUMBER_WORDS and plain != "one":
        return (Word(_NUMBER_WORDS[plain], _NUMBER_WORDS[plain], True, False, False),)
    inside = any(c.isupper() for c in raw[1:]) or any(c.isdigit() for c in raw)
    name = inside or (raw[0].isupper() and not opening)
    said = plain not in STOPWORDS
    return (Word(plain, stem(plain), any(c.isdigit() for c in raw), name and said, raw[0].isupper() and said),)


def quantities(text: str) -> list[Quantity]:
    """Read the numbers of a text with sign, currency and unit."""
    found: list[Quantity] = []
    for match in _QUANTITY.finditer(unicodedata.normalize("NFKC", text)):
        number = match["number"].lower()
        signs = (match["coin"] or "", re.sub(r"\s", "", match["sign_after"] or "").lower())
        marks = frozenset(_canonical()[sign] for sign in signs if sign)
        after = [w for w in re.split(r"[\s-]+", match["rest"].lower()) if w]
        if after[:2] == ["per", "cent"]:
            after = ["percent"]
        units = tuple(_canonical().get(w) or _canonical().get(stem(w)) or stem(w) for w in _until_stop(after))
        value = _NUMBER_WORDS.get(number, number).replace(",", "")
        found.append(Quantity(value, bool(match["sign"]), marks, units))
    return found


def _until_stop(after: list[str]) -> list[str]:
    """Keep the words before the first stop word; one letter may be a unit (``5 m``)."""
    return list(itertools.takewhile(lambda w: w in _canonical() or w not in STOPWORDS, after))


@lru_cache(maxsize=1)
def _canonical() -> dict[str, str]:
    """Units and currencies by every form and stem of theirs, each with its first form."""
    forms = [group.split() for group in _MEASURES.split(",")]
    return {form: group[0] for group in forms for word in group for form in (word, word + "s", stem(word))}


def known_unit(word: str) -> bool:
    """Tell whether a word is a unit or currency this module knows."""
    return word in _canonical()


def measured(one: str, other: str) -> bool:
    """Tell whether at least one of two words is a unit, so that a difference between them is one of substance."""
    return known_unit(one) or known_unit(other)


def content(found: Iterable[Word]) -> list[Word]:
    """Leave out stop words and negations."""
    return [w for w in found if w.plain not in STOPWORDS and w.plain not in NEGATIONS]


def bigrams(found: Sequence[Word]) -> list[tuple[str, str]]:
    """Pairs of neighbouring content stems."""
    kept = [w.stem for w in content(found)]
    return list(itertools.pairwise(kept))


def sentences(text: str) -> list[str]:
    """Split a text into sentences, list items and paragraphs; abbreviations do not end one."""
    pieces: list[str] = []
    start = 0
    for match in _SENTENCE_END.finditer(text):
        begin = max(start, match.start() - _REACH)
        if "\n" not in match.group() and _ABBREVIATION.search(text, begin, match.start() + 1):
            continue
        pieces.append(text[start : match.end()].strip())
        start = match.end()
    pieces.append(text[start:].strip())
    return [p for p in pieces if p and any(c.isalnum() for c in p)]


@lru_cache(maxsize=1)
def opposites() -> dict[str, frozenset[str]]:
    """Words and what means the contrary."""
    pairs: dict[str, set[str]] = {}
    for pair in _OPPOSITES.split(","):
        left, right = pair.split()
        pairs.setdefault(left, set()).add(right)
        pairs.setdefault(right, set()).add(left)
    return {word: frozenset(others) for word, others in pairs.items()}
