"""Answers taken apart so that the same thing said otherwise looks the same: what the equivalence judge compares.

Number words, ordinals and Roman numerals become digits, months and common abbreviations their full names, countries
and their demonyms one word, ranges of years are written out, accents and typographic dashes go, and text that came
through a wrong encoding is mended. A number with a unit carries its value in the unit's base, so that ``5 km`` can be
found in ``3.1 miles``. Plain Python, deterministic, English-minded.
"""

from __future__ import annotations

import contextlib
import math
import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property, lru_cache

from ragset.kit.measures import NEGATIONS, STOPWORDS, stem

_SPELT = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_NTH = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
    "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
)
_KINGS = "II III IV VI VII VIII IX XI XII XIII XIV XV XVI XVII XVIII XIX XX"
_CARDINALS = {word: at for at, word in enumerate(_SPELT.split())} | {
    word: 10 * at for at, word in enumerate(_TENS.split(), start=2)
}
_ORDINALS = {word: at for at, word in enumerate(_NTH.split(), start=1)} | {"thirtieth": 30, "fortieth": 40}
_SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_ROMAN_VALUES = (2, 3, 4, 6, 7, 8, 9, *range(11, 21))
_ROMAN = {word: str(value) for word, value in zip(_KINGS.split(), _ROMAN_VALUES, strict=True)}
_SAME = (
    "mt mount,st saint,vs versus,tv television,dr doctor,prof professor,jr junior,sr senior,govt government,"
    "dept department,co company,corp corporation,ltd limited,inc incorporated,colour color,centre center,"
    "theatre theater,grey gray,bc bce,ad ce,people person,men man,women woman,children child,teeth tooth,mice mouse,"
    "feet foot,sept september,jan january,feb february,mar march,apr april,jun june,jul july,aug august,sep september,"
    "oct october,nov november,dec december,american america,british britain,french france,spanish spain,german germany,"
    "greek greece,chinese china,welsh wales,dutch netherlands,holland netherlands,english england,scottish scotland,"
    "irish ireland,swedish sweden,danish denmark,finnish finland,polish poland,turkish turkey,swiss switzerland,"
    "norwegian norway,peruvian peru,ukrainian ukraine,thai thailand,portuguese portugal,belgian belgium,km kilometer,"
    "kilometre kilometer,metre meter,cm centimeter,centimetre centimeter,mm millimeter,millimetre millimeter,"
    "kg kilogram,ft foot,lb pound,lbs pound,oz ounce,hr hour,hrs hour,min minute,mins minute,mi mile,litre liter,"
    "gramme gram,tonne ton,percent %,usd $"
)
_CANONICAL: dict[str, str] = {pair.split()[0]: pair.split()[1] for pair in _SAME.split(",")}
_PHRASES = (
    (re.compile(r"\bunited states(?: of america)?\b|\bu\. ?s\.(?: ?a\.?)?(?!\w)|\busa\b", re.I), "USA"),
    (re.compile(r"\bU\.?S\b"), "USA"),
    (re.compile(r"\bunited kingdom\b|\bu\. ?k\.(?!\w)", re.I), "UK"),
    (re.compile(r"\bgreat britain\b", re.I), "Britain"),
    (re.compile(r"\bnew york city\b", re.I), "New York"),
    (re.compile(r"\bper cent\b", re.I), "percent"),
    (re.compile(r"\bb\. ?c\.(?: ?e\.)?", re.I), "bce"),
    (re.compile(r"\ba\. ?d\.", re.I), "ce"),
    (re.compile(r"\bcan(?:'t|not)\b", re.I), "can not"),
    (re.compile(r"\bwon't\b", re.I), "will not"),
    (re.compile(r"n't\b", re.I), " not"),
    (re.compile(r"\b(on|by|the|in|of|is|was|at|and)(?=[A-Z][a-z])"), r"\1 "),  # ``onMarch 2``: lost spaces
    (re.compile(r"\b([12]\d)(\d\d)\s?[-–—]\s?(\d\d)\b(?![-–—])"), r"\1\2 \1\3"),  # 1979–80 is 1979 to 1980
)
_UNITS: dict[str, tuple[str, float]] = {
    "meter": ("length", 1.0),
    "kilometer": ("length", 1000.0),
    "centimeter": ("length", 0.01),
    "millimeter": ("length", 0.001),
    "mile": ("length", 1609.344),
    "foot": ("length", 0.3048),
    "inch": ("length", 0.0254),
    "yard": ("length", 0.9144),
    "gram": ("mass", 0.001),
    "kilogram": ("mass", 1.0),
    "pound": ("mass", 0.45359),
    "ounce": ("mass", 0.02835),
    "ton": ("mass", 1000.0),
    "liter": ("volume", 1.0),
    "gallon": ("volume", 3.7854),
    "second": ("time", 1.0),
    "minute": ("time", 60.0),
    "hour": ("time", 3600.0),
    "day": ("time", 86400.0),
    "week": ("time", 604800.0),
    "month": ("time", 2629800.0),
    "year": ("time", 31557600.0),
}
_CELSIUS, _FAHRENHEIT = (1.0, 273.15), (5 / 9, 255.372)
_BASES = {stem(unit): base for unit, base in _UNITS.items()}
_DEGREES = {"c": _CELSIUS, stem("celsius"): _CELSIUS, "f": _FAHRENHEIT, stem("fahrenheit"): _FAHRENHEIT}
_DEGREE = ("°", stem("degree"))
_ESCAPE = re.compile(r"\\+u([0-9a-fA-F]{4})")
_TOKEN = re.compile(
    r"(?:(?<![^\s(\[$€£])[-−](?=\d))?(?:\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)|[^\W\d_]+(?:\+\+|#)?|[%$€£°]"
)
_ARTICLES = frozenset(("the", "a", "an"))
_WEAKENING = frozenset(("more", "less", "only", "just", "merely", "necessarily"))
_DENIALS = NEGATIONS | {"false", "wrong", "incorrect"}

