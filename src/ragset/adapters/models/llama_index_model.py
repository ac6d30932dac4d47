"""Any llama-index ``LLM`` object as a transport: from Python, for whoever has one configured already.

The object decides where it sends what, with which key, time-out and retries of its own. It is asked by ``achat``, or by
``chat`` in a thread when it is a ``CustomLLM`` that has no asynchronous side (its ``achat`` would hold up all others).
A schema is told in words in the last message, since objects differ in how they take one.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any, cast

from ragset.adapters.models.faults import barred, retry_after, without_secrets
from ragset.adapters.models.modes import with_schema_told
from ragset.adapters.models.transport import Disconnected, RateLimited, ServerFault, TimedOut
from ragset.errors import ContextError, MissingExtraError, ModelError, ModelSetupError, RagsetError
from ragset.schema.ids import digest
from ragset.schema.ports import Ask, Reply
from ragset.schema.samples import Usage

if TYPE_CHECKING:
    from ragset.schema.models import ModelChoice

CHARACTERS_PER_TOKEN = 4
"""For tokens that the object does not count: a quarter of the characters, rounded up."""
MOST_THREADS = 32
OWN = frozenset({"temperature", "max_tokens", "seed"})
"""Parameters that every ask may carry; what the object has as a field of its own is set there, see ``_arguments``."""

_PROMPT_COUNTS = ("prompt_tokens", "input_tokens", "prompt_eval_count", "prompt_token_count")
_REPLY_COUNTS = ("completion_tokens", "output_tokens", "eval_count", "candidates_token_count")
_FINISHES = ("finish_reason", "stop_reason", "done_reason")
_CONTEXT = re.compile(r"context (length|window|size)|maximum context|too many tokens|prompt is too long", re.IGNORECASE)
_SECRET_FIELD = re.compile(r"key|token$|secret|password|authorization", re.IGNORECASE)
_ONLY_PACE = re.compile(r"timeout|retr|verbose|callback", re.IGNORECASE)
SHORTEST_SECRET = 4
"""Characters; what is shorter is no key, and masking it would garble the message."""


class LlamaIndexTransport:
    """A ``Transport`` over a llama-index ``LLM``.

    **Parameters.** A model that is called by keyword takes what its ``achat`` takes, and objects of llama-index hand
    every keyword on to their service. So all that the choice says is sent (``temperature``, ``stop``, …), and what the
    service refuses becomes a ``ModelError`` that names it. ``max_tokens`` is sent where the object has a field of that
    name; elsewhere the object's own limit holds (its ``metadata.num_output``). ``seed``, which every written ask
    carries, is sent where the object has such a field, or where the choice itself names a seed. A ``CustomLLM`` that
    takes no keywords would raise ``TypeError``: it is then asked once more without any, if the choice names none.
    """

    def __init__(self, llm: Any, choice: ModelChoice) -> None:
        """Wrap an object; nothing is sent yet. Raises ``ModelSetupError`` for one that is no llama-index ``LLM``."""
        self._llm, self._choice = llm, choice
        self._bare = False
        self._pool: ThreadPoolExecutor | None = None
        if not callable(getattr(llm, "achat", None)) or not hasattr(llm, "metadata"):
            what = f"an object of class {type(llm).__name__} is no llama-index LLM"
            raise ModelSetupError(what, hint="give one that has achat() and metadata")

    @property
    def name(self) -> str:
        """``llama-index:model``."""
        return f"llama-index:{self._model}"

    @property
    def identity(self) -> tuple[str, ...]:
        """Provider, the class, the model's name, and a hash of the settings that the object shows of itself.

        Keys are left out. An object that says nothing of its model is told apart from others by its class alone.
        """
        kind = type(self._llm)
        return ("llama-index", f"{kind.__module__}.{kind.__qualname__}", self._model, self._settings())

    @property
    def context(self) -> int | None:
        """Tokens that prompt and reply may have together: the choice's, or else what the object says."""
        window: Any = getattr(self._llm.metadata, "context_window", None)
        return self._choice.context or (window if isinstance(window, int) and window > 0 else None)

    @property
    def longest(self) -> int | None:
        """Tokens of its longest reply, where the object itself says so: the field has a default that means nothing."""
        metadata: Any = self._llm.metadata
        said: Any = getattr(metadata, "num_output", None) if "num_output" in _set_in(metadata) else None
        return said if isinstance(said, int) and said > 0 else None

    async def check(self) -> None:
        """Know nothing more than at opening."""

    async def send(self, ask: Ask) -> Reply:
        """Ask the object once; see :class:`ragset.adapters.models.transport.Transport`."""
        messages = [{"role": m.role, "content": m.content} for m in ask.messages]
        if ask.reply_schema is not None:
            messages = with_schema_told(messages, ask.reply_schema)
        try:
            async with asyncio.timeout(self._choice.timeout):
                answer = await self._chat(_chat_messages(messages), self._arguments(ask))
        except (asyncio.CancelledError, RagsetError):
            raise
        except Exception as error:
            raise self._fault(error) from None  # the cause may show a key
        raw = str(answer.message.content or "")
        return Reply(value=raw, raw=raw, usage=_usage(answer, messages, raw), finish=_finish(answer))

    async def aclose(self) -> None:
        """Let the threads go; the object belongs to whoever made it."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    @property
    def _model(self) -> str:
        name: Any = getattr(self._llm.metadata, "model_name", None)
        return str(name) if name and name != "unknown" else type(self._llm).__name__

    async def _chat(self, messages: list[Any], arguments: dict[str, Any]) -> Any:
        if not self._bare:
            try:
                return await self._call(messages, arguments)
            except TypeError as error:
                if "keyword argument" not in str(error) or self._choice.parameters:
                    raise
                self._bare = True
        return await self._call(messages, {})

    async def _call(self, messages: list[Any], arguments: dict[str, Any]) -> Any:
        if not _blocking(self._llm):
            return await self._llm.achat(messages, **arguments)
        if self._pool is None:
            self._pool = ThreadPoolExecutor(min(self._choice.concurrency, MOST_THREADS), "llama-index")
        return await asyncio.get_running_loop().run_in_executor(
            self._pool, partial(self._llm.chat, messages, **arguments)
        )

    def _arguments(self, ask: Ask) -> dict[str, Any]:
        """Give the keywords of a call: what the choice says, and of what every ask carries what the object knows."""
        fields: Mapping[str, Any] = getattr(type(self._llm), "model_fields", {})
        return {
            name: value
            for name, value in ask.parameters.items()
            if value is not None and (name not in OWN or name in self._choice.parameters or name in fields)
        }

    def _settings(self) -> str:
        """Hash the object's plain settings; one that says nothing counts as one that is not there."""
        fields: Mapping[str, Any] = getattr(type(self._llm), "model_fields", {})
        shown = _shown((name, getattr(self._llm, name, None)) for name in fields)
        return digest("llama-index", {name: value for name, value in shown.items() if value not in (None, {}, [])})

    def _fault(self, error: Exception) -> ModelError | ModelSetupError:
        """Say what an exception of the object, or of the client beneath it, means; no key is shown."""
        if isinstance(error, ModuleNotFoundError):
            return ModelSetupError(f"it needs {error.name}", where=self.name, hint=f"run: pip install {error.name}")
        said = without_secrets((str(error).strip().splitlines() or [""])[0], _secrets(self._llm))[:200]
        what, status = f"{type(error).__name__}: {said}".rstrip(": "), _status(error)
        kind = type(error).__name__.lower()
        if _never_reached(error):
            return Disconnected(what, where=self.name)
        if isinstance(error, TimeoutError) or "timeout" in kind:
            return TimedOut(f"no reply within {self._choice.timeout:g} s", where=self.name, hint="raise timeout")
        if status == 401:
            return ModelSetupError("the key is refused (401)", where=self.name, hint="check the object's key")
        if status == 403:
            return barred(said, what, where=self.name, hint="check the object's key")
        if status == 404:
            return ModelSetupError(f"the model is not found: {what}", where=self.name, hint="check the object's model")
        if status == 429:
            return RateLimited(what, where=self.name, retry_after=_retry_after(error))
        if _CONTEXT.search(said):
            return ContextError(what, where=self.name, hint="use smaller chunks, or a model with a larger context")
        if status is not None and (status >= 500 or status in (408, 409)):
            return ServerFault(what, where=self.name, retry_after=_retry_after(error))
        if isinstance(error, ConnectionError) or "connect" in kind:
            return Disconnected(what, where=self.name, billed=True)
        other = ModelError(what, where=self.name)
        other.billed = status is None and not isinstance(error, TypeError)  # the reply may be what could not be read
        return other


