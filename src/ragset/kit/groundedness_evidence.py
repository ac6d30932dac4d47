"""What speaks for a claim in its context and what against: the figures that the groundedness model weighs.

Lexical only; :mod:`ragset.kit.groundedness_vectors` adds those of an embedding model. Most figures exist per sentence
of the claim. They are given as the mean over its sentences, weighted by their content words, and as the least of them
(``weakest_``): one unsupported sentence is enough to make a claim unsupported. Density is that of extractive fragments
(Grusky et al. 2018, "Newsroom"): the longer the runs copied word by word, the higher.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from ragset.kit.measures import STOPWORDS, Text, Word, opposites

SOFT = 5
"""Words of so many letters or more that begin with the same ones count as forms of one word in ``soft``."""
UNCOVERED = 0.5
"""A sentence of which the context holds less than this share is counted as uncovered."""
SUBSTANTIAL = 3
"""Content words from which a sentence can be the weakest one; a shorter one is too soon at nothing or all."""
QUESTION = 400
"""Characters of a question that count, from its end."""

_SAID_OF_TEXTS = (
    "passage passages provided given text article context document documents summary information based according "
    "source sources mention mentioned mentions question answer following"
)
_ABOUT_TEXT = frozenset(_SAID_OF_TEXTS.split())
"""Words by which an answer speaks of its source; whether the source has them says nothing."""
_SAID_OF_ONESELF = "i my mine me myself we us our ours"
_SAID_OF_THE_READER = "you your yours yourself"
_SAID_IN_TALK = (
    "yeah yes no oh wow haha lol ok okay sure hi hello thanks thank nice cool interesting awesome great amazing wonder "
    "guess think believe hope love like loved liked enjoy enjoyed favorite favourite hate wish bet heard remember "
    "agree know really pretty actually definitely maybe probably exactly fun sorry glad hmm well"
)
_SAID_WITH_DOUBT = (
    "may might could possibly perhaps likely probably seem seems appear appears suggest suggests often usually "
    "typically generally sometimes can"
)
_I, _YOU = frozenset(_SAID_OF_ONESELF.split()), frozenset(_SAID_OF_THE_READER.split())
_CHAT, _HEDGES = frozenset(_SAID_IN_TALK.split()), frozenset(_SAID_WITH_DOUBT.split())
_REFUSES = re.compile(
    r"not (?:provide|contain|mention|specif|include|clear|possible|available|enough|directly)|unable to"
    r"|no (?:information|mention|specific)|cannot (?:answer|determine|provide)|(?:don't|do not) (?:know|have)",
    re.IGNORECASE,
)
_CITATION = re.compile(
    r"\[\d+\](?:\s*,?\s*\[\d+\])*|\([Pp]assages? \d[^)]*\)|\b[Pp]assages? \d+(?:\s*(?:,|and|&)\s*\d+)*:?"
)
_DIGITS = re.compile(r"\d+")
CUTS, CLOSE = 3, 2
"""Runs of digits that are read as one number too where so few characters part them: 56, 000 or 12:15."""
_ITEM = re.compile(r"(?m)^[^\S\n]*(?:[-*•]|\d+[.)])\s")

PER_SENTENCE = (
    "covered", "one_sentence", "two_sentences", "neighbours", "rare_covered", "content_pairs", "pairs", "triples",
    "density", "longest", "soft", "compact",
)  # fmt: skip
"""Figures per sentence, each from 0 to 1: the share of its words, or runs of words, that the context holds."""
COUNTED = ("new_numbers", "new_names", "new_words", "names_elsewhere", "numbers_elsewhere")
"""Words per sentence that are nowhere in the context, or not in the two sentences that hold most of the rest."""
FLAGGED = ("negated_alone", "negation_lost", "contrary")
"""Sentences whose negation differs from that of the best ones, or that hold the contrary of a word there."""
WHOLE = (
    "words", "context_words", "sentences", "content_words", "first_person", "second_person", "chat", "asks", "exclaims",
    "hedges", "refuses", "new_stopwords", "stopwords", "items", "repeats", "place", "best_said", "uncovered",
)  # fmt: skip
"""Figures of the claim as a whole."""
ASKED = ("asked", "covered_beyond_question", "repeats_question")
"""Figures against the question; without one nothing is asked, and what is covered beyond it is what is covered."""
NAMES = (
    *PER_SENTENCE,
    *(f"weakest_{name}" for name in PER_SENTENCE),
    *COUNTED,
    *FLAGGED,
    *WHOLE,
    *ASKED,
)
"""All figures, in the order of the model's weights."""


