"""Whether a document speaks at all of what a question names: one that never does cannot answer it.

Who is meant by a pronoun stands in the same document, so the whole of it is looked through, title and all. On the 390
English XQuAD questions (dev) that have a name, 6 of the paragraphs that answer have none of its names, though there the
paragraph is all that is known of its document; of other paragraphs 91 % have none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from ragset.kit.measures import Text
from ragset.schema.documents import Chunk
from ragset.schema.ports import ChunkStore
from ragset.schema.step import Tools

LONGEST = 200_000
"""Characters of a document beyond which it counts as speaking of everything."""
FIRST, ENDING = 4, 2
"""Letters of a name that must stand there: all but so many at its end (a plural, a genitive), at least so many."""

Memory = dict[tuple[str, str], str]
"""Letters and digits of documents, by id and version."""
REMEMBERED = 64
"""Documents whose letters are kept."""


def speaks_of(question: str, tools: Tools) -> Callable[[Chunk], bool]:
    """Give a test: does the chunk's document name anything that the question names? A question without names passes."""
    names = _names(question)
    memory = cast("Memory", tools.extras.setdefault("ragset.named_in", {}))

    def speaks(chunk: Chunk) -> bool:
        if not names or _any(names, _letters(chunk.text)):
            return True
        whole = _document(chunk, tools.store, memory)
        return whole is None or _any(names, whole) or _any(names, _letters(" ".join((chunk.title, *chunk.headings))))

    return speaks


def _names(question: str) -> frozenset[str]:
    """Give the names and codes of a question, numbers aside, as they begin."""
    plain = (_letters(word.plain) for word in Text(question).content if word.name and not word.plain.isdigit())
    return frozenset(name[: max(FIRST, len(name) - ENDING)] for name in plain if name)


def _any(names: frozenset[str], letters: str) -> bool:
    return any(name in letters for name in names)


def _document(chunk: Chunk, store: ChunkStore, memory: Memory) -> str | None:
    """Give a document's letters; none where it is too long, or gone."""
    key = (chunk.document_id, chunk.version)
    if key not in memory:
        document = store.document(chunk.document_id)
        if document is None:
            return None
        memory[key] = _letters(document.text) if len(document.text) <= LONGEST else ""
        if len(memory) > REMEMBERED:
            memory.pop(next(iter(memory)))
    return memory[key] or None


def _letters(text: str) -> str:
    """Fold a text to its letters and digits, so that ``HIV-1`` is found in ``HIV 1``."""
    return "".join(char for char in text.casefold() if char.isalnum())
