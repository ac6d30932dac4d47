"""The only reader of environment variables."""

from __future__ import annotations

import os
from pathlib import Path


def indexes_folder(given: str | Path | None = None) -> Path:
    """Give the folder of indexes: what was given, or ``RAGSET_INDEXES``, or ``./indexes``."""
    return Path(given or os.environ.get("RAGSET_INDEXES") or "indexes")


def chroma_server(given: str | None = None) -> str | None:
    """Give the URL of a Chroma server: what was given, or ``RAGSET_CHROMA``; none keeps Chroma in a folder."""
    return given or os.environ.get("RAGSET_CHROMA") or None


def debug() -> bool:
    """Tell whether tracebacks are wanted (``RAGSET_DEBUG``)."""
    return bool(os.environ.get("RAGSET_DEBUG"))
