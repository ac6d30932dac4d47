"""Find what a claim's sentence puts in the place of something else: the mark of an altered copy.

A word that is missing from the context may be a rewording, and sentences that people reword differ from their source
in many places. An altered copy differs in one or two: there a number, name, unit or word stands where the best
sentence has another one, a negation or contrary is put in, or two words have changed places. What these rules take
from claims that people find supported is printed by ``tests/benchmarks/fit_groundedness.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from ragset.kit.entailment import Match, foreign, reordered, requantified, reversal
from ragset.kit.groundedness_evidence import Source, Weighed
from ragset.kit.measures import STOPWORDS, Text, Word

LIKE = 0.5
"""From this share held by one sentence on, a claim's sentence may be its altered copy."""
FEW = 2
"""Places in which an altered copy differs at most."""
FRAME = 2
"""Equal words that must stand around what is exchanged."""
LONGEST = 4
"""Content words that an exchanged part has at most."""
WHOLE = 0.8
"""Share of the longer sentence's words that the other must have for an exchanged word to be an alteration."""
LEAST_WHOLE = 3
"""Content words from which on a sentence can be the copy of a whole one."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A place where a claim differs from a sentence: content words of both, and the equal words around it."""

    mine: tuple[Word, ...]
    theirs: tuple[Word, ...]
    frame: int

    @property
    def exchange(self) -> bool:
        """Tell whether something stands in the place of something else, between words that are the same."""
        return bool(self.mine and self.theirs) and len(self.mine) <= LONGEST and self.frame >= FRAME


def alteration(one: Weighed, source: Source) -> str | None:
    """Say what is altered in a sentence that otherwise copies a sentence of the context; none when nothing is."""
    share = one.figures["one_sentence"]
    if share < LIKE:
        return None
    best, second = source.sentences[one.first], source.sentences[one.second]
    match = Match(one.found, best, second, share, one.figures["two_sentences"])
    if all(word.stem in best.stems for word in one.found):
        moved = reordered(one.sentence, match, source.text)
        if moved:
            return moved
    found = edits(one.sentence, best)
    if len(found) > FEW:
        return None
    for edit in found:
        exchanged = edit.exchange and (_fact_exchanged(edit, one.sentence, best) or _word_exchanged(edit, one, best, source))
        if exchanged:
            return exchanged
    return requantified(one.sentence, match, source.text) or reversal(one.sentence, match)


def edits(sentence: Text, other: Text) -> list[Edit]:
    """List the places where a sentence differs from another in what it says; what the other says around it is none."""
    mine, theirs = sentence.words, other.words
    aligned = SequenceMatcher(None, [w.stem for w in mine], [w.stem for w in theirs], autojunk=False)
    steps = aligned.get_opcodes()
    found: list[Edit] = []
    for at, (kind, start, end, their_start, their_end) in enumerate(steps):
        if kind == "equal" or (kind == "insert" and at in (0, len(steps) - 1)):
            continue
        around = (*steps[max(0, at - 1) : at], *steps[at + 1 : at + 2])
        frame = sum(step[2] - step[1] for step in around if step[0] == "equal")
        edit = Edit(_saying(mine[start:end]), _saying(theirs[their_start:their_end]), frame)
        if edit.mine or edit.theirs:
            found.append(edit)
    return found


def _saying(words: Sequence[Word]) -> tuple[Word, ...]:
    return tuple(word for word in words if word.plain not in STOPWORDS)


def _fact_exchanged(edit: Edit, sentence: Text, best: Text) -> str | None:
    """Name a number in the place of another number, or a name in that of another name."""
    kinds: tuple[tuple[str, Callable[[Word], bool]], ...] = (("number", _is_number), ("name", _is_name))
    for kind, is_one in kinds:
        mine = [word for word in edit.mine if word.stem not in best.stems and is_one(word)]
        theirs = [word for word in edit.theirs if word.stem not in sentence.stems and is_one(word)]
        if mine and theirs:
            return f"the {kind} {mine[0].plain} stands in the place of {theirs[0].plain}"
    return None


def _is_number(word: Word) -> bool:
    return word.number


def _is_name(word: Word) -> bool:
    return (word.name or word.capital) and not word.number


def _word_exchanged(edit: Edit, one: Weighed, best: Text, source: Source) -> str | None:
    """Name a word of no form of the other's, in a copy of a whole sentence, that is nowhere in the context."""
    sizes = len(one.found), len(best.content)
    if len(edit.mine) != len(edit.theirs) or min(sizes) < max(LEAST_WHOLE, WHOLE * max(sizes)):
        return None
    for word, other in zip(edit.mine, edit.theirs, strict=True):
        if word.stem not in source.stems and foreign(word, other):
            return f"{word.plain} stands in the place of {other.plain}"
    return None
