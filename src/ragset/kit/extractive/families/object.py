"""What something contains, needs, eats, causes: a clear subject, one of a few safe verbs, and its object."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ragset.kit.extractive.grammar import base_of, has_pronoun, is_code, tokens
from ragset.kit.extractive.scene import Candidate, Scene, without_stop
from ragset.kit.extractive.sentences import Span
from ragset.kit.extractive.words import ADVERBS, AUXILIARIES, EMPTY_PREDICATES, PREPOSITIONS
from ragset.kit.question_form import word_set

_SAFE = word_set(
    "include contain consist comprise require cause eat provide prevent produce involve represent govern supply "
    "enable allow describe specify define determine receive maintain employ incorporate combine resemble exploit "
    "inhabit affect reduce increase protect regulate absorb transmit convert offer introduce depend belong "
    "serve help let"
)
_NAMED = word_set(
    "support accept return use run write expose keep hold store print record check measure compare "
    "reject count give "
    "take ignore treat expect need add default start create make show list"
)
_VAGUE_OF_PRODUCT = word_set("provide offer include support use contain need give take make run allow enable help let")
_TAIL = {"consist": "of", "depend": "on", "belong": "to", "serve": "as", "default": "to"}
_CAUSATIVE = {"allow": " to", "enable": " to", "require": " to", "help": "", "let": ""}
_EMPTY_OBJECTS = word_set(
    "only such several many some various certain different number variety range lot few more one two"
)


def find(scene: Scene) -> Iterator[Candidate]:
    """Propose "What does X include?" and the like."""
    for sentence in scene.sentences:
        yield from _sentence(scene, sentence)


def _sentence(scene: Scene, sentence: Span) -> Iterator[Candidate]:
    default = re.match(r"By default, ", sentence.text)
    if default:
        for found in _sentence(scene, sentence.part(default.end(), len(sentence.text))):
            question = found.question[:-1] + " by default?"
            yield replace(found, question=question, support=sentence, score=found.score + 0.1)
        return
    found = tokens(sentence.text)
    for at in range(1, min(len(found) - 3, 8)):
        word = found[at].low
        if not found[at].is_word or word in AUXILIARIES:
            return
        verb, plural = base_of(word, "s"), False
        if verb not in _SAFE | _NAMED:
            verb, plural = base_of(word, "base"), True
        if verb not in _SAFE | _NAMED:
            continue
        subject = sentence.text[: found[at].start].strip()
        last = found[at - 1].low
        if (verb in _NAMED and not _speaks_for_itself(scene, subject)) or _too_wide(scene, subject, verb):
            return
        if plural != (last.endswith("s") and not last.endswith(("ss", "us", "is"))) or not scene.clear(
            subject, longest=6
        ):
            return
        yield from _ask(scene, sentence, (subject, verb, plural), found[at].end)
        return


def _speaks_for_itself(scene: Scene, subject: str) -> bool:
    return any(is_code(t.text) for t in tokens(subject)) or subject.lower() == scene.setting.product.lower() != ""


def _too_wide(scene: Scene, subject: str, verb: str) -> bool:
    """Tell whether many sentences would answer: "What does the product provide?"."""
    whole = {scene.setting.product.lower(), scene.setting.title.lower()}
    return subject.lower() in whole and verb in _VAGUE_OF_PRODUCT


def _ask(scene: Scene, sentence: Span, clause: tuple[str, str, bool], end: int) -> Iterator[Candidate]:
    subject, verb, plural = clause
    rest = without_stop(sentence.part(end, len(sentence.text)))
    tail = _TAIL.get(verb, "")
    if tail:
        if not rest.text.startswith(tail + " "):
            return
        rest = rest.part(len(tail) + 1, len(rest.text))
    if verb in _CAUSATIVE:
        caused = list(_causative(scene, sentence, clause, rest))
        yield from caused
        if caused or verb != "require" or re.search(r"\bto [a-z]+", rest.text):
            return
    words = [t.low for t in tokens(rest.text) if t.is_word]
    if len(words) < 3 or words[0] in PREPOSITIONS | ADVERBS | {"that", "how", "to", "what", "whether"}:
        return
    if verb == "include" and words and tokens(subject)[0].low in {"a", "an"}:
        return
    content = next((w for w in words if w not in {"a", "an", "the"}), "")
    if content in _EMPTY_OBJECTS | EMPTY_PREDICATES or has_pronoun(
        rest.text, allow=frozenset(["their", "its", "it", "them", "they", "that"])
    ):
        return
    core = f"what {'do' if plural else 'does'} {scene.shown(subject)} {verb}{' ' + tail if tail else ''}?"
    yield from scene.propose("object", core, rest, sentence, 0.7)


def _causative(scene: Scene, sentence: Span, clause: tuple[str, str, bool], rest: Span) -> Iterator[Candidate]:
    """Turn "X allows developers to build Y" into "What does X allow developers to do?"."""
    subject, verb, plural = clause
    match = re.match(
        rf"(?P<who>you|[a-z]+s|(?:(?:the|an?) )?(?:[\w-]+ ){1, 2}[a-z]+){_CAUSATIVE[verb]} (?P<act>[a-z]+ [^;:]+)$",
        rest.text,
    )
    if (
        not match
        or (match["who"] != "you" and not scene.clear(match["who"]))
        or not base_of(match["act"].split()[0], "base")
        or len(match["act"].split()) < 3
    ):
        return
    if has_pronoun(match["act"], allow=frozenset(["their", "its", "it", "them", "they", "that", "each"])):
        return
    core = f"what {'do' if plural else 'does'} {scene.shown(subject)} {verb} {match['who']}{_CAUSATIVE[verb]} do?"
    yield from scene.propose("purpose", core, rest.part(match.start("act"), len(rest.text)), sentence, 0.84)
