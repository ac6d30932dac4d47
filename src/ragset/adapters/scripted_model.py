"""A language model that says what it is told to: for tests, demonstrations and replays."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from ragset.errors import ModelError
from ragset.schema.ids import digest
from ragset.schema.ports import Ask, Reply
from ragset.schema.samples import Usage

Line = str | dict[str, Any] | list[Any] | BaseException
"""What can be scripted: text as it is, a value written as JSON, or an error that is raised."""


class ScriptedModel:
    """A ``LanguageModel`` whose replies are enqueued, or computed by a function of the ask.

    Like every transport it gives raw text, good or bad: reading it is the business of ``ragset.kit.replies``.
    ``asks`` records what it was asked, in order. The usage counts words as tokens.
    """

    def __init__(self, replies: Iterable[Line] | Callable[[Ask], Line], *, name: str = "scripted") -> None:
        """Take replies in order, or a function from the ask to its reply."""
        self._function = replies if callable(replies) else None
        self._queue: deque[Line] = deque(() if callable(replies) else replies)
        self._name = name
        self._fingerprint = digest("scripted", name, [_text(line) for line in self._queue])
        self.asks: list[Ask] = []

    @property
    def name(self) -> str:
        """The name it was given."""
        return self._name

    @property
    def fingerprint(self) -> str:
        """Hash of the name and of the replies it began with."""
        return self._fingerprint

    def enqueue(self, *replies: Line) -> None:
        """Append replies."""
        self._queue.extend(replies)

    async def complete(self, ask: Ask) -> Reply:
        """Give the next reply, or raise it when it is an error; ``ModelError`` when none is left."""
        self.asks.append(ask)
        line = self._function(ask) if self._function else self._next()
        if isinstance(line, BaseException):
            raise line
        raw = _text(line)
        words = sum(len(message.content.split()) for message in ask.messages)
        usage = Usage(calls=1, prompt_tokens=words, completion_tokens=len(raw.split()))
        return Reply(value=raw, raw=raw, usage=usage)

    def _next(self) -> Line:
        if not self._queue:
            raise ModelError("no reply is left", where=self._name, hint=f"script more than {len(self.asks) - 1}")
        return self._queue.popleft()


def _text(line: Line) -> str:
    if isinstance(line, BaseException):
        return repr(line)
    return line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)
