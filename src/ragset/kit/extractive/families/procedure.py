"""Procedures: "To do X, do Y", "If you want to X, Y", "You can X by Y-ing", "Use Y to X"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ragset.kit.extractive.grammar import base_of, has_pronoun, imperative, tokens, who_acts
from ragset.kit.extractive.scene import Candidate, Scene, without_stop
from ragset.kit.extractive.sentences import Span
from ragset.kit.extractive.words import CLAUSE_WORDS
from ragset.kit.question_form import word_set

_TO = re.compile(r"^(?:In order to|To) (?P<goal>[^,;:]+), (?P<main>[^:]+)$")
_WANT = re.compile(r"^If you(?: would like|'d like| want| wish| need| prefer) to (?P<goal>[^,;:]+), (?P<main>[^:]+)$")
_BY = re.compile(r"^You can (?:also )?(?P<goal>[^,;:]+?),? (?P<main>by [a-z]+ing [^;:]+)$")
_YOU_USE = re.compile(r"^You can (?:also )?use (?P<tool>[^,;:]+?) to (?P<goal>[a-z]+ [^,;:]+)$")
_USE = re.compile(r"^(?P<main>Use [^,;:]+?) to (?P<goal>[a-z]+ [^,;:]+)$")
_YOU = re.compile(
    r"^you (?:can|may|must|should|(?:will )?(?:need|have) to|are required to|could) (?=(?!not\b|be\b|also\b)[a-z])",
    re.IGNORECASE,
)
"""What an answer leaves out, so that it begins with what is done: "get approval", not "you must get approval"."""
_SUBJECT = re.compile(r"^(?P<who>[^,;:]+?) (?P<modal>must|should|shall|may|can) (?P<rest>.+)$")
_OBJECT_PRONOUNS = frozenset(["it", "them", "its", "their"])
_ALONE = frozenset(["register", "enrol", "enroll", "vote", "appeal"])
_WEAK = word_set(
    "be learn see know understand help ensure say begin sum illustrate clarify recap repeat date think have "
    "give get make summarize"
)
_THIN = re.compile(
    r"^(?:see|refer|check|visit|read|consult|consider|note|remember|think|click|contact"
    r"|look|try|ask|let|make sure|be sure|have|go to|follow|do)\b",
    re.I,
)


def find(scene: Scene) -> Iterator[Candidate]:
    """Propose "How do you …?" for every sentence that says how something is done."""
    for sentence in scene.sentences:
        use = _YOU_USE.match(sentence.text)
        if use and _goal(scene, use["goal"].rstrip(". ")) and scene.clear(use["tool"]):
            tool = sentence.part(use.start("tool"), use.end("tool"))
            core = f"what can you use to {use['goal'].rstrip('. ')}?"
            yield from scene.propose("procedure", core, tool, sentence, 0.86)
            continue
        for pattern, score in ((_TO, 0.93), (_WANT, 0.9), (_BY, 0.88), (_USE, 0.85)):
            match = pattern.match(sentence.text)
            if match and _goal(scene, match["goal"].rstrip(". ")):
                main = without_stop(sentence.part(match.start("main"), match.end("main")))
                yield from _pair(scene, sentence, match["goal"].rstrip(". "), main, score)
                break


def _goal(scene: Scene, goal: str) -> bool:
    """Tell whether a goal is a verb with an object that names something."""
    words = tokens(goal)
    if not 1 <= len(words) <= 16 or not base_of(words[0].low, "base") or words[0].low in _WEAK:
        return False
    if has_pronoun(goal, allow=frozenset(["your"])) or any(
        t.low in CLAUSE_WORDS - {"that", "which", "when"} for t in words
    ):
        return False
    if len(words) == 1:
        return words[0].low in _ALONE
    objects = [t.low for t in words[1:] if t.is_word]
    if (
        objects[:1] in (["so"], ["well"])
        or (objects[:1] == ["more"] and objects[1:2] != ["than"])
        or any(w in {"above", "below", "same", "following"} for w in objects)
    ):
        return False
    return not (len(objects) == 2 and objects[0] == "the" and not scene.setting.is_topic(objects[1]))


def _pair(scene: Scene, sentence: Span, goal: str, main: Span, score: float) -> Iterator[Candidate]:
    text = main.text
    if _THIN.match(text) or has_pronoun(text, allow=_OBJECT_PRONOUNS | {"that"}) or len(text.split()) < 2:
        return
    if text.startswith(("by ", "Use ")):
        yield from scene.propose(
            "procedure", f"how {'can' if text[0] == 'b' else 'do'} you {goal}?", main, sentence, score
        )
        return
    if len(text.split()) < 4:
        return
    you = _YOU.match(text)
    if (imperative(text) and " " in goal) or you:
        answer = main.part(you.end(), len(text)) if you else main
        yield from scene.propose("procedure", f"how do you {goal}?", answer, sentence, score)
        return
    match = _SUBJECT.match(text)
    if (
        match
        and scene.clear(match["who"])
        and not re.match(r"(?:need|want|not|be|have)\b", match["rest"])
        and sentence.text.startswith(("To", "In"))
        and who_acts(match["who"])
    ):
        core = f"what {match['modal']} {match['who']} do to {goal}?"
        yield from scene.propose("procedure", core, main.part(match.start("rest"), len(text)), sentence, score)
