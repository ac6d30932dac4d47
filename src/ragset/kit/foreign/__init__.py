"""Sets that other tools made: one file a format, and this registry.

A format reads its file into pairs with the passages that came with them; :mod:`ragset.kit.foreign.reading` makes
samples of those.
"""

from __future__ import annotations

from importlib import import_module

from ragset.errors import UsageError, did_you_mean
from ragset.kit.foreign.pairs import Format

OWN = "ragset"
"""The format of ragset's own lines, which is none of these."""

FORMATS: dict[str, str] = {
    "ragas": "ragset.kit.foreign.ragas:Ragas",
    "llama-rag": "ragset.kit.foreign.llama_rag:LlamaRag",
    "deepeval": "ragset.kit.foreign.deepeval:Deepeval",
    "squad": "ragset.kit.foreign.squad:Squad",
    "beir": "ragset.kit.foreign.beir:Beir",
    "autorag": "ragset.kit.foreign.autorag:Autorag",
    "raget": "ragset.kit.foreign.raget:Raget",
    "jsonl": "ragset.kit.foreign.columns:JsonLines",
    "csv": "ragset.kit.foreign.columns:Csv",
}
"""Every format by its name, those that say most about themselves first."""

PLAIN = frozenset({"jsonl", "csv"})
"""Formats that any row with a question fits: they are guessed only where no other fits."""


def format_named(name: str) -> Format:
    """Load a format; raises ``UsageError`` for a name that is none."""
    if name not in FORMATS:
        raise UsageError(f"unknown format '{name}'", where="--from", hint=did_you_mean(name, (*FORMATS, OWN)))
    module, _, attribute = FORMATS[name].partition(":")
    return getattr(import_module(module), attribute)()
