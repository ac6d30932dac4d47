"""Retrieve chunks for a question, once for all the judges that ask."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from ragset.schema.ports import Hit
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
    """Embed the questions of one draw together, once for all the steps that need their vectors."""
    memory = cast("dict[tuple[str, str], FloatArray]", tools.extras.setdefault("ragset.question_vectors", {}))
    keys = [(tools.embedder.fingerprint, question) for question in questions]
    known = {key: memory[key] for key in keys if key in memory}
    if new := list(dict.fromkeys(key for key in keys if key not in known)):
        vectors = await tools.embedder.embed([question for _, question in new])
        known |= dict(zip(new, vectors, strict=True))
        memory |= known
        while len(memory) > REMEMBERED:
            memory.pop(next(iter(memory)))
    return [known[key] for key in keys]


async def question_vector(question: str, tools: Tools) -> FloatArray:
    """Give the vector of one question."""
    return (await question_vectors([question], tools))[0]
