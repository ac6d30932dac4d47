"""``index.json``: which data folder of an index holds, and the lock and small durable file operations under it."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ragset.errors import (
    CorpusMismatchError,
    EmbedderMismatchError,
    IndexDamagedError,
    IndexLockedError,
    UsageError,
)
from ragset.schema.ports import Embedder

FORMAT = 1
FILE = "index.json"
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")

Say = Callable[[str], None]


def check_name(name: str) -> str:
    """Give the name back, or raise ``UsageError`` when it is none for an index."""
    if not _NAME.fullmatch(name) or ".." in name:
        raise UsageError(f"'{name}' is no index name", hint="use up to 63 letters, digits, '.', '_' or '-'")
    return name


@dataclass(slots=True)
class Pointer:
    """Embedder (name, fingerprint, dimension, precision), corpora and their roots, data folder, publish counter."""

    name: str
    embedder: dict[str, Any] = field(default_factory=dict[str, Any])
    corpora: dict[str, str] = field(default_factory=dict[str, str])
    data: str = ""
    sequence: int = 0
    uid: str = ""
    """Random, drawn at creation: two installations may share a Chroma server and the name of an index."""

    @classmethod
    def read(cls, folder: Path) -> Pointer:
        """Read the pointer; raises ``IndexDamagedError`` when it is not one of this format."""
        path = folder / FILE
        try:
            values = json.loads(path.read_text("utf-8"))
            written = values.pop("format")
            _check_values(values)
            pointer = cls(**values)
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            raise IndexDamagedError(
                f"cannot be read ({type(error).__name__})", where=str(path), hint="delete the index and ingest again"
            ) from error
        if written != FORMAT:
            raise IndexDamagedError(f"has format {written}, not {FORMAT}", where=str(path), hint="ingest again")
        pointer.name = folder.name  # a folder that was copied or renamed speaks of itself
        return pointer

    def check_current(self, folder: Path) -> None:
        """Raise ``IndexLockedError`` when a writer has published since this was read: Chroma follows the writer."""
        try:
            held = Pointer.read(folder)
        except IndexDamagedError:  # deleted meanwhile
            held = None
        if held is None or (held.data, held.uid) != (self.data, self.uid):
            raise IndexLockedError(
                "another process has changed it meanwhile", where=f"index '{self.name}'", hint="run the command again"
            )

    def check_embedder(self, mine: Embedder) -> None:
        """Raise ``EmbedderMismatchError`` when the index was embedded with another model."""
        recorded = self.embedder
        if not recorded or recorded["fingerprint"] == mine.fingerprint:
            return
        raise EmbedderMismatchError(
            f"was embedded with '{recorded['name']}', not with '{mine.name}' as it is now",
            where=f"index '{self.name}'",
            hint=f"use --embedder {recorded['name']}, or ingest into a new index",
        )

    def note(self, folder: Path, corpora: Mapping[str, str], model: Embedder) -> None:
        """Write down the corpora and the model of an ingest; raises ``CorpusMismatchError`` for another root."""
        for name, root in corpora.items():
            if (known := self.corpora.get(name, root)) != root:
                raise CorpusMismatchError(
                    f"corpus '{name}' already comes from {known}, not from {root}",
                    where=f"index '{self.name}'",
                    hint=f"give it another name: NEWNAME={root}",
                )
        merged = self.corpora | dict(corpora)
        recorded = self.embedder or _described(model)
        if merged != self.corpora or recorded != self.embedder:
            self.corpora, self.embedder = merged, recorded
            self.write(folder)

    def write(self, folder: Path) -> None:
        """Replace the pointer atomically."""
        text = json.dumps({"format": FORMAT, **asdict(self)}, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        write_atomically(folder / FILE, lambda path: path.write_text(text, "utf-8"))


def create_pointer(folder: Path, name: str) -> None:
    """Write an empty pointer, unless another process was faster."""
    make_folder(folder)
    try:
        with locked(folder, name, wait_s=2.0):
            if not (folder / FILE).is_file():
                Pointer(name, uid=secrets.token_hex(8)).write(folder)
    except IndexLockedError:
        if not (folder / FILE).is_file():
            raise


def _check_values(values: dict[str, Any]) -> None:
    """Raise ``ValueError`` or ``KeyError`` when a value is none that was ever written."""
    kinds = {"name": str, "embedder": dict, "corpora": dict, "data": str, "sequence": int}
    if not all(isinstance(values[key], kind) for key, kind in kinds.items()):
        raise ValueError("fields")
    if "/" in values["data"] or values["data"] in (".", ".."):
        raise ValueError("data")
    if not re.fullmatch("[0-9a-f]*", values.get("uid", "")):
        raise ValueError("uid")
    if values["embedder"] and not {"name", "fingerprint", "dimension"} <= values["embedder"].keys():
        raise ValueError("embedder")


def _described(model: Embedder) -> dict[str, Any]:
    return {
        "name": model.name,
        "fingerprint": model.fingerprint,
        "dimension": model.dimension,
        "precision": getattr(model, "precision", "float32"),
    }


def list_indexes(root: Path) -> list[str]:
    """Names of the indexes under a folder, sorted."""
    return sorted(path.parent.name for path in root.glob(f"*/{FILE}") if not path.parent.name.startswith("."))


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Write aside, sync, rename: after a kill there is the old file or the new one, never half of one."""
    make_folder(path.parent)
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(aside)
        sync(aside)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    sync(path.parent)


def make_folder(path: Path) -> None:
    """Create a folder with those above it, durably: a synced file in a folder that a power cut undoes is lost."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    sync(path.parent)


def sync(path: Path) -> None:
    """Flush a file or folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def discard(path: Path) -> None:
    """Remove a file or folder, if it is there."""
    shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


@contextmanager
def locked(folder: Path, name: str, wait_s: float = 0.0) -> Generator[None]:
    """Hold the writer's lock of an index; raises ``IndexLockedError``."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / "lock", timeout=wait_s)
    try:
        lock.acquire()
    except Timeout as error:
        raise IndexLockedError(
            "another process is writing to it", where=f"index '{name}'", hint="wait until it has ended, then try again"
        ) from error
    try:
        yield
    finally:
        lock.release()
