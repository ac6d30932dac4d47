"""Axes: what a scenario draws besides its chunks, each value with a weight."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator, Field

from ragset.errors import FlowError, did_you_mean
from ragset.kit.pair_labels import QUESTION_TYPES
from ragset.schema.ids import digest

Shape = Literal["one", "multi_hop", "multi_hop_across"]
"""Which chunks a scenario has: one; several of a document; several of two documents."""

STYLES = ("plain", "keyword", "conversational", "misspelt")
ANSWER_LENGTHS = ("short", "sentence", "paragraph")

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_VOCABULARY = {
    "question_type": ("question type", QUESTION_TYPES),
    "style": ("style", STYLES),
    "answer_length": ("answer length", ANSWER_LENGTHS),
}


def _weighted(value: Any) -> Any:
    """Read a list as values of equal weight."""
    if isinstance(value, list | tuple):
        return dict.fromkeys(map(str, cast("Iterable[Any]", value)), 1.0)
    return value


Weight = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Weights = Mapping[str, float]
Axis = Annotated[dict[str, Weight], BeforeValidator(_weighted)]
"""A field that holds the values of an axis: a mapping from value to weight, or a list of equal ones."""


def uniform(*key: object) -> float:
    """Give a number in [0, 1) that depends on the key alone: the same on every machine, no generator state."""
    raw = hashlib.sha256("\x1f".join(map(str, key)).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(raw[:7], "big") / (1 << 56)


def draw_value(weights: Weights, *key: object, shift: float = 0) -> str:
    """Draw one value with probability weight / sum of weights.

    ``shift`` in [0, 1) turns the number that is drawn: k shifts of i / k spread k values of one key over the axis,
    and each of them keeps its probabilities (systematic sampling).
    """
    at = (uniform(*key) + shift) % 1 * sum(weights.values())
    for value, weight in weights.items():
        at -= weight
        if at < 0:
            return value
    return list(weights)[-1]


def draw_axes(
    axes: Mapping[str, Weights], seed: int, chunk_ids: list[str], repeat: int, shift: float = 0
) -> dict[str, str]:
    """Draw a value on every axis from (seed, chunks, repeat) alone, so that a new file disturbs no old draw."""
    return {
        axis: draw_value(weights, axis, seed, digest(chunk_ids), repeat, shift=shift)
        for axis, weights in axes.items()
        if weights
    }


def shape_of(question_type: str | None) -> Shape:
    """Say which chunks a question of this type needs."""
    return question_type if question_type in ("multi_hop", "multi_hop_across") else "one"


def check_axes(axes: Mapping[str, Weights], quotas: Iterable[str], *, later: Iterable[str] = ()) -> None:
    """Refuse an unknown value, and a quota on an axis without values; ``later`` axes get theirs in the run.

    Raises ``FlowError``.
    """
    for axis, (what, known) in _VOCABULARY.items():
        for value in axes.get(axis, {}):
            if value not in known:
                raise FlowError(f"unknown {what} '{value}'", hint=did_you_mean(value, known))
    for code in axes.get("language", {}):
        if not _LANGUAGE.fullmatch(code):
            raise FlowError(f"'{code}' is no language code", hint="write ISO 639 codes: en, de, ro")
    for axis in quotas:
        if axis not in axes:
            raise FlowError(f"no axis '{axis}' can have a quota", hint=did_you_mean(axis, axes))
        if not axes[axis] and axis not in later:
            raise FlowError(f"'{axis}' has a quota and no values", hint=f"give them with their weights: {axis}s")
