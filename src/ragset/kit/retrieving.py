"""Retrieve chunks for a question, by vectors and by words, once for all the judges that ask."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from ragset.adapters.lexical_index import LexicalIndex, load
from ragset.kit.measures import STOPWORDS, stem
from ragset.schema.ports import ChunkStore, Hit
from ragset.schema.samples import QAPair
from ragset.schema.step import Tools

if TYPE_CHECKING:
    from ragset.schema.ports import FloatArray

DEPTH = 20
"""Hits fetched at least, so that a judge asking for 5 and one asking for 20 see the same ranking."""
REMEMBERED = 4096
"""Questions whose hits are remembered in one run, of each way of searching."""

Key = tuple[str, str, int]
"""Of what is remembered: the store's version, the question, and how deep it was searched."""


def query_of(pair: QAPair) -> str:
    """Give what is searched with: the question, after what the user said before it when it is a follow-up."""
    return "\n".join((*(turn.content for turn in pair.history if turn.role == "user"), pair.question))


async def retrieve(questions: Sequence[str], k: int, tools: Tools) -> list[list[Hit]]:
    """Give, for each question, the k chunks of the run's index nearest to it, best first.

    What is found is remembered, so that of several judges of a pair the first one searches. Give the questions of a
    draw together: they are embedded and searched for in one go.
    """

    async def search(unknown: Sequence[str], depth: int) -> list[list[Hit]]:
        vectors = dict(zip(questions, await question_vectors(questions, tools), strict=True))
        return await tools.store.search(np.stack([vectors[question] for question in unknown]), depth)

    return await _remembered(tools.embedder.fingerprint, questions, k, tools, search)


async def _remembered(
    way: str,
    questions: Sequence[str],
    k: int,
    tools: Tools,
    search: Callable[[Sequence[str], int], Awaitable[list[list[Hit]]]],
) -> list[list[Hit]]:
    memory = cast("OrderedDict[Key, list[Hit]]", tools.extras.setdefault(f"ragset.retrieved {way}", OrderedDict()))
    depth = max(k, DEPTH)
    keys: dict[str, Key] = {question: (tools.store.version, question, depth) for question in questions}
    found = {question: memory[key] for question, key in keys.items() if key in memory}
    unknown = [question for question in keys if question not in found]
    if unknown:
        found |= zip(unknown, await search(unknown, depth), strict=True)
    for question, key in keys.items():
        memory[key] = found[question]
        memory.move_to_end(key)
    while len(memory) > REMEMBERED:
        memory.popitem(last=False)
    return [found[question][:k] for question in questions]


async def question_vectors(questions: Sequence[str], tools: Tools) -> list[FloatArray]:
    """Embed the questions of one draw together, once for all the steps that need their vectors.

    Where one is not known all are embedded, so that what is embedded together does not depend on other draws.
    """
    memory = cast("dict[tuple[str, str], FloatArray]", tools.extras.setdefault("ragset.question_vectors", {}))
    keys = [(tools.embedder.fingerprint, question) for question in questions]
    known = {key: memory[key] for key in keys if key in memory}
    if len(known) < len(set(keys)):
        every = list(dict.fromkeys(keys))
        known = dict(zip(every, await tools.embedder.embed([question for _, question in every]), strict=True))
        memory |= known
        while len(memory) > REMEMBERED:
            memory.pop(next(iter(memory)))
    return [known[key] for key in keys]


_TERM = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\u0e00-\u0eff\u1780-\u17ff]+|[^\W_]+")
_SPACELESS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\u0e00-\u0eff\u1780-\u17ff]")


def terms(text: str) -> list[str]:
    """Cut a text into the terms of lexical search: words, stemmed, without English stop words.

    Of scripts without blanks every two neighbouring characters are a term.
    """
    return [term for piece in _TERM.findall(unicodedata.normalize("NFKC", text).casefold()) for term in _terms(piece)]


def _terms(piece: str) -> Iterator[str]:
    if _SPACELESS.match(piece):
        yield from (piece[at : at + 2] for at in range(max(1, len(piece) - 1)))
    elif piece not in STOPWORDS:
        yield stem(piece) if piece.isascii() else piece


@dataclass(slots=True)
class _Lexical:
    """The chunks of one version of the store as bags of terms; built once, by whoever asks first."""

    building: asyncio.Lock
    version: str = ""
    chunk_ids: tuple[str, ...] = ()
    index: LexicalIndex | None = None


async def retrieve_lexical(questions: Sequence[str], k: int, tools: Tools) -> list[list[Hit]]:
    """Give, for each question, the k chunks of the run's index with the highest BM25 scores, best first.

    The index is made of all chunks at the first call, off the loop, and kept in memory as long as the store does not
    change. Chunks that share no word with the question are no hits. What is found is remembered, as by
    :func:`retrieve`.
    """

    async def search(unknown: Sequence[str], depth: int) -> list[list[Hit]]:
        lexical = await _lexical(tools)
        assert lexical.index is not None
        found = await lexical.index.search([terms(question) for question in unknown], depth)
        return [list(_hits(rows, lexical.chunk_ids, tools.store)) for rows in found]

    return await _remembered("bm25", questions, k, tools, search)


def _hits(rows: Sequence[tuple[int, float]], chunk_ids: Sequence[str], store: ChunkStore) -> Iterator[Hit]:
    for row, score in rows:
        chunk = store.chunk(chunk_ids[row])
        if chunk is not None:
            yield Hit(chunk, score)


async def load_lexical(tools: Tools) -> None:
    """Index the chunks of the store for lexical search, before the first question waits for it."""
    await asyncio.to_thread(load)
    if tools.has_store:
        await _lexical(tools)


async def _lexical(tools: Tools) -> _Lexical:
    known = cast("_Lexical", tools.extras.setdefault("ragset.lexical", _Lexical(asyncio.Lock())))
    if known.index is None or known.version != tools.store.version:
        async with known.building:
            if known.index is None or known.version != tools.store.version:
                known.version = tools.store.version
                known.chunk_ids, known.index = await asyncio.to_thread(_indexed, tools.store)
    return known


def _indexed(store: ChunkStore) -> tuple[tuple[str, ...], LexicalIndex]:
    """Index all chunks, in the order of their ids: equal scores are ranked by id, as in vector search."""
    rows = sorted((chunk.id, terms(chunk.text)) for key in store.document_ids() for chunk in store.chunks(key))
    return tuple(key for key, _ in rows), LexicalIndex(row for _, row in rows)
