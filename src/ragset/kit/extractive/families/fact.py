"""Facts about named subjects: "In 1980, N published X", "X was developed by N", "N was founded in 1969"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ragset.kit.extractive.grammar import base_of, has_pronoun, is_name, tokens
from ragset.kit.extractive.scene import Candidate, Scene, without_stop
from ragset.kit.extractive.sentences import Span

_DATE = r"(?:in|on|by|since|until) (?:(?:early|late|mid) )?(?:[A-Z][a-z]+ )?(?:\d{1,2}, )?(?:1[5-9]|20)\d\d"
_WHEN = re.compile(
    rf"^(?P<x>[^,;:]+?) (?P<be>was|were) (?P<part>[a-z]+(?:ed|en|wn|ld|nd|de|lt|ft)) "
    rf"(?P<rest>(?:[^,;:]*? )?)(?P<date>{_DATE})\.$"
)
_BY = re.compile(r"^(?P<x>[^,;:]+?) (?:was|were) (?P<part>[a-z]+) by (?P<who>(?:the )?[A-Z][^,;:]*?)(?: in \d{4})?\.$")
_YEAR_FIRST = re.compile(rf"^(?P<date>{_DATE.replace('(?:in|on', '(?:In|On', 1)}), (?P<rest>[^;:]+)$")
_NAME_FIRST = re.compile(
    r"^(?P<who>(?:The )?[A-Z][\w.’'-]*(?: (?:of |the |and |for )?[A-Z][\w.’'-]*){0,5}) (?P<verb>[a-z]+) "
    r"(?P<rest>[^;:]+)$"
)


def find(scene: Scene) -> Iterator[Candidate]:
    """Propose who, what and when questions about named things."""
    for sentence in scene.sentences:
        yield from _when(scene, sentence)
        yield from _by_whom(scene, sentence)
        yield from _in_year(scene, sentence)


def _named(scene: Scene, phrase: str) -> bool:
    words = [t for t in tokens(phrase) if t.low != "the"]
    capitals = [t for t in words if is_name(t.text) and not scene.setting.lowered(t.text)]
    return scene.clear(phrase) and bool(capitals)


def _when(scene: Scene, sentence: Span) -> Iterator[Candidate]:
    match = _WHEN.match(sentence.text)
    if not match or not _named(scene, match["x"]) or not base_of(match["part"], "participle"):
        return
    if has_pronoun(match["rest"]):
        return
    core = f"when {match['be']} {scene.shown(match['x'])} {match['part']} {match['rest'].strip()}".strip() + "?"
    yield from scene.propose("fact", core, sentence.part(match.start("date"), match.end("date")), sentence, 0.75)


def _by_whom(scene: Scene, sentence: Span) -> Iterator[Candidate]:
    match = _BY.match(sentence.text)
    if not match or not scene.clear(match["x"]) or not _named(scene, match["who"]):
        return
    base = base_of(match["part"], "participle")
    past = base_of(match["part"], "past")
    if not base or base != past:
        return
    core = f"who {match['part']} {scene.shown(match['x'])}?"
    yield from scene.propose("fact", core, sentence.part(match.start("who"), match.end("who")), sentence, 0.75)


def _in_year(scene: Scene, sentence: Span) -> Iterator[Candidate]:
    """Turn "In 1980, N published X" into "What did N publish in 1980?"."""
    dated = _YEAR_FIRST.match(sentence.text)
    if not dated:
        return
    match = _NAME_FIRST.match(dated["rest"])
    if not match or not _named(scene, match["who"]):
        return
    base = base_of(match["verb"], "past")
    rest = without_stop(sentence.part(dated.start("rest") + match.start("rest"), len(sentence.text)))
    if (
        not base
        or base == match["verb"]
        or not re.match(r"(?:the|an?|its|his|her|two|three|several|new|\d+|[A-Z])\b", rest.text)
    ):
        return
    if len(rest.text.split()) < 3:
        return
    date = dated["date"][0].lower() + dated["date"][1:]
    core = f"what did {scene.shown(match['who'])} {base} {date}?"
    yield from scene.propose("fact", core, rest, sentence, 0.8)
