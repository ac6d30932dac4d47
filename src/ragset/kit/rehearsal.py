"""A stand-in for a language model: it answers every ask by rule, the same each time, at no cost.

The free estimate is made with it, and a test's server answers with it. What is asked it tells by the reply schema
(from the ask, or told within the prompt): pairs, the answer to a question from passages, ragas' statements and
verdicts; anything else gets the smallest value that fits the schema. It knows only our own prompts and those of ragas.
"""

from __future__ import annotations

import json
import re
from collections.abc import Coroutine, Sequence
from math import ceil
from typing import Any, cast

from ragset.kit.answering import best_sentence
from ragset.kit.axes import uniform
from ragset.kit.builtin_judge import BuiltinJudge
from ragset.kit.measures import content, words
from ragset.kit.rehearsed_judging import said_alone, scores_of, shown
from ragset.kit.rehearsed_pairs import asked_in, pairs_of, without_yes
from ragset.kit.rehearsed_passages import passages_that_answer
from ragset.kit.rehearsed_text import Block, blocks_of, without_blocks
from ragset.kit.shapes import resolve
from ragset.schema.documents import Chunk
from ragset.schema.ids import digest
from ragset.schema.ports import Ask, Hit, Reply
from ragset.schema.samples import Usage

VERSION = "3"
"""Raise it whenever a reply may change."""
WORDS = 12
"""Words of a text that is made up of the prompt's data."""
ITEMS = 2
"""Items of a list, where the schema does not say."""
DEEPEST = 12
"""Levels of a schema that are filled in; a schema may contain itself."""
RAGAS_INPUT = "\ninput: "

Json = dict[str, Any]


class Rehearsal:
    """A ``LanguageModel`` that costs nothing.

    ``pass_rate`` is the share of pairs whose statements it supports as a judge, when they can be supported at all;
    which ones is decided by ``seed`` and the statements alone.
    """

    def __init__(self, *, pass_rate: float = 1.0, seed: int = 0, name: str = "rehearsal") -> None:
        """Give it a name for provenance."""
        self._pass_rate, self._seed, self._name = pass_rate, seed, name

    @property
    def name(self) -> str:
        """The name it was given."""
        return self._name

    @property
    def fingerprint(self) -> str:
        """Hash of its version and settings."""
        return digest("rehearsal", VERSION, self._name, self._pass_rate, self._seed)

    async def complete(self, ask: Ask) -> Reply:
        """Answer; the usage counts one call, and a quarter of the characters as tokens."""
        raw = self.answer(ask)
        prompt = ceil(sum(len(message.content) for message in ask.messages) / 4)
        return Reply(
            value=raw, raw=raw, usage=Usage(calls=1, prompt_tokens=prompt, completion_tokens=ceil(len(raw) / 4))
        )

    def answer(self, ask: Ask) -> str:
        """Give the raw reply."""
        prompt = "\n\n".join(message.content for message in ask.messages if message.role != "assistant")
        schema = ask.reply_schema or schema_told(prompt)
        if schema is None:
            return _plain_text(prompt)
        fields = set(cast("Json", schema.get("properties") or {}))
        variant = int(ask.parameters.get("seed") or 0) + ask.repeat
        if RAGAS_INPUT in prompt and fields in ({"statements"}, {"TP", "FP", "FN"}):
            value: Any = self._judged(ask, schema)
        elif "pairs" in fields:
            value = {"pairs": pairs_of(prompt, variant)}
        elif {"answer", "passages"} <= fields:
            value = _answered(prompt)
        elif fields == {"answers"}:
            value = {"answers": [{"question": one.number} | _answered(said_alone(one)) for one in shown(prompt)]}
        elif fields == {"recalled"}:  # it has learnt nothing
            value = {"recalled": [{"question": one.number, "answer": None} for one in shown(prompt)]}
        elif fields == {"found"}:
            value = {"found": passages_that_answer(prompt)}
        elif fields == {"scores"}:
            value = {"scores": scores_of(prompt, lambda key: self._fails(without_yes(key)))}
        elif fields == {"personas"}:
            value = {"personas": _readers(prompt)}
        else:
            value = _Filler(schema, prompt, variant).value()
        return json.dumps(value, ensure_ascii=False)

    def _judged(self, ask: Ask, schema: Json) -> Json:
        """Answer a ragas prompt by the built-in judge; of the pairs that it would pass, some fail all the same."""
        asked = next(m for m in ask.messages if m.role == "user" and RAGAS_INPUT in m.content)
        asked = asked.model_copy(update={"content": without_yes(asked.content)})  # which the rules take for a name
        reply = _at_once(BuiltinJudge().complete(Ask(messages=(asked,), reply_schema=schema))).value
        rows = reply.get("statements") or ()
        if rows and isinstance(rows[0], dict):
            key = "\n".join(" ".join(row["statement"].split()) for row in rows)
            if self._fails(key):
                rows[0] |= {"verdict": 0, "reason": "rehearsed: not supported"}
        return reply

    def _fails(self, key: str) -> bool:
        """Tell whether a pair fails although it could pass."""
        return uniform("rehearsal", self._seed, key) >= self._pass_rate


