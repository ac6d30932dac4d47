"""Ollama by its own API, ``/api/chat``: it alone lets a request set the context length.

Ollama cuts a prompt that is longer than its context and answers as if nothing had happened. So the context is always
sent (``num_ctx``), and cutting is forbidden (``truncate: false``, ``shift: false``; Ollama 0.12.6 and later then answer
400, which becomes a ``ContextError``). Earlier versions ignore both. What they read is reported in
``prompt_eval_count``, but a prompt they remember from before is not counted again, so that a small number proves
nothing; only a count that fills the whole context does, and is refused.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any, cast

from ragset.adapters.models.faults import refused_parameter, unfit
from ragset.adapters.models.modes import with_schema_told
from ragset.adapters.models.transport import Disconnected, ModeRefused, ServerFault
from ragset.errors import ContextError, ModelError, ModelSetupError, RagsetError, UnreachableError
from ragset.schema.models import ReplyMode
from ragset.schema.ports import Ask, Reply
from ragset.schema.samples import Usage

if TYPE_CHECKING:
    from ragset.adapters.models.http import Http
    from ragset.adapters.models.modes import Modes

CONTEXT = 8192
"""Tokens of context that are asked for where nobody says how many."""

_TOP_LEVEL = ("think", "keep_alive", "logprobs", "top_logprobs")
"""Parameters that stand beside the options, not among them."""

_RENAMED = {"max_tokens": "num_predict", "max_completion_tokens": "num_predict"}


class OllamaChat:
    """A ``Transport`` over ``/api/chat``."""

    def __init__(self, name: str, http: Http, modes: Modes, *, context: int | None = None) -> None:
        """``name`` is the model's name with its tag, ``context`` the tokens to ask for (8192 by default)."""
        self._model, self._http, self.modes = name, http, modes
        self._asked = self._context = context or CONTEXT

    @property
    def name(self) -> str:
        """``ollama:name``."""
        return f"ollama:{self._model}"

    @property
    def identity(self) -> tuple[str, ...]:
        """Provider, base URL, model, and the context that was asked for, since a reply may differ with it.

        What :meth:`check` lowers it to is left out: that follows from the model, and is not known without the server.
        """
        return ("ollama", self._http.address.url, self._model, f"num_ctx={self._asked}")

    @property
    def context(self) -> int:
        """Tokens that prompt and reply may have together: what every request asks for."""
        return self._context

    async def check(self, timeout: float = 5) -> None:
        """Find out before any work whether Ollama is there and has the model; lower the context to what it can read.

        Raises ``ModelSetupError`` and ``UnreachableError``; a server that is slow to tell is no error.
        """
        try:
            shown = await self._http.post("api/show", {"model": self._model}, timeout=timeout)
        except Disconnected as gone:
            raise UnreachableError(gone.what, hint=gone.hint) from None
        except ModelSetupError:
            raise
        except RagsetError:
            return
        info: Any = shown.get("model_info")
        limits = [v for k, v in info.items() if k.endswith(".context_length")] if isinstance(info, dict) else []
        self._context = min([self._context, *(v for v in limits if isinstance(v, int) and v > 0)])

    async def send(self, ask: Ask) -> Reply:
        """Send one request; see :class:`ragset.adapters.models.transport.Transport`.

        Tokens that Ollama does not count are estimated as a quarter of the characters, rounded up.
        """
        mode = self.modes.mode_for(ask.reply_schema)
        body = self.body(ask, mode)
        try:
            answer = await self._http.post("api/chat", body, mode)
        except ModeRefused as refused:
            if self.modes.refuse(mode, ask.reply_schema, refused.what):
                raise
            raise ModelSetupError(refused.what, where=self.name, hint=f"leave out reply_mode: {mode}") from None
        except ModelError as refused:
            if named := refused_parameter(refused, (*body["options"], *_TOP_LEVEL)):
                raise unfit(refused, named) from None
            raise
        message: Any = answer.get("message")
        if not isinstance(message, dict):
            raise ServerFault("the answer has no message", where=self.name, billed=True)
        raw = str(cast("dict[str, Any]", message).get("content") or "")
        self._refuse_cut(answer)
        self.modes.observe(mode, raw)
        return Reply(
            value=raw,
            raw=raw,
            usage=self._usage(answer, ask, raw),
            finish=answer.get("done_reason"),
            logprobs=answer.get("logprobs"),
        )

    async def aclose(self) -> None:
        """Close connections."""
        await self._http.aclose()

    def body(self, ask: Ask, mode: ReplyMode) -> dict[str, Any]:
        """Give the request as it is sent: asks that differ in ``repeat`` alone get different seeds."""
        messages = [{"role": message.role, "content": message.content} for message in ask.messages]
        if ask.reply_schema is not None and mode in ("json_object", "text"):
            messages = with_schema_told(messages, ask.reply_schema)
        options: dict[str, Any] = {"num_ctx": self._context}
        sent: dict[str, Any] = {"model": self._model, "messages": messages, "stream": False}
        for name, value in ask.parameters.items():
            if name in _TOP_LEVEL:
                sent[name] = value
            elif name == "options" and isinstance(value, dict):
                options |= cast("dict[str, Any]", value)
            else:
                options[_RENAMED.get(name, name)] = value
        if options.get("seed") is not None:
            options["seed"] = int(options["seed"]) + ask.repeat
        if ask.reply_schema is not None and mode != "text":
            sent["format"] = ask.reply_schema if mode == "json_schema" else "json"
        return sent | {"options": options, "truncate": False, "shift": False}

    def _refuse_cut(self, answer: dict[str, Any]) -> None:
        read = answer.get("prompt_eval_count")
        if isinstance(read, int) and read >= self._context:
            what = f"the prompt fills the whole context of {self._context:,} tokens, and was cut"
            error = ContextError(what, where=self.name, hint="give a larger context, or use smaller chunks")
            error.billed = True  # the reply was written
            raise error

    def _usage(self, answer: dict[str, Any], ask: Ask, raw: str) -> Usage:
        prompt, completion = answer.get("prompt_eval_count"), answer.get("eval_count")
        characters = sum(len(message.content) for message in ask.messages)
        return Usage(
            calls=1,
            prompt_tokens=prompt if isinstance(prompt, int) else ceil(characters / 4),
            completion_tokens=completion if isinstance(completion, int) else ceil(len(raw) / 4),
        )
