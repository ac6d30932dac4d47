"""The hard facts of a text: its numbers, dates and names, each written in one way however the text writes it.

Numbers become decimals: thousand separators, number words and ordinals, fractions, ``5 million``, ``3.5k``, per cent
and currency signs are read. Dates become year, month and day in whatever order they stand. Names are capitalised words
inside a sentence, words with capitals or digits inside, and code; accents and case are folded.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from ragset.kit.measures import STOPWORDS, words

_UNITS = (
    "zero zeroth,one first,two second,three third,four fourth,five fifth,six sixth,seven seventh,eight eighth,"
    "nine ninth,ten tenth,eleven eleventh,twelve twelfth,thirteen thirteenth,fourteen fourteenth,fifteen fifteenth,"
    "sixteen sixteenth,seventeen seventeenth,eighteen eighteenth,nineteen nineteenth,twenty twentieth"
)
_TENS = "thirty thirtieth,forty fortieth,fifty fiftieth,sixty sixtieth,seventy,eighty,ninety"
_YEAR = (
    "january jan,february feb,march mar,april apr,may,june jun,july jul,august aug,september sep sept,october oct,"
    "november nov,december dec"
)


def _numbered(groups: str, first: int, step: int = 1) -> dict[str, int]:
    """Give each word of a group the number of its group; groups are parted by commas."""
    return {word: step * at for at, group in enumerate(groups.split(","), first) for word in group.split()}


_SMALL = (
    {word: float(value) for word, value in (_numbered(_UNITS, 0) | _numbered(_TENS, 3, 10)).items()}
    | {"twice": 2.0, "double": 2.0, "doubled": 2.0, "triple": 3.0, "tripled": 3.0, "dozen": 12.0, "half": 0.5}
    | {"both": 2.0, "pair": 2.0, "couple": 2.0, "quarter": 0.25}
)
_SCALES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12, "k": 1e3, "m": 1e6} | {
    "bn": 1e9, "mn": 1e6, "crore": 1e7, "lakh": 1e5, "mio": 1e6, "mrd": 1e9, "millionen": 1e6, "milliarden": 1e9,
    "millions": 1e6, "billions": 1e9, "thousands": 1e3, "hundreds": 1e2,
}  # fmt: skip
_MILLION = (
    "millón millones milhão milhões milione milioni miljoen miljon miljoner millioner miljoona miljoonaa milion "
    "miliony milionów milión milionů milyon milioane millió миллион миллиона миллионов млн мільйон мільйона мільйонів "
    "милион милиона εκατομμύριο εκατομμύρια juta triệu"
)
_MILLIARD = (
    "milliarde milliard milliards miliardo miliardi miljard miljarder milliarder miljardi miljardia miliard miliardy "
    "miliardów miliarda milyar miliarde milliárd миллиард миллиарда миллиардов млрд мільярд мільярди милиард bilhão "
    "bilhões"
)
_THOUSAND = (
    "tausend mille mila mil duizend tusen tusind tusinde tuhat tuhatta tysiąc tysiące tysięcy tisíc tisíce bin mie mii "
    "ezer тысяча тысячи тысяч тыс тисяча тисячі тисяч хиляди χιλιάδες ribu nghìn ngàn"
)
_EAST_ASIAN = {"千": 1e3, "万": 1e4, "萬": 1e4, "亿": 1e8, "億": 1e8, "만": 1e4, "억": 1e8}
_MONTHS = _numbered(_YEAR, 1)
_SPACELESS = r"\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_DIGITS = (
    rf"(?:(?<![\w.])|(?<=[{_SPACELESS}]))(?:\d{{1,3}}(?:[\u00a0\u202f' ]\d{{3}})+,\d\d?(?!\d)"
    r"|\d{1,3}(?:[,\u00a0\u202f' ]\d{3})+(?!\d)(?:\.\d+)?|\d+(?:[.,]\d+)*)"
)
_NUMBER = re.compile(
    rf"(?P<digits>{_DIGITS})(?P<tail>st|nd|rd|th|s|x|%)?(?:[\s-]?(?P<scale>[^\W\d_]+)\b)?", re.IGNORECASE
)
_ISO = re.compile(r"\b(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})\b")
_SLASHED = re.compile(r"\b(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})\b")
_LETTERS = re.compile(r"[^\W\d_]+")
_MONTH = re.compile(r"\b(" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\b\.?", re.IGNORECASE)
_CODE = re.compile(r"`([^`\n]+)`|(?<![\w-])(--?[A-Za-z][\w-]*)|\b(\w+(?:[_/]\w+)+)\b")


@dataclass(frozen=True, slots=True)
class Number:
    """A number of a text: its value, how it is written, and how many significant digits it is given with.

    ``also`` holds what it may be in another language: "1.500" is 1500 where points part thousands.
    """

    value: float
    written: str
    digits: int
    also: tuple[float, ...] = ()

    @property
    def readings(self) -> tuple[float, ...]:
        """Give all that it may be, in whatever language."""
        return (self.value, *self.also)


def folded(text: str) -> str:
    """Fold case, accents and compatibility forms, so that one word is written in one way."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in plain if not unicodedata.combining(c))


