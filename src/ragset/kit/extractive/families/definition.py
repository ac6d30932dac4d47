"""Definitions: "X is a …", "X means …", "X refers to …"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ragset.kit.extractive.grammar import base_of, first_auxiliary, is_code, is_name, tokens
from ragset.kit.extractive.scene import Candidate, Scene, without_stop
from ragset.kit.extractive.sentences import Span
from ragset.kit.extractive.text_filters import clean, points_elsewhere
from ragset.kit.extractive.words import ARTICLES, EMPTY_PREDICATES, GENERIC_NOUNS, PERSON_NOUNS, PRONOUNS

_PLURAL_HEAD = re.compile(r"(?:[\w-]+ ){0,3}[\w-]+s (?:that|which|who|used|for|of|designed|whose)\b")
_PLACEHOLDER = re.compile(r"`<?[A-Z][A-Z0-9-]*>?`")
"""What stands for something in a command (``FILE``): it means another thing on every page."""
_THE_HEAD = re.compile(r"the (?:[\w-]+ ){1,4}(?:that|which|who|of|for|used|in|by|between|to)\b")
_TERM = re.compile(
    r"^(?P<term>[A-Z`][^.:;,()]{2,40}?)\s*(?:\([^()]{1,30}\))?\s*(?::|–|—| -) (?P<rest>(?:[Aa]n?|[Tt]he) [^\n]+)$"
)
_MEANS = re.compile(
    r"^(?P<subject>[^,;:()]{2,60}?),? (?P<verb>means|refers to|is defined as|denotes|stands for) (?P<rest>.+)$"
)


def find(scene: Scene) -> Iterator[Candidate]:
    """Propose a question for every sentence that defines its subject."""
    for sentence in scene.sentences:
        yield from _copula(scene, sentence)
        yield from _means(scene, sentence)
    for unit in scene.units:
        if unit.kind == "item":
            yield from _glossary(scene, unit.span)


def _copula(scene: Scene, sentence: Span) -> Iterator[Candidate]:
    found = tokens(sentence.text)
    bare = re.sub(r" \([^()]{2,40}\)", lambda m: "·" * len(m.group()), sentence.text)
    at = first_auxiliary(tuple(t for t in tokens(bare) if t.text != "·"), within=8)
    if at < 1:
        return
    verb = next((t for t in found if t.low in {"is", "are", "was", "were"}), None)
    if verb is None or verb.low == "were":
        return
    subject = sentence.text[: verb.start].strip()
    plain = re.sub(r" \([^()]{2,40}\)", "", subject)
    predicate = without_stop(sentence.part(verb.end, len(sentence.text)))
    if not _subject(scene, plain) or not _predicate(predicate.text, verb.low) or _circular(plain, predicate.text):
        return
    person = _is_person(predicate.text) and is_name(tokens(plain)[0].text)
    if verb.low == "are" and plain.isupper():
        return
    if verb.low == "was" and not (person or is_name(tokens(plain)[-1].text)):
        return
    core = f"{'who' if person else 'what'} {verb.low} {scene.shown(subject)}?"
    yield from scene.propose("definition", core, predicate, sentence, 0.95)


def _subject(scene: Scene, subject: str) -> bool:
    words = [t.low for t in tokens(subject)]
    if (
        _PLACEHOLDER.fullmatch(subject)
        or not scene.clear(subject, longest=6)
        or (" of " in subject and words[0] in {"one", "part"})
    ):
        return False
    if words[0] in {"every", "each", "any", "all"} or (words[0] == "the" and len(words) < 3):
        return False
    if len(words) > 1 and words[0] not in ARTICLES:
        return True
    return words[-1] not in GENERIC_NOUNS and words[-1].removesuffix("s") not in GENERIC_NOUNS


def _predicate(text: str, verb: str) -> bool:
    words = [t.low for t in tokens(text) if t.is_word]
    if not 5 <= len(words) <= 42:
        return False
    content = next((w for w in words if w not in {"a", "an", "the", "any", "one", "of", "very", "also", "most"}), "")
    if ", but " in text or ";" in text or ", not a" in text or text.endswith((" is", " are")):
        return False
    if content in EMPTY_PREDICATES or any(w in {"this", "these", "above", "you", "your"} for w in words[:6]):
        return False
    if set(words[:3]) & (PRONOUNS - {"that", "those"}) or words[1] in EMPTY_PREDICATES:
        return False
    if words[0] in {"a", "an", "any"}:
        return not re.match(r"an? [\w-]+ (?:to|for|when|if|because)\b", text) or verb != "are"
    if words[0] == "the":
        head = _THE_HEAD.match(text)
        verb_inside = head and any(base_of(w, "s") and not w.endswith("ss") for w in head.group().split()[2:-1])
        return bool(head) and not verb_inside and words[1] not in EMPTY_PREDICATES
    return verb == "are" and bool(_PLURAL_HEAD.match(text)) and not words[0].endswith(("ed", "ing", "ly", "en"))


def _circular(subject: str, predicate: str) -> bool:
    """Tell a predicate that starts by saying its subject again: "the fee collected is the fee in effect …"."""
    own = {t.low for t in tokens(subject) if len(t.text) > 2 and t.low not in ARTICLES}
    return len(own & {t.low for t in tokens(predicate)[:5]}) > len(own) / 2


def _is_person(text: str) -> bool:
    head = re.split(r"\b(?:who|that|which|of|and|,|in|at|for|from|with)\b|,", text)[0]
    return any(w.lower() in PERSON_NOUNS for w in re.findall(r"\w+", head))


def _glossary(scene: Scene, item: Span) -> Iterator[Candidate]:
    """Turn "Term: a …" in a list into "What is a term?", when what follows defines it."""
    match = _TERM.match(item.text)
    if not match or not scene.clear(match["term"], longest=4) or not _predicate(match["rest"], "is"):
        return
    words = [t.low for t in tokens(match["term"])]
    if words[-1] in GENERIC_NOUNS or words[-1].endswith("s") or _circular(match["term"], match["rest"]):
        return
    answer = without_stop(item.part(match.start("rest"), match.end("rest")))
    if points_elsewhere(answer.text) or not clean(answer.text):
        return
    if any(is_code(t.text) for t in tokens(match["term"])):
        return  # a parameter: its question would have to name what it belongs to
    term = match["term"]
    shown = scene.shown(term)
    name = shown == term and (len(words) == 1 or not re.match(r"an?\b", match["rest"], re.IGNORECASE))
    core = f"what is {term}?" if name else f"what does “{shown}” mean?"
    yield from scene.propose("definition", core, answer, item, 0.86)


def _means(scene: Scene, sentence: Span) -> Iterator[Candidate]:
    match = _MEANS.match(sentence.text)
    if not match:
        return
    subject, verb = match["subject"].strip(), match["verb"]
    if not scene.clear(subject, longest=5) or len(match["rest"].split()) < 4:
        return
    if verb == "stands for" and not subject.isupper():
        return
    if verb == "means" and not re.match(r"(?:an?|the|any|that|all|to)\b", match["rest"]):
        return
    answer = without_stop(sentence.part(match.start("rest"), match.end("rest")))
    shown = scene.shown(subject)
    core = {
        "means": f"what does {shown} mean?",
        "denotes": f"what does {shown} denote?",
        "stands for": f"what does {shown} stand for?",
        "refers to": f"what does {shown} refer to?",
    }.get(verb, f"how is {shown} defined?")
    yield from scene.propose("definition", core, answer, sentence, 0.9)
