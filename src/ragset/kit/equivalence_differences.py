"""Differences in substance between an accepted answer and a candidate that is nearly a copy of it.

Overlap of words cannot see them: one other number, name or unit, a negation on one side, the contrary of a word, or
two words that have changed places. The rules speak only where the rest is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from ragset.kit.equivalence_evidence import Asked, held
from ragset.kit.equivalence_words import Answer, Token
from ragset.kit.measures import Quantity, Text, known_unit, opposites

COPY = 0.6
"""Share of the shorter answer's content words, in order, from which it counts as a near copy."""
HALF = 0.5
"""The same for what cannot be a rewording: a contrary, another unit."""
WHOLE = 0.8
"""Least ratio of their lengths for a difference in a plain word; a shorter one may sum the longer one up."""
LEAST = 2
"""Content words that must agree: a phrase of fewer has nothing that could be the same but for one."""
SWAPPED_IN = 2
"""A run of up to so many words in the place of as many others is an alteration, not a rewording."""
LONGEST = 60
"""Content words of a candidate beyond which it is no copy of anything."""
_EVEN = frozenset(("and", "or", "nor", "is", "are", "was", "were", "be"))

Words = Sequence[Token]


def difference(asked: Asked, gold: Answer) -> str | None:
    """Name what makes a near copy say something else than the accepted answer; None when nothing does."""
    mine, theirs = asked.candidate.content, gold.content
    if len(mine) > LONGEST or not (gold.stems & asked.candidate.stems):
        return None
    aligned = SequenceMatcher(None, [t.stem for t in theirs], [t.stem for t in mine], autojunk=False)
    same = sum(block.size for block in aligned.get_matching_blocks())
    shorter, longer = sorted((len(mine), len(theirs)))
    exchanged = _exchanged(gold.line.split(), asked.candidate.line.split())
    if exchanged or same < HALF * shorter:
        return exchanged
    copied = same >= LEAST and same >= COPY * shorter
    return (
        _replaced(_swaps(aligned, theirs, mine), asked, gold, copied=copied, close=shorter >= WHOLE * longer)
        or _requantified(asked, gold, copied=copied)
        or (_turned(asked.candidate, gold) if same >= COPY * shorter else None)
    )


def _turned(said: Answer, gold: Answer) -> str | None:
    """Name a word that is negated on one side and said plainly on the other."""
    plainly, negated = gold.polarity
    their_plainly, their_negated = said.polarity
    if negated and their_negated:
        return None  # which word a negation belongs to is not known well enough
    turned = (negated & their_plainly) - plainly | (plainly & their_negated) - their_plainly
    return f"'{min(turned)}' is negated on one side only" if turned else None


def _swaps(aligned: SequenceMatcher[str], theirs: Words, mine: Words) -> list[tuple[Words, Words]]:
    """Give the short runs that stand in each other's place; at an end, what lies beyond the shorter run is left out."""
    found: list[tuple[Words, Words]] = []
    for kind, start, end, my_start, my_end in aligned.get_opcodes():
        size = min(end - start, my_end - my_start)
        if kind != "replace" or size > SWAPPED_IN:
            continue
        one, other = theirs[start:end], mine[my_start:my_end]
        if end == len(theirs) or my_end == len(mine):
            one, other = one[:size], other[:size]
        elif not start or not my_start:
            one, other = one[-size:], other[-size:]
        if max(len(one), len(other)) <= SWAPPED_IN:
            found.append((one, other))
    return found


def _replaced(
    swaps: Sequence[tuple[Words, Words]], asked: Asked, gold: Answer, *, copied: bool, close: bool
) -> str | None:
    """Name a contrary, in a copy a number or a name, in a close copy any word, that stands in the place of another."""
    first = (id(gold.tokens[0]), id(asked.candidate.tokens[0]))
    for one, other in swaps:
        for wanted, word in ((w, o) for w in one for o in other):
            contrary = word.plain in opposites().get(wanted.plain, ())
            if not contrary and (not copied or held(wanted, asked.candidate) or held(word, gold)):
                continue
            # A capital at the very beginning of one side alone says nothing.
            named = wanted.capital and word.capital and (id(wanted) == first[0]) == (id(word) == first[1])
            plain = close and len(one) == len(other) and _other(wanted, word)
            if contrary or _two_numbers(wanted, word) or (named and _long(wanted, word)) or plain:
                return f"'{word.plain}' stands in the place of '{wanted.plain}'"
    return None


def _two_numbers(wanted: Token, word: Token) -> bool:
    """Tell whether both are numbers; one that goes on where the other ends has a footnote's mark glued to it."""
    longer, shorter = sorted((wanted.stem, word.stem), key=len, reverse=True)
    return wanted.number and word.number and not (len(shorter) >= 4 and longer.startswith(shorter))


def _long(wanted: Token, word: Token) -> bool:
    return min(len(wanted.plain), len(word.plain)) > 1


def _other(wanted: Token, word: Token) -> bool:
    """Tell whether two plain words are two things; a word and a number may be two ways to say one."""
    return wanted.number == word.number and wanted.stem[:4] != word.stem[:4]


def _requantified(asked: Asked, gold: Answer, *, copied: bool) -> str | None:
    """Name a number whose sign, currency or unit is another one in the candidate (in a copy: or left out)."""
    theirs = Text(asked.candidate.text).quantities
    for wanted in Text(gold.text).quantities:
        same = [q for q in theirs if q.value == wanted.value and (copied or (_marked(q) and _marked(wanted)))]
        if same and not any(wanted.agrees(q) for q in same):
            return f"'{same[0].plain}' stands in the place of '{wanted.plain}'"
    return None


def _marked(quantity: Quantity) -> bool:
    return bool(quantity.marks) or any(known_unit(unit) for unit in quantity.units[:1])


def _exchanged(theirs: list[str], mine: list[str]) -> str | None:
    """Name two phrases that have changed places around something that is not even on both sides (``and``, ``is``)."""
    if sorted(theirs) != sorted(mine) or theirs == mine:
        return None
    start = next(at for at, (one, other) in enumerate(zip(theirs, mine, strict=True)) if one != other)
    end = next(at for at, (one, other) in enumerate(zip(theirs[::-1], mine[::-1], strict=True)) if one != other)
    stop = len(theirs) - end
    before, after = theirs[start:stop], mine[start:stop]
    for size in range(1, len(before)):
        for other in range(1, len(before) - size):
            left, middle, right = before[:size], before[size : len(before) - other], before[len(before) - other :]
            if right + middle + left == after and not set(middle) <= _EVEN:
                return f"'{' '.join(left)}' and '{' '.join(right)}' have changed places"
    return None