SCALES: dict[str, float] = {
    **_SCALES,
    **{folded(word): 1e6 for word in _MILLION.split()},
    **{folded(word): 1e9 for word in _MILLIARD.split()},
}
"""What a scale word multiplies by, folded; those of thousand in other languages are words in English too ("5 mil")."""
_THOUSANDS = frozenset(folded(word) for word in _THOUSAND.split())


@lru_cache(maxsize=2048)
def numbers(text: str) -> tuple[Number, ...]:
    """Give the numbers of a text in order, dates in figures as year, month and day; ``one`` alone is no number."""
    return tuple(_numbers(unicodedata.normalize("NFKC", text).replace("−", "-")))


def _numbers(text: str) -> Iterator[Number]:
    for pattern, places in ((_ISO, (1, 2, 3)), (_SLASHED, (3, 1, 2))):
        for found in pattern.finditer(text):
            yield from (Number(float(found[at]), found.group(), 4) for at in places)
        text = pattern.sub(" ", text)
    for found in _NUMBER.finditer(text):
        yield from _figures(found)
    yield from _in_words(_NUMBER.sub(lambda found: "\x00 " + (found["scale"] or ""), text))


def _figures(found: re.Match[str]) -> Iterator[Number]:
    digits, word = found["digits"], folded(found["scale"] or "")
    scale = SCALES.get(word) or _EAST_ASIAN.get(word[:1], 1.0)
    written = found.group().strip() if scale != 1.0 else digits + (found["tail"] or "")
    significant = _significant(digits, scale)
    for value in _readings(digits):
        also = (value * 1e3,) if word in _THOUSANDS or re.fullmatch(r"\d{1,3}\.\d{3}", digits) else ()
        also += (value / 1e3,) if re.fullmatch(r"\d{1,3},\d{3}", digits) else ()
        yield Number(value * scale, written, significant, tuple(one * scale for one in also))


def _significant(digits: str, scale: float) -> int:
    """Count significant digits; what may be a year, and what ends in one zero only, is exact."""
    if scale == 1.0 and (re.fullmatch(r"1\d{3}|20\d{2}", digits) or not digits.endswith("00")):
        return len(re.sub(r"\D", "", digits).lstrip("0")) or 1
    return len(re.sub(r"\D", "", digits).strip("0")) or 1


def _readings(digits: str) -> Iterator[float]:
    """Read figures: a separator before three digits parts thousands, any other one decimals; more than one, neither."""
    plain = re.sub(r"[\u00a0\u202f' ]", "", digits)
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", plain):
        yield float(plain.replace(",", ""))
    elif re.fullmatch(r"\d{1,3}(?:(?:\.\d{3})+,\d+|(?:\.\d{3}){2,})", plain):
        yield float(plain.replace(".", "").replace(",", "."))
    elif re.fullmatch(r"\d+(?:[.,]\d+)?", plain):
        yield float(plain.replace(",", "."))
    else:  # a version, a section: 1.2.3
        yield from (float(part) for part in re.split(r"[.,]", plain) if part)


