"""The dialects a scripted server speaks: how each API asks, answers and refuses.

Shapes as documented by OpenAI (chat completions, legacy completions, models), Ollama (``/api/chat``) and Cohere
(``/v2/chat``); messages of refusals are those of the respective servers, shortened.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from math import ceil
from typing import Any

Json = dict[str, Any]

FLAVOURS = ("openai", "vllm", "llamacpp", "lmstudio", "mistral")
"""Whose words an OpenAI-compatible refusal is said in."""


class BadRequestError(ValueError):
    """The request is none that this API takes."""


@dataclass(slots=True)
class Call:
    """What a request asks of a model, whatever the API."""

    api: str
    model: str
    messages: list[tuple[str, str]]
    mode: str = "text"
    schema: Json | None = None
    strict: bool = False
    tool: str = "reply"
    forced: bool = False
    max_tokens: int | None = None
    context: int | None = None
    truncate: bool = True
    streamed: bool = False
    repeat: int = 0
    parameters: Json = field(default_factory=dict)

    @property
    def prompt_tokens(self) -> int:
        """A quarter of the characters of each message, summed and rounded up."""
        return ceil(sum(len(content) for _, content in self.messages) / 4)


def tokens(text: str) -> int:
    """Count a reply's tokens: a quarter of the characters, rounded up."""
    return ceil(len(text) / 4)


def api_of(path: str) -> str | None:
    """Tell which API a path belongs to, or none; anything may stand before an OpenAI path."""
    if path.endswith("/v2/chat"):
        return "cohere"
    if path.endswith("/api/chat"):
        return "ollama"
    if path.endswith("/chat/completions"):
        return "openai"
    return "completions" if path.endswith("/completions") else None


def read_call(api: str, body: Any) -> Call:
    """Read a request's body; raises ``BadRequestError`` naming what is wrong."""
    if not isinstance(body, dict) or not isinstance(body.get("model"), str):
        raise BadRequestError("you must provide a model parameter")
    if api == "completions":
        prompt = body.get("prompt")
        said = [("user", prompt if isinstance(prompt, str) else "\n".join(map(str, prompt or [])))]
    else:
        said = _messages(body.get("messages"))
    call = Call(api, body["model"], said, parameters=body)
    options: Json = body.get("options") or {} if api == "ollama" else body
    call.max_tokens = next(
        (options[k] for k in ("max_completion_tokens", "max_tokens", "num_predict") if k in options), None
    )
    call.repeat = int(options.get("seed") or options.get("random_seed") or 0)
    call.streamed = bool(body.get("stream", api == "ollama"))
    _read_form(call, body)
    if api == "ollama":
        call.context, call.truncate = int(options.get("num_ctx") or 4096), bool(body.get("truncate", True))
    return call


def _messages(given: Any) -> list[tuple[str, str]]:
    if not isinstance(given, list) or not given:
        raise BadRequestError("messages: at least one message is required")
    said: list[tuple[str, str]] = []
    for at, message in enumerate(given):
        if not isinstance(message, dict) or message.get("role") not in (
            "system",
            "developer",
            "user",
            "assistant",
            "tool",
        ):
            raise BadRequestError(f"Invalid value for 'messages[{at}].role'")
        content = message.get("content") or ""
        if isinstance(content, list):
            content = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
        said.append((message["role"], content))
    return said


def _read_form(call: Call, body: Json) -> None:
    """Find out in which way JSON is asked for."""
    if call.api == "ollama":
        form = body.get("format")
        call.mode = "json_schema" if isinstance(form, dict) else "json_object" if form == "json" else "text"
        call.schema = form if isinstance(form, dict) else None
    else:
        form = body.get("response_format") or {}
        call.mode = form.get("type", "text")
        held = form.get("json_schema") or form.get("schema") or {}
        if call.api == "cohere" and held:
            call.mode, call.schema = "json_schema", held
        elif call.mode == "json_schema":
            call.schema, call.strict = held.get("schema"), bool(held.get("strict"))
            if not isinstance(call.schema, dict):
                raise BadRequestError("Missing required parameter: 'response_format.json_schema.schema'.")
    if body.get("tools"):
        function = body["tools"][0].get("function", {})
        call.mode, call.tool, call.schema = "tools", function.get("name", "reply"), function.get("parameters")
        call.strict, call.forced = bool(function.get("strict")), isinstance(body.get("tool_choice"), dict)


def why_refused(call: Call, refused: frozenset[str], flavour: str) -> str | None:
    """Say why a server without this way of asking refuses it, in the words of that server."""
    mode = call.mode
    if mode in refused:
        if call.api == "ollama":
            return f"{call.model} does not support tools" if mode == "tools" else "invalid JSON schema in format"
        return _REFUSALS.get((flavour, mode), _REFUSALS["openai", mode]).replace("MODEL", call.model)
    if flavour != "openai" or call.api != "openai":
        return None
    if mode == "json_object" and not any("json" in content.lower() for _, content in call.messages):
        return "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
    if call.strict and call.schema is not None:
        reason = not_strict(call.schema)
        where = "function" if mode == "tools" else "response_format"
        return f"Invalid schema for {where} '{call.tool}': {reason}" if reason else None
    return None


