"""The evidence for and against a candidate saying what an accepted answer says, as named numbers.

What counts is what the candidate adds to the question: words that the question holds already prove nothing. Each
measure is taken against every accepted answer; ``most_*`` is the best of them, ``best_*`` belongs to the accepted
answer that fits best.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ragset.kit.equivalence_words import Answer, Token
from ragset.kit.measures import STOPWORDS, opposites

LONGEST = 120
"""Content words of a candidate that the order of words is compared on."""
_REFUSAL = re.compile(
    r"\b(?:i (?:do not|don't|cannot|can't|am not|could not|couldn't)|as an ai|sorry|unable to|unknown|unclear|"
    r"no (?:information|record|specific|definitive|data|such|single)|there (?:is|was|are|were) no|"
    r"not (?:sure|clear|specified|known|available|mentioned|enough|certain|possible)|it (?:depends|varies))\b",
    re.IGNORECASE,
)
_ASKS = {
    "when": r"\bwhen\b|\b(?:what|which) (?:year|date|day|month|time)\b",
    "where": r"\bwhere\b|\b(?:what|which) (?:country|city|state)\b",
}
_QUESTIONS = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _ASKS.items()}
_LEADS = frozenset(("yes", "no"))


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and a candidate taken apart, and the words that the candidate adds to the question."""

    question: Answer
    candidate: Answer
    added: tuple[Token, ...]

    @classmethod
    def of(cls, question: str, candidate: str) -> Asked:
        """Take question and candidate apart."""
        asked, said = Answer(question), Answer(candidate)
        return cls(asked, said, new_words(said, asked) or said.content)


@dataclass(frozen=True, slots=True)
class Fit:
    """How one accepted answer fits: each measure 0..1, or -1..1 where something may speak against it."""

    gold: Answer
    wanted: tuple[Token, ...]
    recall: float
    new_recall: float
    precision: float
    order: float
    pairs: float
    phrase: float
    squeezed: float
    first: float
    last: float
    year: float
    numbers: float
    initials: float

    @property
    def f1(self) -> float:
        """Harmonic mean of what is found of the gold's own words and of the candidate's."""
        total = self.new_recall + self.precision
        return 2 * self.new_recall * self.precision / total if total else 0.0

    @property
    def rank(self) -> float:
        """What the accepted answers are ranked by."""
        return self.new_recall + 0.5 * self.f1 + 0.3 * self.recall


def new_words(said: Answer, question: Answer) -> tuple[Token, ...]:
    """Give the content words that the question does not hold."""
    return tuple(t for t in said.content if t.stem not in question.stems)


def fits(asked: Asked, golds: Sequence[Answer]) -> list[Fit]:
    """Compare a candidate with each accepted answer; the best fit first, the order given kept between equals."""
    return sorted((_fit(asked, gold) for gold in golds), key=lambda f: -f.rank)


def evidence(asked: Asked, found: Sequence[Fit]) -> dict[str, float]:
    """Give the named numbers that the judge weighs; ``found`` is of :func:`fits` and not empty."""
    best = found[0]
    said = {
        "most_recall": max(f.recall for f in found),
        "most_new_recall": max(f.new_recall for f in found),
        "most_f1": max(f.f1 for f in found),
        "most_precision": max(f.precision for f in found),
        "most_pairs": max(f.pairs for f in found),
        "phrase": max(f.phrase for f in found),
        "squeezed": max(f.squeezed for f in found),
        "most_last": max(f.last for f in found),
        "initials": max(f.initials for f in found),
        "mean_recall": sum(f.new_recall for f in found) / len(found),
        "best_recall": best.recall,
        "best_new_recall": best.new_recall,
        "best_precision": best.precision,
        "best_first": best.first,
        "best_last": best.last,
        "best_order": best.order,
        "best_pairs": best.pairs,
        "year": best.year,
        "numbers": best.numbers,
    }
    return said | _against(asked, best) | _shape(asked, found)


def _fit(asked: Asked, gold: Answer) -> Fit:
    said, wanted = asked.candidate, new_words(gold, asked.question) or gold.content
    short = _initials(gold, said) or _initials(said, gold)
    exact = share((t for t in gold.content), lambda t: float(t.stem in said.stems))
    pairs = len(gold.pairs & said.pairs) / len(gold.pairs) if gold.pairs else exact
    return Fit(
        gold=gold,
        wanted=wanted,
        recall=1.0 if short else share(gold.content, lambda t: held(t, said)),
        new_recall=1.0 if short else share(wanted, lambda t: held(t, said)),
        precision=share(asked.added, lambda t: held(t, gold)),
        order=_in_order(gold, said),
        pairs=pairs,
        phrase=float(bool(gold.line.strip()) and gold.line in said.line),
        squeezed=float(len(gold.squeezed) >= 4 and gold.squeezed in said.squeezed),
        first=held(wanted[0], said) if wanted else 0.0,
        last=held(wanted[-1], said) if wanted else 0.0,
        year=_year(asked, gold),
        numbers=_numbers(asked, gold),
        initials=float(short),
    )


def share(words: Iterable[Token], found: Callable[[Token], float]) -> float:
    """Weighted share of words that are found, 0..1; 0 when there are none."""
    total = kept = 0.0
    for word in words:
        total += word.weight
        kept += word.weight * found(word)
    return kept / total if total else 0.0


def held(token: Token, text: Answer) -> float:
    """Tell how far a text holds a word (0..1): itself, a misspelling, a short form, or the same quantity."""
    if token.base:
        same = [value for dimension, value in text.bases if dimension == token.base[0]]
        if same:
            return float(any(math.isclose(value, token.base[1], rel_tol=0.02) for value in same))
    if token.stem in text.stems:
        return 1.0
    if token.number:
        return max((_rounded(token.stem, n) for n in text.numbers), default=0.0)
    return max((_alike(token, other) for other in text.content if not other.number), default=0.0)