def _in_words(text: str) -> Iterator[Number]:
    """Read number words: "twenty-five thousand" is one number."""
    total, current, said = 0.0, 0.0, list[str]()
    for word in (*(w.lower() for w in _LETTERS.findall(text)), ""):
        small, scale = _SMALL.get(word), SCALES.get(word) if len(word) > 2 else None
        if small is not None and not (said and current % 100 and (current % 10 or small >= 10)):
            current += small
        elif scale and said:
            current = (current or 1.0) * scale
            if scale > 100:
                total, current = total + current, 0.0
        elif said and word == "and":
            continue
        else:
            if said and said != ["one"] and said != ["second"]:
                yield Number(total + current, " ".join(said), len(str(int(total + current)).strip("0")))
            total, current, said = 0.0, 0.0, []
            if small is not None:
                current, said = small, [word]
            continue
        said.append(word)


@lru_cache(maxsize=2048)
def months(text: str) -> frozenset[int]:
    """Give the months that a text names, in words or in a date in figures; ``may`` and ``march`` need a capital."""
    named = {_MONTHS[m[1].lower()] for m in _MONTH.finditer(text) if m[1][:1].isupper() or len(m[1]) > 5}
    figures = {int(m[2]) for m in _ISO.finditer(text)} | {int(m[at]) for m in _SLASHED.finditer(text) for at in (1, 2)}
    return frozenset(named | {month for month in figures if 1 <= month <= 12})


@lru_cache(maxsize=2048)
def names(text: str) -> tuple[str, ...]:
    """Give the names of a text, folded, in order: words capitalised inside a sentence, or written in capitals."""
    found = dict.fromkeys(
        folded(w.plain) for w in words(text) if w.name and w.plain[0].isalpha() and w.plain not in _NO_NAMES
    )
    return tuple(name for name in found if len(name) > 1 and name not in _MONTHS)


@lru_cache(maxsize=2048)
def codes(text: str) -> tuple[str, ...]:
    """Give code spans, options and identifiers, as they are written."""
    return tuple(dict.fromkeys(next(part for part in m.groups() if part) for m in _CODE.finditer(text)))


_NO_NAMES = STOPWORDS | set(_SMALL) | set(SCALES) | {"yes", "no", "not", "never", "i", "ok", "okay"}


def is_counting(word: str) -> bool:
    """Tell number words, scales and months: they are compared as numbers and dates."""
    return word in _SMALL or word in SCALES or word in _MONTHS


def has_number(wanted: Number, there: tuple[Number, ...], *, about: bool = False, any_language: bool = False) -> bool:
    """Tell whether a number is among others: the same value, or what one of them is when rounded as this one is.

    In ``any_language`` points and commas are read both ways, and "3 mil" is 3000 too.
    """
    if any_language:
        mine = [replace(wanted, value=value, also=()) for value in wanted.readings]
        values = [value for other in there for value in other.readings]
        return any(_same(one, value, about) for one in mine for value in values)
    return any(_same(wanted, other.value, about) for other in there)


def rounded_to(value: float, like: Number) -> float:
    """Round a value to the significant digits that another number is given with."""
    return float(f"{value:.{max(0, like.digits - 1)}e}")


def _same(wanted: Number, value: float, about: bool) -> bool:
    if abs(wanted.value - value) <= 1e-9 * max(1.0, abs(value)):
        return True
    year = wanted.written.isdigit() and 1000 <= wanted.value < 2100
    if about and abs(wanted.value - value) <= (0.005 if year else 0.2) * abs(value):
        return True
    return wanted.digits > 1 and rounded_to(value, wanted) == wanted.value
