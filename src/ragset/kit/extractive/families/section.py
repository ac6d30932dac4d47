"""Whole sections: "What does “Title” say about “Heading”?", and headings that are questions themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ragset.kit.extractive.anchors import generic, tidy
from ragset.kit.extractive.grammar import has_speaker, tokens
from ragset.kit.extractive.scene import Candidate, Scene
from ragset.kit.extractive.sentences import Span
from ragset.kit.extractive.text_filters import clean, points_elsewhere
from ragset.kit.extractive.words import AUXILIARIES, PRONOUNS

_WEAK = re.compile(
    r"\b(?:step|sample|example|examples|note|notes|tip|more|other|misc|links?|resources?|next|see|faq|contact|updates?|"
    r"version|january|february|march|april|may|june|july|august|september|october|november|december|table|figure|"
    r"plate|list|credits?|cover|press|author|editor|acknowledg\w+|illustrations?)\b|\d|[:;?!#/…]|\(.*\)|^the$",
    re.IGNORECASE,
)
_ASKS = re.compile(r"^(?:what|which|who|when|where|why|how|is|are|can|do|does|should|must)\b.*\?$", re.IGNORECASE)


def find(scene: Scene) -> Iterator[Candidate]:
    """Propose one question for each short section that lies whole within the chunk, under a specific heading."""
    for raw, body in _sections(scene):
        if not _whole(scene, body):
            continue
        if _ASKS.match(raw):
            words = tokens(raw)
            if (
                len(words) >= 5
                and not raw.lower().startswith("what if")
                and not has_speaker(raw)
                and not any(t.low in PRONOUNS for t in words)
            ):
                yield from scene.propose("section", raw[0].lower() + raw[1:], body, body, 0.78)
            continue
        heading, title = tidy(raw), scene.setting.title
        if title and heading.lower() != title.lower() and _specific(heading, body.text):
            question = f"What does “{title}” say about “{heading.replace('`', '')}”?"
            yield Candidate(question, body, body, "section", title, 0.5)


def _sections(scene: Scene) -> Iterator[tuple[str, Span]]:
    """Give (heading, text) of each section of the document whose text lies within the chunk."""
    document, chunk = scene.document, scene.chunk
    if document is None:
        return
    for at, heading in enumerate(document.headings):
        if heading.start >= chunk.end:
            return
        start = heading.start + len(heading.text)
        end = document.headings[at + 1].start if at + 1 < len(document.headings) else len(document.text)
        text = document.text[start:end]
        start += len(text) - len(text.lstrip())
        end -= len(text) - len(text.rstrip())
        if chunk.start <= start < end <= chunk.end:
            yield heading.text, Span(document.text[start:end], start - chunk.start, end - chunk.start)


def _specific(heading: str, body: str) -> bool:
    words = re.findall(r"[\w-]+", heading)
    if not 2 <= len(words) <= 7 or generic(heading) or _WEAK.search(heading) or heading.isupper():
        return False
    content = [w.lower()[:5] for w in words if len(w) > 3 and w.lower() not in AUXILIARIES]
    hits = sum(w in body.lower() for w in content)
    return bool(content) and hits >= max(1, len(content) * 0.6)


def _whole(scene: Scene, body: Span) -> bool:
    """Tell whether a section is plain prose (and short lists) that a reader can take as the answer."""
    text = body.text
    inside = [u for u in scene.units if body.start <= u.span.start < body.end]
    if not inside or inside[0].kind != "paragraph" or any(u.kind in {"code", "row", "heading"} for u in inside):
        return False
    if not 25 <= len(text.split()) <= 110 or tokens(text)[0].low in PRONOUNS or not text[0].isupper():
        return False
    if text[-1] not in ".!)" or points_elsewhere(text) or has_speaker(text) or not clean(text):
        return False
    return all(u.span.text[-1] in ".!:)" for u in inside if u.kind == "paragraph")
