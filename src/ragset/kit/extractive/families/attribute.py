"""Attributes: "The N of X is Y" → "What is the N of X?"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ragset.kit.extractive.grammar import has_pronoun, tokens
from ragset.kit.extractive.scene import Candidate, Scene, without_stop
from ragset.kit.extractive.sentences import Span
from ragset.kit.extractive.words import ADVERBS, EMPTY_PREDICATES, GENERIC_NOUNS, PREPOSITIONS
from ragset.kit.question_form import word_set

_OF = re.compile(
    r"^(?P<x>The (?P<noun>[\w-]+(?: [\w-]+){0,3}) (?:of|for|in) (?P<owner>[^,;:()]+?)) (?P<be>is|are|was"
    r"|were) (?P<rest>[^;:]+)$"
)
_WAY = re.compile(
    r"^(?P<x>The (?:[\w-]+ ){1,2}way to (?P<act>[a-z]+ [^,;:]+?)) is (?P<rest>(?:to|by|as|with|via|using"
    r"|through|a|an|the) [^;:]+)$"
)
_DIGITS = frozenset(["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve", "twenty"])
_NOUN = word_set(
    "example reason problem result rest idea case difference purpose function role goal aim objective need use number "
    "majority lack presence absence fact end start point"
)


def find(scene: Scene) -> Iterator[Candidate]:
    """Propose "What is the N of X?" for sentences that give an attribute of something named."""
    for sentence in scene.sentences:
        yield from _way(scene, sentence)
        match = _OF.match(sentence.text)
        if not match or not scene.clear(match["x"], longest=10) or not scene.clear(match["owner"], longest=6):
            continue
        head = match["noun"].split()[-1].lower()
        words = [t.low for t in tokens(match["rest"]) if t.is_word]
        if (
            head in _NOUN | GENERIC_NOUNS - {"value", "type", "default", "name", "format", "date", "time"}
            or not 2 <= len(words) <= 30
            or not _value(words, match["rest"])
        ):
            continue
        answer = without_stop(sentence.part(match.start("rest"), match.end("rest")))
        yield from scene.propose("attribute", f"what {match['be']} {scene.shown(match['x'])}?", answer, sentence, 0.83)


def _way(scene: Scene, sentence: Span) -> Iterator[Candidate]:
    """Turn "The recommended way to use a `Client` is …" into "What is the recommended way to …?"."""
    match = _WAY.match(sentence.text)
    if not match or has_pronoun(match["x"], allow=frozenset(["your"])) or len(match["rest"].split()) < 3:
        return
    objects = [t.low for t in tokens(match["act"])][1:]
    if objects and not has_pronoun(match["rest"], allow=frozenset(["your", "it", "its", "that"])):
        answer = without_stop(sentence.part(match.start("rest"), match.end("rest")))
        yield from scene.propose("procedure", f"what is {scene.shown(match['x'])}?", answer, sentence, 0.85)


def _value(words: list[str], text: str) -> bool:
    """Tell whether a predicate gives a value: a noun phrase or number, no participle, judgement or place."""
    first = words[0]
    if first in EMPTY_PREDICATES | ADVERBS | PREPOSITIONS or words[1] in EMPTY_PREDICATES or first == "that":
        return False
    if first.endswith(("ed", "ing", "ly", "ful", "ous", "ive", "able", "ible", "ent", "ant", "al")) or has_pronoun(
        text, allow=frozenset(["that", "its", "their"])
    ):
        return False
    return (
        first in {"a", "an", "the"} | _DIGITS
        or first[0].isdigit()
        or "`" in text[:2]
        or text[0].isupper()
        or '"' in text[:2]
    )
