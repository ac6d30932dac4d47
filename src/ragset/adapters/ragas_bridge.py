"""The one place that knows ragas: its metrics, run on our language-model port.

Written for ragas 0.4.3 (``ragas.metrics.collections``). Its traps are guarded here: a metric object is made fresh for
every score; the model and the embeddings are always passed in, so that it never builds one of its own; no statements
would score 1.0 or NaN, and statements or verdicts that are dropped would inflate the score, so such a reply is none and
is asked for again (``Ask.check``); its tracking is off.

Every ragas prompt ends with its input as JSON, and the reply's JSON schema travels in ``Ask.reply_schema``: that is all
a model needs to answer it, the built-in judge too. What comes before the input never changes, and making it (ragas
makes the JSON schema anew each time) took most of a score's processor time, so it is made once: the text is the same.
"""

from __future__ import annotations

import asyncio
import math
import os
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast

from ragset.errors import MissingExtraError, ReplyError
from ragset.schema.ports import Ask, Embedder, LanguageModel, Reply
from ragset.schema.samples import Message, Usage

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ragset.schema.ports import FloatArray

STATEMENTS = "StatementGeneratorOutput"
"""Name of the reply that lists statements; each metric has a class of its own by this name."""
HEAD = 200
"""Characters of a reply that are kept for the failure row."""
FACTS_ONLY = (1.0, 0.0)
"""Answer correctness as the statements' F-score alone; ragas' own default is (.75, .25) with embeddings."""


@dataclass(frozen=True, slots=True)
class MetricResult:
    """A score in 0..1, what it cost, and one line on what decided it."""

    score: float
    usage: Usage
    detail: str


class _Scorer(Protocol):
    async def ascore(self, **inputs: Any) -> Any: ...


class _Renders(Protocol):
    def to_string(self, data: Any) -> str: ...


class _Prompt:
    """A ragas prompt whose unchanging part is rendered once; gives the very text that ragas would."""

    def __init__(self, prompt: _Renders) -> None:
        self._prompt = prompt
        self._around: tuple[str, str] | None = None

    def to_string(self, data: BaseModel) -> str:
        """Give the prompt with ``data`` as its input."""
        given = data.model_dump_json(indent=4, exclude_none=True)
        if self._around is None:
            whole = self._prompt.to_string(data)
            before, found, after = whole.rpartition(given)
            if not found:
                return whole
            self._around = before, after
        return self._around[0] + given + self._around[1]


@dataclass(slots=True)
class _Record:
    """What passed through one metric object: the replies by kind, and their usage."""

    usage: Usage = field(default_factory=Usage)
    statements: list[list[str]] = field(default_factory=list[list[str]])
    replies: list[Any] = field(default_factory=list[Any])


_Amiss = Callable[[Any, list[list[str]]], str | None]
"""Says what keeps verdicts from being those on the statements that were sent; none when nothing does."""


@dataclass(frozen=True, slots=True)
class _Ragas:
    """The classes of the bridge; made once, since they derive from ragas' own."""

    faithfulness: Any
    correctness: Any
    model: Any
    vectors: Any
    text: Any
    statements: Any


_loaded: _Ragas | None = None
_loading = threading.Lock()


async def faithfulness(
    model: LanguageModel, question: str, answer: str, contexts: Sequence[str], *, purpose: str = "faithfulness"
) -> MetricResult:
    """Score how much of ``answer`` follows from ``contexts``: the share of its statements that are supported.

    ``model`` must give typed values (wrap a transport in ``TypedModel``). Raises ``ReplyError`` when no statement
    or not one verdict for each statement came back, and lets ``ModelError`` through.
    """
    ragas, record = await load(), _Record()
    metric = _with_prompts(ragas.faithfulness(llm=ragas.model(model, record, purpose, _amiss_in_verdicts)))
    result = await cast("_Scorer", metric).ascore(
        user_input=question, response=answer, retrieved_contexts=list(contexts)
    )
    _require_statements(record, 1, purpose)
    verdicts = cast("list[Any]", record.replies[-1].statements)
    refused = [v for v in verdicts if not v.verdict]
    said = "not all statements are supported" if refused else "supported"
    detail = f"{said}: {len(verdicts) - len(refused)} of {len(verdicts)} statements"
    if refused:
        detail += f"; not: {_quote(refused[0].statement)} ({refused[0].reason})"
    return MetricResult(_score(result.value, purpose), record.usage, detail)


