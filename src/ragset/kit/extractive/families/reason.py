"""Reasons: "X is Y because Z" → "Why is X Y?"; only when the subject stands alone and the clause inverts safely."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ragset.kit.extractive.grammar import base_of, first_auxiliary, has_pronoun, is_name, tokens
from ragset.kit.extractive.scene import Candidate, Scene, without_stop
from ragset.kit.extractive.words import CLAUSE_WORDS

_BECAUSE = re.compile(r"^(?P<main>[^;:]+?),? (?P<rest>(?:because(?! of)|so that|in order to) [^;]+)$")
_BECAUSE_FIRST = re.compile(r"^Because (?!of)(?P<rest>[^,;:]+), (?P<main>[^;:,]+)$")
_HEDGE = re.compile(r",? (?:mainly|partly|only|simply|largely|just|probably|mostly|chiefly|precisely|perhaps|often)$")


def find(scene: Scene) -> Iterator[Candidate]:
    """Propose "Why …?" for sentences that give a reason."""
    for sentence in scene.sentences:
        match = _BECAUSE.match(sentence.text)
        if not match or len(match["rest"].split()) < 5:
            continue
        inverted = _invert(scene, _HEDGE.sub("", match["main"]))
        if match["rest"].startswith("in order") and re.match(r"(?:can|may|could|might)\b", inverted or ""):
            continue  # "X may be done in order to …" gives a purpose of doing it, no reason
        if inverted is None or not _reason(match["rest"]):
            continue
        answer = without_stop(sentence.part(match.start("rest"), match.end("rest")))
        yield from scene.propose("reason", f"why {inverted}?", answer, sentence, 0.85)


def _reason(text: str) -> bool:
    return not has_pronoun(
        text, allow=frozenset(["it", "its", "they", "them", "their", "that", "he", "his", "him", "she", "her"])
    )


def _invert(scene: Scene, main: str) -> str | None:
    """Turn "X is Y" into "is X Y"; "Xs swim" into "do Xs swim"; nothing when the clause is not simple."""
    found = tokens(main)
    if (
        " not " in main
        or re.search(r"\s[-–](?:\s|$)", main)
        or re.match(r"you (?:can|may|might)\b", main.lower())
        or not 3 <= len(found) <= 20
        or "," in main
        or any(t.low in CLAUSE_WORDS - {"that"} for t in found)
    ):
        return None
    at = first_auxiliary(found, within=8)
    if at > 0:
        return _with_auxiliary(scene, main, found[at].start, found[at].end)
    return _with_do(scene, main)


def _with_auxiliary(scene: Scene, main: str, start: int, end: int) -> str | None:
    subject, auxiliary, rest = main[:start].strip(), main[start:end].lower(), main[end:].strip()
    if not _subject(scene, subject) or not rest or has_pronoun(rest, allow=frozenset(["that", "their", "its"])):
        return None
    first = rest.split()[0].lower()
    if auxiliary in {"has", "have", "had", "do", "does", "did"} and not base_of(first, "participle", "past"):
        return None
    if auxiliary == "cannot":
        return f"can {scene.shown(subject)} not {rest}"
    return f"{auxiliary} {scene.shown(subject)} {rest}"


def _with_do(scene: Scene, main: str) -> str | None:
    found = tokens(main)
    for at in range(1, min(len(found), 6)):
        word, subject = found[at].low, main[: found[at].start].strip()
        if not subject or not _subject(scene, subject):
            continue
        rest = main[found[at].end :].strip()
        if has_pronoun(rest, allow=frozenset(["that", "their", "its"])):
            return None
        third = base_of(word, "s")
        if third and not found[at - 1].low.endswith("s") and is_name(found[0].text):
            return f"does {scene.shown(subject)} {third} {rest}"
        past = base_of(word, "past")
        if past and past != word and is_name(found[at - 1].text) and not scene.setting.lowered(found[at - 1].text):
            return f"did {scene.shown(subject)} {past} {rest}"
    return None


def _subject(scene: Scene, subject: str) -> bool:
    return subject.lower() == "you" or scene.clear(subject, longest=7)
