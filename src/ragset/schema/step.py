"""The step: the one shape that every plug-in has.

A step is a pydantic model whose fields are its configuration. It declares what it ``takes`` and ``gives``, and
is of one kind: a **source** yields draws lazily, a **map** is a pure async function of one draw, a **fold** is
plain code with state that is called in draw order, a **barrier** takes all. What it may use comes as :class:`Tools`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol

from pydantic import BaseModel, ConfigDict

from ragset.errors import UsageError
from ragset.schema.documents import Noun
from ragset.schema.ids import digest
from ragset.schema.ports import ChunkStore, Embedder, LanguageModel, Role
from ragset.schema.samples import Usage

Uses = Literal["store", "embedder", "writer", "answerer", "judge"]
Kind = Literal["source", "map", "fold", "barrier"]

current_draw: ContextVar[int] = ContextVar("current_draw", default=0)
"""Number of the draw the running coroutine works for; the limiter serves the oldest first."""

current_step: ContextVar[str] = ContextVar("current_step", default="")
"""Name of the step the running coroutine works for."""

anew: ContextVar[frozenset[str]] = ContextVar("anew", default=frozenset())
"""Steps in which the running draw failed before, and is tried again: their replies are not taken from the cache."""

Ledger = dict[tuple[str, str], Usage]

ledger: ContextVar[Ledger | None] = ContextVar("ledger", default=None)
"""What the running draw has cost so far, by (step, role); the engine writes it into the draw."""


def book(role: str, usage: Usage) -> None:
    """Write what a reply cost (or had cost, when it comes from the cache) to the account of the running draw."""
    account = ledger.get()
    if account is not None:
        key = (current_step.get(), role)
        account[key] = account.get(key, Usage()) + usage


@dataclass(frozen=True, slots=True)
class Commit:
    """What became of one draw, as ``keep`` saw it.

    ``passed`` holds the values (question type, persona, language, …) of each sample that was good enough, kept or one
    too many; ``kept_of`` the gold chunk of each that was kept.
    """

    number: int
    chunk_ids: tuple[str, ...]
    document_ids: tuple[str, ...]
    empty: bool
    gave: int
    kept: int
    passed: tuple[Mapping[str, str], ...] = ()
    kept_of: tuple[str, ...] = ()


@dataclass(slots=True)
class Tally:
    """What ``keep`` shows to the source: how many are wanted and kept, and every committed draw in order.

    ``most_per_chunk`` is the cap of a chunk, ``most_per_type`` the largest share of a question type. ``axes`` are the
    weights that a source draws by, and ``lacking`` (axis, value, how many) is written by one with quotas before its
    first draw and counted down by ``keep``; when it is empty there are no quotas. ``given_up`` are lines that say which
    values were given up and why. ``ahead`` counts the draws that were open when the order was filled.
    """

    wanted: int | None = None
    kept: int = 0
    ahead: int = 0
    most_per_chunk: int | None = None
    most_per_type: float | None = None
    axes: dict[str, dict[str, float]] = field(default_factory=dict[str, dict[str, float]])
    commits: list[Commit] = field(default_factory=list[Commit])
    lacking: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    given_up: list[str] = field(default_factory=list[str])

    @property
    def full(self) -> bool:
        """True when the order is filled."""
        return self.wanted is not None and self.kept >= self.wanted


@dataclass(slots=True)
class Tools:
    """What steps work with; wired once by the API, the same for every step of a run.

    ``finished`` is told the number of each draw that has been through all maps, and will call no model any more;
    ``abandoned`` is told that the draws still open are given up, before they are cancelled one by one.
    """

    _store: ChunkStore | None = None
    _embedder: Embedder | None = None
    models: Mapping[Role, LanguageModel] = field(default_factory=dict[Role, LanguageModel])
    tally: Tally = field(default_factory=Tally)
    say: Callable[[str], None] = lambda line: None
    finished: Callable[[int], None] = lambda number: None
    abandoned: Callable[[], None] = lambda: None
    extras: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def has_store(self) -> bool:
        """True when this run has an index."""
        return self._store is not None

    @property
    def store(self) -> ChunkStore:
        """The index of this run."""
        if self._store is None:
            raise UsageError("this flow needs an index", hint="name one with --index")
        return self._store

    @property
    def embedder(self) -> Embedder:
        """The embedding model of this run."""
        if self._embedder is None:
            raise UsageError("this flow needs an embedding model", hint="name an index, or an embedder")
        return self._embedder

    def fingerprint(self, use: Uses) -> str:
        """Fingerprint of one thing a step uses (empty for a role without a model)."""
        if use == "store":
            return self.store.version
        if use == "embedder":
            return self.embedder.fingerprint
        model = self.models.get(use)
        return model.fingerprint if model else ""


class Step(BaseModel):
    """Base of all steps: configuration as fields, the contract as class variables."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: ClassVar[str]
    kind: ClassVar[Kind]
    version: ClassVar[str] = "1"
    takes: ClassVar[type[Noun] | None] = None
    gives: ClassVar[type[Noun] | None] = None
    uses: ClassVar[frozenset[Uses]] = frozenset()

    def fingerprint(self, tools: Tools) -> str:
        """Hash of name, version, configuration and everything used: equal fingerprints do equal work."""
        used = {use: tools.fingerprint(use) for use in sorted(self.uses)}
        return digest("step", self.name, self.version, self.model_dump(mode="json"), used)

    def prompts(self) -> tuple[str, ...]:
        """Name the prompts by which this step asks a model, as ``Prompt.load`` takes them; ragas has its own."""
        return ()

    async def warm(self, tools: Tools) -> None:
        """Load what is slow to load, before the first call: no server waits, and no reply, for an import."""

    def check(self) -> None:
        """Refuse a configuration that cannot run (files, prompt variables); raises ``FlowError``, calls nothing."""

    def refuse(self, tools: Tools) -> None:
        """Refuse a run that lacks what this step needs (a model, an order, documents); raises ``UsageError``.

        Called before anything is made or replaced, when ``tools`` may have no store yet, and with one before the first
        draw. ``tools.tally.wanted`` is the order.
        """


