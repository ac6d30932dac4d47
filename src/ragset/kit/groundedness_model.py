"""The fitted weights of the groundedness judge, and the score they give.

A logistic regression with kernel terms: figures are standardised and clipped, then

    logit = bias + linear · z + Σ kernel_k · exp(−gamma · |z − centre_k|²)

The linear part is mostly that of nine figures that hold across kinds of text; the kernel terms correct it where there
were labels, and fade out where there were none. Weights come from ``tests/benchmarks/fit_groundedness.py``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ragset.schema.ids import digest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FILE = "groundedness.json"
CLIP = 3.0
"""Standard deviations beyond which a figure counts no further."""


@dataclass(frozen=True, slots=True)
class Weights:
    """One configuration: the names of its figures, their means and scales (d), and what they weigh (d, k, k × d)."""

    names: tuple[str, ...]
    mean: Floats
    scale: Floats
    linear: Floats
    bias: float
    gamma: float
    centres: Floats
    kernel: Floats

    def score(self, figures: Mapping[str, float]) -> float:
        """Give the score in [0, 1] of one claim."""
        import numpy as np

        raw = np.array([figures[name] for name in self.names])
        z = np.clip((raw - self.mean) / self.scale, -CLIP, CLIP)
        near = np.exp(-self.gamma * ((self.centres - z) ** 2).sum(axis=1))
        logit = self.bias + float(self.linear @ z) + float(self.kernel @ near)
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))


@lru_cache(maxsize=2)
def load_weights(configuration: str) -> Weights:
    """Read the shipped weights of ``lexical`` or ``embedded``."""
    import numpy as np

    found: dict[str, Any] = _shipped()[configuration]
    parts = ("mean", "scale", "linear", "centres", "kernel")
    arrays = {name: np.array(found[name], dtype=np.float64) for name in parts}
    return Weights(names=tuple(found["names"]), bias=found["bias"], gamma=found["gamma"], **arrays)


@lru_cache(maxsize=1)
def weights_hash() -> str:
    """Hash of the shipped weights."""
    return digest("groundedness weights", _shipped())


@lru_cache(maxsize=1)
def _shipped() -> dict[str, Any]:
    return json.loads(files("ragset.kit").joinpath(FILE).read_text(encoding="utf-8"))
