"""How, where and by what: passives with their adjunct ("X is located in Y", "X is done by Z-ing")."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ragset.kit.extractive.grammar import base_of, has_pronoun, tokens
from ragset.kit.extractive.scene import Candidate, Scene, without_stop
from ragset.kit.extractive.sentences import Span
from ragset.kit.question_form import word_set

_PASSIVE = re.compile(
    r"^(?P<x>[^,;:]+?) (?P<aux>is|are|was|were|(?:can|should|must|may|shall) (?:only |always |usually )?be)"
    r" (?P<adverb>(?:always|usually|generally|typically|often|normally|commonly|currently|only|also) )?"
    r"(?P<part>[a-z]+) (?P<rest>(?:by|in|at|on|inside|within|with|using|through|via|under|near|from|of) [^;:]+)$"
)
_PLACED = word_set(
    "put placed located found stored kept situated based installed written defined recorded saved published "
    "held hosted "
    "listed mounted attached deposited headquartered"
)
_MADE = word_set(
    "done made created achieved measured calculated computed determined produced formed identified determined "
    "controlled obtained removed secured tightened protected prevented selected chosen detected verified tested "
    "cleaned installed performed separated connected configured enabled disabled activated resolved marked"
)
_BY_WHAT = word_set(
    "surrounded governed caused followed preceded regulated powered covered replaced maintained driven "
    "separated raided hunted eaten threatened affected"
)
_NO_PLACE = re.compile(
    r"\b(?:basis|manner|format|forms?|order|accordance|which|case|general|fact|addition|terms|way|ways|time)\b"
)
_PLACE = frozenset(["in", "at", "on", "inside", "within", "under", "near"])


def find(scene: Scene) -> Iterator[Candidate]:
    """Propose "How/Where is X …?" for passives that say it."""
    for sentence in scene.sentences:
        match = _PASSIVE.match(sentence.text)
        if not match or not scene.clear(match["x"], longest=8) or not base_of(match["part"], "participle"):
            continue
        if has_pronoun(match["rest"], allow=frozenset(["its", "their", "that"])) or len(match["rest"].split()) < 3:
            continue
        yield from _ask(scene, sentence, match)


def _ask(scene: Scene, sentence: Span, match: re.Match[str]) -> Iterator[Candidate]:
    rest, part = match["rest"], match["part"]
    word, second = (tokens(rest)[0].low, tokens(rest)[1].low)
    head, _, tail = match["aux"].replace("only ", "").replace("always ", "").replace("usually ", "").partition(" ")
    middle = f"{tail} {part}".strip()
    thing = scene.shown(match["x"])
    answer = without_stop(sentence.part(match.start("rest"), match.end("rest")))
    if (
        part in _PLACED
        and word in _PLACE
        and (word != "under" or part in {"located", "found", "stored"})
        and not _NO_PLACE.search(answer.text)
    ):
        yield from scene.propose("manner", f"where {head} {thing} {middle}?", answer, sentence, 0.78)
    elif (word in {"using", "with", "via", "through"} and part in _MADE) or (word == "by" and second.endswith("ing")):
        yield from scene.propose("manner", f"how {head} {thing} {middle}?", answer, sentence, 0.8)
    elif word == "of" and part in {"made", "composed"}:
        yield from scene.propose(
            "manner", f"what {head} {thing} {middle} of?", answer.part(3, len(answer.text)), sentence, 0.8
        )
    elif word == "by" and part in _BY_WHAT:
        shorter = answer.part(3, len(answer.text))
        yield from scene.propose("manner", f"what {head} {thing} {middle} by?", shorter, sentence, 0.74)
