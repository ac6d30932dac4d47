"""Retrieve chunks for a question, by vectors and by words, once for all the judges that ask."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

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
"""Questions whose hits are remembered in one run."""

Key = tuple[str, str, str, int]


def query_of(pair: QAPair) -> str:
    """Give what is searched with: the question, after what the user said before it when it is a follow-up."""
    return "\n".join((*(turn.content for turn in pair.history if turn.role == "user"), pair.question))


def _memory(tools: Tools) -> OrderedDict[Key, list[Hit]]:
    return cast("OrderedDict[Key, list[Hit]]", tools.extras.setdefault("ragset.retrieved", OrderedDict()))


async def retrieve(question: str, k: int, tools: Tools) -> list[Hit]:
    """Give the k chunks of the run's index nearest to ``question``, best first.

    Hits and vectors are remembered per (store version, embedder, question), so several judges of one sample embed it
    once; :func:`question_vectors` embeds the questions of a draw together beforehand.
    """
    depth = max(k, DEPTH)
    key = (tools.store.version, tools.embedder.fingerprint, question, depth)
    memory = _memory(tools)
    hits = memory.get(key)
    if hits is None:
        hits = await tools.store.search(await question_vector(question, tools), depth)
        memory[key] = hits
        if len(memory) > REMEMBERED:
            memory.popitem(last=False)
    else:
        memory.move_to_end(key)
    return hits[:k]


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


async def question_vector(question: str, tools: Tools) -> FloatArray:
    """Give the vector of one question."""
    return (await question_vectors([question], tools))[0]


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


async def retrieve_lexical(question: str, k: int, tools: Tools) -> list[Hit]:
    """Give the k chunks of the run's index with the highest BM25 scores for ``question``, best first.

    The index is made of all chunks at the first call, off the loop, and kept in memory as long as the store does not
    change. Chunks that share no word with the question are no hits.
    """
    lexical = await _lexical(tools)
    assert lexical.index is not None
    found = await lexical.index.search(terms(question), k)
    chunks = ((tools.store.chunk(lexical.chunk_ids[row]), score) for row, score in found)
    return [Hit(chunk, score) for chunk, score in chunks if chunk is not None]


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
