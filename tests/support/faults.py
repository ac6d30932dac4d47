"""Faults by plan: which reply goes wrong and how, decided by the request alone, so that a run can be repeated."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

TRANSPORT = (
    "429", "429_date", "429_bare", "500", "502_html", "503", "timeout", "hang", "reset", "half_body",
)  # fmt: skip
"""No reply comes, or none that is one. ``timeout`` answers after ``slow`` seconds, ``hang`` never."""
REPAIRABLE = (
    "fenced", "prefixed", "double_encoded", "trailing_commas", "smart_quotes", "one_object",
)  # fmt: skip
"""Replies that a tolerant reader can use as they are."""
UNREADABLE = ("wrong_keys", "empty", "prose", "nan")
"""Replies that must be asked for again."""
KINDS = (*TRANSPORT, *REPAIRABLE, *UNREADABLE, "cut")
"""Every kind; ``cut`` stops in the middle with finish reason ``length`` (whole list items before it can be used)."""


def unit(*parts: object) -> float:
    """Give a number in [0, 1) that depends on the parts alone."""
    raw = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(raw[:7], "big") / (1 << 56)


@dataclass(frozen=True)
class FaultPlan:
    """Shares (0..1) per kind of fault; what is left of 1 is served as it should be.

    ``most`` is how many attempts of one request may go wrong at all (none: no limit), ``retry_after`` the seconds that
    a 429 or 503 asks to wait, ``slow`` the seconds after which a ``timeout`` answers.
    """

    shares: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    most: int | None = None
    retry_after: float = 1.0
    slow: float = 30.0

    def __post_init__(self) -> None:
        unknown = set(self.shares) - set(KINDS)
        if unknown or not 0 <= sum(self.shares.values()) <= 1 + 1e-9:
            raise ValueError(f"unknown faults {sorted(unknown)}, or shares beyond 1; known: {', '.join(KINDS)}")

    def kind(self, body_hash: str, attempt: int) -> str | None:
        """Give the fault of the ``attempt``-th request (from 1) with this body, or none."""
        if self.most is not None and attempt > self.most:
            return None
        at = unit("fault", self.seed, body_hash, attempt)
        for kind, share in self.shares.items():
            at -= share
            if at < 0:
                return kind
        return None


def garbled(kind: str, text: str, salt: str = "") -> str:
    """Spoil a good reply in the named way; ``salt`` decides where it is cut."""
    if kind == "cut":
        return text[: max(1, int(len(text) * (0.3 + 0.6 * unit("cut", salt))))]
    return _WAYS[kind](text)


def _rekeyed(value: Any) -> Any:
    if isinstance(value, dict):
        return {f"my_{key}": _rekeyed(item) for key, item in value.items()}
    return [_rekeyed(item) for item in value] if isinstance(value, list) else value


def _unwrapped(value: Any) -> Any:
    if isinstance(value, list):
        return value[0] if value else {}
    for key, item in value.items() if isinstance(value, dict) else ():
        if isinstance(item, list) and item:
            return {**value, key: item[0]}
    return value


def _with_nan(value: Any, spent: list[bool]) -> Any:
    """Put NaN in the place of the first number, else of the first text."""
    if isinstance(value, dict):
        return {key: _with_nan(item, spent) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_nan(item, spent) for item in value]
    if spent or isinstance(value, bool) or value is None:
        return value
    spent.append(True)
    return float("nan")


def _json(change: Callable[[Any], Any]) -> Callable[[str], str]:
    def changed(text: str) -> str:
        try:
            return json.dumps(change(json.loads(text)), ensure_ascii=False)
        except ValueError:
            return f"?{text}"  # plain text was asked for: there is no structure to spoil

    return changed


def _commas(text: str) -> str:
    """Put a comma before every closing bracket that stands outside of strings."""
    out, inside, escaped = [], False, False
    for char in text:
        if not inside and char in "}]" and out and out[-1] not in "{[":
            out.append(",")
        out.append(char)
        inside = inside ^ (char == '"' and not escaped)
        escaped = char == "\\" and not escaped
    return "".join(out)


def _typographic(text: str) -> str:
    """Write the quotes around strings as typographic ones."""
    out, inside, escaped = [], False, False
    for char in text:
        quote = char == '"' and not escaped
        out.append(("”" if inside else "“") if quote else char)
        inside ^= quote
        escaped = char == "\\" and not escaped
    return "".join(out)


_WAYS: dict[str, Callable[[str], str]] = {
    "fenced": lambda text: f"```json\n{text}\n```",
    "prefixed": lambda text: f"Sure! Here is the JSON you asked for:\n\n{text}\n\nLet me know if you need more.",
    "wrong_keys": _json(_rekeyed),
    "double_encoded": lambda text: json.dumps(text, ensure_ascii=False),
    "empty": lambda text: "",
    "prose": lambda text: "I looked at the passages carefully, and they speak of several interesting things.",
    "trailing_commas": _commas,
    "smart_quotes": _typographic,
    "one_object": _json(_unwrapped),
    "nan": _json(lambda value: _with_nan(value, [])),
}
