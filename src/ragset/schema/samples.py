"""What is made: scenarios, samples with their evidence and verdicts, and the draws that carry them."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal, Self

from pydantic import Field

from ragset.schema.documents import Chunk, Document, Noun, SourceFile
from ragset.schema.ids import digest
from ragset.schema.whole_text import WholeText

SampleStatus = Literal["open", "kept", "rejected", "failed"]
EvidenceState = Literal["same", "moved", "document changed", "gone"]


class Usage(Noun):
    """What model calls cost: requests sent, tokens in and out."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        """Sum two usages."""
        return Usage(
            calls=self.calls + other.calls,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
        )


class Spent(Noun):
    """What one step paid one role's model for in a draw; as first billed, so a cached reply counts the same."""

    step: str
    role: str
    usage: Usage


class Failure(Noun):
    """Something that broke: the step, the kind of error, one line, and the head of the reply if there was one."""

    step: str
    error: str
    message: WholeText
    head: WholeText | None = None


class Verdict(Noun):
    """One judge's opinion; ``passed`` is none when the judge abstains. ``score`` has 4 decimals."""

    judge: str
    version: str
    score: float | None = None
    passed: bool | None = None
    reason: WholeText = ""
    usage: Usage = Usage()


class Evidence(Noun):
    """A verbatim span of a document, ``text[start:end] == quote``; it survives re-chunking."""

    document_id: str
    version: str
    start: int
    end: int
    quote: str

    def verify(self, document: Document | None) -> EvidenceState:
        """Re-check the span: ``same``, ``moved`` (quote elsewhere), ``document changed`` or ``gone``."""
        if document is None or not self.quote:
            return "gone"
        exact = self.start >= 0 and self.end - self.start == len(self.quote)  # a slice bends other offsets
        if exact and document.text.startswith(self.quote, self.start):
            return "same"
        if self.quote in document.text:
            return "moved"
        return "document changed" if document.version != self.version else "gone"


class Context(Noun):
    """A gold context as it is delivered: the chunk's text and where it comes from."""

    chunk_id: str
    document_id: str
    text: str
    page: int | None = None
    headings: tuple[str, ...] = ()

    @classmethod
    def of(cls, chunk: Chunk) -> Self:
        """Take the delivered part of a chunk."""
        return cls(
            chunk_id=chunk.id, document_id=chunk.document_id, text=chunk.text, page=chunk.page, headings=chunk.headings
        )


class Message(Noun):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class Scenario(Noun):
    """What is to be made: the chunks it must be grounded in, the value drawn on each axis, a seed.

    ``axes`` holds what all its samples share; ``wants`` one mapping a wanted sample, the values drawn for that one
    (question type, language, …). ``repeat`` says how many earlier draws had the same chunks. The id never contains
    the draw number.
    """

    chunks: tuple[Chunk, ...]
    axes: dict[str, str] = Field(default_factory=dict)
    wants: tuple[dict[str, str], ...] = ()
    seed: int = 0
    repeat: int = 0

    @cached_property
    def id(self) -> str:
        """Hash of the content and the repeat number."""
        return digest("scenario", [c.id for c in self.chunks], self.axes, self.wants, self.seed, self.repeat)


class QAPair(Noun):
    """A question with its reference answer; ``answer`` is none when the corpus does not answer it."""

    kind: Literal["qa"] = "qa"
    question: str
    answer: str | None
    answerable: bool = True
    history: tuple[Message, ...] = ()


class Sample(Noun):
    """What was made of a scenario: a typed payload, its evidence, provenance and verdicts.

    ``axes`` holds what was drawn for it besides persona and question type (style, language, answer length, …).
    ``labels`` are what judges found out about it without rejecting it (``closed_book``, ``personal_data``, …), and
    ``metadata`` what came with it from elsewhere and means nothing to ragset.
    """

    id: str
    scenario_id: str
    payload: QAPair
    contexts: tuple[Context, ...]
    evidence: tuple[Evidence, ...]
    persona: str | None = None
    question_type: str | None = None
    axes: dict[str, str] = Field(default_factory=dict)
    labels: tuple[str, ...] = ()
    metadata: dict[str, Any] = Field(default_factory=dict)
    provenance: dict[str, Any] = Field(default_factory=dict)
    measures: dict[str, float | int | str] = Field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()
    status: SampleStatus = "open"
    failure: Failure | None = None

    @staticmethod
    def make_id(scenario_id: str, writer_fingerprint: str, index: int) -> str:
        """Hash the identity of a sample; ``index`` is its place in the raw reply, refused items counted."""
        return digest("sample", scenario_id, writer_fingerprint, index)

    def judged(self, verdict: Verdict, **measures: float | int | str) -> Sample:
        """Append a verdict (and what was measured); a verdict that did not pass rejects the sample."""
        status = "rejected" if verdict.passed is False and self.status == "open" else self.status
        return self.model_copy(
            update={
                "verdicts": (*self.verdicts, verdict),
                "measures": {**self.measures, **measures},
                "status": status,
            }
        )

    def labelled(self, *labels: str) -> Sample:
        """Add labels; one that it has already stays as it is."""
        return self.model_copy(update={"labels": tuple(dict.fromkeys((*self.labels, *labels)))})

    def unlabelled(self, *labels: str) -> Sample:
        """Take labels away: those of an earlier verdict of a judge that judges anew."""
        return self.model_copy(update={"labels": tuple(label for label in self.labels if label not in labels)})

    def failed(self, failure: Failure) -> Sample:
        """Mark the sample as failed: a judge broke, so nothing is claimed about it."""
        return self.model_copy(update={"status": "failed", "failure": failure})

    @property
    def rejected_by(self) -> Verdict | None:
        """The first verdict that did not pass."""
        return next((v for v in self.verdicts if v.passed is False), None)


class Row(Noun):
    """A plain record of a tabular flow; columns hold JSON values."""

    columns: dict[str, Any]

    @cached_property
    def id(self) -> str:
        """Hash of the columns."""
        return digest("row", self.columns)


class Draw(Noun):
    """The engine's envelope: a number, what was drawn, what came of it (none to k samples), and what that cost."""

    number: int
    scenario: Scenario | None = None
    row: Row | None = None
    samples: tuple[Sample, ...] = ()
    failure: Failure | None = None
    spent: tuple[Spent, ...] = ()

    @property
    def empty(self) -> bool:
        """True for a draw that asks for nothing and costs nothing."""
        return self.scenario is None and self.row is None and not self.samples and self.failure is None

    def with_samples(self, samples: tuple[Sample, ...]) -> Draw:
        """Replace the samples."""
        return self.model_copy(update={"samples": samples})


class Intake(Noun):
    """The envelope of ingest: a file on its way to the index.

    ``state`` says what the index already knows of it. ``vectors`` is a float32 array of shape
    (len(chunks), dimension), rows in chunk order, L2-normalised, or none before embedding. ``split`` is the
    fingerprint of how the document was cut.
    """

    model_config = Noun.model_config | {"arbitrary_types_allowed": True}

    number: int
    file: SourceFile | None = None
    state: Literal["new", "changed", "unchanged"] = "new"
    document: Document | None = None
    chunks: tuple[Chunk, ...] = ()
    split: str = ""
    vectors: Any = None
    embedded: int = 0
    failure: Failure | None = None

    @property
    def empty(self) -> bool:
        """True when there is no file in it."""
        return self.file is None
