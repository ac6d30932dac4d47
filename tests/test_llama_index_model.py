from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse, LLMMetadata
from llama_index.core.llms import CustomLLM, MockLLM
from llama_index.core.llms.callbacks import llm_completion_callback
from pydantic import BaseModel, Field, PrivateAttr, SecretStr

from ragset.adapters.models.llama_index_model import LlamaIndexTransport
from ragset.adapters.models.transport import Disconnected, RateLimited, ServerFault, TimedOut
from ragset.errors import ContextError, ModelError, ModelSetupError
from ragset.kit.replies import read_reply
from ragset.schema.models import ModelChoice
from ragset.schema.ports import Ask
from ragset.schema.samples import Message

KEY = "sk-verysecretkey123456"


class Verdict(BaseModel):
    verdict: int


class Echo(CustomLLM):
    """A model from Python: it remembers how it was asked."""

    temperature: float = 0.1
    api_key: str = KEY
    reply: str = '{"verdict": 1}'
    seconds: float = 0
    seen: list[Any] = Field(default_factory=list)

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="echo-1", context_window=4096)

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        self.seen.append((prompt, kwargs))
        time.sleep(self.seconds)
        return CompletionResponse(text=self.reply, raw={"usage": {"prompt_tokens": 7, "completion_tokens": 3}})

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        raise AssertionError("nothing streams here")


class NoKeywords(Echo):
    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False) -> CompletionResponse:  # type: ignore[override]
        return CompletionResponse(text=f"{len(prompt)} characters")


class Broken(Echo):
    """A model whose asynchronous side raises."""

    error: Any = None

    async def achat(self, messages: Any, **kwargs: Any) -> ChatResponse:
        raise self.error


