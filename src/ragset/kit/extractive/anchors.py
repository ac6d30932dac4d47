"""What a question can name: the document's real title, its product, its topic words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import PurePosixPath

from ragset.kit.extractive.grammar import is_code, is_name, tokens
from ragset.kit.extractive.words import (
    ADVERBS,
    AUXILIARIES,
    ENGLISH,
    GENERIC_HEADINGS,
    GENERIC_NOUNS,
    PREPOSITIONS,
    VAGUE_STARTS,
)
from ragset.kit.question_form import word_set
from ragset.schema.documents import Chunk, Document

_PREFIX = re.compile(
    r"^(?:chapter|section|part|appendix|annex|module|unit|lesson)\s+[\divxlc]+\s*[-–—:.]\s*"
    r"|^the project gutenberg e-?book of\s+|^\d+(?:\.\d+)*[.)]?\s+|^\[[^\]]*\]\s*",
    re.IGNORECASE,
)
_PART = re.compile(r"(?:chapter|section|part|appendix|annex|module|unit|lesson)\s+[\divxlc]+\b", re.IGNORECASE)
_SUFFIX = re.compile(r"\s*(?:[|·]\s.*|\s[-–—]\s(?:wikipedia|home|documentation|docs|gutenberg).*|¶)$", re.IGNORECASE)
_COMMAND = re.compile(r"(?:(?<=^)|(?<=[\n`])|(?<=\$ ))[a-z][a-z0-9_-]{2,}(?= (?:--[a-z]|[a-z-]+(?:`| --| [A-Z./])))")
_SHELL = word_set(
    "pip npm git cargo curl make docker sudo python python3 uvx pipx conda brew apt cat echo import from run "
    "async await def class return with for while if else try raise yield print del assert lambda global sh bash cd ls"
)
_EVERYWHERE = word_set(
    "http https api cli json jsonl yaml csv pdf html url urls python linux windows macos github markdown sql "
    "xml utf ascii gpu "
    "cpu english unicode docker javascript monday january form table figure chapter section note"
)
"""Names that documents about anything share; they are no product."""
MENTIONS, FREQUENT = 12, 0.001
"""How often a text must have two words side by side, at least and as a share of its words, to be about them."""
_ACRONYM = re.compile(r"[^aeiouyAEIOUY\d\W]{2,4}$")


@dataclass(frozen=True, slots=True)
class Setting:
    """What a chunk's questions may lean on.

    ``topics`` counts the words of the document, or of the chunk alone; ``terms`` are there for one without a title.
    """

    title: str = ""
    product: str = ""
    headings: tuple[str, ...] = ()
    topics: Counter[str] = field(default_factory=Counter[str])
    terms: frozenset[str] = frozenset()

    def term_in(self, text: str) -> str:
        """Give the term of the document, two words that it has again and again, that a text holds; empty when none."""
        words = re.findall(r"[a-z][\w-]*", text.lower())
        return next((pair for pair in map(" ".join, pairwise(words)) if pair in self.terms), "")

    def is_topic(self, noun: str) -> bool:
        """Tell whether a noun is what the document is about: in its title or headings, or used again and again."""
        low = noun.lower()
        named = " ".join((self.title, self.product, *self.headings)).lower()
        if low in re.findall(r"[\w-]+", named):
            return True
        return low not in GENERIC_NOUNS and self.topics[low] >= max(8, 0.001 * self.topics[""])

    def is_name(self, word: str) -> bool:
        """Tell whether the document capitalises a word within a sentence."""
        return self.topics["inner:" + word.lower()] > 0

    def lowered(self, word: str) -> bool:
        """Tell whether the document writes a word in lower case, or capitalises it at the start of sentences only."""
        low = word.lower()
        inner, small = self.topics["inner:" + low], self.topics["lower:" + low]
        return small > 0.25 * self.topics[low] or (not inner and self.topics[""] > 2000)


def setting_of(chunk: Chunk, document: Document | None, product: str = "") -> Setting:
    """Work out what a chunk's questions can name."""
    text = document.text if document else chunk.text
    headings = [h.text for h in document.headings] if document else ()
    title = real_title(document.title, document.path, headings) if document else real_title(chunk.title)
    return Setting(
        title=title,
        product=product,
        headings=tuple(tidy(h) for h in chunk.headings),
        topics=topics_of(text),
        terms=frozenset() if title or product else terms_of(text),
    )


