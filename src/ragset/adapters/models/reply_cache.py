"""Paying once: raw replies in SQLite, found by the ask as it was meant, and equal asks in flight shared.

A reply is committed before anyone reads it. The log is written ahead (WAL) and not synced for each reply: a killed
process loses nothing that was committed, a power cut may lose the last replies.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ragset.adapters.models.paid import Counts, Paid
from ragset.adapters.models.readable import Hearing, Readable
from ragset.adapters.turns import Turn, draw_now, take_turn
from ragset.errors import ModelSetupError, ReplyError, UsageError
from ragset.schema.ids import digest
from ragset.schema.models import ModelChoice
from ragset.schema.ports import Ask, Reply, Role
from ragset.schema.samples import Usage
from ragset.schema.step import anew, book, current_step
from ragset.schema.whole_text import whole

__all__ = ["CachedModel", "Paid", "ReplyCache"]

BUSY = 30.0
"""Seconds to wait for another process that writes."""

_REPLIES = (
    "CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, name TEXT NOT NULL, raw TEXT NOT NULL, "
    "usage TEXT NOT NULL, finish TEXT, logprobs TEXT, at TEXT NOT NULL) WITHOUT ROWID"
)
_NOTES = "CREATE TABLE IF NOT EXISTS notes (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"

HEADER, APPLICATION = b"SQLite format 3\x00", 0x52677243
"""How an SQLite file begins, and the number in it (at byte 68) that says whose it is: ``RgrC``."""

_COLUMNS = ["key", "name", "raw", "usage", "finish", "logprobs", "at"]

_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

T = TypeVar("T")


class ReplyCache:
    """Replies of all runs of one user, in one file; several processes may share it."""

    def __init__(self, path: Path, say: Callable[[str], None] = lambda line: None) -> None:
        """Open or create; a damaged cache is moved aside. Raises ``UsageError`` for a file that is none or no use."""
        self.path, self._say = Path(path), say
        self.flights: dict[str, Flight] = {}
        self._db = self._guarded(self._open)

    def get(self, key: str) -> Reply | None:
        """Find a reply."""
        row = self._guarded(lambda: self._row("SELECT raw, usage, finish, logprobs FROM replies WHERE key = ?", key))
        if row is None:
            return None
        raw, usage, finish, logprobs = row
        return Reply(
            value=raw,
            raw=raw,
            usage=Usage.model_validate_json(usage),
            finish=finish,
            logprobs=json.loads(logprobs) if logprobs else None,
        )

    def put(self, key: str, name: str, reply: Reply) -> None:
        """Commit a reply; ``name`` is the model's."""
        logprobs = None if reply.logprobs is None else json.dumps(reply.logprobs)
        row = (
            key,
            name,
            whole(reply.raw),
            reply.usage.model_dump_json(),
            reply.finish,
            logprobs,
            datetime.now(UTC).date().isoformat(),
        )
        self._write("INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def remember(self, key: str, value: str) -> None:
        """Keep a small note (how a server wants to be asked, say)."""
        self._write("INSERT OR REPLACE INTO notes VALUES (?, ?)", (key, value))

    def recall(self, key: str) -> str | None:
        """Give a note."""
        row = self._guarded(lambda: self._row("SELECT value FROM notes WHERE key = ?", key))
        return row[0] if row else None

    def forget(self, keys: Iterable[str]) -> None:
        """Drop replies."""
        for key in keys:
            self._write("DELETE FROM replies WHERE key = ?", (key,))

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _row(self, query: str, key: str) -> Any:
        return self._db.execute(query, (key,)).fetchone()

    def _write(self, statement: str, row: tuple[Any, ...]) -> None:
        self._guarded(lambda: self._db.execute(statement, row))

    def _guarded(self, work: Callable[[], T]) -> T:
        """Do something with the file; a damaged one is moved aside and the work done with a new one."""
        try:
            return work()
        except (sqlite3.OperationalError, OSError) as error:
            hint = "check the disk, or name another file with RAGSET_CACHE"
            raise UsageError(
                f"the cache of replies cannot be used ({error})", where=str(self.path), hint=hint
            ) from error
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", None) not in _DAMAGE:
                raise UsageError(f"the cache of replies cannot be used ({error})", where=str(self.path)) from error
            self._move_aside()
            self._db = self._open()
            return work()

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        if not _is_ours(self.path):
            hint = "it is left as it is; name another file with --cache or RAGSET_CACHE"
            raise UsageError("this file is no cache of replies", where=str(self.path), hint=hint)
        until = time.monotonic() + BUSY
        while True:
            db = sqlite3.connect(self.path, isolation_level=None, timeout=BUSY, check_same_thread=False)
            try:
                db.execute(f"PRAGMA application_id={APPLICATION}")  # first, and into the file itself, not its log
                db.execute("PRAGMA journal_mode=WAL")
                db.execute("PRAGMA synchronous=NORMAL")
                db.execute(_REPLIES)
                db.execute(_NOTES)
                db.execute("SELECT raw, usage, finish, logprobs FROM replies LIMIT 1").fetchone()
                return db
            except sqlite3.OperationalError as error:
                db.close()
                if "locked" not in str(error) or time.monotonic() > until:
                    raise
                time.sleep(0.02)  # two processes make the file at once
            except sqlite3.DatabaseError:
                db.close()
                raise

    def _move_aside(self) -> None:
        with suppress(AttributeError, sqlite3.Error):
            self._db.close()
        number = 1
        while (aside := self.path.with_name(f"{self.path.name}.damaged-{number}")).exists():
            number += 1
        with suppress(FileNotFoundError):  # another process was faster
            os.replace(self.path, aside)
        for end in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                os.replace(f"{self.path}{end}", f"{aside}{end}")
        self._say(f"{self.path}: the cache of replies was damaged; it was moved to {aside.name}, a new one is begun")


def _is_ours(path: Path) -> bool:
    """Tell a cache, sound or damaged, or an empty file, from a file of somebody else's, without changing anything."""
    with path.open("rb") as file:
        head = file.read(100)
    if not head or head[68:72] == APPLICATION.to_bytes(4, "big"):
        return not head or head.startswith(HEADER)
    if not head.startswith(HEADER) or any(head[68:72]):
        return False
    db = sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)  # a reader that may write makes files
    try:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        columns = [row[1] for row in db.execute("PRAGMA table_info(replies)")]
        return tables == {"replies", "notes"} and columns == _COLUMNS
    except sqlite3.DatabaseError:
        return False
    finally:
        db.close()