async def answer_correctness(
    model: LanguageModel,
    embedder: Embedder | None,
    question: str,
    answer: str,
    reference: str,
    *,
    purpose: str = "answer_correctness",
) -> MetricResult:
    """Score ``answer`` against ``reference``: F1 over the statements that they share.

    With an ``embedder`` a quarter of the score is the cosine of the two texts (ragas' default weights), without
    one the facts are all of it. The statements of both texts are asked for at once: ragas asks for one after the other,
    and is given what came. Raises like :func:`faithfulness`.
    """
    ragas, record = await load(), _Record()
    weights, vectors = list(FACTS_ONLY), None
    if embedder is not None:
        texts = list(dict.fromkeys((answer, reference)))
        known = dict(zip(texts, await embedder.embed(texts), strict=True))
        weights, vectors = [0.75, 0.25], ragas.vectors(known)
    llm = ragas.model(model, record, purpose, _amiss_in_classes)
    metric = _with_prompts(ragas.correctness(llm=llm, embeddings=vectors, weights=weights))
    both = [ragas.text(question=question, answer=text) for text in (answer, reference)]
    await llm.fetch([metric.statement_generator_prompt.to_string(text) for text in both], ragas.statements)
    result = await cast("_Scorer", metric).ascore(user_input=question, response=answer, reference=reference)
    _require_statements(record, 2, purpose)
    classes = record.replies[-1]
    detail = f"{len(classes.TP)} shared, {len(classes.FP)} only in the answer, {len(classes.FN)} only in the reference"
    blamed = [*classes.FN, *classes.FP]
    if blamed:
        detail += f"; {_quote(blamed[0].statement)} ({blamed[0].reason})"
    return MetricResult(_score(result.value, purpose), record.usage, detail)


_prompts: dict[type[Any], _Prompt] = {}


def _with_prompts(metric: Any) -> Any:
    """Put the prompts that render fast in the place of a metric's own."""
    for name, prompt in list(vars(metric).items()):
        if name.endswith("_prompt"):
            setattr(metric, name, _prompts.setdefault(type(prompt), _Prompt(prompt)))
    return metric


async def load() -> _Ragas:
    """Import ragas once, in a thread (it takes seconds); later calls cost nothing."""
    return _loaded or await asyncio.to_thread(_load)


def _load() -> _Ragas:
    global _loaded
    with _loading:
        if _loaded is None:
            _loaded = _import()
        return _loaded


def _import() -> _Ragas:
    os.environ["RAGAS_DO_NOT_TRACK"] = "true"
    try:
        from ragas.embeddings.base import BaseRagasEmbedding
        from ragas.llms.base import InstructorBaseRagasLLM
        from ragas.metrics.collections import AnswerCorrectness, Faithfulness
        from ragas.metrics.collections.answer_correctness.util import StatementGeneratorInput, StatementGeneratorOutput
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"ragas ({error.name})", "ragas") from error

    class PortModel(_PortModel, InstructorBaseRagasLLM):
        pass

    class KnownVectors(_KnownVectors, BaseRagasEmbedding):
        pass

    return _Ragas(
        Faithfulness, AnswerCorrectness, PortModel, KnownVectors, StatementGeneratorInput, StatementGeneratorOutput
    )


class _PortModel:
    """Our language-model port with the face that ragas wants."""

    def __init__(self, model: LanguageModel, record: _Record, purpose: str, amiss: _Amiss) -> None:
        self._model, self._record, self._purpose, self._amiss = model, record, purpose, amiss
        self._fetched: dict[str, Any] = {}

    async def fetch(self, prompts: list[str], response_model: type[Any]) -> None:
        """Ask for several replies at once, each prompt once; all are waited for, the first error is raised."""
        once = list(dict.fromkeys(prompts))
        asks = (self._ask(prompt, response_model) for prompt in once)
        found = await asyncio.gather(*asks, return_exceptions=True)
        for one in found:
            if isinstance(one, BaseException):
                raise one
        self._fetched.update(zip(once, found, strict=True))

    def generate(self, prompt: str, response_model: type[Any]) -> Any:
        raise TypeError("ragas is asked asynchronously here")

    async def agenerate(self, prompt: str, response_model: type[Any]) -> Any:
        value = self._fetched.get(prompt)
        if value is None:
            value = await self._ask(prompt, response_model)
        _keep(self._record, value)
        return value

    async def _ask(self, prompt: str, wanted: type[Any]) -> Any:
        """Put one ragas prompt to the model; what no reply schema can say is checked here."""

        def check(reply: Reply) -> None:
            value = wanted.model_validate(reply.value)
            if wanted.__name__ == STATEMENTS:
                why = _amiss_in_statements(value.statements, reply)
            else:
                why = self._amiss(value, self._record.statements)
            if why:
                cut = reply.finish == "length"
                hint = "raise max_tokens" if cut else "use a model that answers for each statement"
                raise ReplyError(why, where=self._purpose, hint=hint, head=reply.raw[:HEAD])

        messages = (Message(role="user", content=prompt),)
        ask = Ask(messages=messages, reply_schema=_schema(wanted), purpose=self._purpose, check=check)
        reply = await self._model.complete(ask)
        self._record.usage += reply.usage
        check(reply)  # not every model asks again
        return _tidy(wanted.model_validate(reply.value))