def _rounded(one: str, other: str) -> float:
    """Tell whether the shorter of two broken or large numbers is the longer one cut off: 2.18 and 2.1 billion."""
    if not ("." in one or "." in other or min(len(one), len(other)) > 5):
        return 0.0
    try:
        first, second = float(one), float(other)
    except ValueError:
        return 0.0
    return 0.7 if math.isclose(first, second, rel_tol=0.04) else 0.0


def _alike(one: Token, other: Token) -> float:
    likeness = _alike_words(one.stem, other.stem)
    if likeness or not (one.capital and other.capital):
        return likeness
    short, long = sorted((one.plain, other.plain), key=len)
    if len(short) == 1 and long[0] == short:
        return 0.5  # an initial
    return 0.7 if len(short) >= 2 and long.startswith(short) else 0.0  # Pat for Patrick


@lru_cache(maxsize=131072)
def _alike_words(one: str, other: str) -> float:
    """Likeness of two words by the letter pairs they share (Dice); below .5 it is none."""
    if one == other:
        return 1.0
    if min(len(one), len(other)) < 4 or (one[0] != other[0] and one[-2:] != other[-2:]):
        return 0.0
    if min(len(one), len(other)) >= 5 and one[:5] == other[:5]:
        return 0.85
    mine, theirs = _letters(one), _letters(other)
    dice = 2 * len(mine & theirs) / (len(mine) + len(theirs))
    return dice if dice >= 0.5 else 0.0


@lru_cache(maxsize=65536)
def _letters(word: str) -> frozenset[str]:
    framed = f"^{word}$"
    return frozenset(framed[at : at + 2] for at in range(len(framed) - 1))


def _in_order(gold: Answer, said: Answer) -> float:
    """Share of the gold's words that the candidate has in the same order (longest common subsequence)."""
    wanted, given = [t.stem for t in gold.content], [t.stem for t in said.content[:LONGEST]]
    if not wanted or not (set(wanted) & set(given)):
        return 0.0
    row = [0] * (len(given) + 1)
    for word in wanted:
        corner = 0
        for at, other in enumerate(given, start=1):
            corner, row[at] = row[at], corner + 1 if word == other else max(row[at], row[at - 1])
    return row[-1] / len(wanted)


def _year(asked: Asked, gold: Answer) -> float:
    if not gold.years:
        return 0.0
    if gold.years & asked.candidate.years:
        return 1.0
    return -1.0 if asked.candidate.years - asked.question.years else 0.0


def _numbers(asked: Asked, gold: Answer) -> float:
    """Tell whether the gold's numbers are there (1), others in their place (-1), or none (-.5)."""
    wanted = gold.numbers - asked.question.numbers
    others = asked.candidate.numbers - asked.question.numbers
    if not wanted:
        return -0.25 if others else 0.0
    found = sum(held(t, asked.candidate) for t in gold.tokens if t.number and t.stem in wanted)
    if not found and not others:
        return -0.5
    return 2 * min(1.0, found / len(wanted)) - 1


def _initials(short: Answer, long: Answer) -> bool:
    """Tell whether one answer is the capital letters that the words of the other begin with."""
    letters = short.text.strip().replace(".", "")
    if not (2 <= len(letters) <= 6 and letters.isupper()):
        return False
    begun = "".join(t.plain[0] for t in long.tokens if t.plain not in STOPWORDS)
    return letters.lower() in begun if len(letters) > 2 else letters.lower() == begun


def _against(asked: Asked, best: Fit) -> dict[str, float]:
    """Signs that the candidate does not answer, or says the contrary."""
    said, gold = asked.candidate, best.gold
    lead = [answer.tokens[0].plain if answer.tokens else "" for answer in (gold, said)]
    both = set(lead) <= _LEADS
    theirs, mine = {t.plain for t in gold.tokens}, {t.plain for t in said.tokens}
    turned = any(opposites().get(w, frozenset()) & (theirs - mine) for w in mine - theirs) if len(mine) < 60 else False
    return {
        "refusal": float(bool(_REFUSAL.search(said.text))),
        "negation": float(abs(min(gold.negations, 2) - min(said.negations, 2))) if len(said.tokens) < 40 else 0.0,
        "contrary": float(turned),
        "lead": (1.0 if lead[0] == lead[1] else -1.0) if both else 0.0,
    }


def _shape(asked: Asked, found: Sequence[Fit]) -> dict[str, float]:
    """Say where in the candidate the answer stands, how long both are, and what is asked for."""
    said, best = asked.candidate, found[0]
    wanted = {t.stem for t in best.wanted}
    places = [at for at, token in enumerate(asked.added) if token.stem in wanted]
    known = frozenset[str]().union(*(f.gold.stems for f in found))
    more = [t for t in new_words(said, asked.question) if t.stem not in known]
    gold, content = best.gold.content, said.content
    kinds = {f"asks_{name}": float(bool(p.search(asked.question.text))) for name, p in _QUESTIONS.items()}
    return kinds | {
        "place": float(min(places[0], 40) if places else 41),
        "new_names": float(min(6, sum(t.capital for t in more))),
        "candidate_length": math.log1p(len(said.tokens)),
        "gold_length": math.log1p(len(best.gold.tokens)),
        "wanted_length": math.log1p(len(best.wanted)),
        "added_length": math.log1p(len(asked.added)),
        "gold_asked": share(gold, lambda t: float(t.stem in asked.question.stems)),
        "candidate_asked": share(content, lambda t: float(t.stem in asked.question.stems)),
        "gold_names": sum(t.capital for t in gold) / max(1, len(gold)),
    }
