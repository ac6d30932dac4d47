"""Any service that speaks OpenAI's chat completions: one transport, many presets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from math import ceil
from typing import TYPE_CHECKING, Any, cast

from ragset.adapters.models.faults import fault_of, refused_parameter, unfit
from ragset.adapters.models.modes import strict_schema, with_schema_told
from ragset.adapters.models.transport import Disconnected, MisreadError, ModeRefused, ServerFault
from ragset.errors import ModelError, ModelSetupError, RagsetError, ReplyError, UnreachableError, did_you_mean
from ragset.schema.models import ReplyMode
from ragset.schema.ports import Ask, Reply
from ragset.schema.samples import Usage

if TYPE_CHECKING:
    from ragset.adapters.models.http import Http
    from ragset.adapters.models.modes import Modes
    from ragset.adapters.models.presets import Preset

TOOL = "reply"
"""Name of the function a model calls in tools mode, and of the schema in schema mode."""

_NEWER_LENGTH = "max_completion_tokens"
"""What OpenAI's reasoning models want the longest reply to be called, at whatever service they are."""
_NO_PARAMETERS = ("model", "messages", "response_format", "tools", "tool_choice")
_FINISHES = {"model_length": "length"}
"""Mistral's word for a reply that filled the context."""
_KEPT_BACK = re.compile(r"filter|safety|recitation|prohibited|block|guardrail|spii", re.IGNORECASE)
"""Why a service gives a reply without its text."""
_CONTEXT_FIELDS = ("max_model_len", "context_length", "max_context_length", "context_window")