def _at_once(work: Coroutine[Any, Any, Reply]) -> Reply:
    """Run a coroutine that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    raise TypeError("the built-in judge waits for nothing")


def schema_told(prompt: str) -> Json | None:
    """Find a JSON schema within a prompt, else make one of the example after ``JSON only``; none without both."""
    told = without_blocks(prompt)
    decoder, at, example = json.JSONDecoder(), told.find("{"), None
    while at >= 0:
        try:
            found, end = decoder.raw_decode(told, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            if "properties" in found or "$ref" in found:
                return found
            if example is None and "JSON only" in told[:at]:
                example = _schema_of(found)
        at = told.find("{", end)
    return example


def _schema_of(value: Any) -> Json:
    if isinstance(value, dict):
        return {"type": "object", "properties": {k: _schema_of(v) for k, v in cast("Json", value).items()}}
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return {"type": "array", "items": _schema_of(items[0]) if items else {}}
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string"}
    return {"type": kinds.get(type(value), "null")}


def _plain_text(prompt: str) -> str:
    """Say two sentences."""
    found = _data_words(prompt)
    first, second = found[:WORDS], found[WORDS : 2 * WORDS] or found[:WORDS]
    return f"It is about {' '.join(first)}. It also speaks of {' '.join(second)}."


def _answered(prompt: str) -> Json:
    """Answer from the passages: their best sentence; none when the question names a number or name they do not hold."""
    blocks = blocks_of(prompt)
    passages = [block for block in blocks if block.label.startswith("Passage")]
    question = next((block.text for block in blocks if "question" in block.label.lower()), "")
    known = {w.stem for block in passages for w in words(block.text)}
    strange = [w for w in content(words(question)) if w.number and w.stem not in known]
    hits = [Hit(_chunk(block, at), 1 - 0.05 * at) for at, block in enumerate(passages)]
    if strange or not hits or not question:
        return {"answer": None, "passages": []}
    found = [best_sentence(part, hits) for part in asked_in(question)]
    used = [at for best in found for at, hit in enumerate(hits, 1) if hit.chunk.id in best.chunk_ids[:1]]
    texts = dict.fromkeys(best.text for best in found if best.text)
    return {"answer": " ".join(texts) or None, "passages": list(dict.fromkeys(used))}


def _readers(prompt: str) -> list[str]:
    """Describe as many readers as the prompt asks for, each by a title or heading of its outlines."""
    count = re.search(r"\bDescribe (\d+)\b", without_blocks(prompt))
    outlines = [block.text for block in blocks_of(prompt) if block.label.startswith("Document")]
    named = [re.findall(r"^(?:Title|Section): (.+)$", text, re.MULTILINE) for text in outlines]
    subjects = [names[at] for at in range(9) for names in named if at < len(names)] or ["the documents"]
    whom = (
        "a newcomer who has to learn about",
        "an expert who checks details of",
        "a teacher who prepares a lesson on",
    )
    wanted = int(count[1]) if count else ITEMS
    return [f"{whom[at % len(whom)]} {subjects[at % len(subjects)]}" for at in range(wanted)]


def _chunk(block: Block, at: int) -> Chunk:
    text, title = block.body, block.said("Document")
    return Chunk(
        id=str(at), document_id=title or "rehearsal", version="", title=title, text=text, start=0, end=len(text),
        ordinal=at, headings=tuple(h for h in block.said("Section").split(" > ") if h),
    )  # fmt: skip


def _data_words(prompt: str) -> list[str]:
    """Give the words of the prompt's data, else of the prompt."""
    data = " ".join(block.body for block in blocks_of(prompt)) or without_blocks(prompt)
    return re.findall(r"[^\W_]+(?:[-'’][^\W_]+)*", data[:20_000]) or ["nothing"]


class _Filler:
    """Makes the smallest value that fits a JSON schema, its texts made of the prompt's data."""

    def __init__(self, schema: Json, prompt: str, variant: int) -> None:
        self._schema, self._words, self._next = schema, _data_words(prompt), 7 * variant

    def value(self) -> Any:
        return self._fill(self._schema, 0)

    def _fill(self, schema: Json, depth: int) -> Any:
        schema = resolve(schema, self._schema)
        options = cast("Sequence[Json]", schema.get("anyOf") or schema.get("oneOf") or ())
        if options:
            return self._fill(options[0 if depth < DEEPEST else -1], depth)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return schema["enum"][0]
        kinds: Any = schema.get("type", "object" if "properties" in schema else "string")
        kind: str = kinds[0] if isinstance(kinds, list) else kinds
        if kind == "object":
            fields: dict[str, Json] = schema.get("properties") or {}
            wanted = fields if depth < DEEPEST else [f for f in fields if f in (schema.get("required") or ())]
            return {name: self._fill(fields[name], depth + 1) for name in wanted}
        if kind == "array":
            return self._list(schema, depth)
        if kind in ("integer", "number"):
            return _middle(schema, kind)
        return {"boolean": True, "null": None}.get(kind, self._text(schema) if kind == "string" else None)

    def _list(self, schema: Json, depth: int) -> list[Any]:
        least, most = int(schema.get("minItems") or 0), int(schema.get("maxItems") or 1000)
        count = min(max(least, ITEMS if depth < DEEPEST else 0), most)
        return [self._fill(schema.get("items") or {"type": "string"}, depth + 1) for _ in range(count)]

    def _text(self, schema: Json) -> str:
        start = self._next % len(self._words)
        self._next += WORDS
        chosen = [self._words[(start + at) % len(self._words)] for at in range(WORDS)]
        text = " ".join(chosen)
        while len(text) < int(schema.get("minLength") or 0):
            text += " " + " ".join(chosen)
        return text[: int(schema["maxLength"])] if schema.get("maxLength") else text


def _middle(schema: Json, kind: str) -> int | float:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is None or high is None:
        bound = low if low is not None else high
        value = 1.0 if bound is None else bound + (1 if low is not None else -1)
    else:
        value = (low + high) / 2
    return round(value) if kind == "integer" else float(value)
