"""Find what a claim's sentence puts in the place of something else: the mark of an altered copy.

A word that is merely missing from the context may be a rewording. A number, name or unit that stands where the best
sentence has another one, between words that are the same, is not; nor is a negation or contrary put into a copy, or an
exchange of places. Measured on nine human-labelled sets: ``tests/benchmarks/bench_builtin_judge.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from ragset.kit.entailment import Match, foreign, reordered, requantified, reversal
from ragset.kit.groundedness_evidence import Source, Weighed
from ragset.kit.measures import STOPWORDS, Text, Word

LIKE = 0.5
"""From this share held by one sentence on, a claim's sentence is compared with it word by word."""
COPY = 0.8
"""From here on it counts as a copy: negation, contraries, units and order must agree."""
FRAME = 2
"""Equal words that must stand around what is exchanged."""
LONGEST = 4
"""Content words that an exchanged part has at most."""
LEAST_WHOLE = 3
"""Content words from which on a sentence can be a copy of a whole one."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """Content words of the claim and those of the best sentence in whose place they stand."""

    mine: tuple[Word, ...]
    theirs: tuple[Word, ...]


def alteration(one: Weighed, source: Source) -> str | None:
    """Say what is altered in a sentence that otherwise follows a sentence of the context; none when nothing is."""
    share = one.figures["one_sentence"]
    if share < LIKE:
        return None
    best, second = source.sentences[one.first], source.sentences[one.second]
    for exchange in exchanges(one.sentence, best):
        found = _fact_exchanged(exchange, one, source)
        if found:
            return found
    match = Match(one.found, best, second, share, one.figures["two_sentences"])
    if share >= COPY:
        return _changed(one.sentence, match, source.text) or _substituted(one, best, source)
    return _substituted(one, best, source)


def exchanges(sentence: Text, other: Text) -> Iterator[Exchange]:
    """Give what stands in the place of something else, between equal words or at the sentence's edge."""
    mine, theirs = sentence.words, other.words
    aligned = SequenceMatcher(None, [w.stem for w in mine], [w.stem for w in theirs], autojunk=False)
    steps = aligned.get_opcodes()
    for at, (kind, start, end, their_start, their_end) in enumerate(steps):
        around = [step for step in (*steps[max(0, at - 1) : at], *steps[at + 1 : at + 2]) if step[0] == "equal"]
        if kind != "replace" or sum(step[2] - step[1] for step in around) < FRAME:
            continue
        exchange = Exchange(_saying(mine[start:end]), _saying(theirs[their_start:their_end]))
        if exchange.mine and exchange.theirs and len(exchange.mine) <= LONGEST:
            yield exchange


def _saying(words: Sequence[Word]) -> tuple[Word, ...]:
    return tuple(word for word in words if word.plain not in STOPWORDS)


def _fact_exchanged(exchange: Exchange, one: Weighed, source: Source) -> str | None:
    """Name a number in the place of another number, or a name in that of another name."""
    near = source.sentences[one.first].stems | source.sentences[one.second].stems
    new = [word for word in exchange.mine if word.stem not in near]
    gone = [word for word in exchange.theirs if word.stem not in one.sentence.stems]
    for kind, is_one in (("number", _is_number), ("name", _is_name)):
        mine, theirs = list(filter(is_one, new)), list(filter(is_one, gone))
        if mine and theirs:
            return f"the {kind} {mine[0].plain} stands in the place of {theirs[0].plain}"
    return None


def _is_number(word: Word) -> bool:
    return word.number


def _is_name(word: Word) -> bool:
    return (word.name or word.capital) and not word.number


def _changed(sentence: Text, match: Match, context: Text) -> str | None:
    """Name a unit, a contrary, a negation or an order that a copy has otherwise."""
    return requantified(sentence, match, context) or reordered(sentence, match, context) or reversal(sentence, match)


def _substituted(one: Weighed, best: Text, source: Source) -> str | None:
    """Name a word of no form of the other's, in a copy of a whole sentence, that is nowhere in the context."""
    sizes = len(one.found), len(best.content)
    if min(sizes) < LEAST_WHOLE or min(sizes) < COPY * max(sizes):
        return None
    for exchange in exchanges(one.sentence, best):
        if len(exchange.mine) != len(exchange.theirs):
            continue
        for word, other in zip(exchange.mine, exchange.theirs, strict=True):
            if word.stem not in source.stems and foreign(word, other):
                return f"{word.plain} stands in the place of {other.plain}"
    return None
