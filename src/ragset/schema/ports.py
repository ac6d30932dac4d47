"""The ports: what the engine needs from the outside world, said as protocols."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from pydantic import Field

from ragset.schema.documents import Chunk, Document, Noun
from ragset.schema.ids import digest
from ragset.schema.samples import Message, Sample, Scenario, Usage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float32]

Role = Literal["writer", "answerer", "judge"]


class Reply(Noun):
    """A reply: the typed value (text when no schema was given), the raw text, and the usage of all attempts.

    ``finish`` is why the model stopped (``stop``, ``length``, …) where the server says so.
    """

    value: Any
    raw: str
    usage: Usage = Usage()
    finish: str | None = None
    logprobs: Any = None


class Ask(Noun):
    """A request to a language model, as meant: before a structured-output mode is chosen.

    ``reply_schema`` is a JSON schema (none asks for plain text), ``repeat`` tells equal asks apart that want
    different replies. ``purpose`` names the step for reports; ``check`` raises ``ReplyError`` for a typed reply that
    fits its schema and is still none (a verdict too few), so that it is asked for again. Neither is part of the
    identity.
    """

    messages: tuple[Message, ...]
    reply_schema: dict[str, Any] | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    repeat: int = 0
    purpose: str = ""
    check: Callable[[Reply], None] | None = Field(default=None, exclude=True, repr=False)

    @property
    def id(self) -> str:
        """Hash of everything that may change the reply."""
        messages = [(m.role, m.content) for m in self.messages]
        return digest("ask", messages, self.reply_schema, self.parameters, self.repeat)


@runtime_checkable
class LanguageModel(Protocol):
    """Anything that answers an :class:`Ask`."""

    @property
    def name(self) -> str:
        """``provider:name``, or ``builtin``; shown in provenance and verdicts."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hash of model and parameters; equal fingerprints give equal replies to equal asks."""
        ...

    async def complete(self, ask: Ask) -> Reply:
        """Answer; raises ``ModelError`` (not reached) or ``ReplyError`` (reached, not as asked)."""
        ...


@runtime_checkable
class Embedder(Protocol):
    """Texts to vectors."""

    @property
    def name(self) -> str:
        """Model name."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hash of the weights and settings; an index refuses vectors of another fingerprint."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    @property
    def max_tokens(self) -> int:
        """Longest input, in the model's own tokens without the special ones; what is longer is cut."""
        ...

    def count_tokens(self, text: str) -> int:
        """Count the model's own tokens, special ones not counted."""
        ...

    async def embed(self, texts: Sequence[str]) -> FloatArray:
        """Embed one draw's (or one document's) texts together: float32, shape (len(texts), dimension), L2-normalised.

        The same list gives the same bytes; sorting by length and batching happen inside.
        """
        ...


@dataclass(frozen=True, slots=True)
class Hit:
    """A retrieved chunk and its cosine similarity to the query."""

    chunk: Chunk
    score: float


@runtime_checkable
class ChunkStore(Protocol):
    """The reading side of an index."""

    @property
    def name(self) -> str:
        """Name of the index."""
        ...

    @property
    def version(self) -> str:
        """Hash of all document versions, chunk ids and the embedder: changes when search results may."""
        ...

    def document_ids(self) -> list[str]:
        """All document ids, sorted."""
        ...

    def document(self, document_id: str) -> Document | None:
        """One canonical document, or none."""
        ...

    def chunks(self, document_id: str) -> list[Chunk]:
        """Give a document's chunks in order."""
        ...

    def chunk(self, chunk_id: str) -> Chunk | None:
        """One chunk, or none."""
        ...

    def vectors(self, document_id: str) -> FloatArray:
        """Vectors of a document's chunks, rows in chunk order: shape (len(chunks), dimension)."""
        ...

    async def search(self, vectors: FloatArray, k: int) -> list[list[Hit]]:
        """Give, for each query vector, the k chunks nearest to it, best first; ties by chunk id.

        ``vectors`` has the shape (queries, dimension); what is found for one does not depend on the others.
        """
        ...


class Writer(Protocol):
    """Makes samples from a scenario."""

    @property
    def name(self) -> str:
        """``extractive``, or the model's name."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hash of model, parameters and prompt; part of every sample's id."""
        ...

    async def write(self, scenario: Scenario, store: ChunkStore) -> list[Sample]:
        """Write none to k samples grounded in the scenario's chunks."""
        ...


Models = Mapping[Role, LanguageModel]
