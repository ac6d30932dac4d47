"""Retrieve chunks for a question, once for all the judges that ask."""

from __future__ import annotations

from collections import OrderedDict
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

    The question is embedded alone, so its vector does not depend on what else is being judged; the hits are
    remembered per (store version, embedder, question), so several judges of one sample embed it once.
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


async def question_vector(question: str, tools: Tools) -> FloatArray:
    """Embed a question alone, once for all the steps that need its vector."""
    memory = cast("dict[tuple[str, str], FloatArray]", tools.extras.setdefault("ragset.question_vectors", {}))
    key = (tools.embedder.fingerprint, question)
    if key not in memory:
        if len(memory) >= REMEMBERED:
            memory.pop(next(iter(memory)))
        memory[key] = (await tools.embedder.embed([question]))[0]
    return memory[key]
