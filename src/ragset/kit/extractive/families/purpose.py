"""Purposes and effects: "X is used to …", "The purpose of X is to …", "`x` returns …"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ragset.kit.extractive.grammar import base_of, has_pronoun, is_code, tokens
from ragset.kit.extractive.scene import Candidate, Scene, without_stop
from ragset.kit.extractive.sentences import Span
from ragset.kit.extractive.words import PREPOSITIONS
from ragset.kit.question_form import word_set

_USED = re.compile(
    r"^(?P<x>[^,;:]+?) (?P<be>is|are|can be|may be|was|were) (?:also |often |commonly |generally |typically "
    r"|usually |normally )?"
    r"used (?P<rest>(?:to|for|as|in) [^;:]+)$"
)
_PURPOSE = re.compile(
    r"^The (?P<noun>purpose|function|role|goal|aim|objective) of (?P<x>[^,;:]+?) is (?P<rest>to [^;:]+)$"
)
_DOES = word_set(
    "allow enable let provide control set return define create remove run check handle read write print show give make "
    "prevent specify determine contain hold store support install apply select generate convert parse send list add "
    "replace report select disable override limit offer help ensure compute measure compare accept represent load save "
    "export import validate format sort filter detect warn keep use require tell mark describe manage protect regulate "
    "open close start stop build ingest index embed judge rebuild delete verify reject produce perform"
)

_KINDS = word_set(
    "option flag setting command subcommand method function class parameter field argument variable plugin "
    "judge step key "
    "file hook extension decorator module property attribute column type tool operator table table statement"
)


def find(scene: Scene) -> Iterator[Candidate]:
    """Propose questions about what something is for and what it does."""
    for sentence in scene.sentences:
        for pattern in (_USED, _PURPOSE):
            match = pattern.match(sentence.text)
            if match and scene.clear(match["x"], longest=7):
                yield from _purpose(scene, sentence, match)
                break
        else:
            yield from _does(scene, sentence)


def _purpose(scene: Scene, sentence: Span, match: re.Match[str]) -> Iterator[Candidate]:
    if len(match["rest"].split()) < 4 or has_pronoun(match["rest"], allow=frozenset(["it", "its", "their", "that"])):
        return
    answer = without_stop(sentence.part(match.start("rest"), match.end("rest")))
    thing = scene.shown(match["x"])
    if match.re is _PURPOSE:
        yield from scene.propose("purpose", f"what is the {match['noun']} of {thing}?", answer, sentence, 0.9)
        return
    be = match["be"]
    head, tail = (
        ("can", "be used") if be.startswith("can") else ("may", "be used") if be.startswith("may") else (be, "used")
    )
    word = match["rest"].split()[0]
    question = {"in": f"where {head} {thing} {tail}?", "as": f"what {head} {thing} {tail} as?"}
    core = question.get(word, f"what {head} {thing} {tail} for?")
    if word == "in" and not re.match(r"in (?:the |an? )?[\w-]+(?: [\w-]+){0,5}$", answer.text):
        return
    if word in {"as"}:
        answer = answer.part(3, len(answer.text))
    yield from scene.propose("purpose", core, answer, sentence, 0.88)


def _does(scene: Scene, sentence: Span) -> Iterator[Candidate]:
    """Turn "The `--x` option limits …" into "What does the `--x` option do?", for code and named things only."""
    found = tokens(sentence.text)
    for at, token in enumerate(found[:7]):
        if at and (not token.is_word or token.low in PREPOSITIONS):
            return
        verb = base_of(token.low, "s") if at else None
        if verb in _DOES and not is_code(token.text):
            subject = sentence.text[: token.start].strip()
            if not _agent(scene, subject) or len(found) - at < 5:
                return
            answer = without_stop(sentence.part(token.start, len(sentence.text)))
            if has_pronoun(answer.text, allow=frozenset(["it", "its", "them", "their", "they", "that"])):
                return
            yield from scene.propose("purpose", f"what does {scene.shown(subject)} do?", answer, sentence, 0.75)
            return


def _agent(scene: Scene, subject: str) -> bool:
    words = tokens(subject)
    if not scene.clear(subject, longest=5):
        return False
    if any(is_code(t.text) for t in words):
        return words[-1].low in _KINDS or bool(re.search(r"--\w|\(\)|`[^`]+ [^`]+`", subject))
    return False