def without_citations(text: str) -> str:
    """Take marks such as ``[2]`` and ``(Passage 1)`` out: they are about the source, not from it."""
    return _CITATION.sub(" ", text)


class Source:
    """A context taken apart once, for any number of claims."""

    def __init__(self, context: str) -> None:
        """Take a context apart (lazily)."""
        self.text = Text(without_citations(context))

    @cached_property
    def sentences(self) -> tuple[Text, ...]:
        """Its sentences; a text without a letter is one of no words."""
        return self.text.sentences or (self.text,)

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """All words, sentence by sentence."""
        return tuple(word for sentence in self.sentences for word in sentence.words)

    @cached_property
    def sequence(self) -> list[str]:
        """The stems in order."""
        return [word.stem for word in self.words]

    @cached_property
    def stems(self) -> frozenset[str]:
        """The stems that occur."""
        return frozenset(self.sequence)

    @cached_property
    def plain(self) -> frozenset[str]:
        """The plain forms that occur."""
        return frozenset(word.plain for word in self.words)

    @cached_property
    def digits(self) -> frozenset[str]:
        """The digits of its numbers; those that stand close are also read as one, for a number may be cut."""
        runs = list(_DIGITS.finditer(self.text.text))
        found = {run[0] for run in runs}
        for at, run in enumerate(runs):
            joined, end = run[0], run.end()
            for other in runs[at + 1 : at + CUTS]:
                if other.start() - end > CLOSE:
                    break
                joined, end = joined + other[0], other.end()
                found.add(joined)
        return frozenset(digits.lstrip("0") for digits in found)

    @cached_property
    def starts(self) -> frozenset[str]:
        """The first letters of its longer words."""
        return frozenset(stem[:SOFT] for stem in self.stems if len(stem) >= SOFT)

    @cached_property
    def holders(self) -> dict[str, tuple[int, ...]]:
        """Each stem with the sentences that hold it."""
        found: dict[str, list[int]] = {}
        for at, sentence in enumerate(self.sentences):
            for stem in sentence.stems:
                found.setdefault(stem, []).append(at)
        return {stem: tuple(places) for stem, places in found.items()}

    @cached_property
    def pairs(self) -> dict[tuple[str, str], list[int]]:
        """Neighbouring stems, with the places where they stand."""
        found: dict[tuple[str, str], list[int]] = {}
        for at, pair in enumerate(pairwise(self.sequence)):
            found.setdefault(pair, []).append(at)
        return found

    @cached_property
    def triples(self) -> frozenset[tuple[str, str, str]]:
        """Three stems in a row."""
        return frozenset(_triples(self.sequence))

    @cached_property
    def content_pairs(self) -> frozenset[tuple[str, str]]:
        """Neighbouring content stems."""
        return frozenset(pairwise(word.stem for sentence in self.sentences for word in sentence.content))


@dataclass(frozen=True, slots=True)
class Weighed:
    """A sentence of a claim: its content words that count, its figures, and the best sentences for it."""

    sentence: Text
    found: tuple[Word, ...]
    figures: Mapping[str, float]
    first: int
    second: int


def weigh(claim: str, source: Source, question: str | None = None) -> tuple[list[Weighed], dict[str, float]]:
    """Measure a claim against a context: its sentences that say something, and the figures named in ``NAMES``.

    Of a long ``question``, a conversation say, the end counts: its last ``QUESTION`` characters.
    """
    text = Text(without_citations(claim))
    said = text.sentences or (text,)
    weighed = [one for sentence in said if (one := _weighed(sentence, source))]
    figures = dict.fromkeys(NAMES, 0.0)
    if weighed:
        figures |= _gathered(weighed)
    asked = frozenset(word.stem for word in Text((question or "")[-QUESTION:]).words if word.plain not in STOPWORDS)
    return weighed, figures | _whole(claim, said, weighed, source) | _asked(weighed, asked, said, source)


