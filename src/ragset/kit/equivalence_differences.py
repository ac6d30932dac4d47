"""Differences in substance between an accepted answer and a candidate that is nearly a copy of it.

Overlap of words cannot see them: one other number, name or unit, a negation on one side, the contrary of a word, or
two words that have changed places. The rules speak only where the rest is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from ragset.kit.equivalence_evidence import Asked, held
from ragset.kit.equivalence_words import Answer, Token
from ragset.kit.measures import Text, opposites

COPY = 0.6
"""Share of the shorter answer's content words, in order, from which it counts as a near copy."""
WHOLE = 0.8
"""The same for a difference in a plain word, which may be a mere rewording."""
LEAST = 2
"""Content words that must agree: a phrase of fewer has nothing that could be the same but for one."""
SWAPPED_IN = 2
"""A run of up to so many words in the place of as many others is an alteration, not a rewording."""
LONGEST = 60
"""Content words of a candidate beyond which it is no copy of anything."""
_EVEN = frozenset(("and", "or", "nor", "is", "are", "was", "were", "be"))


def difference(asked: Asked, gold: Answer) -> str | None:
    """Name what makes a near copy say something else than the accepted answer; None when nothing does."""
    mine, theirs = asked.candidate.content, gold.content
    if len(mine) > LONGEST or not (gold.stems & asked.candidate.stems):
        return None
    turned = _turned(asked, gold)
    aligned = SequenceMatcher(None, [t.stem for t in theirs], [t.stem for t in mine], autojunk=False)
    same = sum(block.size for block in aligned.get_matching_blocks())
    share = same / min(len(mine), len(theirs))
    if turned or same < LEAST or share < COPY:
        return turned
    close = share >= WHOLE and min(len(mine), len(theirs)) >= WHOLE * max(len(mine), len(theirs))
    return (
        _replaced(aligned.get_opcodes(), theirs, asked, gold, close=close)
        or _requantified(asked, gold)
        or _exchanged(gold.line.split(), asked.candidate.line.split())
    )


def _turned(asked: Asked, gold: Answer) -> str | None:
    """Name a word that is negated on one side and said plainly on the other."""
    plainly, negated = Text(gold.text).polarity
    their_plainly, their_negated = Text(asked.candidate.text).polarity
    turned = (negated & their_plainly) - their_negated - plainly
    turned |= (plainly & their_negated) - negated - their_plainly
    return f"'{min(turned)}' is negated on one side only" if turned else None


def _replaced(
    steps: Sequence[tuple[str, int, int, int, int]],
    theirs: Sequence[Token],
    asked: Asked,
    gold: Answer,
    *,
    close: bool,
) -> str | None:
    """Name a number, a name or a contrary, in a close copy any word, that stands in the place of another."""
    for kind, start, end, my_start, my_end in steps:
        if kind != "replace" or max(end - start, my_end - my_start) > SWAPPED_IN:
            continue
        for wanted in theirs[start:end]:
            for word in asked.candidate.content[my_start:my_end]:
                if held(wanted, asked.candidate) or held(word, gold):
                    continue
                if _alters(wanted, word) or (close and end - start == my_end - my_start and _other(wanted, word)):
                    return f"'{word.plain}' stands in the place of '{wanted.plain}'"
    return None


def _alters(wanted: Token, word: Token) -> bool:
    """Tell whether two words cannot both be true in one place: two numbers, two names, two contraries."""
    if wanted.number and word.number:
        return True
    return (wanted.capital and word.capital) or word.plain in opposites().get(wanted.plain, ())


def _other(wanted: Token, word: Token) -> bool:
    """Tell whether two plain words are two things; a word and a number may be two ways to say one."""
    return wanted.number == word.number and wanted.stem[:4] != word.stem[:4]


def _requantified(asked: Asked, gold: Answer) -> str | None:
    """Name a number whose sign, currency or unit is another one in the candidate."""
    theirs = Text(asked.candidate.text).quantities
    for wanted in Text(gold.text).quantities:
        same = [q for q in theirs if q.value == wanted.value]
        if same and not any(wanted.agrees(q) for q in same):
            return f"{same[0].plain} stands in the place of {wanted.plain}"
    return None


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
