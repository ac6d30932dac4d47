"""What turns a copied sentence about: words that have changed places, contraries, a negation on one side.

Parts of :mod:`ragset.kit.groundedness_alterations`, which tells what is a copy.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ragset.kit.measures import STOPWORDS, Text, Word, measured, opposites


@dataclass(frozen=True, slots=True)
class Match:
    """A statement's content words, and the sentences that hold most of them."""

    words: tuple[Word, ...]
    first: Text
    second: Text


def reordered(statement: Text, match: Match, context: Text) -> str | None:
    """Name two words that have changed places; words copied to the letter have not."""
    if statement.line in context.line:
        return None
    mine, theirs = _places(match.words), _places(match.first.content)
    common = sorted((mine.keys() & theirs.keys()) - {""}, key=lambda s: mine[s][0])
    passive = (" by " in statement.line) != (" by " in match.first.line)
    for at, one in enumerate(common):
        for other in common[at + 1 :]:
            if theirs[one][0] < theirs[other][0] or (passive and not _numbers(match.words, one, other)):
                continue
            if _exchanged(mine, theirs, one, other) or _turned_about(statement, match.first, one, other):
                plain = {w.stem: w.plain for w in match.words}
                return f"the order of {plain[one]} and {plain[other]} is changed"
    return None


def _numbers(found: tuple[Word, ...], one: str, other: str) -> bool:
    return {one, other} <= {w.stem for w in found if w.number}


_Places = dict[str, tuple[int, str, str]]


def _places(found: tuple[Word, ...]) -> _Places:
    """Give each stem that occurs once its position and its neighbours; the ends of the text are neighbours too."""
    stems = ["<", *(w.stem for w in found), ">"]
    once = Counter(stems)
    return {
        stem: (at, stems[at - 1], stems[at + 1])
        for at, stem in enumerate(stems)
        if 0 < at < len(stems) - 1 and once[stem] == 1
    }


def _exchanged(mine: _Places, theirs: _Places, one: str, other: str) -> bool:
    """Tell whether each of two words stands among the other's neighbours; a moved phrase takes its neighbours along."""
    if mine[other][0] - mine[one][0] == 1 or theirs[one][0] - theirs[other][0] == 1:
        return False
    here, there = (mine[one][1:], theirs[other][1:]), (mine[other][1:], theirs[one][1:])
    return all(left[0] == right[0] or left[1] == right[1] for left, right in (here, there))


_EVEN = frozenset(("and", "or", "nor", "is", "are", "was", "were", "be"))


def _turned_about(statement: Text, sentence: Text, one: str, other: str) -> bool:
    """Tell whether two words have changed sides of the same little words (``from 5 to 10``), a list's aside."""
    between = _between(statement, one, other)
    return bool(between) and not _EVEN & set(between) and between == _between(sentence, other, one)


def _between(text: Text, one: str, other: str) -> list[str]:
    stems = [w.stem for w in text.words]
    found = text.words[stems.index(one) + 1 : stems.index(other)]
    return [w.plain for w in found] if not any(w.plain not in STOPWORDS for w in found) else []


def foreign(word: Word, other: Word) -> bool:
    """Tell whether two words are neither forms of one word nor units, which are compared with their numbers."""
    return word.stem[:4] != other.stem[:4] and not measured(word.plain, other.plain)


def turned(statement: Text, match: Match) -> str | None:
    """Give a stem that one side negates and the other says plainly."""
    plainly, negated = statement.polarity
    their_plainly, their_negated = match.first.polarity
    found = (negated & their_plainly) - their_negated
    found |= (plainly & their_negated) - negated - their_plainly - match.second.polarity[0]
    return min(found, default=None)


def contrary(statement: Text, sentence: Text) -> str | None:
    """Give a word of the statement in whose place the sentence has an opposite."""
    for word in statement.plain - sentence.plain:
        if opposites().get(word, frozenset()) & (sentence.plain - statement.plain):
            return word
    return None
