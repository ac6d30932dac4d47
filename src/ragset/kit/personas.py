"""Personas: read from a file, or proposed by the writing model from what the documents are about."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel, Field

from ragset.errors import FlowError, ModelError
from ragset.kit.axes import uniform
from ragset.kit.prompting import Prompt, one_line
from ragset.kit.replies import complete_typed
from ragset.kit.steering import talks_to_a_model
from ragset.kit.yaml_text import read_yaml
from ragset.schema.ports import Ask

if TYPE_CHECKING:
    from ragset.schema.step import Tools

MAX_FILE = 1_000_000
"""Characters a file of personas may have."""
MAX_PERSONA = 300
"""Characters a description may have."""
SHOWN_DOCUMENTS = 40
"""Documents whose titles and headings the model is shown."""
SHOWN_HEADINGS = 8
NEIGHBOURS = 20
"""Chunks among which the best for a persona is looked for."""
ROUNDS = 2
"""Times the model is asked: once, and once more when too few were to the point."""

PROMPT = "propose_personas.v1"


class PersonasReply(BaseModel):
    """What the model is asked to reply."""

    personas: list[str] = Field(min_length=1)


def read_personas(path: str) -> dict[str, float]:
    """Read descriptions with weights: a YAML or JSON mapping, a list, or plain text with one a line.

    Raises ``FlowError`` with the path.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FlowError(f"the personas cannot be read ({error})", where=path, hint="give a UTF-8 file") from error
    if len(text) > MAX_FILE:
        raise FlowError(f"the file of personas has {len(text)} characters", where=path, hint="shorten it")
    if file.suffix.lower() in (".yaml", ".yml", ".json"):
        found = _weights(_parsed(text, path), path)
    else:
        lines = (line.strip() for line in text.splitlines())
        found = {line: 1.0 for line in lines if line and not line.startswith("#")}
    if not found:
        raise FlowError("there is no persona in it", where=path, hint="write one a line")
    if long := next((name for name in found if len(name) > MAX_PERSONA), None):
        raise FlowError(f"a persona has {len(long)} characters", where=path, hint=f"shorten it to {MAX_PERSONA}")
    return found


def _parsed(text: str, path: str) -> Any:
    hint = "check brackets and quotes"
    if not path.lower().endswith(".json"):
        return read_yaml(text, path, hint, FlowError)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FlowError("is no YAML or JSON", where=path, hint=hint) from error


def _weights(data: Any, path: str) -> dict[str, float]:
    if isinstance(data, list):
        data = dict(_listed(item, at, path) for at, item in enumerate(cast("list[Any]", data), 1))
    found: dict[str, float] = {}
    for name, weight in cast("Mapping[Any, Any]", data).items() if isinstance(data, dict) else ():
        number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not number or not 0 < weight < float("inf"):
            what = f"the weight of '{one_line(str(name))}' is {one_line(repr(weight))}"
            raise FlowError(what, where=path, hint="write a number above 0")
        found[str(name).strip()] = float(weight)
    return {name: weight for name, weight in found.items() if name}


def _listed(item: Any, at: int, path: str) -> tuple[str, Any]:
    """Read an item of a list: a text, or a mapping with a name, a description or both, and a weight."""
    if isinstance(item, str | int | float) and not isinstance(item, bool):
        return str(item), 1.0
    fields = cast("dict[Any, Any]", item) if isinstance(item, dict) else {}
    said = [fields[name] for name in ("name", "description") if fields.get(name) is not None]
    unknown = next((str(name) for name in fields if name not in ("name", "description", "weight")), None)
    if unknown is None and said and all(isinstance(text, str) for text in said):
        return ": ".join(" ".join(text.split()) for text in said), fields.get("weight", 1.0)
    what = f"has an unknown field '{one_line(unknown)}'" if unknown else "is no text"
    hint = "write a text, or the fields name, description and weight"
    raise FlowError(f"persona {at} {what}", where=path, hint=hint)


async def propose(
    tools: Tools, documents: Sequence[str], count: int, *, seed: int, relevance: float, wanted: Callable[[str], bool]
) -> list[str]:
    """Let the writing model propose personas, and keep those for whom a chunk is near enough.

    A persona is relevant when the cosine of its description and its best chunk is at least ``relevance``; one that
    instructs a model, as a document may have told it to, is dropped. When too few are left, the model is asked once
    more; then what there is must do, and a line says so.
    """
    good: list[str] = []
    refused: list[str] = []
    shown = _outline(tools, documents, seed)
    for turn in range(ROUNDS):
        try:
            proposed = await _ask(tools, shown, count - len(good), [*good, *refused], (seed, turn))
        except ModelError as error:
            tools.say(f"the model proposed no personas: {error}")
            break
        refused += [name for name in proposed if talks_to_a_model(name)]  # a persona is shown to the writer
        fresh = [name for name in dict.fromkeys(proposed) if name not in good and name not in refused]
        for name, score in zip(fresh, await _relevance(tools, fresh, wanted), strict=True):
            (good if score >= relevance else refused).append(name)
        if len(good) >= count:
            break
    if len(good) < count:
        tools.say(f"{len(good)} of {count} personas were proposed that the documents concern; going on with those")
    return good[:count]


async def _ask(
    tools: Tools, shown: list[dict[str, Any]], count: int, known: list[str], key: tuple[int, int]
) -> list[str]:
    messages = Prompt.load(PROMPT).render(documents=shown, count=count, known=known)
    schema, (seed, turn) = PersonasReply.model_json_schema(), key
    ask = Ask(
        messages=messages, reply_schema=schema, parameters={"seed": seed}, repeat=turn, purpose="propose personas"
    )
    reply = await complete_typed(tools.models["writer"], ask, PersonasReply)
    lines = (" ".join(name.split()) for name in reply.value.personas)
    return [line for line in lines if 0 < len(line) <= MAX_PERSONA]


async def _relevance(tools: Tools, personas: Sequence[str], wanted: Callable[[str], bool]) -> list[float]:
    """Give each persona's cosine with its best chunk; all are embedded together."""
    if not personas:
        return []
    found = await tools.store.search(await tools.embedder.embed(personas), NEIGHBOURS)
    return [max((hit.score for hit in hits if wanted(hit.chunk.document_id)), default=0.0) for hits in found]


def _outline(tools: Tools, documents: Sequence[str], seed: int) -> list[dict[str, Any]]:
    """Give titles and headings of a seeded sample of the documents, sections spread over each of them."""
    sample = sorted(documents, key=lambda name: uniform(seed, "persona", name))[:SHOWN_DOCUMENTS]
    shown: list[dict[str, Any]] = []
    for name in sample:
        chunks = tools.store.chunks(name)
        if not chunks:
            continue
        headings = list(dict.fromkeys(chunk.headings[-1] for chunk in chunks if chunk.headings))
        halves = zip_longest(headings[: SHOWN_HEADINGS // 2], headings[len(headings) // 2 :])
        spread = list(dict.fromkeys(heading for pair in halves for heading in pair if heading))
        shown.append({"title": chunks[0].title, "headings": spread[:SHOWN_HEADINGS]})
    return shown
