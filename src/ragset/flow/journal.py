"""The journal: finished draws of a run folder, so that a run that was killed goes on where it was.

Maps are pure, so a row is keyed by (fingerprint of the stage, content of the draw that went in). Rows are committed one
by one; folds are run again from draw 0, always.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pydantic import BaseModel

from ragset.errors import RunFolderError

_TABLE = "CREATE TABLE IF NOT EXISTS done (key TEXT PRIMARY KEY, item TEXT, seen BLOB, sizes TEXT, failed INTEGER)"


class Journal:
    """Finished draws in SQLite (write-ahead log: a kill loses at most what was not committed)."""

    def __init__(self, path: Path) -> None:
        """Open or create; a damaged file is replaced (it only ever saves work), a busy or full disk is an error."""
        try:
            self._db = self._open(path)
        except sqlite3.OperationalError as error:
            raise RunFolderError(f"cannot be opened ({error})", where=str(path), hint="check the disk") from error
        except sqlite3.DatabaseError:
            for damaged in path.parent.glob(path.name + "*"):
                damaged.unlink()
            self._db = self._open(path)
        self.replayed = 0
        self.retried: dict[str, frozenset[str]] = {}

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
        row = self._db.execute("SELECT item, seen, sizes FROM done WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        self.replayed += 1
        data = json.loads(row[0])
        model: type[BaseModel] = type(item)
        return model.model_validate({**data, "number": item.number}), _unpack(row[1], json.loads(row[2]))

    def put(self, key: str, item: Any, seen: tuple[bytes | None, ...]) -> None:
        """Commit a finished draw."""
        sizes = json.dumps([None if part is None else len(part) for part in seen])
        blob = b"".join(part or b"" for part in seen)
        failed = item.failure is not None or any(s.status == "failed" for s in getattr(item, "samples", ()))
        row = (key, item.model_dump_json(), blob, sizes, int(failed))
        self._db.execute("INSERT OR REPLACE INTO done VALUES (?, ?, ?, ?, ?)", row)

    def forget_failures(self) -> int:
        """Drop the draws that failed, so that they are tried again, by new calls; gives how many."""
        rows = self._db.execute("SELECT key, item FROM done WHERE failed = 1").fetchall()
        self.retried = {key: _failed_in(json.loads(item)) for key, item in rows}
        return self._db.execute("DELETE FROM done WHERE failed = 1").rowcount

    def __enter__(self) -> Self:
        """Use as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the database."""
        self._db.close()


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
