"""Lists: a lead-in with its complete list ("The three rules of X are:" …), and steps ("To do X:" …)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ragset.kit.extractive.grammar import base_of, has_pronoun, tokens
from ragset.kit.extractive.scene import Candidate, Scene
from ragset.kit.extractive.sentences import Span
from ragset.kit.extractive.text_filters import clean, points_elsewhere
from ragset.kit.extractive.words import SPEAKER

_FOLLOW = re.compile(
    r",?\s*(?:(?:do|take|follow|use|complete) )?(?:all of )?(?:the following|these)"
    r"(?: (?:steps?|things?|items?|ways?))?$",
    re.IGNORECASE,
)
_TO = re.compile(r"^(?:In order to|To) (?P<goal>[^,;:]+)$")
_ARE = re.compile(r"^(?P<np>[^,;:]+?) (?P<be>are|is)(?: as follows)?$")
_INCLUDE = re.compile(
    r"^(?P<np>[^,;:]+?) (?P<verb>includes?|contains?|consists? of|requires?|supports?|provides?|offers?"
    r"|covers?|comprises?)$"
)
_MODAL = re.compile(r"^(?P<np>[^,;:]+?) (?P<modal>must|should|shall|can|may) (?P<verb>[a-z]+)(?P<rest> [^,;:]*)?$")


def find(scene: Scene) -> Iterator[Candidate]:
    """Propose a question for each complete list of two to nine items whose lead-in names what it lists."""
    found = scene.units
    for at, unit in enumerate(found):
        if unit.kind not in {"paragraph"} or not unit.span.text.endswith(":"):
            continue
        end = at + 1
        while end < len(found) and found[end].kind == "item":
            end += 1
        items = [u.span for u in found[at + 1 : end]]
        if not 2 <= len(items) <= 9 or not _whole(scene, items) or not _closed(scene, end):
            continue
        lead = re.split(r"(?<=[.!?])\s+", unit.span.text)[-1]
        answer = _from_bullet(scene, items)
        support = Span(scene.chunk.text[unit.span.start : answer.end], unit.span.start, answer.end)
        yield from _ask(scene, lead.rstrip(":").strip(), answer, support)


def _whole(scene: Scene, items: list[Span]) -> bool:
    words = [len(i.text.split()) for i in items]
    ends = all(
        not i.text.endswith((":", "?", "...", "…")) and clean(i.text) and not points_elsewhere(i.text) for i in items
    )
    return (
        ends
        and max(words) <= 45
        and sum(words) <= 160
        and not any(t.low in SPEAKER for i in items for t in tokens(i.text))
    )


def _closed(scene: Scene, end: int) -> bool:
    """Tell whether the list ends within the chunk, and no second level or continuation follows."""
    if end < len(scene.units):
        return scene.units[end].kind in {"paragraph", "heading"} and scene.units[end].span.text[:1].isupper()
    if scene.document is None:
        return False
    after = scene.document.text[scene.chunk.end :].lstrip()[:3]
    return not after or (after[0].isalpha() and after[1:2] not in ".)") or after[0] in '#“"'


def _from_bullet(scene: Scene, items: list[Span]) -> Span:
    text = scene.chunk.text
    start = text.rfind("\n", 0, items[0].start) + 1
    end = items[-1].end
    return Span(text[start:end], start, end)


def _ask(scene: Scene, lead: str, answer: Span, support: Span) -> Iterator[Candidate]:
    lead = _FOLLOW.sub("", lead).strip()
    core = _core(scene, lead) if lead else None
    if core and not has_pronoun(lead, allow=frozenset(["that"])):
        yield from scene.propose("listing", core, answer, support, 0.84)


def _core(scene: Scene, lead: str) -> str | None:
    match = _TO.match(lead)
    if match:
        return f"how do you {match['goal']}?" if _goal(scene, match["goal"]) else None
    match = _ARE.match(lead)
    if match and scene.clear(match["np"]):
        return f"what {match['be']} {scene.shown(match['np'])}?"
    match = _INCLUDE.match(lead)
    if match and scene.clear(match["np"]):
        verb = match["verb"].split()[0]
        base, tail = base_of(verb, "s", "base") or verb, " of" if match["verb"].endswith(" of") else ""
        return f"what {'does' if verb != base else 'do'} {scene.shown(match['np'])} {base}{tail}?"
    match = _MODAL.match(lead)
    if (
        match
        and match["verb"] in {"include", "contain", "provide", "submit", "have", "consider", "be"}
        and not match["rest"]
    ):
        np = match["np"]
        return f"what {match['modal']} {scene.shown(np)} {match['verb']}?" if scene.clear(np) else None
    return None


def _goal(scene: Scene, goal: str) -> bool:
    """Tell whether a goal is a verb with an object that names something."""
    words = [t.low for t in tokens(goal)]
    if len(words) < 3 or not base_of(words[0], "base"):
        return False
    if words[1] in {"your", "this", "these", "it", "them"} and len(words) == 3:
        return False
    return words[1] != "the" or len(words) > 3 or scene.setting.is_topic(words[2])
