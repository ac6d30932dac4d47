"""Providers over the wire: what is sent to each, what every answer means, and that no key is ever shown."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import socket
import time
import traceback
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from ragset.adapters.models.addresses import of_host
from ragset.adapters.models.faults import Address, fault_of, message_of, retry_after
from ragset.adapters.models.http import LARGEST_REPLY, Http
from ragset.adapters.models.keys import Key
from ragset.adapters.models.modes import IGNORED_AT, Modes, strict_schema
from ragset.adapters.models.opening import open_transport, resolve
from ragset.adapters.models.presets import ALL_MODES, PRESETS
from ragset.adapters.models.transport import (
    Disconnected,
    Fault,
    ModeRefused,
    RateLimited,
    ServerFault,
    TimedOut,
    Transport,
)
from ragset.errors import ContextError, ModelError, ModelSetupError, UnreachableError
from ragset.schema.models import ModelChoice
from ragset.schema.ports import Ask
from ragset.schema.samples import Message, Usage

KEY = "sk-test-0123456789-SECRETSECRET-wxyz"
SCHEMA = {
    "type": "object",
    "title": "Pair",
    "properties": {
        "question": {"type": "string", "minLength": 3},
        "hops": {"type": "integer", "default": 1},
    },
    "required": ["question"],
}
ASK = Ask(
    messages=(Message(role="system", content="You write."), Message(role="user", content="Write.")),
    reply_schema=SCHEMA,
    parameters={"max_tokens": 77, "temperature": 0.5, "seed": 7},
)
PLAIN = Ask(messages=(Message(role="user", content="12345678"),), parameters={"max_tokens": 5})


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Wire:
    """A tiny HTTP/1.1 server: ``answer`` gives (status, headers, body), or the name of a misdeed."""

    answer: Callable[[Request], Any]
    log: list[Request] = field(default_factory=list)
    connections: int = 0
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().split("\r\n")
                headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines if line)}
                raw = await reader.readexactly(int(headers.get("content-length", 0)))
                method, path, _ = first.split(" ")
                self.log.append(Request(method, path, headers, json.loads(raw) if raw else None))
                await self.reply(self.answer(self.log[-1]), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def reply(self, answer: Any, writer: asyncio.StreamWriter) -> None:
        if answer == "hang":
            await asyncio.sleep(30)
        if answer == "drop":
            raise ConnectionError
        if isinstance(answer, tuple) and answer[0] == "half":
            _, status, sent = answer
            writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 5000\r\n\r\n".encode() + sent)
            await writer.drain()
            raise ConnectionError
        if answer == "trickle":
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.02)
        if answer == "flood":
            writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
            for _ in range(LARGEST_REPLY // 1_000_000 + 2):
                writer.write(b" " * 1_000_000)
                await writer.drain()
            raise ConnectionError
        status, headers, body = answer
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: {len(raw)}\r\n{lines}\r\n".encode() + raw)
        await writer.drain()


@asynccontextmanager
async def wire(answer: Callable[[Request], Any]) -> AsyncIterator[Wire]:
    made = Wire(answer)
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(made.serve(reader, writer))
        tasks.add(task)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def chat(content: Any = '{"question": "Why?"}', **more: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": 11, "completion_tokens": 5}
    message = {"role": "assistant", "content": content, **more.pop("message", {})}
    return {"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage, **more}


def ollama(content: str = '{"question": "Why?"}', **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content}
    return {"message": message, "done_reason": "stop", "prompt_eval_count": 11, "eval_count": 5, **more}


def good(request: Request) -> Any:
    return 200, {}, ollama() if request.path == "/api/chat" else chat()


@asynccontextmanager
async def opened(url: str, provider: str = "openai", notes: Any = None, **choice: Any) -> AsyncIterator[Transport]:
    key = next(iter(PRESETS[provider].keys))
    chosen = ModelChoice(model=f"{provider}:some/model:3b", base_url=url, **choice)
    transport = open_transport(resolve(chosen, {key: KEY}), notes)
    try:
        yield transport
    finally:
        await transport.aclose()


SERVED = [name for name, preset in PRESETS.items() if preset.kind != "transformers"]


@pytest.mark.parametrize("provider", SERVED)
async def test_each_preset_sends_the_right_path_headers_and_body(provider: str) -> None:
    preset = PRESETS[provider]
    async with wire(good) as server, opened(server.url, provider, context=4096) as transport:
        reply = await transport.send(ASK)
        again = await transport.send(ASK)
    request = server.log[0]
    assert (reply.raw, reply.usage, reply.finish) == (
        '{"question": "Why?"}',
        Usage(calls=1, prompt_tokens=11, completion_tokens=5),
        "stop",
    )
    assert again == reply
    assert server.connections == 1, "connections are kept"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["content-type"] == "application/json"
    assert transport.name == f"{provider}:some/model:3b"
    assert transport.context == 4096
    assert request.body["model"] == "some/model:3b"
    assert request.body["messages"] == [{"role": m.role, "content": m.content} for m in ASK.messages]
    if provider == "ollama":
        assert request.path == "/api/chat"
        assert transport.identity == ("ollama", server.url, "some/model:3b", "num_ctx=4096")
        assert request.body["format"] == SCHEMA
        assert request.body["options"] == {"num_ctx": 4096, "num_predict": 77, "temperature": 0.5, "seed": 7}
        assert (request.body["stream"], request.body["truncate"], request.body["shift"]) == (False, False, False)
        assert "think" not in request.body
        return
    assert request.path == "/v1/chat/completions"
    assert transport.identity == (provider, server.url + "/v1", "some/model:3b")
    assert request.body[preset.length] == 77
    assert ("max_tokens" in request.body) == (provider != "openai")
    assert request.body["random_seed" if provider == "mistral" else "seed"] == 7
    assert ("seed" in request.body) == (provider != "mistral")
    sent = request.body["response_format"]
    if provider == "cohere":  # the form of its own documentation
        assert sent["type"] == "json_object"
        assert sent["schema"]["required"] == ["question", "hops"]
        return
    form = sent["json_schema"]
    assert sent["type"] == "json_schema"
    if preset.strict:
        assert form["strict"] is True
        assert form["schema"]["additionalProperties"] is False
        assert form["schema"]["required"] == ["question", "hops"]
        assert form["schema"]["properties"]["question"] == {"type": "string"}
    else:
        assert form == {"name": "reply", "schema": SCHEMA, "strict": False}


async def test_no_key_no_authorization() -> None:
    async with wire(good) as server:
        transport = open_transport(resolve(ModelChoice(model="vllm:m", base_url=server.url), {}))
        await transport.send(PLAIN)
        await transport.aclose()
    assert "authorization" not in server.log[0].headers


async def test_repeats_get_seeds_of_their_own_and_asks_without_a_seed_none() -> None:
    async with wire(good) as server, opened(server.url) as one, opened(server.url, "ollama") as two:
        await one.send(ASK.model_copy(update={"repeat": 3}))
        await two.send(ASK.model_copy(update={"repeat": 3}))
        await one.send(PLAIN)
    assert server.log[0].body["seed"] == 10
    assert server.log[1].body["options"]["seed"] == 10
    assert "seed" not in server.log[2].body
    assert "response_format" not in server.log[2].body


QUOTA = {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}
TABLE = [
    (429, {"error": {"message": "slow down"}}, RateLimited, "slow down"),
    (429, QUOTA, ModelSetupError, "no credit"),
    (402, {"error": "pay"}, ModelSetupError, "no credit"),
    (408, {}, ServerFault, "408"),
    (500, {"error": "boom"}, ServerFault, "boom"),
    (502, b"<html><body>Bad gateway</body></html>", ServerFault, "Bad gateway"),
    (503, {"detail": "loading"}, ServerFault, "loading"),
    (529, {"error": {"type": "overloaded_error"}}, ServerFault, "overloaded"),
    (401, {"error": {"message": f"Incorrect API key provided: {KEY}"}}, ModelSetupError, "OPENAI_API_KEY"),
    (403, {"error": "forbidden"}, ModelSetupError, "access is refused (403): forbidden; see what the account"),
    (403, {"error": {"message": "input was flagged by moderation"}}, ModelError, "flagged"),
    (
        404,
        {"error": {"message": "The model does not exist"}},
        ModelSetupError,
        "openai:some/model:3b: not found at http",
    ),
    (400, {"error": {"message": "This model's maximum context length is 4096 tokens"}}, ContextError, "4096"),
    (413, {"error": {"message": "request (8889 tokens) exceeds the available context size"}}, ContextError, "8889"),
    (422, {"message": "prompt is too long: 9000 tokens"}, ContextError, "9000"),
    (
        400,
        {"error": {"message": "Unsupported: response_format", "param": "response_format"}},
        ModeRefused,
        "json_schema",
    ),
    (422, {"detail": [{"loc": ["body", "response_format"], "msg": "extra fields"}]}, ModeRefused, "extra fields"),
    (404, {"error": {"message": "No endpoints found that support tool use"}}, ModeRefused, "tool use"),
    (501, {"error": "json_schema not implemented"}, ModeRefused, "not implemented"),
    (500, {"error": {"code": 500, "message": "tools param requires --jinja flag"}}, ModeRefused, "--jinja"),
    (502, {"error": {"message": "JSON schema contains features not supported by xgrammar"}}, ModeRefused, "xgrammar"),
    (400, {"error": {"message": "temperature must be at most 2"}}, ModelSetupError, "take temperature out"),
    (400, {"error": {"message": "odd words in the prompt; the temperature of it"}}, ModelError, "odd words"),
    (403, {"error": {"code": 403, "message": "Request blocked: prompt injection"}}, ModelError, "blocked"),
    (499, {"message": "request cancelled"}, ServerFault, "cancelled"),
    (400, {"error": {"message": f"odd request with {KEY} " + "x" * 900}}, ModelError, "***"),
    (307, {}, ModelSetupError, "another address"),
    (200, b"not json", ServerFault, "not json"),
    (200, b"", ServerFault, "empty"),
    (200, b"[" * 100_000, ServerFault, "no JSON object"),
    (200, [1], ServerFault, "no JSON object"),
    (200, {"choices": []}, ServerFault, "no choices"),
    (200, {"choices": [{}]}, ServerFault, "no choices"),
    (200, {"error": {"code": 429, "message": "upstream is busy"}}, RateLimited, "busy"),
    (200, {"error": "upstream is gone"}, ServerFault, "gone"),
    (200, {"error": {"code": 502, "message": "gone"}, "choices": [{"message": {"content": "{"}}]}, ServerFault, "gone"),
    (200, {"choices": [{"error": {"code": 502, "message": "gone"}, "message": {}}]}, ServerFault, "gone"),
    (200, {"choices": [{"finish_reason": "error", "message": {"content": "{"}}]}, ServerFault, "broke off"),
    (200, {"error": "tokens to keep are greater than the context length"}, ContextError, "to keep"),
    (
        400,
        {"error": {"message": "too much", "metadata": {"error_type": "context_length_exceeded"}}},
        ContextError,
        "context_length_exceeded",
    ),
    (400, {"message": "max_tokens must be at least 1, got -186."}, ContextError, "-186"),
]


@pytest.mark.parametrize(("status", "body", "kind", "says"), TABLE)
async def test_what_every_answer_means(
    status: int, body: Any, kind: type[Exception], says: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with wire(lambda _: (status, {"location": "http://127.0.0.9/"}, body)) as server, opened(server.url) as one:
        with pytest.raises(kind) as caught:
            await one.send(ASK)
    assert type(caught.value) is kind
    text = str(caught.value)
    assert says in text
    assert "\n" not in text
    assert len(text) < 420
    chain = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value)) + caplog.text
    assert KEY not in chain
    assert caught.value.__context__ is None or KEY not in repr(caught.value.__context__)


OLLAMA_TABLE = [
    (404, {"error": 'model "x" not found, try pulling it first'}, ModelSetupError, "ollama pull some/model:3b"),
    (400, {"error": "invalid format: expected object"}, ModeRefused, "invalid format"),
    (500, {"error": "failed to load model vocabulary required for format: no grammar"}, ModeRefused, "grammar"),
    (500, {"error": "model runner has stopped"}, ServerFault, "runner"),
    (
        400,
        {"error": '{"error":{"message":"request (8889 tokens) exceeds the available context size (4096)"}}'},
        ContextError,
        "8889",
    ),
    (400, {"error": '"llama3" does not support thinking'}, ModelSetupError, "take think out"),
    (400, {"error": 'option "temperature" must be of type float32'}, ModelSetupError, "take temperature out"),
    (
        400,
        {"error": "the prompt is longer than the context length currently available to the model"},
        ContextError,
        "longer",
    ),
    (200, {"done": True}, ServerFault, "no message"),
    (200, ollama(prompt_eval_count=8192), ContextError, "8,192"),
]


@pytest.mark.parametrize(("status", "body", "kind", "says"), OLLAMA_TABLE)
async def test_what_ollama_answers(status: int, body: Any, kind: type[Exception], says: str) -> None:
    async with wire(lambda _: (status, {}, body)) as server, opened(server.url, "ollama") as one:
        with pytest.raises(kind, match=says.replace("(", r"\(")) as caught:
            await one.send(ASK)
    assert type(caught.value) is kind


def refusal(message: str, param: str | None = None, code: str | None = None) -> Any:
    return 400, {}, {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}


NO_TEMPERATURE = (
    "Unsupported value: 'temperature' does not support 0.5 with this model. Only the default (1) value is supported."
)
FORBIDDEN = {"detail": [{"type": "extra_forbidden", "loc": ["body", "temperature"], "msg": "Extra inputs"}]}
REFUSED_PARAMETERS = [
    ("openai", refusal(NO_TEMPERATURE, "temperature", "unsupported_value"), "take temperature out of parameters"),
    ("mistral", (422, {}, {"object": "error", "message": FORBIDDEN}), "take temperature out of parameters"),
    ("cohere", (422, {}, {"message": "unprocessable entity: temperature is not supported"}), "take temperature out"),
    ("openai", refusal("Unrecognized request argument supplied: temperature"), "take temperature out"),
    ("openai", refusal("max_completion_tokens is too large: 77.", "max_completion_tokens"), "lower max_tokens"),
]


@pytest.mark.parametrize(("provider", "answer", "says"), REFUSED_PARAMETERS)
async def test_a_parameter_that_is_refused_ends_the_run_in_one_line(provider: str, answer: Any, says: str) -> None:
    async with wire(lambda _: answer) as server, opened(server.url, provider) as one:
        with pytest.raises(ModelSetupError, match=says) as caught:
            await one.send(ASK)
    assert str(caught.value).startswith(f"{provider}:some/model:3b: the request is refused (4")
    assert "\n" not in str(caught.value)


async def test_a_length_of_another_name_is_found_out() -> None:
    said = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."

    def newer(request: Request) -> Any:
        return refusal(said, "max_tokens", "unsupported_parameter") if "max_tokens" in request.body else good(request)

    async with wire(newer) as server, opened(server.url, "compatible") as one:
        refused = await asyncio.gather(one.send(ASK), one.send(ASK), return_exceptions=True)
        assert [type(error) for error in refused] == [ModeRefused] * 2
        assert (await one.send(ASK)).raw
    assert server.log[-1].body["max_completion_tokens"] == 77
    assert used(server.log[-1]) == "json_schema", "the way of asking for JSON stays"


@pytest.mark.parametrize(("provider", "name"), [("compatible", "seed"), ("mistral", "random_seed")])
async def test_a_seed_that_is_refused_is_left_out(provider: str, name: str) -> None:
    body = {"detail": [{"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs are not permitted"}]}

    def seedless(request: Request) -> Any:
        return (422, {}, body) if name in request.body else good(request)

    async with wire(seedless) as server, opened(server.url, provider) as one:
        with pytest.raises(ModeRefused):
            await one.send(ASK)
        assert (await one.send(ASK)).raw
    assert name not in server.log[-1].body


@pytest.mark.parametrize("provider", ["lmstudio", "llamacpp"])
async def test_a_server_that_knows_no_named_tool_is_told_that_one_is_required(provider: str) -> None:
    async with wire(good) as server, opened(server.url, provider, reply_mode="tools") as one:
        await one.send(ASK)
    assert server.log[0].body["tool_choice"] == "required"
    assert len(server.log[0].body["tools"]) == 1


NOW = "Sat, 21 Nov 2026 05:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "Sat, 21 Nov 2026 05:01:30 GMT", "date": NOW}, 90.0),
        ({"retry-after": "Saturday, 21-Nov-26 05:01:30 GMT", "date": NOW}, 90.0),
        ({"retry-after": "Sat, 21 Nov 2026 04:00:00 GMT", "date": NOW}, 0.0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e9"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Sat, 99 Nov 2026 99:99:99 GMT"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m2.5s"}, 62.5),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "120ms"}, 0.12),
        ({"x-ratelimit-remaining-tokens": "9", "x-ratelimit-reset-tokens": "6m"}, None),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "later"}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == (None if seconds is None else pytest.approx(seconds))


def test_a_date_without_the_servers_clock_is_taken_against_ours() -> None:
    from datetime import UTC, datetime, timedelta
    from email.utils import format_datetime

    then = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 57 <= (retry_after({"retry-after": then}) or 0) <= 60


async def test_retry_after_reaches_the_fault() -> None:
    async with wire(lambda _: (429, {"Retry-After": "3"}, {})) as server, opened(server.url) as one:
        with pytest.raises(RateLimited) as limited:
            await one.send(ASK)
    async with wire(lambda _: (503, {"Retry-After": "4"}, {})) as server, opened(server.url) as one:
        with pytest.raises(ServerFault) as broke:
            await one.send(ASK)
    assert (limited.value.retry_after, broke.value.retry_after) == (3.0, 4.0)


@pytest.mark.parametrize("misdeed", ["hang", "trickle"])
async def test_a_server_that_hangs_or_trickles_ends_in_time(misdeed: str) -> None:
    async with wire(lambda _: misdeed) as server, opened(server.url, timeout=0.3) as one:
        began = time.monotonic()
        with pytest.raises(TimedOut, match=r"openai:some/model:3b: no answer within 0\.3 s"):
            await one.send(ASK)
        assert 0.25 < time.monotonic() - began < 1.5


async def test_a_connection_that_breaks_or_is_refused() -> None:
    async with wire(lambda _: "drop") as server, opened(server.url) as one:
        with pytest.raises(Disconnected, match="broke") as broke:
            await one.send(ASK)
    assert broke.value.billed, "the request was out"
    async with opened(server.url) as gone:
        with pytest.raises(Disconnected, match="cannot reach http://127") as refused:
            await gone.send(ASK)
    assert not refused.value.billed


@pytest.mark.parametrize(
    ("status", "kind", "says", "billed"),
    [
        (200, ServerFault, "the answer broke off", True),
        (503, ServerFault, "the server failed", False),
        (429, RateLimited, "slow down", False),
        (401, ModelSetupError, "the key is refused", None),
    ],
)
async def test_an_answer_that_breaks_off_is_a_servers(status: int, kind: type, says: str, billed: bool | None) -> None:
    half = ("half", status, b'{"error": {"message": "slow down"}, "choices": [{')
    async with wire(lambda _: half) as server, opened(server.url) as one:
        with pytest.raises(kind, match=says) as caught:
            await one.send(ASK)
        await one.check() if status == 200 else None  # the server is there
    assert type(caught.value) is kind
    assert getattr(caught.value, "billed", None) is billed


@pytest.fixture
def full_backlog() -> Iterator[str]:
    """The address of a server that never takes a connection."""
    with socket.socket() as server, ExitStack() as stack:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            with suppress(BlockingIOError):
                waiting.connect(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("connect", [0.2, 15.0], ids=["connecting", "whole request"])
@pytest.mark.parametrize("provider", ["openai", "ollama"])
async def test_a_server_that_takes_no_connection_is_not_there(
    full_backlog: str, connect: float, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ragset.adapters.models.http.CONNECT", connect)
    async with opened(full_backlog, provider, timeout=0.5) as one:
        with pytest.raises(Disconnected, match="cannot reach http://127") as caught:
            await one.send(PLAIN)
        assert not caught.value.billed
        with pytest.raises(UnreachableError, match="cannot reach http://127"):
            await one.check(0.4)  # type: ignore[call-arg]


BILLED = [
    (lambda _: "hang", TimedOut, True),
    (lambda _: "trickle", TimedOut, True),
    (lambda _: (200, {}, b"not json"), ServerFault, True),
    (lambda _: (200, {"content-encoding": "gzip"}, b"no gzip"), ServerFault, True),
    (lambda _: (200, {}, {"choices": []}), ServerFault, True),
    (lambda _: (200, {}, {"error": "upstream is gone"}), ServerFault, True),
    (lambda _: (200, {}, {"error": {"code": 429, "message": "busy"}}), RateLimited, False),
    (lambda _: (429, {}, {}), RateLimited, False),
    (lambda _: (500, {}, {}), ServerFault, False),
    (lambda _: (400, {}, {"error": "no"}), ModelError, False),
    (lambda _: (400, {}, {"error": "response_format"}), ModeRefused, False),
    (lambda _: (400, {}, {"error": "maximum context length"}), ContextError, False),
]


@pytest.mark.parametrize(("answer", "kind", "billed"), BILLED)
async def test_what_may_have_been_billed(answer: Callable[[Request], Any], kind: type, billed: bool) -> None:
    async with wire(answer) as server, opened(server.url, timeout=0.3) as one:
        with pytest.raises(kind) as caught:
            await one.send(ASK)
    assert (type(caught.value), caught.value.billed) == (kind, billed)


@pytest.mark.parametrize(("body", "kind"), [(ollama(prompt_eval_count=8192), ContextError), ({}, ServerFault)])
async def test_what_ollama_cut_or_left_out_was_billed(body: dict[str, Any], kind: type) -> None:
    async with wire(lambda _: (200, {}, body)) as server, opened(server.url, "ollama") as one:
        with pytest.raises(kind) as caught:
            await one.send(ASK)
    assert caught.value.billed


async def test_a_larger_context_of_ollama_is_another_model_to_the_cache_whatever_check_finds() -> None:
    shown = 200, {}, {"model_info": {"llama.context_length": 2048}}
    async with (
        wire(lambda _: shown) as server,
        opened(server.url, "ollama", context=1024) as small,
        opened(server.url, "ollama", context=4096) as large,
    ):
        before = large.identity
        await large.check()
        assert (large.context, large.identity) == (2048, before), "a replay knows no server"
        assert small.identity != large.identity


async def test_an_endless_answer_is_cut_off() -> None:
    async with wire(lambda _: "flood") as server, opened(server.url) as one:
        with pytest.raises(ServerFault, match="longer than 20 MB"):
            await one.send(ASK)


async def test_many_requests_in_flight_have_a_connection_each_and_keep_it() -> None:
    waiting: list[asyncio.Event] = []

    async with wire(good) as server, opened(server.url, concurrency=200) as one:
        everyone = asyncio.Event()
        reply = server.reply

        async def together(answer: Any, writer: asyncio.StreamWriter) -> None:
            waiting.append(everyone)
            if len(waiting) == 200:
                everyone.set()
            await everyone.wait()
            await reply(answer, writer)

        server.reply = together  # type: ignore[method-assign]
        async with asyncio.timeout(15):
            replies = await asyncio.gather(*(one.send(PLAIN) for _ in range(200)))
            replies += await asyncio.gather(*(one.send(PLAIN) for _ in range(200)))
        session = one._http._session  # type: ignore[attr-defined]
    assert {reply.raw for reply in replies} == {'{"question": "Why?"}'}
    assert server.connections == 200
    assert session.closed


def proxied(monkeypatch: pytest.MonkeyPatch, named: str, *kinds: str, **more: str) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        for spelling in (name, name.lower()):
            monkeypatch.delenv(spelling, raising=False)
    for name, value in {**{f"{kind}_PROXY": named for kind in kinds}, **more}.items():
        monkeypatch.setenv(name, value)


def asking(url: str) -> Http:
    return Http(url, Address("vllm:m", url, secret=Key(KEY)), Key(KEY))


async def test_a_proxy_is_for_what_is_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    proxied(monkeypatch, "http://127.0.0.1:9", "HTTP")
    async with wire(good) as server, opened(server.url) as one:
        assert (await one.send(PLAIN)).raw
    async with opened("http://box.invalid", "vllm") as outside:
        with pytest.raises(Disconnected):
            await outside.send(PLAIN)
    async with wire(good) as proxy:
        proxied(monkeypatch, proxy.url.replace("http://", "http://me:secret@"), "HTTP")
        outside = asking("http://box.invalid:8000")
        assert await outside.post("chat", {})
        await outside.aclose()
        for spared in ("box.invalid", "box.invalid:8000"):
            monkeypatch.setenv("NO_PROXY", spared)
            async with opened("http://box.invalid:8000", "vllm") as outside:
                with pytest.raises(Disconnected):
                    await outside.send(PLAIN)
    (asked,) = proxy.log
    assert asked.path == "http://box.invalid:8000/chat"
    assert asked.headers["authorization"] == f"Bearer {KEY}"  # to the server; over http the proxy sees all
    assert asked.headers["proxy-authorization"] == f"Basic {b64encode(b'me:secret').decode()}"


@pytest.mark.parametrize("kind", ["HTTPS", "ALL"])
async def test_a_proxy_never_hears_the_key_of_an_https_server(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    async with wire(lambda _: (403, {}, {})) as proxy:
        proxied(monkeypatch, proxy.url.replace("http://", "http://me:secret@"), kind)
        outside = asking("https://box.invalid")
        with pytest.raises(Disconnected) as caught:
            await outside.post("chat", {})
        await outside.aclose()
    (asked,) = proxy.log
    assert (asked.method, asked.path) == ("CONNECT", "box.invalid:443")
    assert asked.headers["proxy-authorization"] == f"Basic {b64encode(b'me:secret').decode()}"
    assert asked.headers["user-agent"] == "ragset"
    assert KEY not in json.dumps(asked.headers)
    assert not caught.value.billed
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "named", ["http://me:Zx#9q@proxy:80", "http://me:Zx9q@proxy:port", "socks5://me:Zx9q@127.0.0.1:9"]
)
async def test_a_proxy_that_cannot_be_used_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    proxied(monkeypatch, named, "HTTP")
    async with opened("http://box.invalid", "vllm") as outside:
        with pytest.raises(ModelSetupError, match="HTTP_PROXY") as caught:
            await outside.send(PLAIN)
    said = "".join(traceback.format_exception(caught.value))
    assert "Zx" not in said
    assert "9q" not in said


async def test_certificates_that_are_not_there_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/certificates.pem")
    async with opened("https://box.invalid", "vllm") as outside:
        with pytest.raises(ModelSetupError, match=r"SSL_CERT_FILE=/nowhere/certificates\.pem"):
            await outside.send(PLAIN)


async def test_a_long_header_of_a_reply_is_read() -> None:
    async with wire(lambda _: (200, {"x-note": "n" * 30_000}, chat())) as server, opened(server.url) as one:
        assert (await one.send(PLAIN)).raw


async def test_redirects_carry_no_key_elsewhere() -> None:
    async with wire(good) as other:
        elsewhere = {"location": other.url + "/v1/x"}
        async with wire(lambda _: (307, elsewhere, {})) as server, opened(server.url) as one:
            with pytest.raises(ModelSetupError, match="another address"):
                await one.send(ASK)
    assert other.log == []


async def test_cancelling_a_request_leaves_the_client_usable() -> None:
    answers = iter(["hang"])
    async with wire(lambda r: next(answers, None) or good(r)) as server, opened(server.url) as one:
        task = asyncio.ensure_future(one.send(ASK))
        async with asyncio.timeout(15):
            while not server.log:  # on a busy machine the first request takes its time
                await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await one.send(ASK)).raw


def test_a_transport_serves_one_loop_after_another() -> None:
    async def once() -> str:
        async with wire(good) as server:
            chosen = ModelChoice(model="compatible:m", base_url=server.url)
            transport = kept.setdefault("transport", open_transport(resolve(chosen, {})))
            transport._http._base = server.url + "/v1"  # the port changes with the server
            text = (await transport.send(PLAIN)).raw
            kept["sessions"] = [*kept.get("sessions", []), transport._http._session]
            return text

    async def close() -> None:
        await kept["transport"].aclose()

    kept: dict[str, Any] = {}
    assert asyncio.run(once()) == asyncio.run(once()) == '{"question": "Why?"}'
    asyncio.run(close())
    assert [session.closed for session in kept["sessions"]] == [True, True]


class Memory(dict[str, str]):
    def remember(self, key: str, value: str) -> None:
        self[key] = value

    def recall(self, key: str) -> str | None:
        return self.get(key)


def used(request: Request) -> str:
    if "tools" in request.body:
        return "tools"
    form = request.body.get("response_format", request.body.get("format", {}))
    return form if isinstance(form, str) else form.get("type", "text")


@pytest.mark.parametrize(
    ("provider", "order"), [("compatible", ALL_MODES), ("lmstudio", ("json_schema", "tools", "text"))]
)
async def test_modes_fall_through_to_text_and_are_remembered(provider: str, order: tuple[str, ...]) -> None:
    def only_text(request: Request) -> Any:
        mode = used(request)
        return (
            good(request)
            if mode == "text"
            else (400, {}, {"error": {"message": f"no response_format or tools {mode}"}})
        )

    notes = Memory()
    async with wire(only_text) as server:
        async with opened(server.url, provider, notes) as one:
            for _ in order[:-1]:
                with pytest.raises(ModeRefused):
                    await one.send(ASK)
            assert (await one.send(ASK)).raw
        assert [used(request) for request in server.log] == list(order)
        assert "JSON schema" in server.log[-1].body["messages"][-1]["content"]
        assert '"minLength":3' in server.log[-1].body["messages"][-1]["content"]
        assert server.log[-1].body["messages"][0]["content"] == "You write."
        async with opened(server.url, provider, notes) as two:
            await two.send(ASK)
        assert len(server.log) == len(order) + 1
    assert list(notes.values()) == ["text"]
    assert KEY not in repr(notes)


async def test_ollama_falls_back_to_json_and_to_text() -> None:
    def picky(request: Request) -> Any:
        refused = "format" in request.body
        return (400, {}, {"error": "format is not supported"}) if refused else good(request)

    async with wire(picky) as server, opened(server.url, "ollama") as one:
        for _ in range(2):
            with pytest.raises(ModeRefused):
                await one.send(ASK)
        await one.send(ASK)
    assert [request.body.get("format") for request in server.log] == [SCHEMA, "json", None]
    assert "JSON schema" in server.log[1].body["messages"][-1]["content"]


async def test_refusals_of_many_in_flight_skip_no_mode() -> None:
    def no_schema(request: Request) -> Any:
        ok = used(request) != "json_schema"
        return good(request) if ok else (400, {}, {"error": {"message": "response_format json_schema unsupported"}})

    async with wire(no_schema) as server, opened(server.url, "compatible") as one:
        first = await asyncio.gather(*(one.send(ASK) for _ in range(20)), return_exceptions=True)
        assert all(isinstance(result, ModeRefused) for result in first)
        await one.send(ASK)
    assert used(server.log[-1]) == "json_object"
    assert server.log[-1].body["response_format"] == {"type": "json_object"}


async def test_a_mode_that_was_chosen_is_not_left() -> None:
    refuse = (400, {}, {"error": {"message": "tools are not supported"}})
    async with wire(lambda _: refuse) as server, opened(server.url, reply_mode="tools") as one:
        with pytest.raises(ModelSetupError, match="leave out reply_mode: tools"):
            await one.send(ASK)
    body = server.log[0].body
    assert body["tools"][0]["function"]["name"] == "reply"
    assert body["tool_choice"] == {"type": "function", "function": {"name": "reply"}}


ANY = {"type": "object", "properties": {"any": {}}}


def test_modes_by_themselves() -> None:
    modes = Modes(ALL_MODES)
    assert modes.refuse("json_schema")
    assert modes.refuse("json_schema"), "a late refusal"
    assert modes.current == "json_object"
    assert modes.refuse("json_object", SCHEMA, "Invalid schema for response_format 'reply'")
    assert modes.mode_for(SCHEMA) == "tools", "this schema alone moves on"
    assert modes.refuse("json_object", ANY, "The provided JSON schema contains features not supported by xgrammar.")
    assert (modes.mode_for(ANY), modes.current) == ("tools", "json_object")
    assert modes.mode_for({"type": "object"}) == "json_object"
    assert modes.mode_for({"type": "array"}, objects_only=("json_object",)) == "text"
    assert modes.mode_for(None) == "text"
    assert modes.current == "json_object"
    assert not Modes(ALL_MODES, fixed="tools").refuse("tools")
    notes = Memory({"reply mode k": "no mode"})
    assert Modes(ALL_MODES, key="k", notes=notes).current == "json_schema"


def test_a_server_that_ignores_the_mode_is_noticed_but_broken_replies_are_not_mistaken_for_it() -> None:
    modes = Modes(ALL_MODES)
    for _ in range(IGNORED_AT):
        assert modes.current == "json_schema"
        modes.observe("json_schema", "Sure, I can do that.")
    assert modes.current == "json_object"
    modes.observe("json_object", 'Sure: {"a": 1')
    for _ in range(IGNORED_AT):
        modes.observe("json_object", "no json")
    assert modes.current == "json_object"


def test_the_strict_dialect() -> None:
    nested = {
        "type": "object",
        "properties": {
            "default": {"$ref": "#/$defs/A", "description": "x"},
            "rows": {"type": "array", "items": SCHEMA},
        },
        "$defs": {"A": {"type": "object", "properties": {"title": {"enum": ["a", "b"]}}}},
    }
    strict = strict_schema(nested)
    assert strict is not None
    assert strict["required"] == ["default", "rows"]
    assert strict["properties"]["default"] == {"$ref": "#/$defs/A"}
    assert strict["properties"]["rows"]["items"]["additionalProperties"] is False
    assert strict["$defs"]["A"]["properties"] == {"title": {"enum": ["a", "b"]}}
    assert strict["$defs"]["A"]["required"] == ["title"]
    assert strict_schema({"type": "object", "additionalProperties": {"type": "string"}}) is None
    assert strict_schema({"type": "object", "properties": {"a": {"oneOf": [{}]}}}) is None
    assert strict_schema({"type": "array", "items": {}}) is None
    ranges = {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 1}
    listed = strict_schema({"type": "object", "properties": {"minItems": ranges}})
    assert listed is not None
    assert listed["properties"] == {"minItems": {"type": "array", "items": {"type": "integer"}}}
    assert SCHEMA["properties"]["question"]["minLength"] == 3, "the ask's own schema is left as it is"


REPLIES = [
    (chat([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]), "ab", "stop"),
    (chat({"question": "ț"}), '{"question": "ț"}', "stop"),
    (chat(None), "", "stop"),
    (chat("", message={"reasoning_content": "hm"}), "", "stop"),
    (chat(None, message={"refusal": "I will not."}), "I will not.", "refusal"),
    (chat(None, message={"reasoning": "hm"}), "", "stop"),
    (chat([{"type": "thinking", "thinking": [{"text": "hm"}]}, {"type": "text", "text": "a"}]), "a", "stop"),
    ({"choices": [{"message": {"content": ""}, "finish_reason": "length"}]}, "", "length"),
    ({"choices": [{"message": {"content": "a"}, "finish_reason": "model_length"}]}, "a", "length"),
    (chat("x", usage=None), "x", "stop"),
]


@pytest.mark.parametrize(("body", "raw", "finish"), REPLIES)
async def test_replies_in_every_shape(body: dict[str, Any], raw: str, finish: str) -> None:
    async with wire(lambda _: (200, {}, body)) as server, opened(server.url) as one:
        reply = await one.send(PLAIN)
    assert (reply.raw, reply.value, reply.finish) == (raw, raw, finish)


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
async def test_json_that_was_taken_for_reasoning_is_the_reply_and_thoughts_are_not(name: str) -> None:
    said = ['{"question": "A"}', 'I draft {"question": "A"}']
    async with (
        wire(lambda _: (200, {}, chat(None, message={name: said.pop(0)}))) as server,
        opened(server.url, "vllm") as one,
    ):
        assert [(await one.send(ASK)).raw, (await one.send(ASK)).raw] == ['{"question": "A"}', ""]


async def test_tokens_nobody_counted_are_estimated() -> None:
    body = chat("12345", usage={"prompt_tokens": None})
    async with wire(lambda _: (200, {}, body)) as server, opened(server.url) as one:
        reply = await one.send(PLAIN)
    assert reply.usage == Usage(calls=1, prompt_tokens=2, completion_tokens=2)


async def test_the_arguments_of_a_call_are_the_reply_and_logprobs_come_along() -> None:
    calls = [{"function": {"name": "reply", "arguments": '{"question": "A"}'}}]
    body = chat(None, message={"tool_calls": calls})
    body["choices"][0]["logprobs"] = {"content": []}
    async with wire(lambda _: (200, {}, body)) as server, opened(server.url, reply_mode="tools") as one:
        reply = await one.send(ASK)
        calls[0]["function"]["arguments"] = {"question": "B"}  # type: ignore[assignment]
        other = await one.send(ASK)
    assert (reply.raw, reply.logprobs) == ('{"question": "A"}', {"content": []})
    assert json.loads(other.raw) == {"question": "B"}


def test_the_host_of_ollamas_own_service_is_asked_by_https() -> None:
    assert of_host("ollama.com") == "https://ollama.com"
    assert of_host("ollama.com:80") == "http://ollama.com:80"


LISTS = [
    ({"id": "some/model:3b", "max_model_len": 4096}, "vllm"),
    ({"id": "some/model:3b", "context_length": 4096}, "openrouter"),
    ({"id": "some/model:3b", "max_context_length": 4096}, "mistral"),
    ({"id": "other", "aliases": ["other", "some/model:3b"], "meta": {"n_ctx": 4096, "n_ctx_train": 9}}, "llamacpp"),
]


@pytest.mark.parametrize(("row", "provider"), LISTS)
async def test_each_list_of_models_tells_the_context_in_its_own_field(row: dict[str, Any], provider: str) -> None:
    async with wire(lambda _: (200, {}, {"data": [row]})) as server, opened(server.url, provider) as one:
        await one.check()
    assert one.context == 4096


async def test_the_context_is_learnt_from_the_server() -> None:
    def answer(request: Request) -> Any:
        if request.path == "/api/show":
            return 200, {}, {"model_info": {"llama.context_length": 2048}}
        return 200, {}, {"data": [{"id": "some/model:3b", "max_model_len": 4096}, {"id": "b"}]}

    async with wire(answer) as server, opened(server.url, "vllm") as one, opened(server.url, "ollama") as two:
        assert (one.context, two.context) == (None, 8192)
        await one.check()
        await two.check()
        assert (one.context, two.context) == (4096, 2048)
    async with opened(server.url, "vllm") as gone:
        with pytest.raises(UnreachableError, match="cannot reach"):
            await gone.check()


def test_a_key_shows_itself_to_nobody() -> None:
    resolved = resolve(ModelChoice(model="openai:gpt"), {"OPENAI_API_KEY": KEY})
    transport = open_transport(resolved)
    key = resolved.key
    assert key is not None
    assert key.reveal() == KEY
    texts = [str(key), repr(key), f"{key}", repr(resolved), str(resolved), repr(transport), repr(vars(transport))]
    texts += [repr(vars(transport._http)), repr(transport._http.address), repr(Key("short"))]  # type: ignore[attr-defined]
    assert not any("SECRET" in text or "short" in text for text in texts)
    assert str(key) == "…wxyz"
    assert str(Key("short")) == "set"
    with pytest.raises(TypeError):
        pickle.dumps(key)


def test_what_servers_repeat_is_masked() -> None:
    address = Address("openai:x", "http://x", secret=Key(KEY))
    said_by_servers = (
        f"key {KEY} is odd",
        "token hf_abcdefghijklmnop",
        "header Bearer abc.def",
        "key provided: abcdefghijkl",
        f"odd {'0123abcdefabcdef' * 2}",
    )
    for said in said_by_servers:
        text = str(fault_of(400, {}, {"error": said}, address))
        assert "***" in text
        assert "0123abc" not in text
        assert not any(part in text for part in ("SECRET", "abcdefgh", "abc.def"))
    assert "\x1b" not in str(fault_of(500, {}, {"error": "\x1b[31mred\nline"}, address))


def test_what_a_server_repeats_of_the_request_is_no_message() -> None:
    body = {"detail": [{"loc": ["body", "top_p"], "msg": "too large", "input": {"response_format": 1}}]}
    assert message_of(body) == "too large · body.top_p"
    refused = fault_of(422, {}, body, Address("a:b", "http://x"), "json_schema")
    assert type(refused) is ModelError
    assert not isinstance(refused, Fault)
