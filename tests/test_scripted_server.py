"""The scripted model server itself: its paths, replies, faults and refusals, its log, and that it is quick."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import ceil
from pathlib import Path
from typing import Any

import httpx
import pytest

from ragset.errors import ReplyError
from ragset.kit.replies import read_reply
from support.dialects import not_strict
from support.faults import KINDS, REPAIRABLE, UNREADABLE, FaultPlan, garbled
from support.scripted_server import ModelServer, ServerProcess, fault, in_flight_mean, raw, said

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"color": {"type": "string"}, "count": {"type": "integer", "minimum": 3, "maximum": 5}},
    "required": ["color", "count"],
    "additionalProperties": False,
}
USER = [{"role": "user", "content": "Say some words as JSON."}]


def ask(server: ModelServer, path: str = "/v1/chat/completions", timeout: float = 5, key: str = "", **body: Any):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    given = {"model": "m", "messages": USER} | body
    return httpx.post(server.root + path, json=given, headers=headers, timeout=timeout)


def text_of(reply: httpx.Response) -> str:
    return reply.json()["choices"][0]["message"]["content"]


JSON_SCHEMA = {"type": "json_schema", "json_schema": {"name": "reply", "schema": SCHEMA, "strict": True}}
TOOLS = [{"type": "function", "function": {"name": "reply", "parameters": SCHEMA}}]


@pytest.mark.parametrize(
    ("path", "body", "where"),
    [
        ("/v1/chat/completions", {"response_format": JSON_SCHEMA}, ("choices", 0, "message", "content")),
        ("/api/v3/inference/chat/completions", {"response_format": JSON_SCHEMA}, ("choices", 0, "message", "content")),
        ("/compatibility/v1/chat/completions", {"response_format": JSON_SCHEMA}, ("choices", 0, "message", "content")),
        (
            "/v1/chat/completions",
            {"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "reply"}}},
            ("choices", 0, "message", "tool_calls", 0, "function", "arguments"),
        ),
        ("/api/chat", {"format": SCHEMA, "stream": False}, ("message", "content")),
        (
            "/v2/chat",
            {"response_format": {"type": "json_object", "json_schema": SCHEMA}},
            ("message", "content", 0, "text"),
        ),
    ],
)
def test_a_schema_is_answered_on_every_path(
    model_server: ModelServer, path: str, body: dict[str, Any], where: tuple[Any, ...]
) -> None:
    value: Any = ask(model_server, path, **body).json()
    for key in where:
        value = value[key]
    assert json.loads(value) == {"color": "Say some words as JSON Say some words as JSON Say some", "count": 4}
    (record,) = model_server.log
    assert record["path"] == path
    assert record["mode"] in ("json_schema", "tools")
    assert record["kind"] == "ok"
    assert record["usage"]["prompt_tokens"] == ceil(len(USER[0]["content"]) / 4)
    assert record["usage"]["completion_tokens"] == ceil(len(value) / 4)


def test_a_schema_told_in_the_prompt_is_answered_in_json_object_and_plain_mode(model_server: ModelServer) -> None:
    told = [{"role": "user", "content": f"Something. Reply with JSON that fits: {json.dumps(SCHEMA)}"}]
    for more in ({"response_format": {"type": "json_object"}}, {}):
        assert json.loads(text_of(ask(model_server, messages=told, **more))).keys() == {"color", "count"}


def test_completions_models_and_ollamas_own_pages() -> None:
    with ModelServer(models=("small", "large"), context=4096) as server:
        done = httpx.post(f"{server.url}/completions", json={"model": "small", "prompt": "Say this."}).json()
        assert done["choices"][0]["text"].startswith("It is about Say this")
        listed = httpx.get(f"{server.url}/models").json()["data"]
        assert [(m["id"], m["max_model_len"]) for m in listed] == [("small", 4096), ("large", 4096)]
        assert [m["name"] for m in httpx.get(f"{server.root}/api/tags").json()["models"]] == ["small", "large"]
        shown = httpx.post(f"{server.root}/api/show", json={"model": "large"}).json()
        assert shown["model_info"]["llama.context_length"] == 4096
        assert httpx.get(f"{server.url}/nothing").status_code == 404
        assert len(server.log) == 1
        assert len(server.lookups) == 4


def test_key_model_and_context_are_checked() -> None:
    with ModelServer(key="sk-right-1234", models=("m",), context=1000) as server:
        missing, wrong = ask(server), ask(server, key="sk-wrong-5678")
        assert (missing.status_code, wrong.status_code) == (401, 401)
        assert wrong.json()["error"]["code"] == "invalid_api_key"
        assert "sk-wrong-5678" not in wrong.text
        assert httpx.get(f"{server.url}/models").status_code == 401
        unknown = ask(server, key="sk-right-1234", model="other")
        assert unknown.status_code == 404
        assert unknown.json()["error"]["code"] == "model_not_found"
        long = [{"role": "user", "content": "x" * 3000}]
        over = ask(server, key="sk-right-1234", messages=long, max_tokens=251)
        assert over.status_code == 400
        assert over.json()["error"]["code"] == "context_length_exceeded"
        assert ask(server, key="sk-right-1234", messages=long, max_tokens=250).status_code == 200
        assert [r["headers"].get("authorization") for r in server.log][1] == "Bearer sk-wrong-5678"


def test_ollama_cuts_a_long_prompt_silently_unless_forbidden(model_server: ModelServer) -> None:
    long = [{"role": "user", "content": "start " + "word " * 400 + "end."}]
    cut = ask(model_server, "/api/chat", messages=long, stream=False, options={"num_ctx": 100})
    assert cut.status_code == 200
    assert cut.json()["prompt_eval_count"] == 100
    assert "start" not in cut.json()["message"]["content"]
    assert model_server.log[0]["truncated"]
    refused = ask(model_server, "/api/chat", messages=long, stream=False, truncate=False, options={"num_ctx": 100})
    assert refused.status_code == 400
    assert "context length" in refused.json()["error"]


def test_ollama_streams_by_default(model_server: ModelServer) -> None:
    rows = [json.loads(line) for line in ask(model_server, "/api/chat").text.splitlines()]
    assert [row["done"] for row in rows] == [False, True]
    assert rows[-1]["eval_count"] > 0


@pytest.mark.parametrize(
    ("flavour", "mode", "body", "words"),
    [
        ("openai", "json_schema", {"response_format": JSON_SCHEMA}, "'json_schema' is not supported with this model"),
        ("openai", "json_object", {"response_format": {"type": "json_object"}}, "'json_object' is not supported"),
        ("openai", "tools", {"tools": TOOLS}, "tools is not supported"),
        ("vllm", "tools", {"tools": TOOLS}, "--enable-auto-tool-choice"),
        ("lmstudio", "json_object", {"response_format": {"type": "json_object"}}, "must be 'json_schema' or 'text'"),
        ("llamacpp", "json_schema", {"response_format": JSON_SCHEMA}, "failed to parse grammar"),
    ],
)
def test_ways_of_asking_are_refused_in_the_servers_words(
    model_server: ModelServer, flavour: str, mode: str, body: dict[str, Any], words: str
) -> None:
    model_server.set(refuse={mode}, flavour=flavour)
    refused = ask(model_server, **body)
    assert refused.status_code == 400
    assert words in refused.text
    assert model_server.log[0]["kind"] == "refused"
    model_server.set(refuse=())
    assert ask(model_server, **body).status_code == 200


def test_openai_wants_the_word_json_and_closed_schemas(model_server: ModelServer) -> None:
    plain = [{"role": "user", "content": "Say something."}]
    no_word = ask(model_server, messages=plain, response_format={"type": "json_object"})
    assert no_word.status_code == 400
    assert "must contain the word 'json'" in no_word.text
    loose = {"type": "object", "properties": {"a": {"type": "string"}}}
    for schema, words in (
        (loose, "additionalProperties"),
        (loose | {"additionalProperties": False}, "Missing ['a']"),
        (SCHEMA | {"properties": {"x": loose}, "required": ["x"]}, "additionalProperties"),
    ):
        form = {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema, "strict": True}}
        refused = ask(model_server, response_format=form)
        assert refused.status_code == 400
        assert words in refused.json()["error"]["message"]
        assert ask(
            model_server, response_format={**form, "json_schema": {**form["json_schema"], "strict": False}}
        ).is_success
    assert not_strict(SCHEMA) is None


def test_scripted_replies_come_in_order_or_where_they_match(model_server: ModelServer) -> None:
    model_server.script("for cats", when="cat")
    model_server.script(said({"a": 1}, finish="length"), raw(418, {"error": "teapot"}, headers={"x-a": "b"}))
    first = ask(model_server)
    assert text_of(first) == '{"a": 1}'
    assert first.json()["choices"][0]["finish_reason"] == "length"
    assert text_of(ask(model_server, messages=[{"role": "user", "content": "a cat"}])) == "for cats"
    teapot = ask(model_server)
    assert (teapot.status_code, teapot.headers["x-a"]) == (418, "b")
    assert ask(model_server).status_code == 200
    assert model_server.log[-1]["kind"] == "ok"


def test_too_many_requests_are_told_when_to_come_back(model_server: ModelServer) -> None:
    model_server.plan(retry_after=2)
    model_server.script(fault("429"), fault("429_date"), fault("429_bare"), fault("503", retry_after=0.5))
    seconds, date, bare, busy = (ask(model_server) for _ in range(4))
    assert [r.status_code for r in (seconds, date, bare, busy)] == [429, 429, 429, 503]
    assert seconds.headers["retry-after"] == "2"
    assert busy.headers["retry-after"] == "0.5"
    wait = (parsedate_to_datetime(date.headers["retry-after"]) - datetime.now(UTC)).total_seconds()
    assert 1 < wait <= 3
    assert "retry-after" not in bare.headers


def test_the_way_can_break(model_server: ModelServer) -> None:
    model_server.script(*(fault(k) for k in ("500", "502_html", "reset", "half_body", "hang", "timeout")))
    model_server.plan(slow=0.3)
    assert ask(model_server).status_code == 500
    page = ask(model_server)
    assert page.status_code == 502
    assert page.text.startswith("<html>")
    assert page.headers["content-type"] == "text/html"
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        ask(model_server)
    with pytest.raises(httpx.RemoteProtocolError):
        ask(model_server)
    with pytest.raises(httpx.ReadTimeout):
        ask(model_server, timeout=0.2)
    with pytest.raises(httpx.ReadTimeout):
        ask(model_server, timeout=0.2)
    kinds = [record["kind"] for record in model_server.log]
    assert kinds == ["500", "502_html", "reset", "half_body", "hang", "timeout"]
    assert model_server.log[-1]["usage"]["completion_tokens"] > 0  # billed, though it came too late
    deadline = time.monotonic() + 5
    while any(record["time_out"] is None for record in model_server.log) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [record["sent"] for record in model_server.log][-2:] == [False, False]


GOOD = json.dumps({"pairs": [{"question": "What is a bight?", "n": 1}, {"question": "What is “b”?", "n": 2}]})
PAIRS = {
    "type": "object",
    "properties": {
        "pairs": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"question": {"type": "string"}, "n": {"type": "integer"}},
                "required": ["question", "n"],
            },
        }
    },
    "required": ["pairs"],
}


def sound_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("kind", [*REPAIRABLE, *UNREADABLE, "cut"])
def test_a_garbled_reply_is_garbled_as_its_name_says(model_server: ModelServer, kind: str) -> None:
    model_server.script(fault(kind, text=GOOD))
    reply = ask(model_server)
    text = text_of(reply)
    assert text != GOOD
    assert model_server.log[0]["kind"] == kind
    assert model_server.log[0]["reply"] == text
    assert reply.json()["choices"][0]["finish_reason"] == ("length" if kind == "cut" else "stop")
    assert sound_json(text) == (kind in ("double_encoded", "nan", "wrong_keys", "one_object"))
    if kind in REPAIRABLE:
        assert len(read_reply(text, PAIRS)["pairs"]) == (1 if kind == "one_object" else 2)
    elif kind != "cut":
        with pytest.raises(ReplyError):
            read_reply(text, PAIRS)


def test_a_plan_is_a_matter_of_the_request_alone() -> None:
    plan = FaultPlan({"429": 0.2, "fenced": 0.3}, seed=4, most=2)
    kinds = [plan.kind(f"body{n}", 1) for n in range(2000)]
    assert kinds == [plan.kind(f"body{n}", 1) for n in range(2000)]
    assert 340 < kinds.count("429") < 460
    assert 530 < kinds.count("fenced") < 670
    assert all(plan.kind(f"body{n}", 3) is None for n in range(100))
    assert any(plan.kind(f"body{n}", 1) != plan.kind(f"body{n}", 2) for n in range(20))
    with pytest.raises(ValueError, match="unknown faults"):
        FaultPlan({"flood": 0.1})
    with pytest.raises(ValueError, match="beyond 1"):
        FaultPlan({"500": 0.6, "503": 0.6})


def test_a_planned_fault_is_served_and_the_same_again(model_server: ModelServer) -> None:
    shares = dict.fromkeys(("500", "fenced", "empty", "prose", "429_bare"), 0.15)
    seen: list[list[str]] = []
    for _ in range(2):
        model_server.reset()
        model_server.plan(shares=shares, seed=7)
        for n in range(30):
            ask(model_server, messages=[{"role": "user", "content": f"json {n}"}])
        seen.append([record["kind"] for record in model_server.log])
    assert seen[0] == seen[1]
    assert len(set(seen[0])) >= 4
    hashes = [record["body_hash"] for record in model_server.log]
    plan = FaultPlan(shares, seed=7)
    assert seen[0] == [plan.kind(h, 1) or "ok" for h in hashes]


def test_every_kind_has_a_test_and_plain_text_can_be_garbled_too() -> None:
    assert len(set(KINDS)) == len(KINDS) == 21
    unstructured = {"trailing_commas", "smart_quotes"}  # there is nothing in a plain text to spoil
    for kind in {*REPAIRABLE, *UNREADABLE, "cut"} - unstructured:
        assert garbled(kind, "plain words", "s") != "plain words"


def test_a_reply_is_cut_at_max_tokens(model_server: ModelServer) -> None:
    model_server.script("x" * 100)
    reply = ask(model_server, max_tokens=10).json()
    assert reply["choices"][0]["message"]["content"] == "x" * 40
    assert reply["choices"][0]["finish_reason"] == "length"
    assert reply["usage"]["completion_tokens"] == 10


async def _many(server: ModelServer, count: int) -> list[int]:
    async with httpx.AsyncClient() as client:
        bodies = ({"model": "m", "messages": [{"role": "user", "content": f"json {n}"}]} for n in range(count))
        replies = await asyncio.gather(*(client.post(f"{server.url}/chat/completions", json=b) for b in bodies))
    return [reply.status_code for reply in replies]


async def test_limits_latency_and_what_is_in_flight(model_server: ModelServer) -> None:
    model_server.set(latency=0.1)
    start = time.monotonic()
    assert await _many(model_server, 20) == [200] * 20
    end = time.monotonic()
    stats = model_server.stats()
    assert stats["max_in_flight"] == 20
    assert stats["count"] == stats["distinct"] == 20
    assert stats["in_flight"] == 0
    held = [record["time_out"] - record["time_in"] for record in model_server.log]
    assert min(held) > 0.099
    assert stats["kinds"] == {"ok": 20}
    assert in_flight_mean(model_server.log, start, end) == pytest.approx(sum(held) / (end - start))
    assert stats["mean_in_flight"] == pytest.approx(sum(held) / (stats["last_out"] - stats["first_in"]), rel=0.05)
    model_server.reset()
    model_server.set(limit=5, latency=0.2)
    statuses = await _many(model_server, 12)
    assert statuses.count(200) == 5
    assert statuses.count(429) == 7
    model_server.reset()
    model_server.set(limit=None, rpm=3, window=30, latency=0)
    assert sorted(await _many(model_server, 5)) == [200, 200, 200, 429, 429]
    again = [r for r in (ask(model_server),) if r.status_code == 429]
    assert 25 < float(again[0].headers["retry-after"]) <= 30


async def test_log_normal_latencies_have_the_median_asked_for(model_server: ModelServer) -> None:
    model_server.set(latency=0.05, sigma=0.6, seed=1)
    await _many(model_server, 60)
    held = sorted(record["time_out"] - record["time_in"] for record in model_server.log)
    assert 0.03 < held[30] < 0.09
    assert held[-1] > 2 * held[0]


def test_in_flight_mean_counts_what_is_open() -> None:
    log = [{"time_in": 0.0, "time_out": 4.0}, {"time_in": 2.0, "time_out": None}]
    assert in_flight_mean(log, 0, 4) == 1.5
    assert in_flight_mean(log, 4, 8) == 1.0
    assert in_flight_mean(log, 5, 5) == 0.0


def test_a_process_of_its_own_is_governed_over_http() -> None:
    with ServerProcess("--latency", "0.01", "--reply", "hello") as server:
        body = {"model": "m", "messages": USER}
        assert text_of(httpx.post(f"{server.url}/chat/completions", json=body)) == "hello"
        server.script(fault("429", retry_after=0.1), said({"a": 1}))
        limited = httpx.post(f"{server.url}/chat/completions", json=body)
        assert (limited.status_code, limited.headers["retry-after"]) == (429, "0.1")
        assert text_of(httpx.post(f"{server.url}/chat/completions", json=body)) == '{"a": 1}'
        server.plan(shares={"empty": 1.0})
        server.set(refuse={"tools"})
        assert text_of(httpx.post(f"{server.url}/chat/completions", json=body)) == ""
        assert httpx.post(f"{server.url}/chat/completions", json=body | {"tools": TOOLS}).status_code == 400
        stats = server.stats(timeline=True)
        assert stats["count"] == 5
        assert stats["repeated"] == 3
        assert stats["kinds"]["429"] == 1
        assert server.log()[0]["body"] == body
        assert "body" not in server.log(bodies=False)[0]
        server.reset()
        assert server.stats()["count"] == 0
        assert server.log() == []
    assert server.process.poll() is not None


def test_it_ends_with_the_process_that_started_it() -> None:
    script = "import os; from support.scripted_server import ServerProcess; s = ServerProcess(); "
    script += "print(s.process.pid, s.root, flush=True); os._exit(9)"
    folder = Path(__file__).parent
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, timeout=30)
    _, root = done.stdout.split()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{root}/__stats", timeout=1)
        except httpx.TransportError:
            return
        time.sleep(0.05)
    pytest.fail("the server outlived its parent")


def test_its_options_say_what_is_wrong() -> None:
    command = [sys.executable, str(Path(__file__).parent / "support" / "scripted_server.py")]
    shown = subprocess.run([*command, "--help"], capture_output=True, text=True, timeout=30)
    assert shown.returncode == 0
    assert "--latency" in shown.stdout
    assert "fenced" in shown.stdout
    wrong = subprocess.run([*command, "--fault", "flood=1"], capture_output=True, text=True, timeout=30)
    assert wrong.returncode == 2
    assert "unknown faults" in wrong.stderr
    assert "Traceback" not in wrong.stderr


async def test_it_is_quick() -> None:
    """With 200 ms of latency and 256 in flight it takes well under a core for 600 requests a second."""
    with ServerProcess("--latency", "0.2", "--reply", "hello") as server:
        host, port = server.root.removeprefix("http://").split(":")
        left = list(range(1500))

        async def client() -> None:
            reader, writer = await asyncio.open_connection(host, int(port))
            while left:
                body = json.dumps(
                    {"model": "m", "messages": [{"role": "user", "content": f"{left.pop()} " * 500}]}
                ).encode()
                head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
                answer = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
            writer.close()
            await writer.wait_closed()

        await asyncio.gather(*(client() for _ in range(256)))
        stats = server.stats()
        rate = stats["count"] / (stats["last_out"] - stats["first_in"])
        print(f"{rate:.0f} requests a second, {stats['mean_in_flight']:.0f} in flight on average")
        assert stats["count"] == 1500
        assert stats["max_in_flight"] == 256
        assert rate > 300
