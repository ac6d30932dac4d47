"""HTTP/1.1 for the scripted server: the little that model clients use, on one asyncio protocol, with keep-alive.

A handler takes a request and gives an answer at once; the answer says how long to wait before it is sent. Nothing here
is a task, so that one core serves thousands of requests a second.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

MAX_BODY = 64 << 20


@dataclass(slots=True)
class Request:
    """One request; header names are in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    received: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class Answer:
    """What goes back, ``delay`` seconds after the request came.

    ``act`` is ``send``, ``hang`` (never answered), ``reset`` (the connection is torn down), or ``half`` (the body is
    cut and the connection closed). ``done`` is called with what became of it: ``sent`` or ``gone``.
    """

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    act: str = "send"
    done: Callable[[str], None] | None = None


Handler = Callable[[Request], Answer]


class Connection(asyncio.Protocol):
    """One client connection: requests one after the other."""

    def __init__(self, handler: Handler, open_ones: set[Connection]) -> None:
        self._handler, self._open = handler, open_ones
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._answer: Answer | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._open.discard(self)
        self._transport = None
        if self._timer:
            self._timer.cancel()
        self._finish("gone")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._answer is None:
            self._next()

    def abort(self) -> None:
        if self._transport:
            self._transport.abort()

    def _next(self) -> None:
        """Take the next whole request out of the buffer and have it answered."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        lines = self._buffer[:end].decode("latin-1").split("\r\n")
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }
        length = int(headers.get("content-length") or 0)
        if headers.get("transfer-encoding") or length > MAX_BODY:
            self._write(Answer(status=411, body={"error": {"message": "send a Content-Length"}}))
            self.abort()
            return
        if len(self._buffer) < end + 4 + length:
            return
        body = bytes(self._buffer[end + 4 : end + 4 + length])
        del self._buffer[: end + 4 + length]
        method, target, *_ = lines[0].split(" ")
        path, _, query = target.partition("?")
        given = dict(part.partition("=")[::2] for part in query.split("&") if part)
        self._serve(Request(method, path, given, headers, body))

    def _serve(self, request: Request) -> None:
        self._answer = answer = self._handler(request)
        if answer.act == "hang":
            return
        left = request.received + answer.delay - time.monotonic()
        if left > 0:
            self._timer = asyncio.get_running_loop().call_later(left, self._reply)
        else:
            self._reply()

    def _reply(self) -> None:
        self._timer = None
        answer = self._answer
        if answer is None or self._transport is None:
            return
        if answer.act == "reset":
            self._transport.abort()
            return
        self._finish("sent")
        self._write(answer)
        if answer.act == "half":
            self._transport.close()
        elif self._buffer:
            self._next()

    def _write(self, answer: Answer) -> None:
        body, kind = answer.body, "text/html"
        if not isinstance(body, bytes):
            body, kind = json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass"), "application/json"
        given = {
            "content-type": kind,
            "content-length": str(len(body)),
            "date": formatdate(usegmt=True),
        } | answer.headers
        head = [f"HTTP/1.1 {answer.status} {_phrase(answer.status)}", *(f"{k}: {v}" for k, v in given.items())]
        if answer.act == "half":
            body = body[: len(body) // 2]
        if self._transport:
            self._transport.write("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body)

    def _finish(self, how: str) -> None:
        answer, self._answer = self._answer, None
        if answer and answer.done:
            answer.done(how)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Status"
