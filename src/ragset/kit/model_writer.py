"""The writer with a language model: one call gives k candidate pairs, each proved by verbatim quotes.

A quote is looked for in the scenario's chunks, exactly and then tolerant of white space and typography; what is stored
is the document's own text. An item without a question, an answer or a quote that can be found is refused, and its
place in the reply still counts in the sample ids.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from ragset.kit.prompting import Prompt
from ragset.kit.replies import complete_typed
from ragset.schema.documents import Chunk
from ragset.schema.ids import digest
from ragset.schema.ports import Ask, ChunkStore, LanguageModel
from ragset.schema.samples import Context, Evidence, QAPair, Sample, Scenario

VARIABLES = frozenset({"chunks", "pairs", "persona", "question_type", "style", "language"})
"""What a writing prompt may use."""

_TYPOGRAPHY = str.maketrans(
    {"‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "`": "'"}
    | dict.fromkeys("‐‑‒–—―−", "-")
)
_INVISIBLE = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff")


class PairReply(BaseModel):
    """One pair as the model writes it."""

    question: str = Field(min_length=1)
    answer: str = Field(min_length=1)
    quotes: list[str] = Field(min_length=1)


class PairsReply(BaseModel):
    """What the model is asked to reply."""

    pairs: list[PairReply]


class _LoosePairs(BaseModel):
    """The same, each item still unread: one bad item must not sink the others."""

    pairs: list[Any]


class ModelWriter:
    """A ``Writer`` made of a model, a prompt and a parser."""

    def __init__(self, model: LanguageModel, prompt: Prompt, *, pairs: int = 3, attempts: int = 2) -> None:
        """Write ``pairs`` candidates a scenario; ask up to ``attempts`` times for a readable reply."""
        self._model, self._prompt, self._pairs, self._attempts = model, prompt, pairs, attempts

    @property
    def name(self) -> str:
        """Name of the model."""
        return self._model.name

    @property
    def fingerprint(self) -> str:
        """Hash of the model, the prompt and the number of pairs."""
        return digest("model-writer", self._model.fingerprint, self._prompt.hash, self._pairs)

    async def write(self, scenario: Scenario, store: ChunkStore) -> list[Sample]:
        """Write none to ``pairs`` samples; raises ``ModelError`` or ``ReplyError``."""
        if not scenario.chunks:
            return []
        reply = await complete_typed(self._model, self._ask(scenario), _LoosePairs, attempts=self._attempts)
        items: _LoosePairs = reply.value
        samples = (self._sample(scenario, index, item) for index, item in enumerate(items.pairs[: self._pairs]))
        return [sample for sample in samples if sample is not None]

    def _ask(self, scenario: Scenario) -> Ask:
        axes = scenario.axes
        messages = self._prompt.render(
            chunks=[_shown(chunk) for chunk in scenario.chunks],
            pairs=self._pairs,
            **{name: axes.get(name, "") for name in ("persona", "question_type", "style", "language")},
        )
        schema = PairsReply.model_json_schema()
        parameters = {"seed": scenario.seed}
        return Ask(
            messages=messages, reply_schema=schema, parameters=parameters, repeat=scenario.repeat, purpose="write"
        )

    def _sample(self, scenario: Scenario, index: int, item: Any) -> Sample | None:
        try:
            pair = PairReply.model_validate(item)
        except ValidationError:
            return None
        evidence = [locate(quote, scenario.chunks) for quote in pair.quotes]
        found = tuple(dict.fromkeys(e for e in evidence if e is not None))
        if not found or len(found) < len({q.strip() for q in pair.quotes}):
            return None
        return Sample(
            id=Sample.make_id(scenario.id, self.fingerprint, index),
            scenario_id=scenario.id,
            payload=QAPair(question=pair.question.strip(), answer=pair.answer.strip()),
            contexts=tuple(Context.of(chunk) for chunk in scenario.chunks),
            evidence=found,
            persona=scenario.axes.get("persona"),
            question_type=scenario.axes.get("question_type"),
            provenance={
                "writer": self.name,
                "model": self._model.fingerprint,
                "prompt": self._prompt.name,
                "prompt_hash": self._prompt.hash,
                "index": index,
            },
        )


def _shown(chunk: Chunk) -> dict[str, Any]:
    """Give what a prompt may show of a chunk, as plain data."""
    return {
        "text": chunk.text,
        "title": chunk.title,
        "headings": list(chunk.headings),
        "document_id": chunk.document_id,
        "page": chunk.page,
    }


def locate(quote: str, chunks: Sequence[Chunk]) -> Evidence | None:
    """Find a quote in the chunks: exactly, else but for white space and typography; none when it is not there."""
    wanted = quote.strip()
    if not wanted:
        return None
    for chunk in chunks:
        at = chunk.text.find(wanted)
        if at >= 0:
            return _evidence(chunk, at, at + len(wanted))
    folded, _ = _folded(wanted)
    folded = folded.strip()
    for chunk in chunks:
        text, offsets = _folded(chunk.text)
        at = text.find(folded) if folded else -1
        if at >= 0:
            return _evidence(chunk, offsets[at], offsets[at + len(folded) - 1] + 1)
    return None


def _evidence(chunk: Chunk, start: int, end: int) -> Evidence:
    return Evidence(
        document_id=chunk.document_id,
        version=chunk.version,
        start=chunk.start + start,
        end=chunk.start + end,
        quote=chunk.text[start:end],
    )


def _folded(text: str) -> tuple[str, list[int]]:
    """Fold typography and white space; the list gives the offset in ``text`` of each character that is left."""
    out: list[str] = []
    offsets: list[int] = []
    for at, char in enumerate(text):
        if char in _INVISIBLE:
            continue
        plain = unicodedata.normalize("NFKC", char).translate(_TYPOGRAPHY)
        for piece in " " if plain.isspace() else plain:
            if piece == " " and out and out[-1] == " ":
                continue
            out.append(piece)
            offsets.append(at)
    return "".join(out), offsets
