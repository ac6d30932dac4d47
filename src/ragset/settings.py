"""The only reader of environment variables, and of the ``.env`` file beside the work."""

from __future__ import annotations

import os
import sys
from io import StringIO
from pathlib import Path

from ragset.errors import UsageError

DOTENV = ".env"
LARGEST_DOTENV = 256_000
"""Bytes; a larger ``.env`` is no settings file."""


def indexes_folder(given: str | Path | None = None) -> Path:
    """Give the folder of indexes: what was given, or ``RAGSET_INDEXES``, or ``./indexes``."""
    return Path(given or os.environ.get("RAGSET_INDEXES") or "indexes")


def chroma_server(given: str | None = None) -> str | None:
    """Give the URL of a Chroma server: what was given, or ``RAGSET_CHROMA``; none keeps Chroma in a folder."""
    return given or os.environ.get("RAGSET_CHROMA") or None


def debug() -> bool:
    """Tell whether tracebacks are wanted (``RAGSET_DEBUG``)."""
    return bool(os.environ.get("RAGSET_DEBUG"))


def environment() -> dict[str, str]:
    """Give the settings: environment variables, over those of ``.env`` in the working directory.

    Raises ``UsageError`` for a ``.env`` that cannot be read as one.
    """
    return dotenv() | dict(os.environ)


def from_dotenv(variable: str) -> bool:
    """Tell whether a variable is set by ``.env`` alone."""
    return variable in dotenv_only()


def dotenv_only() -> frozenset[str]:
    """Name the variables that ``.env`` alone sets: whoever wrote the folder chose them, perhaps not the user."""
    return frozenset(name for name in dotenv() if name not in os.environ)


def dotenv() -> dict[str, str]:
    """Read ``.env``: lines ``NAME=value``, quotes and comments as shells have them, nothing interpolated."""
    path = Path(DOTENV)
    if not path.is_file():  # a folder of that name is a virtual environment
        return {}
    try:
        if path.stat().st_size > LARGEST_DOTENV:
            raise UsageError("is too large for a file of settings", where=DOTENV, hint="it holds NAME=value lines only")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=DOTENV, hint="check its permissions") from None
    except UnicodeDecodeError:
        raise UsageError("is not UTF-8 text", where=DOTENV, hint="save it as UTF-8") from None
    return _parsed(text)


def _parsed(text: str) -> dict[str, str]:
    """Read the lines; a message names the line, never what it holds."""
    from dotenv.parser import parse_stream

    found: dict[str, str] = {}
    for binding in parse_stream(StringIO(text)):
        if binding.error or "\0" in binding.original.string:
            line = binding.original.line
            raise UsageError("cannot be read", where=f"{DOTENV}, line {line}", hint="write NAME=value")
        if binding.key is not None and binding.value is not None:
            found[binding.key] = binding.value
    return found


def cache_path(given: str | Path | None = None) -> Path:
    """Give the file of the reply cache: what was given, or ``RAGSET_CACHE``, or one in the user's cache folder.

    A folder stands for ``replies.sqlite`` in it.
    """
    chosen = given or environment().get("RAGSET_CACHE", "").strip()
    if not chosen:
        return _user_cache() / "ragset" / "replies.sqlite"
    path = Path(chosen).expanduser()
    return path / "replies.sqlite" if path.is_dir() or str(chosen).endswith(("/", os.sep)) else path


def prices_file() -> Path | None:
    """Give the user's own table of prices (``RAGSET_PRICES``), or none."""
    given = environment().get("RAGSET_PRICES", "").strip()
    return Path(given).expanduser() if given else None


def _user_cache() -> Path:
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    if sys.platform == "darwin":
        return home / "Library" / "Caches"
    given = os.environ.get("XDG_CACHE_HOME", "")
    return Path(given) if os.path.isabs(given) else home / ".cache"  # relative ones are to be ignored (XDG 0.8)