def _shown(settings: Iterable[tuple[Any, Any]]) -> dict[str, Any]:
    """Give the settings that are plain, but for those that are secret, or say only how fast it is."""
    return {
        str(name): _plain(value)
        for name, value in settings
        if _is_plain(value) and not (_SECRET_FIELD.search(str(name)) or _ONLY_PACE.search(str(name)))
    }


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | Mapping | list | tuple)


def _plain(value: Any) -> Any:
    """Give a value as JSON has it, without what in it is secret, only pace, or not plain."""
    if isinstance(value, Mapping):
        return _shown(cast("Mapping[Any, Any]", value).items())
    if isinstance(value, list | tuple):
        return [_plain(one) for one in cast("Sequence[Any]", value) if _is_plain(one)]
    return value


def _set_in(metadata: Any) -> set[str]:
    return getattr(metadata, "model_fields_set", None) or set(vars(metadata))


def _blocking(llm: Any) -> bool:
    """Tell whether the object's ``achat`` is the one that ``CustomLLM`` makes of the synchronous methods."""
    from llama_index.core.llms.custom import CustomLLM

    if not isinstance(llm, CustomLLM):
        return False
    own = type(llm).__mro__[: type(llm).__mro__.index(CustomLLM)]
    return not any(name in vars(kind) for kind in own for name in ("achat", "acomplete"))


