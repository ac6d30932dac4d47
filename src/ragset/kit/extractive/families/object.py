"""What something contains, needs, eats, causes: a clear subject, one of a few safe verbs, and its object."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ragset.kit.extractive.grammar import base_of, has_pronoun, tokens
from ragset.kit.extractive.scene import Candidate, Scene, without_stop
from ragset.kit.extractive.sentences import Span
from ragset.kit.extractive.words import ADVERBS, AUXILIARIES, PREPOSITIONS

_SAFE = frozenset(
    "include contain consist comprise require cause eat provide prevent produce involve represent govern supply "
    "enable allow describe specify define determine receive maintain employ incorporate combine resemble exploit "
    "inhabit affect reduce increase protect regulate absorb transmit convert offer introduce depend feed".split()  # noqa: SIM905
)
_TAIL = {"consist": "of", "depend": "on", "feed": "on"}
_EMPTY_OBJECTS = frozenset("only such several many some various certain different number variety range lot few more one two".split())  # noqa: SIM905


def find(scene: Scene) -> Iterator[Candidate]:
    """Propose "What does X include?" and the like."""
    for sentence in scene.sentences:
        yield from _sentence(scene, sentence)


def _sentence(scene: Scene, sentence: Span) -> Iterator[Candidate]:
    found = tokens(sentence.text)
    for at in range(1, min(len(found) - 3, 8)):
        word = found[at].low
        if not found[at].is_word or word in AUXILIARIES:
            return
        verb, plural = base_of(word, "s"), False
        if verb not in _SAFE:
            verb, plural = base_of(word, "base"), True
        if verb not in _SAFE:
            continue
        subject = sentence.text[: found[at].start].strip()
        last = found[at - 1].low
        if plural != (last.endswith("s") and not last.endswith(("ss", "us", "is"))) or not scene.clear(subject, longest=6):
            return
        yield from _ask(scene, sentence, (subject, verb, plural), found[at].end)
        return


def _ask(scene: Scene, sentence: Span, clause: tuple[str, str, bool], end: int) -> Iterator[Candidate]:
    subject, verb, plural = clause
    rest = without_stop(sentence.part(end, len(sentence.text)))
    tail = _TAIL.get(verb, "")
    if tail:
        if not rest.text.startswith(tail + " "):
            return
        rest = rest.part(len(tail) + 1, len(rest.text))
    words = [t.low for t in tokens(rest.text) if t.is_word]
    if len(words) < 3 or words[0] in PREPOSITIONS | ADVERBS | {"that", "how", "to", "what", "whether"}:
        return
    content = next((w for w in words if w not in {"a", "an", "the"}), "")
    if content in _EMPTY_OBJECTS or has_pronoun(rest.text, allow=frozenset(["their", "its", "it", "them", "they", "that"])):
        return
    if verb in {"allow", "enable"}:
        split = re.search(r"\bto [a-z]+", rest.text)
        if split:
            return
    core = f"what {'do' if plural else 'does'} {scene.shown(subject)} {verb}{' ' + tail if tail else ''}?"
    yield from scene.propose("object", core, rest, sentence, 0.7)
