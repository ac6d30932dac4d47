"""The writer with a language model: one call gives a pair for each that is wanted, proved by verbatim quotes.

What a reply claims is checked: quotes are looked for in the scenario's chunks, and what is stored is the document's
own text; labels are those that the pair deserves. An item that cannot be used becomes a rejected sample with the
reason, so that nothing vanishes; its place in the reply counts in the sample ids.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from ragset.kit.judging import one_line
from ragset.kit.languages import code_of, language_name
from ragset.kit.locating import locate_all
from ragset.kit.pair_labels import (
    grounded_type,
    is_unanswerable,
    language_label,
    length_label,
    sound_history,
    type_of,
)
from ragset.kit.prompting import Prompt
from ragset.kit.replies import ATTEMPTS, complete_typed
from ragset.kit.steering import repeats_prompt
from ragset.schema.documents import Chunk
from ragset.schema.ids import digest
from ragset.schema.ports import Ask, ChunkStore, LanguageModel
from ragset.schema.samples import Context, Evidence, Message, QAPair, Sample, Scenario, Verdict

VARIABLES = {"chunks": "the passages to write about", "pairs": "", "readers": "", "wants": ""}
"""What a writing prompt may use, and, where it must, what for."""
JUDGE = "rag_qa"
"""Who signs the rejection of an item that cannot be used."""
PAIRS = 3
"""Pairs that are asked for when a scenario does not say."""
MAX_ITEMS = 50
"""Items of a reply that are looked at."""

Want = Mapping[str, str]
"""The value of each axis that one pair must have."""

_AXES = ("question_type", "language", "persona", "style", "answer_length")
_JSON_NAMES = ("pair", "question", "answer", "quotes", "question_type", "language")


class Turn(BaseModel):
    """A turn of the conversation before a follow-up."""

    role: Literal["user", "assistant"]
    content: str


class PairReply(BaseModel):
    """One pair as the model writes it, with its own claims about it."""

    model_config = ConfigDict(json_schema_extra={"required": list(_JSON_NAMES)})

    pair: int | None = Field(default=None, description="Number of the wanted pair that this is.")
    question: str = Field(min_length=1)
    answer: str | None = None
    quotes: list[str] = Field(default_factory=list[str])
    question_type: str | None = None
    language: str | None = None
    why_unanswerable: str | None = None
    history: list[Turn] = Field(default_factory=list[Turn])

    @field_validator("question", "answer", "question_type", "language", "why_unanswerable", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        if isinstance(value, bool):
            return "Yes" if value else "No"
        if isinstance(value, list) and all(isinstance(piece, str) for piece in cast("list[Any]", value)):
            return "\n".join(cast("list[str]", value))
        return str(value) if isinstance(value, int | float | str) else value

    @field_validator("question", mode="after")
    @classmethod
    def _asks(cls, value: str) -> str:
        """Refuse the dots of a prompt's example: a model that repeats them has written nothing."""
        if not re.search(r"\w", value):
            raise PydanticCustomError("no_words", "there is no word in it")
        return value

    @field_validator("pair", mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        found = re.search(r"\d{1,4}", value) if isinstance(value, str) else None
        return int(found.group()) if found else value if isinstance(value, int) else None

    @field_validator("quotes", mode="before")
    @classmethod
    def _quotes(cls, value: Any) -> Any:
        items = cast("list[Any]", value if isinstance(value, list) else [] if value is None else [value])
        dicts = [cast("dict[str, Any]", item) if isinstance(item, dict) else {"quote": item} for item in items]
        return [item.get("quote", item.get("text")) for item in dicts]

    @field_validator("history", mode="before")
    @classmethod
    def _history(cls, value: Any) -> Any:
        """Drop what is no turn: a history that is not sound makes no follow-up, and sinks nothing else."""
        turns: list[Turn] = []
        for item in cast("list[Any]", value) if isinstance(value, list) else []:
            try:
                turns.append(Turn.model_validate(item))
            except ValidationError:
                return []
        return turns


class PairsReply(BaseModel):
    """What the model is asked to reply."""

    pairs: list[PairReply]


@lru_cache(maxsize=1)
def _schema() -> dict[str, Any]:
    """Give the JSON schema of the reply; making it takes longer than reading one."""
    return PairsReply.model_json_schema()


class _LoosePairs(BaseModel):
    """The same, each item still unread: one bad item must not sink the others, only all of them together."""

    pairs: list[Any]

    @model_validator(mode="after")
    def _some_readable(self) -> _LoosePairs:
        read = [_read(item) for item in self.pairs[:MAX_ITEMS]]
        unread = [item for item in read if isinstance(item, _Unread)]
        if unread and len(unread) == len(read):
            raise ValueError(f"the first item: {unread[0].reason}")
        return self


@dataclass(frozen=True, slots=True)
class _Unread:
    """An item that is no pair: what is wrong with it, and how it begins."""

    reason: str
    head: str


_Item = PairReply | _Unread


class _RefusedError(ValueError):
    """An item cannot be used; the text is the reason."""


class ModelWriter:
    """A ``Writer`` made of a model, a prompt and a parser."""

    def __init__(self, model: LanguageModel, prompt: Prompt, *, attempts: int = ATTEMPTS) -> None:
        """Ask up to ``attempts`` times for a readable reply."""
        self._model, self._prompt, self._attempts = model, prompt, attempts

    @property
    def name(self) -> str:
        """Name of the model."""
        return self._model.name

    @property
    def fingerprint(self) -> str:
        """Hash of the model and the prompt; what is wanted is a matter of the scenario."""
        return digest("model-writer", self._model.fingerprint, self._prompt.hash)

    async def write(self, scenario: Scenario, store: ChunkStore) -> list[Sample]:
        """Give a sample for every item of the reply, those that cannot be used rejected.

        Raises ``ModelError``, of which ``ReplyError`` and ``ContextError`` are kinds.
        """
        if not scenario.chunks:
            return []
        wants = wanted(scenario)
        reply = await complete_typed(self._model, self._ask(scenario, wants), _LoosePairs, attempts=self._attempts)
        read = [_read(item) for item in cast("_LoosePairs", reply.value).pairs[:MAX_ITEMS]]
        places = assigned([item.pair if isinstance(item, PairReply) else None for item in read], len(wants))
        return [
            self._sample(scenario, index, item, None if place is None else wants[place])
            for index, (item, place) in enumerate(zip(read, places, strict=True))
        ]

    def _ask(self, scenario: Scenario, wants: Sequence[Want]) -> Ask:
        readers = list(dict.fromkeys(want["persona"] for want in wants if want.get("persona")))
        messages = self._prompt.render(
            chunks=[_shown(chunk) for chunk in scenario.chunks],
            pairs=len(wants),
            readers=readers,
            wants=[_told(want, readers) for want in wants],
        )
        parameters = {"seed": scenario.seed}
        return Ask(
            messages=messages, reply_schema=_schema(), parameters=parameters, repeat=scenario.repeat, purpose="write"
        )

    def _sample(self, scenario: Scenario, index: int, item: PairReply | _Unread, want: Want | None) -> Sample:
        sample = Sample(
            id=Sample.make_id(scenario.id, self.fingerprint, index),
            scenario_id=scenario.id,
            payload=_raw_payload(item),
            contexts=tuple(Context.of(chunk) for chunk in scenario.chunks),
            evidence=(),
            persona=(want or {}).get("persona"),
            question_type=(want or {}).get("question_type"),
            axes={name: value for name, value in (want or {}).items() if name not in ("persona", "question_type")},
            provenance=self._provenance(index, item, want),
        )
        try:
            if isinstance(item, _Unread):
                raise _RefusedError(f"item {index + 1} of the reply is no pair: {item.reason}")
            if want is None:
                raise _RefusedError("the reply holds more pairs than were wanted")
            self._refuse_prompt(item)
            return _settled(sample, scenario, item, want)
        except _RefusedError as refused:
            reason = one_line(str(refused))
            return sample.judged(Verdict(judge=JUDGE, version="1", passed=False, reason=reason))

    def _provenance(self, index: int, item: _Item, want: Want | None) -> dict[str, Any]:
        claimed = {} if isinstance(item, _Unread) else {"question_type": item.question_type, "language": item.language}
        return {
            "writer": self.name,
            "model": self._model.fingerprint,
            "prompt": self._prompt.name,
            "prompt_hash": self._prompt.hash,
            "index": index,
            "asked": dict(want or {}),
            "claimed": {name: one_line(value, 60) for name, value in claimed.items() if value},
        }

    def _refuse_prompt(self, item: PairReply) -> None:
        for text in (item.question, item.answer or "", *(turn.content for turn in item.history)):
            words = repeats_prompt(text, self._prompt.text)
            if words:
                raise _RefusedError(f"it repeats the prompt: '{words}'")


def wanted(scenario: Scenario) -> list[dict[str, str]]:
    """Give what each pair of a scenario must be: its own values and those that all share."""
    return [{**scenario.axes, **want} for want in scenario.wants or ({},) * PAIRS]


def assigned(numbers: Sequence[int | None], count: int) -> list[int | None]:
    """Say which want (0 to count - 1) each item of a reply answers: by its number, else by its place; none if no more.

    Numbers count from 1. Of two items with one number the first has it; numbers that begin at 0 are understood.
    """
    named = [number for number in numbers if number is not None]
    first = 0 if 0 in named and count not in named else 1
    places: list[int | None] = [None] * len(numbers)
    free = dict.fromkeys(range(count))
    for at, number in enumerate(numbers):
        if number is not None and number - first in free:
            places[at] = number - first
            del free[number - first]
    for at, place in enumerate(places):
        if place is None and free:
            places[at] = at if at in free else next(iter(free))
            del free[cast("int", places[at])]
    return places


def _settled(sample: Sample, scenario: Scenario, item: PairReply, want: Want) -> Sample:
    """Check the claims of a pair and give it the labels it deserves, or refuse it."""
    asked, claimed = want.get("question_type") or None, type_of(item.question_type, want.get("question_type"))
    answer = (item.answer or "").strip() or None
    question, quotes = item.question.strip(), [quote for quote in dict.fromkeys(item.quotes) if quote.strip()]
    language = language_label(want.get("language"), item.language, question, answer)
    axes = {**sample.axes, **({"language": language} if language else {})}
    if is_unanswerable(asked, claimed, answer, quotes, item.why_unanswerable):
        payload = QAPair(question=question, answer=None, answerable=False)
        why = one_line(item.why_unanswerable or answer or "")
        provenance = {**sample.provenance, **({"why_unanswerable": why} if why else {})}
        update = {"payload": payload, "question_type": "unanswerable", "axes": axes, "provenance": provenance}
        return sample.model_copy(update=update)
    if answer is None:
        raise _RefusedError("it has no answer")
    evidence, gold = _proof(quotes, scenario.chunks)
    kind = grounded_type(asked, claimed, answer, evidence, len(gold), code_of(language))
    history: tuple[Message, ...] = ()
    if "follow_up" in (claimed, asked):
        turns = [Message(role=turn.role, content=turn.content) for turn in item.history]
        history = sound_history(turns, question)
        kind = "follow_up" if history else kind
    if "answer_length" in axes:
        axes["answer_length"] = length_label(axes["answer_length"], answer)
    update = {
        "payload": QAPair(question=question, answer=answer, history=history),
        "contexts": tuple(Context.of(scenario.chunks[at]) for at in gold),
        "evidence": evidence,
        "question_type": kind,
        "axes": axes,
    }
    return sample.model_copy(update=update)


def _proof(quotes: Sequence[str], chunks: Sequence[Chunk]) -> tuple[tuple[Evidence, ...], list[int]]:
    """Give the evidence and the chunks it lies in."""
    if not quotes:
        raise _RefusedError("it has no quote")
    evidence, gold, missing = locate_all(quotes, chunks)
    if missing is not None:
        raise _RefusedError(f"a quote is not in the passages: {missing}")
    return tuple(evidence), gold


def _read(item: Any) -> _Item:
    """Read one item, or say what is wrong with it, and how it begins."""
    try:
        return PairReply.model_validate(item)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        head = json.dumps(item, ensure_ascii=False, default=str)
        return _Unread(f"{where}: {first['msg']}" if where else first["msg"], one_line(head, 200))


def _raw_payload(item: _Item) -> QAPair:
    """Give what is shown of an item before it is checked."""
    if isinstance(item, _Unread):
        return QAPair(question=item.head, answer=None)
    return QAPair(question=item.question.strip(), answer=item.answer)


def _told(want: Want, readers: list[str]) -> dict[str, Any]:
    """Give what a prompt is told of a wanted pair; ``reader`` is the number of its persona, 0 without one."""
    values: dict[str, Any] = {name: want.get(name, "") for name in _AXES}
    reader = readers.index(want["persona"]) + 1 if want.get("persona") else 0
    other = [f"{name}: {value}" for name, value in want.items() if name not in _AXES]
    return {**values, "language_name": language_name(values["language"]), "reader": reader, "other": other}


def _shown(chunk: Chunk) -> dict[str, Any]:
    """Give what a prompt may show of a chunk, as plain data."""
    return {
        "text": chunk.text,
        "title": chunk.title,
        "headings": list(chunk.headings),
        "document_id": chunk.document_id,
        "page": chunk.page,
    }
