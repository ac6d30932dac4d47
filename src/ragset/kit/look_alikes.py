"""Tell questions apart that look alike: another number, name, option or contrary makes another question.

Embeddings hardly see what a table is made of: "revenue in 2019" and "revenue in 2020" are nearer to each other than two
wordings of either. What counts here is a hard word on each side that the other side lacks.
"""

from __future__ import annotations

import re

from ragset.kit.hard_facts import Number, codes, folded, has_number, names, numbers
from ragset.kit.languages import NOUNS_CAPITALISED, detect
from ragset.kit.measures import NEGATIONS, Text, opposites

SAME_ANSWER = 0.8
"""Share of the content words of both answers that they must have in common to say the same (Dice)."""


NEARLY = 2
"""Content words in which two questions may differ besides a contrary or a negation: else these are other words for one
thing ("avoid it", "do not get it")."""


def different(one: str, other: str) -> str:
    """Say what makes two questions different ones (``2019, not 2020``); empty when nothing does."""
    mine, theirs = numbers(one), numbers(other)
    pairs = [(_unmatched(mine, theirs), _unmatched(theirs, mine))]
    nouns = any(detect(text) in NOUNS_CAPITALISED for text in (one, other))
    named = [(_codes(one), _codes(other)), (_names(one, nouns), _names(other, nouns))]
    pairs += [(sorted(mine - theirs), sorted(theirs - mine)) for mine, theirs in named]
    pairs.append((sorted(_asked(one) - _asked(other)), sorted(_asked(other) - _asked(one))))
    for only, lacks in pairs:
        if only and lacks:
            return f"{only[0]}, not {lacks[0]}"
    return _contrary(Text(one), Text(other))


def _asked(question: str) -> set[str]:
    """Give what is asked for where the question word says it alone."""
    return {word for word in re.findall(r"[a-z]+", question.lower()) if word in _WORDS}


_WORDS = frozenset({"who", "when", "where", "why"})


def _unmatched(these: tuple[Number, ...], those: tuple[Number, ...]) -> list[str]:
    """Give the numbers that the other side has not, not even rounded."""
    values, broken = {o.value for o in those}, tuple(o for o in those if _broken(o))
    return [n.written for n in these if n.value not in values and not _rounded(n, broken, those)]


def _rounded(one: Number, broken: tuple[Number, ...], those: tuple[Number, ...]) -> bool:
    """Tell 193 from 192.9: whole numbers are told apart to the last digit, and rounded from ``broken`` ones only."""
    return has_number(one, broken) or (_broken(one) and any(has_number(o, (one,)) for o in those))


def _broken(number: Number) -> bool:
    return number.value % 1 > 0  # not so of one of 309 digits, which is read as infinite


def _codes(text: str) -> set[str]:
    return {code for code in codes(text) if not code.replace("/", "").isalpha()} | set(re.findall(r"`([^`\n]+)`", text))


def _names(text: str, nouns_capitalised: bool = False) -> set[str]:
    """Give the names of a question; the parts of a name are names.

    Where every noun has a capital, a name is what has one inside, or stands after a preposition of places and persons
    without an article ("nach Wien").
    """
    found = set(names(text))
    if nouns_capitalised:
        found &= {folded(word) for word in _PLACED.findall(text)} | {folded(word) for word in _MIXED.findall(text)}
    parts = (part for name in found for part in name.removesuffix("'s").replace(".", "").split("-"))
    return {part for part in parts if not part.isdigit()}


_PLACED = re.compile(r"\b(?:aus|bei|gegen|in|nach|von|zwischen)\s+([^\W\d_a-zäöü][\w-]+)")
_MIXED = re.compile(r"\b\w+(?:[^\W\d_a-zäöüß]|\d)[\w-]*")


def _contrary(one: Text, other: Text) -> str:
    mine, theirs = ({w.stem for w in text.content} for text in (one, other))
    for word in sorted(one.plain - other.plain):
        found = sorted(opposites().get(word, frozenset()) & (other.plain - one.plain))
        if found and len(mine ^ theirs) <= 2 + NEARLY:
            return f"{word}, not {found[0]}"
    if one.negations % 2 != other.negations % 2 and len(mine ^ theirs) < NEARLY:
        return f"one says '{min((one.plain ^ other.plain) & NEGATIONS, default='not')}'"
    return ""


def same_answer(one: str | None, other: str | None) -> bool:
    """Tell whether two answers say the same in nearly the same words, with the same numbers."""
    if one is None or other is None:
        return one is other
    if folded(one).strip(" .") == folded(other).strip(" ."):
        return True
    if _unmatched(numbers(one), numbers(other)) or _unmatched(numbers(other), numbers(one)):
        return False
    mine, theirs = ({word.stem for word in Text(text).content} for text in (one, other))
    return bool(mine and theirs) and 2 * len(mine & theirs) / (len(mine) + len(theirs)) >= SAME_ANSWER


def nothing_shared(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Tell whether two answers, each told with its question, share nothing of what they add to the questions."""
    asked = Text(one[0]).stems | Text(other[0]).stems
    mine, theirs = ({word.stem for word in Text(pair[1]).content} - asked for pair in (one, other))
    return bool(mine and theirs) and not mine & theirs
