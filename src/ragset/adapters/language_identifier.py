"""How probable each language is for a text, by py3langid: naive Bayes over byte n-grams, without randomness."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Any


@lru_cache(maxsize=4)
def _identifier(codes: frozenset[str]) -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    known = [code for code in sorted(codes) if code in identifier.labels]
    identifier.set_languages(known)
    return identifier


@lru_cache(maxsize=4096)
def probabilities(text: str, codes: Collection[str]) -> dict[str, float]:
    """Give the probability of each of the languages ``codes`` (a frozenset of ISO 639-1 codes) that the model knows."""
    return {code: float(value) for code, value in _identifier(frozenset(codes)).rank(text)}