class Sending(Protocol):
    """What sends an ask that is not in the cache (``PacedModel``)."""

    @property
    def transport(self) -> Any:
        """Gives ``name`` and ``identity``, and ``modes`` where replies can be asked for in several ways."""
        ...

    @property
    def readable(self) -> Readable:
        """Counts replies that cannot be read."""
        ...

    async def send(self, ask: Ask, counts: Counts | None = None) -> Reply:
        """Give the raw reply."""
        ...


@dataclass(slots=True)
class Flight:
    """A call under way, the turn it has, and how many wait for it."""

    task: asyncio.Task[Reply]
    turn: Turn
    waiting: int = 0


class _Question:
    """One question to a model, as its :class:`Hearing`; those asked in a way that was left since say nothing."""

    def __init__(self, model: Sending, cache: ReplyCache | None) -> None:
        self._model, self._cache, self._way = model, cache, self._way_of(model)

    def read(self) -> None:
        """Say that a reply could be read."""
        self._model.readable.read()

    def left(self, error: ReplyError) -> None:
        """Say that none could; what a model said that is left for it is forgotten: it, or its server, may be mended."""
        if self._way_of(self._model) != self._way:
            return
        try:
            self._model.readable.left(error, self._model.transport.name)
        except ModelSetupError:
            if self._cache:
                self._cache.forget(self._model.readable.keys)
            raise

    @staticmethod
    def _way_of(model: Sending) -> str | None:
        return getattr(getattr(model.transport, "modes", None), "current", None)


