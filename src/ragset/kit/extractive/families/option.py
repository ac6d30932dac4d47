"""Options: "`--seed S`: …", environment variables and commands, from lists and tables of reference pages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ragset.kit.extractive.anchors import generic
from ragset.kit.extractive.grammar import base_of
from ragset.kit.extractive.scene import Candidate, Scene, without_stop
from ragset.kit.extractive.sentences import Span
from ragset.kit.extractive.text_filters import clean, points_elsewhere

_TERM = re.compile(
    r"^(?P<term>`[^`\n]{2,60}`(?:, `[^`\n]+`)*"
    r"|(?:-\w, )?--[a-z][\w-]*(?:[ =][A-Z<\[][\w\]|.>-]*)?"
    r"|[A-Z][A-Z0-9]*_[A-Z0-9_]+)\s*(?:\([^()]{1,40}\)\s*)?(?::|–|—| -)\s+(?P<rest>\S.+)$",
    re.S,
)
_NO_COMMAND = frozenset(
    ["options", "option", "command", "commands", "arguments", "and", "with", "in", "from", "for", "is", "or"]
)
_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*_[A-Z0-9_]+")


def find(scene: Scene) -> Iterator[Candidate]:
    """Propose "What does … do?" for options, environment variables and commands that a list explains."""
    for unit in scene.units:
        if unit.kind not in {"item", "paragraph"}:
            continue
        match = _TERM.match(unit.span.text)
        if match:
            answer = unit.span.part(match.start("rest"), match.end("rest"))
            yield from ask(scene, match["term"], answer, unit.span)


def ask(scene: Scene, term: str, answer: Span, support: Span) -> Iterator[Candidate]:
    """Ask what an option, a variable or a command does, when the term is one and the answer says it."""
    words = answer.text.split()
    if not 3 <= len(words) <= 60 or not clean(answer.text) or points_elsewhere(answer.text):
        return
    if answer.text.endswith((":", "…", ",", "?")) or answer.text[0] in "|,;:":
        return
    core = what_it_does(scene, term, support, does=base_of(words[0].lower(), "s") is not None)
    if core:
        whole = answer if answer.text.count(". ") else without_stop(answer)
        yield from scene.propose("option", core, whole, support, 0.92)


def what_it_does(scene: Scene, term: str, at: Span, *, does: bool) -> str | None:
    """Word the question for an option, environment variable or command; none for other terms.

    ``does`` tells that the explanation starts with a verb ("prints …"); else it names a value ("seed of …").
    """
    bare = term.replace("`", "").strip()
    headings = (scene.chunk.title, *scene.headings_at(at))
    flag = re.match(r"(?:-\w,? ?(?:/ ?)?)?(--[a-z][\w-]*)([ =][A-Z<\[])?", bare)
    if flag:
        command = _command(scene, headings)
        verb = "do" if does or bare[0].isupper() else "set" if flag.group(2) else "mean"
        return f"what does the `{flag.group(1)}` option{f' of `{command}`' if command else ''} {verb}?"
    if _VARIABLE.fullmatch(bare):
        kind = "environment variable " if any("environment" in h.lower() for h in headings) else ""
        return f"what does the {kind}`{bare}` {'do' if does else 'set'}?".replace("the `", "`")
    product = scene.setting.product
    if product and re.match(rf"{re.escape(product)} [a-z]", bare) and does:
        return f"what does `{re.split(r' (?=[-<[A-Z…])', bare)[0]}` do?"
    return None


def _command(scene: Scene, headings: tuple[str, ...]) -> str:
    """Give the command that the nearest heading names (``ragset build``), or nothing."""
    product = scene.setting.product
    for heading in reversed(headings):
        named = (
            re.search(rf"(?<![\w-]){re.escape(product)}((?: [a-z][\w-]*){{1,2}})", heading.replace("`", ""))
            if product
            else None
        )
        if named:
            words = [w for w in named.group(1).split() if w not in _NO_COMMAND]
            if words:
                return " ".join([product, *words])
        inner = re.search(r"`([a-z][\w-]*(?: [a-z][\w-]*)+)`", heading)
        if inner and not generic(inner.group(1)):
            return inner.group(1)
    return ""