def not_strict(schema: Any, context: tuple[str, ...] = ()) -> str | None:
    """Say what keeps a schema from OpenAI's strict dialect: every object closed, and every field required."""
    if isinstance(schema, list):
        return next(filter(None, (not_strict(item, context) for item in schema)), None)
    if not isinstance(schema, dict):
        return None
    if schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            return f"In context={context}, 'additionalProperties' is required to be supplied and to be false."
        if missing := set(schema.get("properties") or ()) - set(schema.get("required") or ()):
            return f"In context={context}, 'required' must include every key in properties. Missing {sorted(missing)}."
    deeper = [(key, value) for key, value in schema.items() if key not in ("enum", "const", "default", "required")]
    return next(filter(None, (not_strict(value, (*context, key)) for key, value in deeper)), None)


_REFUSALS = {
    (
        "openai",
        "json_schema",
    ): "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model. "
    "Learn more about supported models at the Structured Outputs guide.",
    (
        "openai",
        "json_object",
    ): "Invalid parameter: 'response_format' of type 'json_object' is not supported with this model.",
    ("openai", "tools"): "tools is not supported in this model. For a list of supported models, see the guide.",
    ("vllm", "json_schema"): "Only {'type': 'json_object'} or {'type': 'text'} response_format are supported",
    ("vllm", "tools"): '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
    ("llamacpp", "json_schema"): "Failed to initialize samplers: failed to parse grammar",
    ("llamacpp", "tools"): "tools param requires --jinja flag",
    ("lmstudio", "json_object"): "'response_format.type' must be 'json_schema' or 'text'",
    ("mistral", "json_schema"): "Structured output is not supported for MODEL",
}


def error_body(api: str, flavour: str, message: str, *, code: str | None = None, status: int = 400) -> Json:
    """Write an error as the API does."""
    if api == "ollama" or flavour == "lmstudio":
        return {"error": message}
    if api == "cohere":
        return {"message": message, "id": "err-1"}
    if flavour == "vllm":
        return {"object": "error", "message": message, "type": "BadRequestError", "param": None, "code": status}
    if flavour == "llamacpp":
        return {"error": {"code": status, "message": message, "type": "invalid_request_error"}}
    kinds = {401: "invalid_request_error", 429: "requests", 500: "server_error", 503: "server_error"}
    return {
        "error": {"message": message, "type": kinds.get(status, "invalid_request_error"), "param": None, "code": code}
    }


def reply_body(call: Call, text: str, finish: str, prompt_tokens: int) -> Json | bytes:
    """Write a reply as the API does; ``finish`` is ``stop`` or ``length``."""
    spent = tokens(text)
    if call.api == "ollama":
        return _ollama(call, text, finish, prompt_tokens)
    if call.api == "cohere":
        counts = {"input_tokens": prompt_tokens, "output_tokens": spent}
        message: Json = {"role": "assistant", "content": [{"type": "text", "text": text}]}
        reason = "COMPLETE" if finish == "stop" else "MAX_TOKENS"
        return {
            "id": "c-1",
            "finish_reason": reason,
            "message": message,
            "usage": {"billed_units": counts, "tokens": counts},
        }
    usage = {"prompt_tokens": prompt_tokens, "completion_tokens": spent, "total_tokens": prompt_tokens + spent}
    kind = "text_completion" if call.api == "completions" else "chat.completion"
    head: Json = {"id": "chatcmpl-1", "object": kind, "created": 0, "model": call.model, "usage": usage}
    if call.api == "completions":
        return head | {"choices": [{"index": 0, "text": text, "finish_reason": finish, "logprobs": None}]}
    message = {"role": "assistant", "content": text, "refusal": None}
    if call.mode == "tools":
        asked = {"id": "call_1", "type": "function", "function": {"name": call.tool, "arguments": text}}
        message |= {"content": None, "tool_calls": [asked]}
        finish = "tool_calls" if finish == "stop" and not call.forced else finish
    return head | {"choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}]}


def _ollama(call: Call, text: str, finish: str, prompt_tokens: int) -> Json | bytes:
    said: Json = {"model": call.model, "created_at": "2025-01-01T00:00:00Z"}
    message: Json = {"role": "assistant", "content": text}
    if call.mode == "tools":
        message = {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"function": {"name": call.tool, "arguments": text}}],
        }
    end = {"done": True, "done_reason": finish, "prompt_eval_count": prompt_tokens, "eval_count": tokens(text)}
    if not call.streamed:
        return said | {"message": message} | end
    rows = [said | {"message": message, "done": False}, said | {"message": {"role": "assistant", "content": ""}} | end]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def models_body(path: str, models: tuple[str, ...], context: int) -> Json:
    """List the models as the API of this path does."""
    if path.endswith("/api/tags"):
        return {
            "models": [{"name": name, "model": name, "size": 1, "details": {"family": "scripted"}} for name in models]
        }
    rows = [
        {"id": m, "object": "model", "created": 0, "owned_by": "scripted", "max_model_len": context} for m in models
    ]
    return {"object": "list", "data": rows}


def show_body(model: str, context: int) -> Json:
    """Describe one model as Ollama does."""
    info = {"general.architecture": "llama", "llama.context_length": context}
    return {"model_info": info, "details": {"family": "llama"}, "capabilities": ["completion", "tools"]}