class Envelope(Protocol):
    """What travels through the engine: :class:`Draw` in generation, ``Intake`` in ingest."""

    @property
    def number(self) -> int:
        """Draw number, from 0."""
        ...

    @property
    def empty(self) -> bool:
        """True when it asks for nothing."""
        ...


class Source(Step):
    """A lazy, seeded sequence of draws."""

    kind: ClassVar[Kind] = "source"

    def draws(self, tools: Tools) -> AsyncIterator[Any]:
        """Yield draws with numbers 0, 1, 2, …; may look at ``tools.tally``."""
        raise TypeError(f"{type(self).__name__} defines no draws()")


class Map(Step):
    """A pure async function of one draw; it must give the same for the same draw."""

    kind: ClassVar[Kind] = "map"

    async def apply(self, item: Any, tools: Tools) -> Any:
        """Work on one draw; empty draws never come here."""
        raise TypeError(f"{type(self).__name__} defines no apply()")


class Folding(Protocol):
    """A running fold."""

    def feed(self, item: Any, seen: bytes | None) -> Any:
        """Take the next draw (empty ones too) in draw order and give it on; ``seen`` is what ``look`` returned."""
        ...


class Fold(Step):
    """Plain code with state, called in draw order."""

    kind: ClassVar[Kind] = "fold"

    async def look(self, item: Any, tools: Tools) -> bytes | None:
        """Do the slow, pure part ahead of ``feed`` (an embedding, say); runs in the window and is memoised."""
        return None

    def begin(self, tools: Tools) -> Folding:
        """Start with empty state."""
        raise TypeError(f"{type(self).__name__} defines no begin()")


class Gathering(Protocol):
    """A running barrier."""

    def feed(self, item: Any) -> None:
        """Look at the next draw, in draw order, and remember what the decision needs; the draw itself is spooled."""
        ...

    async def decide(self) -> None:
        """Decide, now that all have been seen; it must decide the same for the same draws."""
        ...

    def release(self, item: Any) -> Any:
        """Give a draw on as it was decided, in draw order."""
        ...


class Barrier(Step):
    """Takes all draws before it gives the first one on."""

    kind: ClassVar[Kind] = "barrier"

    def begin(self, tools: Tools) -> Gathering:
        """Start with nothing seen."""
        raise TypeError(f"{type(self).__name__} defines no begin()")