class CachedModel:
    """A language model for one role: replies from the cache, or asked for once."""

    def __init__(
        self,
        inner: Sending,
        cache: ReplyCache | None,
        role: Role,
        choice: ModelChoice,
        *,
        replay: bool = False,
        paid: Paid | None = None,
    ) -> None:
        """``replay`` calls nothing; ``paid`` counts what is really sent."""
        self._inner, self._cache, self._role, self._choice, self._replay = inner, cache, role, choice, replay
        self._paid = paid or Paid()
        self._flights = cache.flights if cache else dict[str, Flight]()
        wished = [choice.reply_mode] if choice.reply_mode else []
        self._identity = [str(part) for part in (*inner.transport.identity, *wished)]
        self._fingerprint = digest("model", choice.shape, self._identity)

    @property
    def name(self) -> str:
        """``provider:name``."""
        return self._inner.transport.name

    @property
    def fingerprint(self) -> str:
        """Hash of the model, its address and its parameters."""
        return self._fingerprint

    @property
    def keeps(self) -> bool:
        """True when its replies stay in a cache."""
        return self._cache is not None

    def hearing(self) -> Hearing:
        """Begin a question: what comes of it is said to what is given."""
        return _Question(self._inner, self._cache)

    async def complete(self, ask: Ask) -> Reply:
        """Answer from the cache, from an equal ask under way, or from the model; books the usage in each case."""
        parameters = {"max_tokens": self._choice.max_tokens, **ask.parameters, **self._choice.parameters}
        ask = ask.model_copy(update={"parameters": parameters})
        key = digest("reply", self._identity, ask.id)
        counts = self._paid.of(self._role, ask.purpose)
        reply = (
            self._cache.get(key)
            if self._cache and not (current_step.get() in anew.get() and not self._replay)
            else None
        )
        if reply:
            counts.cached += 1
        elif self._replay:
            what = f"no reply in the cache for a call of {ask.purpose or 'the ' + self._role} ({self.name})"
            raise UsageError(what, hint="run without --replay")
        else:
            reply = await self._shared(key, ask, counts)
        self._inner.readable.heard(key)
        book(self._role, reply.usage)
        return reply

    async def _shared(self, key: str, ask: Ask, counts: Counts) -> Reply:
        flight = self._flights.get(key)
        if flight:
            counts.shared += 1
            flight.turn.join(draw_now())
        else:
            turn = Turn(draw_now(), begins=self._role == "writer")
            task = asyncio.create_task(self._call(key, ask, counts, turn))
            flight = self._flights[key] = Flight(task, turn)
            task.add_done_callback(lambda done: self._landed(key, done))
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        except asyncio.CancelledError:
            if flight.waiting == 1 and not flight.task.done():
                self._flights.pop(key, None)  # whoever comes now asks again
                flight.task.cancel()
                await asyncio.wait([flight.task])
            raise
        finally:
            flight.waiting -= 1

    async def _call(self, key: str, ask: Ask, counts: Counts, turn: Turn) -> Reply:
        take_turn(turn)
        reply = await self._inner.send(ask, counts)
        if (raw := whole(reply.raw)) != reply.raw:  # now: what the cache gives later is the same
            reply = reply.model_copy(update={"raw": raw, "value": raw})
        if self._cache:
            self._cache.put(key, self.name, reply)
        return reply

    def _landed(self, key: str, task: asyncio.Task[Reply]) -> None:
        flight = self._flights.get(key)
        if flight and flight.task is task:
            del self._flights[key]
        if not task.cancelled():
            task.exception()  # seen, even when nobody waits any more