def real_title(title: str, path: str = "", headings: Sequence[str] = ()) -> str:
    """Give the title when it names the document; nothing when it was made of the file's name, and no heading says it.

    A file name is no title: "According to “Doj ch13 trustee handbook”" names what nobody has read.
    """
    name = "" if _PART.match(title) else tidy(title)
    if not name or name.endswith("?") or generic(name) or len(name) > 90 or not re.search(r"[A-Za-z]{3}", name):
        return ""
    made = _words(name) == _words(PurePosixPath(path).stem)
    return "" if made and not any(_words(tidy(heading)) == _words(name) for heading in headings) else acronym(name)


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[\W_]+", name.lower()) if word]


def acronym(word: str) -> str:
    """Write a vowelless short name in capitals (``gdp`` → ``GDP``); other words stay as they are."""
    return word.upper() if _ACRONYM.match(word) else word


def tidy(heading: str) -> str:
    """Strip numbers, "Chapter 3 –", site suffixes and markup from a heading."""
    text = re.sub(r"\s+", " ", heading).strip().strip("#*_").strip()
    text = _SUFFIX.sub("", text)
    before = ""
    while before != text:
        before, text = text, _PREFIX.sub("", text).strip()
    text = text.rstrip(".:,;").strip()
    return text.replace("“", "'").replace("”", "'").replace('"', "'")


def generic(heading: str) -> bool:
    """Tell whether a heading names nothing by itself ("Overview", "Chapter 1")."""
    words = re.findall(r"[a-z0-9]+", heading.lower())
    whole = "-".join(words)
    return (
        not words or whole in GENERIC_HEADINGS or all(w in GENERIC_HEADINGS or w.isdigit() or len(w) < 2 for w in words)
    )


@lru_cache(maxsize=16)
def topics_of(text: str) -> Counter[str]:
    """Count the words of a text.

    Under ``word`` all of them, under ``lower:word`` those in lower case, under ``inner:word`` those capitalised
    within a sentence, under the empty string the length of the text in words.
    """
    found: Counter[str] = Counter()
    for word in re.findall(r"[A-Za-z][\w-]*", text):
        found[word.lower()] += 1
        if word[0].islower():
            found["lower:" + word] += 1
        found[""] += 1
    for word in re.findall(r"(?<=[a-z,;] )[A-Z][\w-]*", text):
        found["inner:" + word.lower()] += 1
    return found


@lru_cache(maxsize=16)
def terms_of(text: str) -> frozenset[str]:
    """Find the terms of a text: two words of content side by side, so often that the text is about them."""
    words = re.findall(r"[a-z][\w-]*|[.,;:|\n]", text.lower())
    plain = ENGLISH | PREPOSITIONS | VAGUE_STARTS | GENERIC_NOUNS | AUXILIARIES | ADVERBS
    content = [word if len(word) > 3 and word not in plain else "" for word in words]
    pairs = Counter(f"{one} {other}" for one, other in pairwise(content) if one and other)
    return frozenset(pair for pair, count in pairs.items() if count >= max(MENTIONS, len(words) * FREQUENT))


def product_of(texts: Sequence[str], *, share: float = 0.6) -> str:
    """Find the name that most documents of a corpus share: capitalised within sentences, or a command they run.

    Needs three documents; a corpus about many things has no product, and gets none.
    """
    heads = [text[:200_000] for text in texts]
    seen = Counter(name for head in heads for name in _names_in(head))
    commands = Counter(word for head in heads for word in set(_COMMAND.findall(head)) - _SHELL)
    for word, count in commands.items():
        if count >= 2 and not any(word == name.lower() for name in seen):
            seen[word] = sum(bool(re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", head)) for head in heads)
    ranked = sorted((-n, name) for name, n in seen.items() if n >= share * len(heads))
    return ranked[0][1] if ranked and len(heads) >= 3 else ""


def _names_in(text: str) -> set[str]:
    """Give the words that a text capitalises within sentences and never writes small, but as a command."""
    inner = set(re.findall(r"(?<=[a-z,] )([A-Z][A-Za-z0-9]{2,})\b(?! [A-Z])", text))
    low = set(re.findall(r"(?<=[a-z] )[a-z]{3,}(?= [a-z])", text)) - set(_COMMAND.findall(text))
    common = _EVERYWHERE | ENGLISH | PREPOSITIONS | VAGUE_STARTS
    return {w for w in inner if w.lower() not in common and (w.lower() not in low or w[1:] != w[1:].lower())}


def named(text: str) -> bool:
    """Tell whether a phrase names something by itself: code, a name of two words, or one with an inner capital."""
    found = tokens(text)
    if any(is_code(t.text) for t in found):
        return True
    names = [t.text for t in found if is_name(t.text)]
    return len(names) >= 2 or any(re.search(r"[A-Z0-9]", n[1:]) for n in names)
