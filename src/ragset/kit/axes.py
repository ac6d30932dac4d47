"""Axes: what a scenario draws besides its chunks, each value with a weight."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from ragset.schema.ids import digest

Weights = Mapping[str, float]


def uniform(*key: object) -> float:
    """Give a number in [0, 1) that depends on the key alone: the same on every machine, no generator state."""
    raw = hashlib.sha256("\x1f".join(map(str, key)).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(raw[:7], "big") / (1 << 56)


def draw_value(weights: Weights, *key: object) -> str:
    """Draw one value with probability weight / sum of weights."""
    at = uniform(*key) * sum(weights.values())
    for value, weight in weights.items():
        at -= weight
        if at < 0:
            return value
    return list(weights)[-1]


def draw_axes(axes: Mapping[str, Weights], seed: int, chunk_ids: list[str], repeat: int) -> dict[str, str]:
    """Draw a value on every axis from (seed, chunks, repeat) alone, so that a new file disturbs no old draw."""
    return {
        axis: draw_value(weights, axis, seed, digest(chunk_ids), repeat) for axis, weights in axes.items() if weights
    }
