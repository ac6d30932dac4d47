"""API keys, kept out of sight."""

from __future__ import annotations

from typing import Any


class Key:
    """An API key that shows itself to nobody who prints, logs or pickles it; ``reveal`` is for the header alone."""

    __slots__ = ("_reveal",)

    def __init__(self, value: str) -> None:
        """Keep the key out of sight."""
        self._reveal = lambda: value

    def reveal(self) -> str:
        """Give the key itself."""
        return self._reveal()

    def __str__(self) -> str:
        """Show the last four characters of a long key, and nothing of a short one."""
        return masked(self._reveal())

    def __repr__(self) -> str:
        """Show what ``str`` shows."""
        return f"Key({self})"

    def __reduce__(self) -> Any:
        """Refuse to be written anywhere."""
        raise TypeError("a key is not written down")


def masked(key: str) -> str:
    """Show a key so that its owner knows it: the last four characters of a long one, ``set`` for a short one."""
    return f"…{key[-4:]}" if len(key) >= 12 else "set"