class _KnownVectors:
    """Vectors of texts that were embedded beforehand, off the event loop."""

    def __init__(self, known: dict[str, FloatArray]) -> None:
        super().__init__()
        self._known = known

    def embed_text(self, text: str, **kwargs: Any) -> list[float]:
        return self._known[text].tolist()

    async def aembed_text(self, text: str, **kwargs: Any) -> list[float]:
        return self.embed_text(text)


def _tidy(value: Any) -> Any:
    """Strip statements, and leave empty ones out."""
    if type(value).__name__ != STATEMENTS:
        return value
    return type(value).model_validate({"statements": _said(value.statements)})


def _said(statements: Sequence[str]) -> list[str]:
    return [statement.strip() for statement in statements if statement.strip()]


def _keep(record: _Record, value: Any) -> None:
    """Write down what ragas was given, in the order in which it asked."""
    if type(value).__name__ == STATEMENTS:
        record.statements.append(value.statements)
    else:
        record.replies.append(value)


_schemas: dict[type[Any], dict[str, Any]] = {}


def _schema(wanted: type[BaseModel]) -> dict[str, Any]:
    """Give the JSON schema of a ragas reply; computed once per class."""
    if wanted not in _schemas:
        _schemas[wanted] = wanted.model_json_schema()
    return _schemas[wanted]


def _require_statements(record: _Record, texts: int, purpose: str) -> None:
    if len(record.statements) < texts or not record.replies:
        what = "the statements of one text only" if record.statements and record.replies else "no verdict"
        raise ReplyError(f"ragas asked for {what}", where=purpose, hint="is the pinned ragas installed?")


def _amiss_in_statements(statements: Sequence[str], reply: Reply) -> str | None:
    """Say why these are not the statements of a text: none at all, or those of its beginning alone."""
    if not _said(statements):
        return "the model found no statement in the answer"
    return "the statements were cut off at the longest reply allowed" if reply.finish == "length" else None


def _amiss_in_verdicts(value: Any, statements: list[list[str]]) -> str | None:
    """Say whether verdicts are on other statements than were sent, dropped or out of order; all may be paraphrased.

    Of a reply that paraphrases, all that can be told is that each verdict speaks of a statement of its own.
    """
    judged, sent = [verdict.statement for verdict in value.statements], statements[0]
    if len(judged) != len(sent):
        return f"{len(judged)} verdicts for {len(sent)} statements"
    found, wanted = [_fold(s) for s in judged], [_fold(s) for s in sent]
    if found == wanted:
        return None
    misplaced = any(f != w and f in wanted for f, w in zip(found, wanted, strict=True))
    if misplaced or len(set(found)) != len(found):
        return "the verdicts repeat or reorder the statements"
    return None


def _amiss_in_classes(classes: Any, statements: list[list[str]]) -> str | None:
    """Say whether a classification drops, repeats or invents statements of the answer or of the reference.

    One that repeats them as they are is checked one by one. Of one that paraphrases, all that can be told is that the
    counts are right, that each text is another, and that none is, word by word, a statement of the other side only. (A
    shared one may be worded as either side has it.)
    """
    if len(statements) < 2:
        return None  # ragas asked otherwise than it should: no fault of this reply
    said, wanted = (Counter(_fold(s) for s in given) for given in statements[:2])
    shared, wrong, missing = (
        Counter(_fold(c.statement) for c in found) for found in (classes.TP, classes.FP, classes.FN)
    )
    if shared + wrong == said and missing <= wanted:
        return None
    return _problem(shared, wrong, missing, (said, wanted))


def _problem(
    shared: Counter[str], wrong: Counter[str], missing: Counter[str], sent: tuple[Counter[str], Counter[str]]
) -> str | None:
    """Say what is amiss with a classification that does not repeat the statements as they were sent."""
    said, wanted = sent
    mine = shared + wrong
    if mine.total() != said.total() or missing.total() > wanted.total():
        found = f"{mine.total()} + {missing.total()}"
        return f"{found} classified statements are not the {said.total()} and {wanted.total()} sent"
    repeated = [text for text, count in (mine + missing).items() if count > 1]
    if repeated:
        return f"a statement is classified twice: {_quote(repeated[0])}"
    astray = [*(wrong.keys() & (wanted - said)), *(missing.keys() & (said - wanted))]
    return f"a statement is classified on the wrong side: {_quote(sorted(astray)[0])}" if astray else None


def _fold(text: str) -> str:
    """Bring a statement to the form it is compared in: whitespace and case do not count."""
    return " ".join(text.split()).casefold()


def _score(value: Any, purpose: str) -> float:
    score = float(value)
    if not math.isfinite(score):
        raise ReplyError("the score is not a number", where=purpose, hint="the sample is not judged")
    return score


def _quote(text: str, limit: int = 80) -> str:
    line = " ".join(text.split())
    return f"“{line if len(line) <= limit else line[: limit - 1] + '…'}”"
