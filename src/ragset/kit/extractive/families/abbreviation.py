"""Abbreviations: "General Services Administration (GSA)" → "What does GSA stand for?".

After Schwartz and Hearst (2003), stricter: every letter must begin a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ragset.kit.extractive.grammar import tokens
from ragset.kit.extractive.scene import Candidate, Scene
from ragset.kit.extractive.sentences import Span, sentences

_SHORT = re.compile(r"\(([A-Z][A-Z0-9&-]{1,7}[A-Z0-9])\)")
_SMALL = frozenset(["of", "and", "the", "for", "in", "to", "on", "with", "a", "an", "at", "by"])


def find(scene: Scene) -> Iterator[Candidate]:
    """Propose one question for each short form that follows its long form."""
    for unit in scene.units:
        if unit.kind not in {"paragraph", "item"}:
            continue
        for sentence in sentences(unit):
            for match in _SHORT.finditer(sentence.text):
                long_form = _long_form(sentence.text[: match.start()].rstrip(), match.group(1))
                if long_form is None:
                    continue
                answer = sentence.part(*long_form)
                if not _first(scene, match.group(), sentence.start + match.start()):
                    continue
                yield from _ask(scene, match.group(1), answer, sentence)


def _ask(scene: Scene, short: str, answer: Span, sentence: Span) -> Iterator[Candidate]:
    if answer.text.lower() in scene.setting.title.lower() or not _fit(answer.text):
        return
    yield from scene.propose("abbreviation", f"what does {short} stand for?", answer, sentence, 0.6)


def _first(scene: Scene, short: str, at: int) -> bool:
    """Tell whether the document explains the short form here for the first time."""
    return scene.document is None or scene.document.text.find(short) >= scene.chunk.start + at


def _fit(long_form: str) -> bool:
    words = long_form.split()
    return 2 <= len(words) <= 8 and "\n" not in long_form and not any(t.text in ",;:.()" for t in tokens(long_form))


def _long_form(before: str, short: str) -> tuple[int, int] | None:
    """Find the words whose initials spell the short form; their offsets, or none."""
    letters = [c for c in short.upper() if c.isalpha()]
    words = list(re.finditer(r"[^\W_]+(?:['’][a-z]+)?", before))
    at, first = len(words) - 1, -1
    for letter in reversed(letters):
        while at >= 0 and words[at].group().lower() in _SMALL and words[at].group()[0].upper() != letter:
            at -= 1
        if at < 0 or words[at].group()[0].upper() != letter:
            return None
        first, at = at, at - 1
    if first < 0 or len(letters) < 3 or words[first].group().lower() in _SMALL:
        return None
    start = words[first].start()
    return None if _cut_off(before, start, words[first].group()) else (start, len(before))


def _cut_off(before: str, start: int, first: str) -> bool:
    """Tell whether the name goes on to the left: "(Office of) Management and Budget"."""
    left = before[:start].rstrip()
    word = re.search(r"[\w.’'-]+$", left)
    if word is None or not first[0].isupper():
        return bool(re.search(r"[-/&]$", left))
    previous = word.group()
    if previous.lower() in {"of", "and", "for", "&"}:
        head = re.search(r"([\w’'-]+)\s+(?:of|and|for|&)$", left)
        return bool(head and head.group(1)[0].isupper())
    sentence_start = not left[: word.start()].strip()
    return previous[0].isupper() and not sentence_start and previous.lower() not in {"the", "a", "an"}