def _weighed(sentence: Text, source: Source) -> Weighed | None:
    found = tuple(word for word in sentence.content if word.plain not in _ABOUT_TEXT)
    weights = {word.stem: word.weight for word in found}
    if not weights:
        return None
    shares, first, second = _shares(weights, source)
    missing = [word for word in found if word.stem not in source.stems]
    near = source.sentences[first].stems | source.sentences[second].stems
    elsewhere = [word for word in found if word.stem not in near]
    counts = {
        "new_numbers": sum(word.number for word in missing),
        "new_names": sum(word.name and not word.number for word in missing),
        "new_words": sum(not word.name and not word.number for word in missing),
        "numbers_elsewhere": sum(word.number for word in elsewhere),
        "names_elsewhere": sum(word.name and not word.number for word in elsewhere),
    }
    best = (source.sentences[first], source.sentences[second])
    figures = shares | _runs(sentence, found, shares["covered"], source) | counts | _flags(sentence, best)
    return Weighed(sentence, found, figures | _fit(found, best[0]), first, second)


def _shares(weights: Mapping[str, float], source: Source) -> tuple[dict[str, float], int, int]:
    """Give the shares of the words that the context, its best sentences and its best neighbours hold."""
    total, many = sum(weights.values()), len(source.sentences)
    held, beside, rare, all_rare, soft = [0.0] * many, [0.0] * many, 0.0, 0.0, 0.0
    for stem, weight in weights.items():
        places = source.holders.get(stem, ())
        rarity = math.log((many + 1) / (len(places) + 0.5)) + 0.3
        all_rare += rarity
        if places:
            rare += rarity
        if places or (len(stem) >= SOFT and stem[:SOFT] in source.starts):
            soft += weight
        last = -1
        for place in places:
            held[place] += weight
            if place > last:
                beside[place] += weight  # the pair of this sentence and the one before it
            if place + 1 < many:
                beside[place + 1] += weight
            last = place + 1
    first = max(range(many), key=held.__getitem__)
    rest = [0.0] * many
    for stem, weight in weights.items():
        places = source.holders.get(stem, ())
        if first not in places:
            for place in places:
                rest[place] += weight
    second = max(range(many), key=rest.__getitem__)
    second = second if rest[second] else first
    covered = sum(weight for stem, weight in weights.items() if stem in source.holders)
    shares = {
        "covered": covered / total,
        "one_sentence": held[first] / total,
        "two_sentences": (held[first] + rest[second]) / total,
        "neighbours": max(beside) / total,
        "rare_covered": rare / all_rare,
        "soft": soft / total,
    }
    return shares, first, second


def _runs(sentence: Text, found: Sequence[Word], covered: float, source: Source) -> dict[str, float]:
    """Give the shares of the runs of words that recur, and how long the copied fragments are."""
    stems = [word.stem for word in sentence.words]
    content = list(pairwise(word.stem for word in found))
    pairs, triples = list(pairwise(stems)), _triples(stems)
    fragments = _fragments(stems, source)
    in_pairs = sum(pair in source.pairs for pair in pairs) / len(pairs) if pairs else covered
    return {
        "content_pairs": sum(p in source.content_pairs for p in content) / len(content) if content else covered,
        "pairs": in_pairs,
        "triples": sum(t in source.triples for t in triples) / len(triples) if triples else in_pairs,
        "density": sum(length * length for length in fragments) / len(stems) ** 2,
        "longest": max(fragments) / len(stems),
    }


def _triples(stems: Sequence[str]) -> list[tuple[str, str, str]]:
    return list(zip(stems, stems[1:], stems[2:], strict=False))


def _fragments(stems: Sequence[str], source: Source) -> list[int]:
    """Cut a sentence greedily into the longest runs that stand in the context; 0 is a word that does not."""
    lengths: list[int] = []
    at, theirs = 0, source.sequence
    while at < len(stems):
        longest = int(stems[at] in source.stems)
        for place in source.pairs.get((stems[at], stems[at + 1]), ()) if at + 1 < len(stems) else ():
            length = 2
            while at + length < len(stems) and place + length < len(theirs):
                if stems[at + length] != theirs[place + length]:
                    break
                length += 1
            longest = max(longest, length)
        lengths.append(longest)
        at += max(1, longest)
    return lengths


