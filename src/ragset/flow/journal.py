"""The journal: finished draws of a run folder, so that a run that was killed goes on where it was.

Maps are pure, so a row is keyed by (fingerprint of the stage, content of the draw that went in). Rows are committed one
by one; folds are run again from draw 0, always.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pydantic import BaseModel

from ragset.errors import PromptTooLargeError, RunFolderError, TooLargeError

_TABLE = "CREATE TABLE IF NOT EXISTS done (key TEXT PRIMARY KEY, item TEXT, seen BLOB, sizes TEXT, failed INTEGER)"


UNPAID = frozenset(error.__name__ for error in (TooLargeError, PromptTooLargeError))
"""Failures of what was not sent."""


class Journal:
    """Finished draws in SQLite (write-ahead log: a kill loses at most what was not committed)."""

    def __init__(self, path: Path, *, anew: bool = False, before: Callable[[], None] = lambda: None) -> None:
        """Open what is there, unless the run begins ``anew``; ``before`` is called before a draw is written."""
        self.path, self._before = path, before
        self._db: sqlite3.Connection | None = None
        self.replayed = 0
        self._retried: dict[str, frozenset[str]] = {}
        if path.is_file() and not anew:
            self.open()

    def open(self) -> sqlite3.Connection:
        """Open or create; a damaged file is replaced (it only ever saves work), a busy or full disk is an error."""
        if self._db is None:
            try:
                self._db = self._open(self.path)
            except sqlite3.OperationalError as error:
                hint = "check the disk"
                raise RunFolderError(f"cannot be opened ({error})", where=str(self.path), hint=hint) from error
            except sqlite3.DatabaseError:
                for damaged in self.path.parent.glob(self.path.name + "*"):
                    damaged.unlink()
                self._db = self._open(self.path)
        return self._db

    @staticmethod
    def _open(path: Path) -> sqlite3.Connection:
        db = sqlite3.connect(path, isolation_level=None)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        db.execute(_TABLE)
        if db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            db.close()
            raise sqlite3.DatabaseError("damaged")
        return db

    def get(self, key: str, item: Any) -> tuple[Any, tuple[bytes | None, ...]] | None:
        """Give the finished draw under the number it has now, with what the folds' ``look`` saw."""
        if self._db is None or key in self._retried:
            return None
        row = self._db.execute("SELECT item, seen, sizes FROM done WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        self.replayed += 1
        data = json.loads(row[0])
        model: type[BaseModel] = type(item)
        return model.model_validate({**data, "number": item.number}), _unpack(row[1], json.loads(row[2]))

    def put(self, key: str, item: Any, seen: tuple[bytes | None, ...]) -> None:
        """Commit a finished draw, unless a limit was in its way: it cost nothing, and the limit may be raised."""
        failures = [part.failure for part in (item, *getattr(item, "samples", ())) if part.failure]
        if any(failure.error in UNPAID for failure in failures):
            return
        sizes = json.dumps([None if part is None else len(part) for part in seen])
        blob = b"".join(part or b"" for part in seen)
        row = (key, item.model_dump_json(), blob, sizes, int(bool(failures)))
        self._before()
        try:
            self.open().execute("INSERT OR REPLACE INTO done VALUES (?, ?, ?, ?, ?)", row)
        except sqlite3.Error as error:
            hint = "check the disk; what is finished is kept"
            raise RunFolderError(f"cannot be written ({error})", where=str(self.path), hint=hint) from error
        self._retried.pop(key, None)

    def retry_failures(self) -> int:
        """Try the draws that failed again, by new calls; gives how many. Until then they stand as they are."""
        if self._db is None:
            return 0
        rows = self._db.execute("SELECT key, item FROM done WHERE failed = 1")
        self._retried = {key: _failed_in(json.loads(item)) for key, item in rows}
        return len(self._retried)

    def retried(self, key: str) -> frozenset[str]:
        """Name the steps of a draw that are to ask anew."""
        return self._retried.get(key, frozenset())

    def __enter__(self) -> Self:
        """Use as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the database."""
        if self._db is not None:
            self._db.close()


def holds_draws(path: Path) -> bool:
    """Tell whether a journal has a finished draw; one that cannot be read is taken to have some."""
    if not path.is_file():
        return False
    try:
        # Not read-only: a reader of a write-ahead log makes files, and only one that may write removes them.
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as db:
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'done'").fetchone():
                return False
            return db.execute("SELECT 1 FROM done LIMIT 1").fetchone() is not None
    except sqlite3.Error:
        return True


def _failed_in(item: dict[str, Any]) -> frozenset[str]:
    """Name the steps in which a draw or one of its samples failed."""
    failures = (part.get("failure") for part in (item, *item.get("samples", ())))
    return frozenset(failure["step"] for failure in failures if failure)


def _unpack(blob: bytes, sizes: list[int | None]) -> tuple[bytes | None, ...]:
    at, parts = 0, list[bytes | None]()
    for size in sizes:
        parts.append(None if size is None else blob[at : at + size])
        at += size or 0
    return tuple(parts)