class OpenAIChat:
    """A ``Transport`` over ``/chat/completions``."""

    def __init__(self, preset: Preset, name: str, http: Http, modes: Modes, *, context: int | None = None) -> None:
        """``name`` is the model's own name, ``context`` its length in tokens where the user gave it."""
        self._preset, self._model, self._http, self.modes, self._context = preset, name, http, modes, context
        self._length, self._seed = preset.length, preset.seed
        self.notice = ""
        """A line for the user about what :meth:`check` was told."""

    @property
    def name(self) -> str:
        """``provider:name``."""
        return f"{self._preset.name}:{self._model}"

    @property
    def identity(self) -> tuple[str, ...]:
        """Provider, base URL and model."""
        return (self._preset.name, self._http.address.url, self._model)

    @property
    def context(self) -> int | None:
        """Tokens that prompt and reply may have together: as given, or as :meth:`check` was told."""
        return self._context

    async def check(self, timeout: float = 5) -> None:
        """Find out before any work whether the server is there and takes the key, and learn the model's context.

        Raises ``ModelSetupError`` (the key, or a model that a server of one's own does not have) and
        ``UnreachableError``. A server that has no list of models, or is slow to give it, is no error.
        """
        try:
            listed = contexts_in(await self._http.get("models", timeout))
        except Disconnected as gone:
            raise UnreachableError(gone.what, hint=gone.hint) from None
        except ModelSetupError as refused:
            if "(404)" in refused.what or "(405)" in refused.what:
                return
            raise
        except RagsetError:
            return
        if self._preset.local and listed and self._model not in listed:
            where = self._http.address.url
            raise ModelSetupError(f"no model '{self._model}' at {where}", hint=did_you_mean(self._model, listed))
        if listed and not _is_listed(self._model, listed):  # it may know names that it does not list
            hint = did_you_mean(self._model, listed)
            self.notice = f"{self.name}: not in the list of models at {self._http.address.url}; {hint}"
        self._context = self._context or listed.get(self._model)

    async def send(self, ask: Ask) -> Reply:
        """Send one request; see :class:`ragset.adapters.models.transport.Transport`.

        Where a server counts no tokens, they are estimated as a quarter of the characters, rounded up.
        """
        mode = self.modes.mode_for(ask.reply_schema, objects_only=self._objects_only)
        body = self.body(ask, mode)
        try:
            answer = await self._http.post("chat/completions", body, mode)
        except ModeRefused as refused:
            if self.modes.refuse(mode, ask.reply_schema, refused.what):
                raise
            raise ModelSetupError(refused.what, where=self.name, hint=_no_mode_left(mode)) from None
        except MisreadError as refused:
            return _written(refused)
        except ModelError as refused:
            if named := refused_parameter(refused, (name for name in body if name not in _NO_PARAMETERS)):
                raise self._otherwise(refused, named) from None
            raise
        choice = _first_choice(answer, self.name)
        raw, finish = _text_of(choice, mode), choice.get("finish_reason")
        if (broken := answer.get("error") or choice.get("error")) or finish == "error":
            fault = fault_of(502, {}, {"error": broken or "the reply broke off"}, self._http.address)
            if isinstance(fault, ModelError):
                fault.billed = True  # it began well and broke later
            raise fault
        self.modes.observe(mode, raw)
        usage = usage_of(answer.get("usage"), ask, raw)
        message = choice["message"]
        declined = message.get("refusal") and not message.get("content")
        finish = "refusal" if declined else _FINISHES.get(str(finish), finish)
        if _KEPT_BACK.search(str(finish)) and not raw.strip():
            raise _withheld(str(finish)[:40], self.name)
        return Reply(value=raw, raw=raw, usage=usage, finish=finish, logprobs=choice.get("logprobs"))

    async def aclose(self) -> None:
        """Close connections."""
        await self._http.aclose()

    @property
    def _objects_only(self) -> tuple[ReplyMode, ...]:
        return ("json_schema", "json_object", "tools") if self._preset.strict else ("json_object", "tools")

    def body(self, ask: Ask, mode: ReplyMode) -> dict[str, Any]:
        """Give the request as it is sent: asks that differ in ``repeat`` alone get different seeds."""
        messages = [{"role": message.role, "content": message.content} for message in ask.messages]
        if ask.reply_schema is not None and mode in ("json_object", "text"):
            messages = with_schema_told(messages, ask.reply_schema)
        sent: dict[str, Any] = {"model": self._model, "messages": messages}
        for name, value in ask.parameters.items():
            if name in ("max_tokens", "max_completion_tokens"):
                sent[self._length] = value
            elif name != "seed":
                sent[name] = value
        if (seed := ask.parameters.get("seed")) is not None and self._seed:
            sent[self._seed] = int(seed) + ask.repeat
        return sent | self._asking_for(ask.reply_schema, mode)

    def _otherwise(self, refused: ModelError, named: str) -> RagsetError:
        """Change what is known to have another name, or to be dispensable; any other parameter ends the run.

        Many requests may be in flight: those that were sent before the change are refused too, and asked again.
        """
        if named == "max_tokens" and _NEWER_LENGTH in refused.what:
            self._length = _NEWER_LENGTH
        elif named == self._preset.seed:
            self._seed = None
        else:
            return unfit(refused, named)
        return ModeRefused(refused.what, where=self.name)

    def _asking_for(self, schema: dict[str, Any] | None, mode: ReplyMode) -> dict[str, Any]:
        if schema is None or mode == "text":
            return {}
        if mode == "json_object":
            return {"response_format": {"type": "json_object"}}
        strict = strict_schema(schema) if self._preset.strict else None
        if mode == "json_schema" and self._preset.object_schema:
            return {"response_format": {"type": "json_object", "schema": strict or schema}}
        if mode == "json_schema":
            form = {"name": TOOL, "schema": strict or schema, "strict": strict is not None}
            return {"response_format": {"type": "json_schema", "json_schema": form}}
        function: dict[str, Any] = {"name": TOOL, "parameters": strict or schema}
        if strict is not None and self._preset.name == "openai":
            function["strict"] = True
        named = {"type": "function", "function": {"name": TOOL}}
        choice = named if self._preset.named_tool else "required"  # one tool: both mean the same
        return {"tools": [{"type": "function", "function": function}], "tool_choice": choice}


def _no_mode_left(mode: ReplyMode) -> str:
    return f"leave out reply_mode: {mode}, so that another way is found"


def _written(refused: MisreadError) -> Reply:
    """Give the reply that the server refused: whoever reads it asks again; what it cost is not known."""
    cut = "max completion tokens" in refused.what
    return Reply(value=refused.raw, raw=refused.raw, usage=Usage(calls=1), finish="length" if cut else "stop")


