"""What a transport is, and the faults it may meet.

A transport sends one ask as one request and gives the raw text back. It neither retries, nor waits, nor reads the
reply: a fault says how it went wrong, and the wrappers around it decide what to do about it.
"""

from __future__ import annotations

from typing import Protocol

from ragset.errors import ModelError
from ragset.schema.ports import Ask, Reply


class Fault(ModelError):
    """A request that failed in a way that may pass."""

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        hint: str | None = None,
        retry_after: float | None = None,
        billed: bool | None = None,
    ) -> None:
        """``retry_after`` is how many seconds the server asks to wait.

        ``billed`` says whether the model may have written a reply that nobody got; none: what the kind says.
        """
        super().__init__(what, where=where, hint=hint)
        self.retry_after = retry_after
        self.billed = type(self).billed if billed is None else billed


class RateLimited(Fault):
    """The server asks to go slower (429)."""


class ServerFault(Fault):
    """The server broke (5xx), or its answer is no answer."""


class TimedOut(Fault):
    """No answer in time; the server may have billed it all the same."""

    billed: bool = True


class Disconnected(Fault):
    """No connection, or one that broke before the answer began."""


class ModeRefused(Fault):
    """The server does not take this way of asking; the transport has changed to another one: ask again."""


class MisreadError(ModelError):
    """The server itself read the reply, found it bad, and gives an error in its place; ``raw`` is what was written."""

    billed: bool = True

    def __init__(self, what: str, raw: str, *, where: str | None = None) -> None:
        """``raw`` is empty where the server keeps it to itself."""
        super().__init__(what, where=where)
        self.raw = raw


class Transport(Protocol):
    """One way to one model."""

    @property
    def name(self) -> str:
        """``provider:name``."""
        ...

    @property
    def identity(self) -> tuple[str, ...]:
        """Provider, base URL and model: with the ask, what a cached reply is found by."""
        ...

    @property
    def context(self) -> int | None:
        """Tokens that prompt and reply may have together, where known."""
        ...

    async def check(self) -> None:
        """Find out what can be known before any work, and learn the context; asks for no reply.

        Raises ``ModelSetupError`` (wrong key, unknown model) and ``UnreachableError``.
        """
        ...

    async def send(self, ask: Ask) -> Reply:
        """Send one request; the reply's ``value`` is its raw text, its usage counts one call.

        ``ask.parameters`` is complete (``max_tokens`` included). Raises a :class:`Fault` (may pass),
        ``ModelError`` (this ask cannot be answered), ``ContextError``, or ``ModelSetupError`` (wrong key, no such
        model).
        """
        ...

    async def aclose(self) -> None:
        """Close connections."""
        ...