def _flags(sentence: Text, best: tuple[Text, Text]) -> dict[str, float]:
    first, second = best
    said, theirs = sentence.plain - first.plain, first.plain - sentence.plain
    contrary = any(opposites().get(word, frozenset()) & theirs for word in said)
    return {
        "negated_alone": float(sentence.negations > 0 and not first.negations and not second.negations),
        "negation_lost": float(sentence.negations == 0 and first.negations > 0),
        "contrary": float(contrary),
    }


def _fit(found: Sequence[Word], best: Text) -> dict[str, float]:
    """Tell how closely together the words stand in the best sentence, and how much of it they are."""
    place = {word.stem: at for at, word in reversed(list(enumerate(best.words)))}
    places = sorted({place[word.stem] for word in found if word.stem in place})
    content = len({word.stem for word in best.content})
    return {
        "compact": len(places) / (places[-1] - places[0] + 1) if places else 0.0,
        "best_said": len(places) / max(1, content),
    }


def _gathered(weighed: Sequence[Weighed]) -> dict[str, float]:
    """Put the sentences' figures together: weighted means, the weakest, rates of new words, flags."""
    sizes = [len({word.stem for word in one.found}) for one in weighed]
    total = sum(sizes)
    firm = [one for one, size in zip(weighed, sizes, strict=True) if size >= SUBSTANTIAL] or weighed
    figures = {
        name: sum(size * one.figures[name] for size, one in zip(sizes, weighed, strict=True)) / total
        for name in (*PER_SENTENCE, "best_said")
    }
    figures |= {f"weakest_{name}": min(one.figures[name] for one in firm) for name in PER_SENTENCE}
    figures |= {name: sum(one.figures[name] for one in weighed) / total for name in COUNTED}
    figures |= {name: math.log1p(sum(one.figures[name] for one in weighed)) for name in FLAGGED}
    uncovered = sum(one.figures["covered"] < UNCOVERED for one in weighed)
    return figures | {"content_words": math.log1p(total), "uncovered": uncovered / len(weighed)}


def _whole(claim: str, said: Sequence[Text], weighed: Sequence[Weighed], source: Source) -> dict[str, float]:
    """Measure the claim as a whole: lengths, how it speaks, and where in the context its sentences lie."""
    plain = [word.plain for sentence in said for word in sentence.words]
    size, last = max(1, len(plain)), max(1, len(source.sentences) - 1)
    own = [word for word in plain if word not in source.plain]
    stems = [word.stem for sentence in said for word in sentence.content]
    return {
        "words": math.log1p(size),
        "context_words": math.log1p(len(source.words)),
        "sentences": math.log(len(said)),
        "first_person": sum(word in _I for word in own) / size,
        "second_person": sum(word in _YOU for word in own) / size,
        "chat": sum(word in _CHAT for word in own) / size,
        "asks": math.log1p(claim.count("?")),
        "exclaims": math.log1p(claim.count("!")),
        "hedges": sum(word in _HEDGES for word in own) / size,
        "refuses": float(bool(_REFUSES.search(claim))),
        "new_stopwords": sum(word in STOPWORDS for word in own) / size,
        "stopwords": sum(word in STOPWORDS for word in plain) / size,
        "items": math.log1p(len(_ITEM.findall(claim))),
        "repeats": 1 - len(set(stems)) / max(1, len(stems)),
        "place": sum(one.first for one in weighed) / last / max(1, len(weighed)),
    }


def _asked(weighed: Sequence[Weighed], asked: frozenset[str], said: Sequence[Text], source: Source) -> dict[str, float]:
    """Measure how much of the claim is the question's own words, and how much of the rest the context holds."""
    figures, total = dict.fromkeys(ASKED, 0.0), 0
    for one in weighed:
        weights = {word.stem: word.weight for word in one.found}
        beyond = {stem: weight for stem, weight in weights.items() if stem not in asked}
        held = sum(weight for stem, weight in beyond.items() if stem in source.stems)
        total += len(weights)
        figures["asked"] += len(weights) * (1 - sum(beyond.values()) / sum(weights.values()))
        figures["covered_beyond_question"] += len(weights) * (held / sum(beyond.values()) if beyond else 1.0)
    stems = {word.stem for sentence in said for word in sentence.content}
    figures = {name: value / max(1, total) for name, value in figures.items()}
    return figures | {"repeats_question": len(asked & stems) / max(1, len(stems))}
