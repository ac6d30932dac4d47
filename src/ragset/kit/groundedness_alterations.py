"""Find what a claim's sentence puts in the place of something else: the mark of an altered copy.

A word that is missing from the context may be a rewording, and a sentence that people reword differs from its source
in many words. An altered copy differs in one or two places and few words: there a number, name, unit or word stands
where the best sentence has another one, a negation or contrary is put in, or two words have changed places. What these
rules cost and bring on human-labelled claims is printed by ``tests/benchmarks/fit_groundedness.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from ragset.kit.groundedness_evidence import Source, Weighed
from ragset.kit.measures import NEGATIONS, STOPWORDS, Quantity, Text, Word
from ragset.kit.turned_about import Match, contrary, foreign, reordered, turned

LIKE = 0.5
"""From this share held by one sentence on, a claim's sentence may be its altered copy."""
PLACES, WORDS = 2, 4
"""Places, and content words in all of them, in which an altered copy differs at most."""
DIGITS = 2
"""Digits from which on a number must stand somewhere; one alone often numbers an item."""
FRAME = 2
"""Equal words that must stand around what is exchanged."""
LONGEST = 3
"""Content words that an exchanged part has at most, on either side."""
WHOLE = 0.8
"""Share of the longer sentence's words that the other must have for an exchanged word to be an alteration."""
HALF = 0.5
"""Share of a sentence's words that a claim must have before changed places count; a shorter one sums it up."""
LEAST_WHOLE = 3
"""Content words from which on a sentence can be the copy of a whole one."""

_CURRENCIES = frozenset(("dollar", "euro", "yen", "rupee", "pound"))


@dataclass(frozen=True, slots=True)
class Edit:
    """A place where a claim differs from a sentence: words of both that say something, and the equal ones around.

    ``opens`` is set where it begins the claim: a capital says nothing there.
    """

    mine: tuple[Word, ...]
    theirs: tuple[Word, ...]
    frame: int
    opens: bool

    @property
    def exchange(self) -> bool:
        """Tell whether something stands in the place of something else, between words that are the same."""
        sizes = len(self.mine), len(self.theirs)
        return min(sizes) > 0 and max(sizes) <= LONGEST and self.frame >= FRAME


def alteration(one: Weighed, source: Source, *, alone: bool = True, asked: frozenset[str] = frozenset()) -> str | None:
    """Say what is altered in a sentence that otherwise copies a sentence of the context; none when nothing is.

    Of a claim of several sentences (not ``alone``) an exchanged word that is no number or name is let pass: people who
    sum up a text take other words. So is one whose stem is ``asked``, a word of the question that is answered.
    """
    if one.figures["one_sentence"] < LIKE:
        return None
    strange = _strange_number(one, source.stems | asked, source.digits)
    if strange:
        return f"the number {strange} is not in the text"
    best = source.sentences[one.first]
    match = Match(one.found, best, source.sentences[one.second])
    if len(one.found) >= HALF * len(best.content) and all(word.stem in best.stems for word in one.found):
        moved = reordered(one.sentence, match, source.text)
        if moved:
            return moved
    found = edits(one.sentence, best)
    changed = [edit for edit in found if edit.mine]  # what is merely left out alters nothing, a negation apart
    if len(changed) > PLACES or sum(len(edit.mine) for edit in changed) > WORDS:
        return None
    exchanges = [edit for edit in found if edit.exchange]
    facts = (_fact_exchanged(edit, one.sentence, best) for edit in exchanges)
    known = source.stems | asked
    words = (_word_exchanged(edit, one, best, known) for edit in exchanges if alone and len(found) == 1)
    named = next((fact for fact in facts if fact), None) or next((word for word in words if word), None)
    return named or _requantified(one.sentence, best, source.text) or _reversed(one.sentence, match, found)


def _strange_number(one: Weighed, known: frozenset[str], digits: frozenset[str]) -> str | None:
    """Give a number whose digits stand nowhere in the text, however they are written or cut there."""
    for word in one.sentence.content:
        mine = re.sub(r"\D", "", word.plain).lstrip("0")
        if word.number and word.stem not in known and len(mine) >= DIGITS and mine not in digits:
            return word.plain
    return None


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
        if kind == "replace" and end == len(mine):  # what goes on behind the claim's end is around it
            their_end = min(their_end, their_start + end - start)
        elif kind == "replace" and start == 0:
            their_start = max(their_start, their_end - end)
        edit = Edit(_saying(mine[start:end]), _saying(theirs[their_start:their_end]), frame, start == 0)
        if edit.mine or edit.theirs:
            found.append(edit)
    return found