class StatusError(Exception):
    def __init__(self, status: int, said: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(said)
        self.status_code = status
        self.response = type("Response", (), {"headers": headers or {}})()


def ask(schema: dict[str, Any] | None = None, **parameters: Any) -> Ask:
    messages = (Message(role="system", content="Be short."), Message(role="user", content="Is it so?"))
    return Ask(messages=messages, reply_schema=schema, parameters={"max_tokens": 50, "seed": 3, **parameters})


def choice(**fields: Any) -> ModelChoice:
    return ModelChoice(model="llama-index:object", **fields)


async def test_an_object_gives_a_typed_reply_and_is_told_the_schema() -> None:
    llm = Echo()
    transport = LlamaIndexTransport(llm, choice())
    reply = await transport.send(ask(Verdict.model_json_schema()))
    assert read_reply(reply.raw, Verdict).verdict == 1
    assert (reply.usage.calls, reply.usage.prompt_tokens, reply.usage.completion_tokens) == (1, 7, 3)
    prompt, keywords = llm.seen[-1]
    assert "Be short." in prompt
    assert '"verdict"' in prompt
    assert keywords == {}, "neither max_tokens nor seed is a field of this object"
    assert (transport.name, transport.context) == ("llama-index:echo-1", 4096)


async def test_what_the_choice_says_is_sent_and_what_only_asks_carry_where_it_is_known() -> None:
    llm = Echo()
    parameters = {"temperature": 0.7, "stop": ["\n"], "seed": 9}
    await LlamaIndexTransport(llm, choice(parameters=parameters)).send(ask(**parameters))
    assert llm.seen[-1][1] == parameters
    mock = MockLLM(max_tokens=5)
    assert LlamaIndexTransport(mock, choice())._arguments(ask()) == {"max_tokens": 50}


async def test_tokens_that_are_not_counted_are_estimated() -> None:
    reply = await LlamaIndexTransport(MockLLM(max_tokens=5), choice()).send(ask())
    assert reply.raw == "text text text text text"
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (5, 6)


async def test_an_object_without_keywords_is_asked_without_unless_the_choice_names_some() -> None:
    fine = LlamaIndexTransport(NoKeywords(), choice())
    assert "characters" in (await fine.send(ask(temperature=None))).raw
    assert "characters" in (await fine.send(ask(temperature=0.5))).raw
    with pytest.raises(ModelError, match="top_k"):
        await LlamaIndexTransport(NoKeywords(), choice(parameters={"top_k": 3})).send(ask(top_k=3))


async def test_a_synchronous_object_holds_nobody_up() -> None:
    transport = LlamaIndexTransport(Echo(seconds=0.3), choice())
    began = time.perf_counter()
    await asyncio.gather(*(transport.send(ask()) for _ in range(8)))
    assert time.perf_counter() - began < 1.5
    await transport.aclose()


async def test_a_slow_object_times_out() -> None:
    transport = LlamaIndexTransport(Echo(seconds=0.5), choice(timeout=0.05))
    with pytest.raises(TimedOut, match=r"no reply within 0\.05 s"):
        await transport.send(ask())


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (StatusError(429, "slow down", {"retry-after": "2"}), RateLimited),
        (StatusError(503, "overloaded"), ServerFault),
        (StatusError(401, f"bad key {KEY}"), ModelSetupError),
        (StatusError(404, "no such model"), ModelSetupError),
        (StatusError(400, "maximum context length is 4096 tokens"), ContextError),
        (ConnectionRefusedError("nobody listens"), Disconnected),
        (TimeoutError(), TimedOut),
        (ModuleNotFoundError("No module named 'x'", name="x"), ModelSetupError),
        (RuntimeError(f"it broke\nwith {KEY}"), ModelError),
        (ValueError(f"Bearer {KEY} is wrong"), ModelError),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
async def test_an_exception_becomes_a_fault_of_one_line_without_a_key(error: Exception, kind: type) -> None:
    with pytest.raises(kind) as caught:
        await LlamaIndexTransport(Broken(error=error), choice()).send(ask())
    assert type(caught.value) is kind
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None
    if isinstance(caught.value, RateLimited):
        assert caught.value.retry_after == 2


class Locked(Broken):
    """A model with secrets in every place that objects have for them."""

    access_token: SecretStr = SecretStr("bare-words-of-a-token")
    default_headers: dict[str, Any] = {"X-Api-Key": "headers own words", "other": {"client_secret": "deep words"}}  # noqa: RUF012
    _password: str = PrivateAttr("quiet words")


@pytest.mark.parametrize(
    "secret",
    [
        "words without a known form",
        "bare-words-of-a-token",
        "headers own words",
        "deep words",
        "quiet words",
        "AIzaSyD-1234567890abcdef",
        "4f9a0b7c1d2e3f4a5b6c7d8e9f0a1b2c",
    ],
)
async def test_the_objects_own_secrets_are_masked(secret: str) -> None:
    llm = Locked(error=RuntimeError(f"refused: {secret}!"), api_key="words without a known form")
    with pytest.raises(ModelError, match=r"refused: \*\*\*!$"):
        await LlamaIndexTransport(llm, choice()).send(ask())


class ConnectTimeout(Exception):
    """Named as clients name it."""


class APIConnectionError(Exception):
    """Named as clients name it: it tells what happened in its cause."""


@pytest.mark.parametrize(
    ("error", "cause", "kind", "billed"),
    [
        (ConnectTimeout(), None, Disconnected, False),
        (ConnectionRefusedError(), None, Disconnected, False),
        (APIConnectionError(), ConnectionRefusedError(), Disconnected, False),
        (APIConnectionError(), ConnectionResetError(), Disconnected, True),
        (TimeoutError(), None, TimedOut, True),
        (StatusError(503, "overloaded"), None, ServerFault, False),
        (StatusError(400, "no"), None, ModelError, False),
        (RuntimeError("the reply is odd"), None, ModelError, True),
    ],
)
async def test_what_an_object_may_have_been_billed(
    error: Exception, cause: Exception | None, kind: type, billed: bool
) -> None:
    error.__cause__ = cause
    with pytest.raises(kind) as caught:
        await LlamaIndexTransport(Broken(error=error), choice()).send(ask())
    assert (type(caught.value), caught.value.billed) == (kind, billed)


def test_the_identity_is_the_class_the_model_and_the_settings_but_no_key() -> None:
    first, second = (LlamaIndexTransport(Echo(api_key=key), choice()) for key in (KEY, "other"))
    assert first.identity == second.identity
    assert first.identity[0] == "llama-index"
    assert first.identity[2] == "echo-1"
    assert KEY not in json.dumps(first.identity)
    assert LlamaIndexTransport(Echo(temperature=0.9), choice()).identity != first.identity
    assert LlamaIndexTransport(MockLLM(), choice()).identity != first.identity
    assert LlamaIndexTransport(MockLLM(), choice()).name == "llama-index:MockLLM"


class Set(Echo):
    additional_kwargs: dict[Any, Any] = Field(default_factory=dict)
    stop: Any = None


SETTINGS: list[dict[str, Any]] = [
    {},
    {"additional_kwargs": {"top_k": 1}},
    {"additional_kwargs": {"top_k": 50}},
    {"additional_kwargs": {"top_k": 50, "think": True}},
    {"additional_kwargs": {"options": {"num_ctx": 8192}}},
    {"additional_kwargs": {"options": {"num_ctx": 4096}}},
    {"additional_kwargs": {"options": None}},
    {"additional_kwargs": {"logit_bias": {50256: -100}}},
    {"stop": ["END"]},
    {"stop": ["END", "\n"]},
    {"stop": [{"at": "END"}]},
]
ALIKE: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"additional_kwargs": {}, "stop": ()}),
    ({"stop": ["END"]}, {"stop": ("END",)}),
    ({"additional_kwargs": {"a": 1, "b": 2}}, {"additional_kwargs": {"b": 2, "a": 1}}),
    ({}, {"additional_kwargs": {"api_key": KEY, "timeout": 3, "max_retries": 9}}),
    (
        {"stop": [{"extra": {}}]},
        {"stop": [{"extra": {"Authorization": f"Bearer {KEY}", "request_timeout": 3}, "X-Api-Key": KEY}]},
    ),
    ({"stop": ["END"]}, {"stop": ["END", object()]}),
    ({"additional_kwargs": {"a": 1}}, {"additional_kwargs": {"a": 1, "hook": print}}),
]


def test_settings_in_dicts_and_lists_are_part_of_the_identity() -> None:
    found = {LlamaIndexTransport(Set(**settings), choice()).identity for settings in SETTINGS}
    assert len(found) == len(SETTINGS)


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_neither_secrets_nor_pace_nor_objects_in_them_are(one: dict[str, Any], other: dict[str, Any]) -> None:
    first, second = (LlamaIndexTransport(Set(**settings), choice()) for settings in (one, other))
    assert first.identity == second.identity


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(ModelSetupError, match="class str is no llama-index LLM"):
        LlamaIndexTransport("gpt", choice())


async def test_a_service_that_says_why_it_stopped_is_heard() -> None:
    class Cut(Echo):
        async def achat(self, messages: Any, **kwargs: Any) -> ChatResponse:
            raw = {"choices": [{"finish_reason": "length"}], "usage": {"input_tokens": 11, "output_tokens": 50}}
            return ChatResponse(message=ChatMessage(role="assistant", content="cut"), raw=raw)

    reply = await LlamaIndexTransport(Cut(), choice()).send(ask())
    assert (reply.finish, reply.usage.prompt_tokens, reply.usage.completion_tokens) == ("length", 11, 50)
