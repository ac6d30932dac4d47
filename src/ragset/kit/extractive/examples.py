"""Sentences that tell an example: what holds in a story of one case is no fact to be asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ragset.kit.extractive.sentences import Span, Unit, sentences

_STORY = re.compile(
    r"(?:(?:for|as an) (?:example|instance)\s*[:—–]|(?:for )?examples?(?: \w{1,3})?[.:—–]|suppose\b|imagine\b|assume\b|"
    r"let[’']s (?:say|assume|suppose|imagine)\b|say you\b|picture (?:a|an|this)\b|consider (?:a|an|the case)\b|"
    r"assuming\b|in this (?:example|scenario)\b|scenario\b)",
    re.IGNORECASE,
)
"""How a story begins: all that its paragraph says after it belongs to it."""
_CASE = re.compile(
    r"(?:for (?:example|instance)|e\.g\.|as an (?:example|illustration)|to illustrate),? ", re.IGNORECASE
)
_HEADING = re.compile(r"#*\s*(?:[\d.]+\s+)?(?:worked |an? )?examples?\b", re.IGNORECASE)
_INSERTED = re.compile(r", (?:for (?:example|instance)|say|e\.g\.),", re.IGNORECASE)
_GOES_ON = re.compile(
    r"(?:you|your|in (?:this|that|such a) case|if so|here|then|therefore|thus|so|hence|as a result|the result|"
    r"it|this|that|these|he|she|they|however|but|now|instead|otherwise|similarly|likewise|also)\b",
    re.IGNORECASE,
)
"""How a sentence begins that goes on with the case of the sentence before."""


def told_as_examples(found: Iterable[Unit], before: str = "", *, section: bool = False) -> set[int]:
    """Give where sentences start that belong to an example; ``before`` is the text of the first unit's paragraph.

    A list, or a paragraph, after "For example:" belongs to it as well, and what stands below a heading "Example", as
    the first unit does with ``section``.
    """
    starts = set[int]()
    story, case = _after(before)
    spills, last = story, ""
    for unit in found:
        if unit.kind == "heading":
            section, spills = names_examples(unit.span.text), False
            continue
        story = section or (spills and (unit.kind == "item" or last != "item"))
        for sentence in sentences(unit):
            story, case = _state(sentence.text, story=story, case=case)
            if story or case or _INSERTED.search(sentence.text):
                starts.add(sentence.start)
        opens = (story or case) and unit.span.text.endswith(":")
        spills, last = opens or (story and unit.kind == "item"), unit.kind
        case = False
    return starts


def names_examples(heading: str) -> bool:
    """Tell a heading below which examples stand."""
    return _HEADING.match(heading) is not None


def _after(text: str) -> tuple[bool, bool]:
    story = case = False
    for sentence in sentences(Unit("paragraph", Span(text, 0, len(text)))):
        story, case = _state(sentence.text, story=story, case=case)
    return story, case


def _state(text: str, *, story: bool, case: bool) -> tuple[bool, bool]:
    """Tell whether a sentence belongs to a story, or to a case of one sentence and of what goes on with it."""
    return story or bool(_STORY.match(text)), bool(_CASE.match(text)) or (case and bool(_GOES_ON.match(text)))
