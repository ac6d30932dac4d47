"""Question-answer sets that can be trusted, from your own documents.

>>> import ragset                                             # doctest: +SKIP
>>> run = ragset.build(["docs/"], out="out", n=50)            # doctest: +SKIP
>>> for sample in run.kept:                                   # doctest: +SKIP
...     print(sample.payload.question, sample.payload.answer)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ragset.api import EvalSet, IngestResult, Run, VerifyResult, build, generate, ingest, run_flow, validate, verify

__version__ = "0.1.0"
__all__ = [
    "EvalSet",
    "IngestResult",
    "Run",
    "VerifyResult",
    "build",
    "generate",
    "ingest",
    "run_flow",
    "validate",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Load the API when it is first used: ``import ragset`` alone stays quick."""
    if name in __all__:
        return getattr(import_module("ragset.api"), name)
    raise AttributeError(f"module 'ragset' has no attribute '{name}'")