def _withheld(finish: str, name: str) -> ReplyError:
    """Say that the service kept a reply back, and why: it was paid for all the same."""
    what = f"the reply is empty: the service kept it back (finish_reason: {finish})"
    error = ReplyError(what, where=name, hint="use a model or service whose filter lets such texts through", head="")
    error.billed = True
    return error


def _first_choice(answer: dict[str, Any], name: str) -> dict[str, Any]:
    """Give the first choice with its message, or say that the answer is none."""
    choices: Any = answer.get("choices")
    choice: Any = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
        raise ServerFault("the answer has no choices", where=name, billed=True)
    return cast("dict[str, Any]", choice)


def _text_of(choice: dict[str, Any], mode: ReplyMode) -> str:
    """Give the raw reply: the arguments of the call in tools mode, else the content; thoughts are not part of it."""
    message = cast("dict[str, Any]", choice["message"])
    if mode == "tools":
        for call in message.get("tool_calls") or ():
            arguments = (call.get("function") or {}).get("arguments") if isinstance(call, dict) else None
            if arguments is not None:
                return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    content = message.get("content")
    if isinstance(content, list):
        parts = cast("list[Any]", content)
        texts = [part if isinstance(part, str) else part.get("text") for part in parts if isinstance(part, str | dict)]
        content = "".join(text for text in texts if isinstance(text, str))
    if isinstance(content, dict):
        return json.dumps(content, ensure_ascii=False)
    return str(content or message.get("refusal") or (_misplaced(message) if mode != "text" else ""))


def _misplaced(message: dict[str, Any]) -> str:
    """Give the JSON that vLLM took for reasoning: it does where its parser expects thoughts, and the model has none."""
    text = str(message.get("reasoning") or message.get("reasoning_content") or "").strip()
    return text if text[:1] in ("{", "[") and text[-1:] in ("}", "]") else ""


def usage_of(given: Any, ask: Ask, raw: str) -> Usage:
    """Read the usage of one request; where the server did not count it, a token is taken as four characters."""
    counts = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    prompt, completion = _count(counts.get("prompt_tokens")), _count(counts.get("completion_tokens"))
    characters = sum(len(message.content) for message in ask.messages)
    return Usage(
        calls=1,
        prompt_tokens=ceil(characters / 4) if prompt is None else prompt,
        completion_tokens=ceil(len(raw) / 4) if completion is None else completion,
    )


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def contexts_in(listed: dict[str, Any]) -> dict[str, int | None]:
    """Read a list of models: their names, and how many tokens each can read where the server tells."""
    rows: Any = listed.get("data") or listed.get("models") or ()
    found: dict[str, int | None] = {}
    for row in cast("list[Any]", rows) if isinstance(rows, list) else ():
        if isinstance(row, dict):
            model = cast("dict[str, Any]", row)
            name = model.get("id") or model.get("name") or model.get("model")
            others: Any = model.get("aliases")  # llama.cpp answers to each of them
            for known in (name, *(cast("list[Any]", others) if isinstance(others, list) else ())):
                if known:
                    found[str(known)] = _context_of(model)
    return found


def _is_listed(name: str, listed: Iterable[str]) -> bool:
    """Tell whether a name, or any form of it, is listed: with a vendor or a variant, dated, or short for another."""
    plain = name.lower().partition("@")[0]
    asked = {plain, plain.rpartition(":")[0] or plain}
    known = [one.lower().removeprefix("models/") for one in listed]
    return any(a.startswith(k) or k.startswith(a) or f"/{a}" in f"/{k}" for a in asked for k in known)


def _context_of(model: dict[str, Any]) -> int | None:
    """Find a context length: vLLM, OpenRouter, Mistral and llama.cpp tell it, each in its own field."""
    meta: Any = model.get("meta")
    for value in (*(model.get(field) for field in _CONTEXT_FIELDS), meta.get("n_ctx") if isinstance(meta, dict) else 0):
        if found := _count(value):
            return found
    return None
