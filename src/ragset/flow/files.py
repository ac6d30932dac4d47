"""Files that a reader, and a kill, see whole: the old content or the new."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO


def replace_text(path: Path, text: str) -> None:
    """Write a file so that a reader, and a kill, see the old or the new content whole."""
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        sync(file)
    os.replace(part, path)


def sync(file: IO[str]) -> None:
    """Bring what was written to the disk."""
    file.flush()
    os.fsync(file.fileno())
