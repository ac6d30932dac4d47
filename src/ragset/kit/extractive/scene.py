"""What every template family works with: the chunk cut into sentences, its setting, and the candidate it proposes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from ragset.kit.extractive.anchors import Setting, named
from ragset.kit.extractive.examples import names_examples, told_as_examples
from ragset.kit.extractive.grammar import is_code, is_name, lower_start, noun_phrase, tokens
from ragset.kit.extractive.sentences import Span, Unit, sentences, units
from ragset.kit.extractive.text_filters import sound_sentence
from ragset.kit.extractive.words import GENERIC_NOUNS
from ragset.schema.documents import Chunk, Document

_COMMON = re.compile(r"(?:tion|sion|ment|ness|ity|ing|ance|ence|ship|ism|ers|ors|burn)$")

_BEFORE = 4000
"""Characters before a chunk in which the beginning of its first paragraph is looked for."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A question with its answer and the passage that supports it, both as spans of the chunk's text."""

    question: str
    answer: Span
    support: Span
    family: str
    anchor: str
    score: float


@dataclass(frozen=True)
class Scene:
    """A chunk as the families see it."""

    chunk: Chunk
    setting: Setting
    document: Document | None = None

    @cached_property
    def units(self) -> list[Unit]:
        """Paragraphs, items, rows and headings; text within a code block of the document is code."""
        found = units(self.chunk.text, (*self.chunk.headings, self.chunk.title))
        blocks = [b for b in self.document.blocks if b.kind == "code"] if self.document else []
        at = self.chunk.start
        inside = [any(b.start <= u.span.start + at < b.end for b in blocks) for u in found]
        code = [Unit("code", u.span) if within else u for u, within in zip(found, inside, strict=True)]
        lines = (
            {self.document.headings_at(h.start)[-1] for h in self.document.headings} if self.document else set[str]()
        )
        return [Unit("heading", u.span) if u.span.text in lines else u for u in code]

    @cached_property
    def sentences(self) -> list[Span]:
        """The sound sentences of its paragraphs and list items; those of an example tell no fact."""
        at = self.chunk.start
        before = self.document.text[max(0, at - _BEFORE) : at].rpartition("\n\n")[2] if self.document else ""
        heading = next(iter(self.chunk.headings[-1:]), "")
        told = told_as_examples(self.units, before, section=names_examples(heading))
        texts = (s for u in self.units if u.kind in {"paragraph", "item"} for s in sentences(u))
        return [s for s in texts if s.start not in told and sound_sentence(s.text)]

    def headings_at(self, span: Span) -> tuple[str, ...]:
        """Give the headings open at a span; a chunk may hold several small sections."""
        return self.document.headings_at(self.chunk.start + span.start) if self.document else self.chunk.headings

    def ask(self, core: str) -> tuple[str, str] | None:
        """Anchor a question: give (question, anchor), or nothing when it could not be understood alone."""
        setting = self.setting
        place, table, rest = core.partition("” table, ")
        if table:
            return self._ask_table(place.removeprefix("in the “"), rest)
        low = core.lower()
        if setting.product and re.search(rf"(?<![\w-]){re.escape(setting.product.lower())}(?![\w-])", low):
            return _capital(core), setting.product
        if setting.title and len(setting.title) > 3 and setting.title.lower() in low:
            return _capital(core), setting.title
        if setting.product:
            return f"In {setting.product}, {core}", setting.product
        if setting.title:
            return f"According to “{setting.title}”, {core}", setting.title
        anchor = "name" if named(core) else setting.term_in(core)
        return (_capital(core), anchor) if anchor else None

    def _ask_table(self, name: str, core: str) -> tuple[str, str] | None:
        """Anchor a question about a cell: by the table's name and the document's, or by the product it names itself."""
        product, title = self.setting.product, self.setting.title
        if product and re.search(rf"(?<![\w-]){re.escape(product)}[. ]\w", core):
            return _capital(core), product
        owner = f"the {product} documentation" if product else f"“{title}”" if title else ""
        return (f"In the “{name}” table of {owner}, {core}", owner) if owner else None

    def propose(self, family: str, core: str, answer: Span, support: Span, score: float) -> Iterator[Candidate]:
        """Yield the anchored candidate, or nothing; a short form asked for is its own anchor."""
        core = " ".join(core.split())
        asked = (_capital(core), "short form") if family == "abbreviation" else self.ask(core)
        if asked and answer.text:
            yield Candidate(asked[0], answer, support, family, asked[1], score)

    def shown(self, phrase: str) -> str:
        """Write a sentence-initial phrase as it stands inside a sentence."""
        found = tokens(phrase)
        if not found:
            return phrase
        first = found[0].text
        if first.lower() == self.setting.product.lower():
            return phrase
        if len(found) > 1 and is_name(first) and is_name(found[1].text) and found[1].text != "I":
            return phrase
        if first.lower() in {"a", "an", "the", "each", "every", "any", "all"} or self.setting.lowered(first):
            return lower_start(phrase, keep=False)
        plain = (len(found) > 1 and found[1].text.islower()) or _COMMON.search(first)
        return lower_start(phrase, keep=self.setting.is_name(first) or not plain)

    def clear(self, phrase: str, *, longest: int = 8) -> bool:
        """Tell whether a noun phrase is understood together with the question's anchor."""
        if not noun_phrase(phrase, longest=longest):
            return False
        words = [t.text for t in tokens(phrase)]
        if any(is_code(w) for w in words) or any(is_name(w) and not self.setting.lowered(w) for w in words):
            return words[0].lower() != "the" or len(words) > 2 or self.setting.is_topic(words[-1])
        rest = words[1:] if words[0].lower() in {"the", "a", "an", "each", "every", "any", "all"} else words
        if len(rest) == 1:
            if rest[0].lower() in GENERIC_NOUNS or rest[0].lower().removesuffix("s") in GENERIC_NOUNS:
                return False
            return words[0].lower() != "the" or self.setting.is_topic(rest[0])
        return rest[0].lower() not in GENERIC_NOUNS or words[0].lower() != "the" or len(rest) > 2


def without_stop(span: Span) -> Span:
    """Cut the full stop off the end of a span."""
    text = span.text.rstrip()
    cut = (
        len(text) - 1
        if text.endswith((".", "!", ";", ",")) and not re.search(r"\b(?:[A-Za-z]\.){2,}$|\betc\.$", text)
        else len(text)
    )
    return span.part(0, cut)


def _capital(core: str) -> str:
    return core[:1].upper() + core[1:]