def _chat_messages(messages: list[dict[str, str]]) -> list[Any]:
    try:
        from llama_index.core.base.llms.types import ChatMessage, MessageRole
    except ModuleNotFoundError as error:
        raise MissingExtraError("llama-index", "llama-index-core") from error
    return [ChatMessage(role=MessageRole(m["role"]), content=m["content"]) for m in messages]


def _usage(answer: Any, messages: list[dict[str, str]], raw: str) -> Usage:
    """Take the counts from the service's answer, wherever it has them, else estimate them."""
    places = [answer.raw, answer.additional_kwargs]
    places += [_of(place, key) for place in places for key in ("usage", "usage_metadata", "usageMetadata")]
    prompt, completion = _first(places, _PROMPT_COUNTS), _first(places, _REPLY_COUNTS)
    asked = sum(len(message["content"]) for message in messages)
    return Usage(
        calls=1,
        prompt_tokens=prompt if prompt is not None else ceil(asked / CHARACTERS_PER_TOKEN),
        completion_tokens=completion if completion is not None else ceil(len(raw) / CHARACTERS_PER_TOKEN),
    )


def _finish(answer: Any) -> str | None:
    """Say why the model stopped, in the words of OpenAI's API, where the service says it."""
    choices = _of(answer.raw, "choices")
    first: Any = cast("list[Any]", choices)[0] if isinstance(choices, list) and choices else None
    for place in (first, answer.raw, answer.additional_kwargs):
        for name in _FINISHES:
            if isinstance(found := _of(place, name), str):
                return "length" if found.lower() in ("length", "max_tokens") else found.lower()
    return None


def _of(place: Any, name: str) -> Any:
    """Read a field of a mapping or of an object."""
    if isinstance(place, Mapping):
        return cast("Mapping[str, Any]", place).get(name)
    return getattr(place, name, None)


def _first(places: list[Any], names: tuple[str, ...]) -> int | None:
    found = (_of(place, name) for place in places if place is not None for name in names)
    return next((n for n in found if isinstance(n, int) and not isinstance(n, bool) and n >= 0), None)


def _secrets(llm: Any) -> set[str]:
    """Collect the values of the object's fields, and of mappings in them, that are named like secrets."""
    fields: Mapping[str, Any] = getattr(type(llm), "model_fields", {})
    own: dict[str, Any] = getattr(llm, "__dict__", {})
    private: dict[str, Any] = getattr(llm, "__pydantic_private__", None) or {}
    found: set[str] = set()
    waiting = [(name, getattr(llm, name, None)) for name in {*fields, *own}] + list(private.items())
    for name, value in waiting:
        if isinstance(value, Mapping):
            waiting.extend((str(key), inner) for key, inner in cast("Mapping[Any, Any]", value).items())
        elif _SECRET_FIELD.search(name):
            unlock: Any = getattr(value, "get_secret_value", None)
            text = unlock() if unlock else value
            if isinstance(text, str) and len(text) >= SHORTEST_SECRET:
                found |= {text, text.removeprefix("Bearer ")}
    return found


def _never_reached(error: BaseException) -> bool:
    """Tell whether no connection came about, so that nothing can be billed; clients hide it in the cause."""
    names = ("connecttimeout", "connecterror", "clientconnectorerror")
    found: BaseException | None = error
    for _ in range(4):
        if isinstance(found, ConnectionRefusedError) or type(found).__name__.lower() in names:
            return True
        found = found.__cause__ if found else None
    return False


def _status(error: Exception) -> int | None:
    """Find the HTTP status in an error of whatever client."""
    for place in (error, getattr(error, "response", None)):
        for name in ("status_code", "status", "code"):
            if isinstance(found := getattr(place, name, None), int):
                return found
    return None


def _retry_after(error: Exception) -> float | None:
    headers: Any = getattr(getattr(error, "response", None), "headers", None)
    return None if headers is None else retry_after(headers)