def _saying(words: Sequence[Word]) -> tuple[Word, ...]:
    return tuple(word for word in words if word.plain not in STOPWORDS)


def _fact_exchanged(edit: Edit, sentence: Text, best: Text) -> str | None:
    """Name a number in the place of another number, or a name in that of another name."""
    mine = [word for word in edit.mine if word.stem not in best.stems]
    theirs = [word for word in edit.theirs if word.stem not in sentence.stems]
    named = _is_full_name if edit.opens else _is_name
    for kind, is_one, other in (("number", _is_number, _is_number), ("name", named, _is_name)):
        pair = _pair(mine, theirs, is_one, other)
        if pair and not (kind == "number" and _same_digits(edit)):
            return f"the {kind} {pair[0].plain} stands in the place of {pair[1].plain}"
    return None


_Is = Callable[[Word], bool]


def _pair(mine: Sequence[Word], theirs: Sequence[Word], is_one: _Is, other: _Is) -> tuple[Word, Word] | None:
    """Give the first word of each side that is of the kind; forms of one word are no pair."""
    one, two = next(filter(is_one, mine), None), next(filter(other, theirs), None)
    return (one, two) if one and two and (one.number or foreign(one, two)) else None


def _is_number(word: Word) -> bool:
    return word.number


def _is_full_name(word: Word) -> bool:
    return word.name and not word.number


def _is_name(word: Word) -> bool:
    return (word.name or word.capital) and not word.number


def _same_digits(edit: Edit) -> bool:
    """Tell whether two numbers are only written or cut otherwise: ``12:15 am`` and ``12:15am``, ``56, 000``."""
    one, two = (re.sub(r"\D", "", "".join(word.plain for word in side)) for side in (edit.mine, edit.theirs))
    return one == two


def _word_exchanged(edit: Edit, one: Weighed, best: Text, known: frozenset[str]) -> str | None:
    """Name a word of no form of the other's, in a copy of a whole sentence, that is not known from elsewhere."""
    sizes = len(one.found), len(best.content)
    if edit.opens or len(edit.mine) != len(edit.theirs) or min(sizes) < max(LEAST_WHOLE, WHOLE * max(sizes)):
        return None
    for word, other in zip(edit.mine, edit.theirs, strict=True):
        if word.stem not in known and foreign(word, other) and word.plain not in other.plain:
            return f"{word.plain} stands in the place of {other.plain}"
    return None


def _requantified(sentence: Text, best: Text, context: Text) -> str | None:
    """Name a number whose sign or unit is another one in the sentence; a currency may be left out, not changed."""
    for said in sentence.quantities:
        theirs = [q for q in best.quantities if q.value == said.value]
        theirs = theirs or [q for q in context.quantities if q.value == said.value]
        if theirs and not any(said.agrees(other) or _bare(said, other) for other in theirs):
            return f"{said.plain} is {theirs[0].plain} in the sentence"
    return None


def _bare(said: Quantity, other: Quantity) -> bool:
    priced = bool(other.marks) and other.marks <= _CURRENCIES
    return priced and not said.marks and not _CURRENCIES & set(said.units) and said.negative == other.negative


def _reversed(sentence: Text, match: Match, found: Sequence[Edit]) -> str | None:
    """Name a contrary, or a word that only one side negates, where the sentences differ in just that."""
    opposite = contrary(sentence, match.first)
    exchanged = {word.plain for edit in found if edit.exchange for word in edit.mine}
    if opposite and (opposite in exchanged or (opposite in STOPWORDS and not found)):
        return f"the sentence says the contrary of {opposite}"
    mine = any(word.plain in NEGATIONS for edit in found for word in edit.mine if not _answers(edit))
    theirs = any(word.plain in NEGATIONS for edit in found for word in edit.theirs)
    word = turned(sentence, match) if mine != theirs and len(match.words) > 1 else None
    return f"{word} is negated on one side only" if word else None


def _answers(edit: Edit) -> bool:
    """Tell whether a claim opens with the ``No`` that answers a question, which negates nothing."""
    return edit.opens and edit.mine[:1] != () and edit.mine[0].plain == "no"
