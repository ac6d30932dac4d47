"""Whether a document names what is asked about: what never does is not read by the judge model."""

from __future__ import annotations

import pytest

from memory_store import MemoryStore
from ragset.adapters.hash_embedder import HashEmbedder
from ragset.kit.named_in import LONGEST, speaks_of
from ragset.schema.step import Tools

FIRST = "Anna Keller led the tests in Turin, where the first prototypes were made by hand."
TEXTS = {
    "keller.txt": f"{FIRST}\n\nShe retired after thirty years and wrote a book about it.",
    "code.txt": "The HIV 1 panel is kept cold.",
    "other.txt": "Bob Smith led the tests in Oslo. He retired after twenty years.",
}


async def named(question: str, texts: dict[str, str] | None = None) -> list[str]:
    """Give document and first word of every chunk that may speak of what the question names."""
    store = await MemoryStore.of(texts or TEXTS, HashEmbedder(), size=len(FIRST) + 2)
    speaks = speaks_of(question, Tools(_store=store, _embedder=HashEmbedder()))
    chunks = [chunk for name in store.document_ids() for chunk in store.chunks(name)]
    return sorted(f"{chunk.document_id}:{chunk.text.split()[0]}" for chunk in chunks if speaks(chunk))


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("When did Keller retire?", ["keller.txt:Anna", "keller.txt:She"]),  # "she" is told a chunk before
        ("When did Kellers team retire?", ["keller.txt:Anna", "keller.txt:She"]),
        ("How is the HIV-1 panel kept?", ["code.txt:The"]),
        ("Who led the tests in Oslo, or in Turin?", ["keller.txt:Anna", "keller.txt:She", "other.txt:Bob"]),
        ("Who led the tests in Bergen?", []),
        ("Who led the tests?", ["code.txt:The", "keller.txt:Anna", "keller.txt:She", "other.txt:Bob"]),
    ],
)
async def test_a_document_that_names_nothing_of_the_question_is_left_out(question: str, found: list[str]) -> None:
    assert await named(question) == found


async def test_a_document_too_long_to_look_through_may_speak_of_anything() -> None:
    long = "The pump is old. " * (LONGEST // 15)
    assert await named("Where is Bergen?", {"long.txt": long})
    assert not await named("Where is Bergen?", {"short.txt": long[:1000]})
