"""Options: "`--seed S`: …", environment variables and commands, from lists and tables of reference pages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ragset.kit.extractive.anchors import generic
from ragset.kit.extractive.scene import Candidate, Scene, without_stop
from ragset.kit.extractive.sentences import Span
from ragset.kit.extractive.text_filters import clean, points_elsewhere

_TERM = re.compile(
    r"^(?P<term>`[^`\n]{2,60}`(?:, `[^`\n]+`)*"
    r"|(?:-\w, )?--[a-z][\w-]*(?:[ =][A-Z<\[][\w\]|.>-]*)?"
    r"|[A-Z][A-Z0-9]*_[A-Z0-9_]+)\s*(?:\([^()]{1,40}\)\s*)?(?::|–|—| -)\s+(?P<rest>\S.+)$",
    re.S,
)
_FLAG = re.compile(r"--[a-z][\w-]*|(?<!\w)-[a-zA-Z](?!\w)")
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
    core = what_it_does(scene, term, support)
    words = answer.text.split()
    if not core or not 4 <= len(words) <= 60 or not clean(answer.text) or points_elsewhere(answer.text):
        return
    if answer.text.endswith((":", "…", ",")) or answer.text[0] in "|,;:":
        return
    yield from scene.propose(
        "option", core, without_stop(answer) if answer.text.count(". ") == 0 else answer, support, 0.92
    )


def what_it_does(scene: Scene, term: str, at: Span) -> str | None:
    """Word the question for a term: option of a command, environment variable, or command; none for other terms."""
    bare = term.replace("`", "").strip()
    headings = (scene.chunk.title, *scene.headings_at(at))
    command = _command(scene, headings)
    flag = re.match(r"(?:-\w,? ?(?:/ ?)?)?(--[a-z][\w-]*)", bare)
    if flag:
        owner = f" of `{command}`" if command else ""
        return (
            f"what does the `{flag.group(1)}` option{owner} do?"
            if owner or scene.setting.product or scene.setting.title
            else None
        )
    if _VARIABLE.fullmatch(bare):
        return (
            f"what does the environment variable `{bare}` do?"
            if any("environment" in h.lower() for h in headings)
            else f"what does `{bare}` do?"
        )
    product = scene.setting.product
    if product and re.match(rf"{re.escape(product)} [a-z]", bare):
        name = re.split(r" (?=[-<\[A-Z…])", bare)[0]
        return f"what does `{name}` do?"
    return None


def _command(scene: Scene, headings: tuple[str, ...]) -> str:
    """Give the command that the nearest heading names (``ragset build``), or nothing."""
    for heading in reversed(headings):
        bare = heading.replace("`", "").strip()
        product = scene.setting.product
        if product and re.fullmatch(rf"{re.escape(product)}(?: [a-z][\w-]*){{1,2}}", bare):
            return bare
        inner = re.search(r"`([a-z][\w-]*(?: [a-z][\w-]*)+)`", heading)
        if inner and not generic(inner.group(1)):
            return inner.group(1)
    return ""
