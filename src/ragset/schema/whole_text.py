"""Text that can be written as UTF-8.

JSON can say half a character (an escaped surrogate without its other half, as a reply has it that was cut inside an
emoji), and Python reads it as a string that no file, database or page can hold.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar, cast

from pydantic import AfterValidator

V = TypeVar("V")


def whole(text: str) -> str:
    """Join surrogates to characters, and replace those that stand alone."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


WholeText = Annotated[str, AfterValidator(whole)]
"""A text that is made whole."""


def whole_value(value: V) -> V:
    """Make all texts of a JSON value whole, keys too."""
    if isinstance(value, str):
        return cast("V", whole(value))
    if isinstance(value, list):
        return cast("V", [whole_value(item) for item in cast("list[Any]", value)])
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value).items()
        return cast("V", {whole(key): whole_value(item) for key, item in pairs})
    return value
