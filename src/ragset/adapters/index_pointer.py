"""``index.json``: which data folder of an index holds, and the small durable file operations under it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ragset.errors import IndexDamagedError

FORMAT = 1
FILE = "index.json"


@dataclass(slots=True)
class Pointer:
    """Embedder (name, fingerprint, dimension, precision), corpora and their roots, data folder, publish counter."""

    name: str
    embedder: dict[str, Any] = field(default_factory=dict[str, Any])
    corpora: dict[str, str] = field(default_factory=dict[str, str])
    data: str = ""
    sequence: int = 0

    @classmethod
    def read(cls, folder: Path) -> Pointer:
        """Read the pointer; raises ``IndexDamagedError`` when it is not one of this format."""
        path = folder / FILE
        try:
            values = json.loads(path.read_text("utf-8"))
            written = values.pop("format")
            pointer = cls(**values)
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            raise IndexDamagedError(
                f"cannot be read ({type(error).__name__})", where=str(path), hint="delete the index and ingest again"
            ) from error
        if written != FORMAT:
            raise IndexDamagedError(f"has format {written}, not {FORMAT}", where=str(path), hint="ingest again")
        return pointer

    def write(self, folder: Path) -> None:
        """Replace the pointer atomically."""
        text = json.dumps({"format": FORMAT, **asdict(self)}, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        write_atomically(folder / FILE, lambda path: path.write_text(text, "utf-8"))


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Write aside, sync, rename: after a kill there is the old file or the new one, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(aside)
        sync(aside)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    sync(path.parent)


def sync(path: Path) -> None:
    """Flush a file or folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