Base = tuple[str, float]


@dataclass(frozen=True, slots=True)
class Token:
    """One word or number: as written in lower case, its form for comparison, and what it counts.

    ``base`` is (dimension, value in the base unit) for a number with a unit and for that unit, None otherwise.
    """

    plain: str
    stem: str
    number: bool
    weight: float
    capital: bool
    base: Base | None = None


class Answer:
    """A question, an accepted answer or a candidate, taken apart once."""

    def __init__(self, text: str) -> None:
        """Take a text apart (the word lists lazily)."""
        self.text = text
        self.tokens = tokens(text)

    @cached_property
    def content(self) -> tuple[Token, ...]:
        """The words that carry facts; where there are none, all but the articles."""
        said = tuple(t for t in self.tokens if t.plain not in STOPWORDS)
        return said or tuple(t for t in self.tokens if t.plain not in _ARTICLES) or self.tokens

    @cached_property
    def stems(self) -> frozenset[str]:
        """The forms that occur."""
        return frozenset(t.stem for t in self.tokens)

    @cached_property
    def line(self) -> str:
        """The forms in order, articles left out, one space around each: a phrase of it is a substring."""
        return f" {' '.join(t.stem for t in self.tokens if t.plain not in _ARTICLES)} "

    @cached_property
    def squeezed(self) -> str:
        """The text without its spaces: words that were glued together are still found in it."""
        return "".join(t.plain for t in self.tokens)

    @cached_property
    def numbers(self) -> frozenset[str]:
        """The numbers as digits."""
        return frozenset(t.plain for t in self.tokens if t.number)

    @cached_property
    def years(self) -> frozenset[str]:
        """The numbers that read as years, 1000 to 2099."""
        return frozenset(n for n in self.numbers if re.fullmatch(r"1\d{3}|20\d{2}", n))

    @cached_property
    def negations(self) -> int:
        """How many words turn the statement round."""
        return sum(t.plain in _DENIALS for t in self.tokens)

    @cached_property
    def polarity(self) -> tuple[frozenset[str], frozenset[str]]:
        """Give the forms said plainly, and those under a negation (the first content word within three after it)."""
        sides: tuple[set[str], set[str]] = (set(), set())
        reach = 0
        for at, token in enumerate(self.tokens):
            if token.plain in NEGATIONS and not (at and token.capital):  # a capital inside a sentence is a name
                reach = 0 if not at and token.plain == "no" else 4  # a leading ``No,`` answers, it negates no word
            elif reach and token.plain in _WEAKENING:
                reach = 0
            elif token.plain not in STOPWORDS and token.plain != "longer":
                sides[reach > 0].add(token.stem)
                reach = 0
            reach = max(0, reach - 1)
        return frozenset(sides[0]), frozenset(sides[1])

    @cached_property
    def bases(self) -> tuple[Base, ...]:
        """The measured quantities, each in its base unit."""
        return tuple(t.base for t in self.tokens if t.base and t.number)

    @cached_property
    def pairs(self) -> frozenset[tuple[str, str]]:
        """Neighbouring content words."""
        return frozenset((one.stem, other.stem) for one, other in zip(self.content, self.content[1:], strict=False))


def mended(text: str) -> str:
    """Undo escapes and a wrong decoding, and take off accents, soft hyphens and typographic apostrophes."""
    if any(mark in text for mark in ("Ã", "â€", "Â")):
        with contextlib.suppress(UnicodeError):  # then it really is an accented letter
            text = text.encode("cp1252").decode("utf-8")
    if "\\u" in text:
        text = _ESCAPE.sub(lambda m: chr(int(m[1], 16)), text)
    apart = unicodedata.normalize("NFKD", text)
    return "".join(c for c in apart if not unicodedata.combining(c) and c != "\xad").replace("’", "'")


