"""Limits and amounts: "You can take up to 4 hours of X" → "How many hours of X can you take?"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ragset.kit.extractive.grammar import base_of, first_clause, has_pronoun, tokens
from ragset.kit.extractive.scene import Candidate, Scene
from ragset.kit.extractive.text_filters import clean

_UNIT = (
    "hours|days|weeks|months|years|minutes|seconds|percent|points|marks|inches|feet|metres|meters|miles|pounds|tokens|"
    "bytes|characters|words|lines|pages|questions|documents|chunks|samples|copies|dollars|grades"
)
_NUMBER = r"(?:\d[\d,.]*|one|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|thirty|fifty)"
_AMOUNT = re.compile(
    rf"^(?P<who>You|[^,;:]+?) (?:(?P<modal>can|may|must|should|shall|will)(?: also)? )?"
    rf"(?P<verb>[a-z]+(?: (?:over|up|back))?) "
    rf"(?P<amount>(?:(?:up to|at least|at most|only|exactly|no more than|no fewer than|a maximum of"
    rf"|a minimum of) )?{_NUMBER} "
    rf"(?P<between>(?:[a-z]+ ){{0,3}}?)(?P<unit>{_UNIT}))(?: \([^()]+\))?(?P<of> of [^,;:.()]+?)?"
    rf"(?P<rest> (?:to|for|per|in|if|before|after|within|on|at|from|each|when)\b[^,;:.()]*)?[.,]"
)


def find(scene: Scene) -> Iterator[Candidate]:
    """Propose "How many … can you …?" for sentences that state a limit or an amount."""
    for sentence in scene.sentences:
        match = _AMOUNT.match(sentence.text)
        if not match or not clean(sentence.text) or (sentence.text[match.end() - 1] == "," and not match["rest"]):
            continue
        who, thing, rest = match["who"], (match["of"] or "").strip(), first_clause((match["rest"] or "").strip())
        what = f"{match['between']}{match['unit']} {thing}".strip()
        you = who == "You"
        if not (you or scene.clear(who, longest=5)) or has_pronoun(f"{thing} {rest}", allow=frozenset(["that"])):
            continue
        if not thing and not match["between"] and len(rest.split()) < 3:
            continue
        asked = _verb(match["modal"], match["verb"], "you" if you else scene.shown(who))
        if asked is None or base_of(tokens(match["verb"])[0].low, "base", "s") in {"be", "spend", "have"}:
            continue
        answer = sentence.part(match.start("amount"), match.end("amount"))
        yield from scene.propose("quantity", f"how many {what} {asked} {rest}".strip() + "?", answer, sentence, 0.84)


def _verb(modal: str | None, verb: str, who: str) -> str | None:
    """Invert the clause: "can you take", "do all employees accrue", "does the court keep"."""
    first, _, particle = verb.partition(" ")
    tail = f" {particle}" if particle else ""
    if modal:
        base = base_of(first, "base")
        return f"{modal} {who} {base}{tail}" if base else None
    third = base_of(first, "s")
    if third and who != "you":
        return f"does {who} {third}{tail}"
    base = base_of(first, "base")
    plural = who == "you" or who.endswith("s")
    return f"do {who} {base}{tail}" if base and plural else None
