"""Whether the evidence holds the hard facts of an answer: its numbers, dates, names and its negation.

Paraphrase is fine: only what cannot be said in other words is looked for, in the sentences, list or table rows that
the quotes touch. A name may also stand in the question, the headings, or in the sentence before one that says "it".
What a reader may work out is not held against the answer: a sum, a difference, a count of what is listed, a rounding.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from itertools import chain, islice

from ragset.kit.hard_facts import Number, folded, has_number, is_counting, months, names, numbers, rounded_to
from ragset.kit.languages import NOUNS_CAPITALISED, after_yes_or_no, detect
from ragset.kit.measures import NEGATIONS, STOPWORDS, Text, known_unit, sentences
from ragset.kit.number_words import in_words
from ragset.kit.question_form_words import word_set

MIN_SHARED = 0.3
"""Share of what an answer adds to its question that must recur in the evidence, be it reworded."""
REACH = 1500
"""Characters before and after a quote within which its sentences are looked for."""
SHORT = 4
"""Words up to which an answer is nothing but the fact that was asked for."""
MOST = 4
"""Facts that are named at most."""
MAX_PAIRS = 40
"""Numbers of the evidence among which a sum or a difference is looked for."""

_ABOUT = re.compile(
    r"\b(?:about|around|approximately|approx|roughly|nearly|almost|over|under|some|circa|ca|more than|less than|"
    r"at least|up to|just|close to|fewer than|below|above|several)\b|~|≈",
    re.IGNORECASE,
)
_CALCULATES = re.compile(
    r"\b(?:difference|more|less|fewer|longer|shorter|older|younger|higher|lower|bigger|smaller|larger|faster|total|sum|"
    r"combined|together|altogether|increase\w*|decrease\w*|grow\w*|grew|rise|rose|drop\w*|fell|fall|chang\w+|ratio|times|"
    r"percent\w*|share|average|mean|how long|how old|how many (?:years|days|months|weeks|hours|minutes)|between|apart|"
    r"left|remain\w*|per|by how)\b|%",
    re.IGNORECASE,
)
_PRONOUN = re.compile(
    r"\b(?:he|she|it|they|his|her|its|their|him|them|this|these|that|those|the (?:latter|former|same)|who|which)\b",
    re.I,
)
_DENIES = re.compile(
    r"\b(?:no|not|never|none|nor|neither|cannot|without|nothing|nobody|nowhere|\w+n['’]t|lacks?|lacking|absen(?:t|ce)|"
    r"fail(?:s|ed|ure)?|refus\w+|den(?:y|ies|ied)|forbid\w*|forbade|prohibit\w*|prevent\w*|avoid\w*|except\w*|unless|only|"
    r"rather|instead|unlike|un(?!der|i|til|cle|to)\w{3,}|in(?:ability|capable|sufficient|visible|valid|complete|correct|"
    r"dependent\w*|active)|im(?:possible|mune|permissible)|ir(?:relevant|regular|reversible)|il(?:legal|licit)|"
    r"dis(?:abl|allow|agree|lik|continu|appear|card|regard)\w*|non\w*|\w+less|hardly|barely|rarely|seldom|ban(?:s|ned)?|"
    r"stop\w*|remov\w+|exclu\w+|omit\w*|skip\w*|ignor\w+|miss(?:es|ed|ing)?|lost|reject\w*|free of|opposite|contrary|"
    r"kept|keeps|remains?|wrong|false|ceas\w+|dead|died|empty|zero|abolish\w*|cancel\w*)\b",
    re.IGNORECASE,
)
_CONTINUES = re.compile(r"\n(?=[ \t]*(?:[-*•|]|\d{1,3}[.)]|[^\n|]*\|))")
_LEADS = re.compile(r"\*\*[^*\n]+\*\*:?|(?m:^\W{0,99}(?:\d+[.)]\s*)?[^:\n.]{1,60}:(?=\s))")
"""Titles of list items: capitals there make no names."""
_MARKS = re.compile(r"(?:^|(?<=\s))\(?\d{1,2}[.)](?=\s+\W{0,3}[A-Z])")
"""Numbers of list items: they count nothing."""
_LOOSELY = word_set("first second both pair couple half quarter twice double doubled triple tripled dozen third once")
"""Number words that come as paraphrase; they are facts in a short answer only."""
_PARTED = re.compile(r"(?<=\d), (?=\d{3}\b)")
_DOTS = re.compile(r"\b(\w)\.(?=\w\b)")
_LATIN_NAME = re.compile(r"[A-Z][A-Za-z0-9]+|[a-z]+[A-Z][A-Za-z0-9]*")
_SPACELESS = frozenset({"zh", "ja", "th"})
_BOUND = re.compile(
    r"\b(?:no|not) (?:more|less|fewer|later|earlier|longer|sooner|higher|lower|over|under) than\b", re.I
)
"""A limit ("no more than"), which is no denial."""
_ABOUT_ELSEWHERE = re.compile(
    r"\b(?:etwa|rund|ungefähr|knapp|fast|mehr als|weniger als|environ|quelque|presque|près de|plus de|moins de|unos"
    r"|unas|aproximadamente|casi|más de|menos de|cerca de|mais de|quase|quasi|oltre|più di|meno di|ongeveer|bijna"
    r"|meer dan|około|ponad|prawie|přibližně|около|более|почти|примерно|ungefär|nästan|omkring|noin|yaklaşık)\b"
    r"|约|約|およそ|ほぼ|近",
    re.IGNORECASE,
)
_AND = re.compile(r",(?!\d)(?:\s*(?:and|or)\b)?|;|\b(?:and|or)\b")
_AND_ELSEWHERE = re.compile(r",(?!\d)|;|、|，|\b(?:and|or|und|oder|et|ou|y|e|o|en|of|och|og|i|и|или)\b|和|及|と")
_FIGURED_DATE = re.compile(r"\b\d{1,4}([-/.])(\d{1,2})\1\d{1,4}\b")
_FEW = 12
"""Whole number up to which an evidence may have it in words, in a language whose number words are not known here."""
_NOT_A_MONTH = re.compile(r"\b[^\W\d_]{1,4}\b|\d")
"""What is no month in English letters in another language: figures, and short words ("Mar", "Sept")."""


@dataclass(frozen=True)
class Proof:
    """What an answer may rest on: the sentences that the quotes touch, those before a pronoun, and the headings."""

    cited: str
    before: str = ""
    headings: str = ""

    @cached_property
    def numbers(self) -> tuple[Number, ...]:
        """Give the numbers of what is cited; "56, 000", as some files have it, is read both ways."""
        joined = _PARTED.sub(",", self.cited)
        return numbers(self.cited) if joined == self.cited else (*numbers(self.cited), *numbers(joined))

    @cached_property
    def words(self) -> Text:
        """Take apart what is cited."""
        return Text(self.cited)


Span = tuple[str, int, int]
"""A text, and where in it a quote begins and ends."""


def proof_of(spans: Sequence[Span], headings: Sequence[str] = ()) -> Proof:
    """Widen quotes to the sentences, list and table rows that they touch."""
    cited, before = list[str](), list[str]()
    for text, start, end in spans:
        begin = max(0, start - REACH)
        touched, lead = _touched(text[begin : end + REACH], start - begin, end - begin)
        cited.append(touched)
        if _PRONOUN.search(touched):
            before.append(lead)
    return Proof("\n".join(dict.fromkeys(cited)), "\n".join(before), "\n".join(headings))


def _touched(text: str, start: int, end: int) -> tuple[str, str]:
    """Give the sentences that a quote touches, and the one before them."""
    spans = _spans(text)
    held = [at for at, (first, last) in enumerate(spans) if first < end and start < last]
    if not held:
        return text[start:end], ""
    first, last = held[0], held[-1]
    said, opening = text[spans[first][0] : spans[last][1]], first
    while first and _row(text, spans[first]):  # a row says less than its table or list: its head belongs to it
        first -= 1
    lead = text[slice(*spans[first - 1])] if first else ""
    if first == opening:
        return said, lead
    return "\n".join((lead, *(text[slice(*span)] for span in spans[first : min(first + 2, opening)]), said)), ""


def _spans(text: str) -> list[tuple[int, int]]:
    found, at = list[tuple[int, int]](), 0
    for paragraph in _CONTINUES.split(text):
        for sentence in sentences(paragraph):
            start = text.find(sentence, at)
            if start >= 0:
                at = start + len(sentence)
                found.append((start, at))
    return found


def _row(text: str, span: tuple[int, int]) -> bool:
    head = text[span[0] : span[1]]
    return " | " in head or re.match(r"[-*•|]|\d{1,3}[.)]\s", head) is not None


def lacking(question: str, answer: str, proof: Proof, *, code: str | None = None) -> Iterator[str]:
    """Give every hard fact of an answer that its evidence does not hold; ``code`` is the language of the answer.

    A yes or no has no facts of its own; what is said after it has. Of an answer in another language than its evidence
    only figures are compared.
    """
    rest = after_yes_or_no(answer, code)
    if rest is not None and not Text(rest).content:
        return
    theirs = detect(proof.cited)
    pair = _Pair(question, rest or answer, code or detect(answer) or detect(question) or theirs or "en", theirs, rest)
    holds = cache(partial(_number_holds, pair=pair, proof=proof))  # a runaway answer has thousands, many of them alike
    unheld = (f"the number {n.written}" for n in pair.numbers if not holds(n))
    missing = list(islice(chain(unheld, () if pair.foreign else _lacking_words(pair, proof)), MOST))
    yield from missing
    if rest is not None or missing or pair.foreign or pair.tongue in _SPACELESS:
        return  # after a yes or no its question may be said again, in any words
    if not _speaks(pair, proof):
        yield "what is answered"


@dataclass(frozen=True)
class _Pair:
    """A question and its answer, less a yes or no before ``rest``, their language and that of the evidence."""

    question: str
    answer: str
    tongue: str
    theirs: str | None
    rest: str | None = None

    @property
    def foreign(self) -> bool:
        """True when the evidence is in another language."""
        return self.theirs is not None and self.theirs != self.tongue

    @property
    def english(self) -> bool:
        """True when both are in English, as far as one knows."""
        return self.tongue == "en" and not self.foreign

    @cached_property
    def short(self) -> bool:
        """True when the answer is nothing but the fact that was asked for."""
        return len(self.answer.split()) <= SHORT

    @cached_property
    def about(self) -> bool:
        """True when the answer rounds."""
        return bool(_ABOUT.search(self.answer) or (not self.english and _ABOUT_ELSEWHERE.search(self.answer)))

    @cached_property
    def numbers(self) -> list[Number]:
        """Give the numbers that the evidence must hold."""
        said = numbers(_MARKS.sub(" ", self.answer))
        if self.tongue != "en":  # "ten" and "double" are other words elsewhere
            said = tuple(n for n in said if any(c.isdigit() for c in n.written))
        return [n for n in said if n.written not in _LOOSELY or self.short]


def _lacking_words(pair: _Pair, proof: Proof) -> Iterator[str]:
    """Give the months, names and denials of an answer that the evidence, in the same language, does not hold."""
    dated = pair.answer if pair.tongue == "en" else _NOT_A_MONTH.sub(" ", pair.answer)
    if months(dated) - months(f"{proof.cited} {pair.question}"):
        yield "the month"
    if pair.tongue not in NOUNS_CAPITALISED:
        yield from (f"the name {name}" for name in _unknown_names(pair, proof))
    if pair.tongue == "en" and pair.rest is None:  # after a "no" a "not" says it again
        yield from _negation(pair.question, pair.answer, proof)


def _number_holds(wanted: Number, pair: _Pair, proof: Proof) -> bool:
    if pair.foreign and not any(c.isdigit() for c in wanted.written):
        return True
    there = (*proof.numbers, *numbers(pair.question))
    if has_number(wanted, there, about=pair.about, any_language=not pair.english):
        return True
    whole = wanted.value.is_integer()  # one of 309 digits is read as infinite
    if not pair.english and whole and _told_in_words(wanted, pair, proof):
        return True
    if whole and 1 < wanted.value <= 12 and _counted(int(wanted.value), pair, proof.cited):
        return True
    return _CALCULATES.search(pair.question) is not None and _worked_out(wanted, [n.value for n in there[:MAX_PAIRS]])


def _told_in_words(wanted: Number, pair: _Pair, proof: Proof) -> bool:
    """Tell whether the evidence has a number in words, or as a month; in a language not known here it may have it.

    Where it writes figures before the same unit, it would write this one in figures too.
    """
    date = _FIGURED_DATE.fullmatch(wanted.written)
    if date and wanted.value == float(date[2]) and not _FIGURED_DATE.search(proof.cited):
        return True
    told = in_words(f"{pair.question}\n{proof.cited}", pair.theirs or pair.tongue)
    if told is not None:
        return any(value in told for value in wanted.readings)
    unit = re.search(rf"{re.escape(wanted.written)}\s*([^\W\d_]{{1,4}})", pair.answer)
    figured = unit is not None and re.search(rf"\d\s*{re.escape(unit[1])}", proof.cited) is not None
    return 0 < wanted.value <= _FEW and (pair.theirs or pair.tongue) != "en" and not figured


def _speaks(pair: _Pair, proof: Proof) -> bool:
    """Tell whether the evidence is about what is answered."""
    if pair.tongue != "en":
        return (pair.short and _counts_alike(pair, proof)) or _mentions(pair.question, pair.answer, proof)
    return _speaks_of_it(pair, proof)


def _counts_alike(pair: _Pair, proof: Proof) -> bool:
    """Tell whether an answer has numbers, which all hold, or number words that the evidence has in figures or words."""
    said = in_words(pair.answer, pair.tongue) or frozenset[int]()
    there = {n.value for n in proof.numbers} | (in_words(proof.cited, pair.tongue) or frozenset())
    return bool(pair.numbers) or (bool(said) and said <= there)


def _counted(count: int, pair: _Pair, cited: str) -> bool:
    """Tell whether just so many things are listed, by commas and "and", or in rows."""
    rows = len(re.findall(r"(?m)^\s*(?:[-*•]|\d{1,3}[.)])\s", cited))
    parted = _AND if pair.english else _AND_ELSEWHERE
    return rows == count or any(len(parted.findall(text)) + 1 == count for text in (pair.answer, *sentences(cited)))


def _worked_out(wanted: Number, values: Sequence[float]) -> bool:
    """Tell whether two numbers of the evidence give this one: as sum, difference, product, quotient or percentage."""
    known = sorted(set(values))
    for at, one in enumerate(known):
        for other in known[at:]:
            results = [one + other, other - one, one * other, other * 100, one * 100]
            results += [other / one, one / other, 100 * one / other, 100 * (other - one) / one] if one and other else []
            if any(abs(r - wanted.value) < 1e-9 or rounded_to(r, wanted) == wanted.value for r in results):
                return True
    return False


def _unknown_names(pair: _Pair, proof: Proof) -> Iterator[str]:
    """Give the names of the answer that stand nowhere; of an English one that is a name only, its opening word too."""
    answer = _LEADS.sub(" ", pair.answer)
    place = _place(pair.question, answer, proof)
    if pair.tongue in _SPACELESS:  # only what is in Latin letters has capitals, and no blanks around it
        yield from (name for name in map(folded, _LATIN_NAME.findall(answer)) if name not in place)
        return
    there = set(re.findall(r"[^\W_]+", place))
    said = _names_of(answer) if pair.tongue == "en" else list(names(answer))
    short = _initials(f"{pair.question} {proof.cited}")
    for name in said:
        if not _stands(name, there, place) and name not in short and not _spelt(name, answer, place):
            yield name


def _names_of(answer: str) -> list[str]:
    opening = re.match(r"\W*([A-Z][^\W_]+)", answer)
    alone = opening is not None and len(answer.split()) <= SHORT and opening[1].lower() not in STOPWORDS | NEGATIONS
    return [*([folded(opening[1])] if opening and alone else ()), *names(answer)]


def _stands(name: str, there: set[str], place: str) -> bool:
    """Tell whether a name, a form of it or its parts are there ("German" for "Germany", "A-B" for "A" and "B")."""
    name = _DOTS.sub(r"\1", name)
    if name in there or re.search(rf"\b{re.escape(name)}\b", place):
        return True
    parts = re.findall(r"[^\W_]+", name)
    if len(parts) > 1 and all(part in there for part in parts):
        return True
    least = max(4, round(0.6 * len(name)))
    return any(other.startswith(name[:least]) and abs(len(other) - len(name)) <= 4 for other in there)


def _initials(text: str) -> set[str]:
    """Give the initials of every run of capitalised words: "WHO" for "World Health Organization"."""
    found = set[str]()
    for run in re.findall(r"(?:[A-Z][\w'’-]*(?:\s+(?:of|the|for|and|in)(?=\s))?\s*){2,8}", text):
        capitals = [word[0] for word in run.split() if word[:1].isupper()]
        every = [word[0] for word in run.split()]
        for letters in (capitals, every):
            found |= {"".join(letters[:n]).lower() for n in range(2, len(letters) + 1)}
            found |= {"".join(letters[-n:]).lower() for n in range(2, len(letters) + 1)}
    return found


def _spelt(name: str, answer: str, place: str) -> bool:
    """Tell whether the evidence has the initials of the run of words in the answer that the name is part of."""
    acronyms = set(re.findall(r"\b[a-z]{2,6}\b", place))
    for run in re.findall(r"(?:[A-Z][\w'’-]*(?:\s+(?:of|the|for|and|in)(?=\s))?\s*){2,8}", answer):
        if name in folded(run) and "".join(w[0] for w in run.split() if w[:1].isupper()).lower() in acronyms:
            return True
    return False


def _negation(question: str, answer: str, proof: Proof) -> Iterator[str]:
    """Tell of a negated answer whose evidence denies nothing, in whatever words; a list of exceptions is no denial."""
    denied = [w.plain for w in Text(_BOUND.sub(" ", answer)).words if w.plain in NEGATIONS]
    if len(denied) % 2 and not _DENIES.search(proof.cited) and not _DENIES.search(question):
        word = "not" if denied[0] == "n't" else denied[0]
        yield f"its '{word}'"


def _speaks_of_it(pair: _Pair, proof: Proof) -> bool:
    """Tell whether the evidence shares words with what the answer adds to its question, figures and units left out."""
    question, answer, asked = pair.question, pair.answer, Text(pair.question).stems
    said = {w.stem: w.plain for w in Text(answer).content if not _counts(w.plain, w.number)}
    new = {stem: word for stem, word in said.items() if stem not in asked} or (said if pair.rest is None else {})
    if not new:
        return True
    there, place = proof.words.stems, _place(question, answer, proof)
    named = set(_names_of(answer))
    held = sum(
        stem in there or _similar(stem, there) or _is_name(word, named, place, answer) for stem, word in new.items()
    )
    return held / len(new) >= MIN_SHARED


def _counts(word: str, number: bool) -> bool:
    return number or known_unit(word) or all(is_counting(part) for part in word.split("-"))


def _is_name(word: str, named: set[str], place: str, answer: str) -> bool:
    name = folded(word)
    if name not in named:
        return False
    there = set(re.findall(r"[^\W_]+", place))
    return _stands(name, there, place) or name in _initials(place) or _spelt(name, answer, place)


def _place(question: str, answer: str, proof: Proof) -> str:
    """Give all that may hold a name of the answer, folded, initials without their dots.

    An answer that is nothing but the name that was asked for must find it in what is cited, or in a heading.
    """
    lead = "" if len(answer.split()) <= SHORT else f"{question}\n{proof.before}"
    return _DOTS.sub(r"\1", folded(f"{lead}\n{proof.cited}\n{proof.headings}"))


def _mentions(question: str, answer: str, proof: Proof) -> bool:
    """Tell whether the evidence has the beginning of any longer word of question or answer, in whatever language."""
    heads = {folded(word)[:4] for word in re.findall(r"[^\W\d_]{4,}", f"{question} {answer}")}
    there = {folded(word)[:4] for word in re.findall(r"[^\W\d_]{4,}", proof.cited)}
    return not heads or bool(heads & there)


def _similar(stem: str, there: frozenset[str]) -> bool:
    least = max(4, len(stem) - 2)
    return len(stem) > 4 and any(other.startswith(stem[:least]) and len(other) < len(stem) + 4 for other in there)