def tokens(text: str) -> tuple[Token, ...]:
    """Take a text apart into words and numbers in their forms for comparison."""
    text = mended(text)
    for pattern, put in _PHRASES:
        text = pattern.sub(put, text)
    found = _TOKEN.findall(text) or re.findall(r"\S", text)  # an answer may be a sign
    plain = [w.lower() for w in found]
    out: list[Token] = []
    at = 0
    while at < len(found):
        numeral, after = _numeral(plain, at)
        if numeral is not None:
            out.append(_number(numeral))
        elif (roman := _ROMAN.get(found[at])) is not None:
            out.append(_number(roman))
        elif plain[at] not in ("s", "t") or len(found) == 1:
            out.append(_word(plain[at], found[at][0].isupper()))
        at = after
    return _measured(out)


def _numeral(plain: list[str], at: int) -> tuple[str | None, int]:
    """Read the number that begins here, in digits or words; None when a plain word stands here."""
    word = plain[at]
    if word[-1].isdigit():
        sign, value = ("-", word[1:]) if word[0] in "-−" else ("", word)
        value = value.replace(",", "").lstrip("0") or "0"
        value = sign + ("0" + value if value[0] == "." else value)
        after = plain[at + 1] if at + 1 < len(plain) else ""
        if after in ("st", "nd", "rd", "th"):
            return value, at + 2
        if after == "s" and len(value) > 1:
            return value + "s", at + 2  # a decade: 1980s is not 1980
        scale = _SCALES.get(after)
        return (_digits(float(value) * scale), at + 2) if scale else (value, at + 1)
    counted = plain[at + 1] in _SCALES if at + 1 < len(plain) else False
    if word in _CARDINALS and (word != "one" or counted):
        return _spelt(plain, at)
    if word in _ORDINALS and (word != "second" or (at + 1 < len(plain) and (at == 0 or not _counts(plain[at - 1])))):
        return str(_ORDINALS[word]), at + 1
    return None, at + 1


def _counts(word: str) -> bool:
    return word[0].isdigit() or word in _CARDINALS or word in ("per", "a", "each", "every")


def _spelt(plain: list[str], at: int) -> tuple[str, int]:
    """Read a number in words: ``two hundred and sixty-three``, ``twenty-first``, ``five million``."""
    total, current = 0, 0
    while at < len(plain):
        word = plain[at]
        if word in _CARDINALS and _fits(current, _CARDINALS[word]):
            current += _CARDINALS[word]
        elif word == "hundred" and 0 < current < 100:
            current *= 100
        elif word in _SCALES and current:
            total, current = total + current * _SCALES[word], 0
        elif word in _ORDINALS and _ORDINALS[word] < 10 and current % 100 >= 20 and current % 10 == 0:
            return _digits(total + current + _ORDINALS[word]), at + 1
        elif not (
            word == "and"
            and (current or total)
            and current % 100 == 0
            and plain[at + 1 : at + 2]
            and (plain[at + 1] in _CARDINALS)
            and (total or current >= 100)
        ):
            break
        at += 1
    return _digits(total + current), at


def _fits(current: int, value: int) -> bool:
    return current % 100 == 0 or (current % 10 == 0 and current % 100 >= 20 and 0 < value < 10)


def _digits(value: float) -> str:
    whole = math.isfinite(value) and abs(value - round(value)) < 1e-6
    return str(round(value)) if whole else f"{value:g}"


def _number(value: str) -> Token:
    return Token(value, value, True, 1.6, False)


@lru_cache(maxsize=65536)
def _word(plain: str, capital: bool) -> Token:
    form = stem(_CANONICAL.get(plain) or _CANONICAL.get(stem(plain)) or plain)
    weight = 0.15 if plain in STOPWORDS else (1.3 if capital else 1.0) * min(1.0, 0.4 + len(plain) / 10)
    return Token(plain, form, False, weight, capital)


def _measured(found: list[Token]) -> tuple[Token, ...]:
    """Give each number that a unit follows, and the unit, the value in the base unit."""
    for at, token in enumerate(found[:-1]):
        if not token.number or not token.plain[-1].isdigit():
            continue
        end, base = _based(float(token.plain), found, at + 1)
        if base:
            for place in (at, *range(at + 1, end + 1)):
                old = found[place]
                found[place] = Token(old.plain, old.stem, old.number, old.weight, old.capital, base)
    return tuple(found)


def _based(value: float, found: list[Token], at: int) -> tuple[int, Base | None]:
    """Convert a value by the unit at a place (or behind a degree sign); gives where the unit ends, and the base."""
    unit = found[at].stem
    if unit in _DEGREE and at + 1 < len(found) and found[at + 1].stem in _DEGREES:
        factor, zero = _DEGREES[found[at + 1].stem]
        return at + 1, ("temperature", value * factor + zero)
    if unit == "kelvin":
        return at, ("temperature", value)
    if unit in _BASES:
        dimension, factor = _BASES[unit]
        return at, (dimension, value * factor)
    return at, None
